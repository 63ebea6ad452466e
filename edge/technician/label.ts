// What a technician said of walks through a portal, held against what was recorded of them, and weights that fit the
// portal better. Pure. A walk is what was read between two labels; each of its tags gives one sample: the fullest look.

import { z } from "zod";
import type { Recorded } from "../../contract/reading.ts";
import { atMsSchema, type EpcHex } from "../../contract/units.ts";
import type { Sight } from "../sense/passage.ts";
import { Pipeline } from "../sense/pipeline.ts";
import { Portal } from "../sense/portal.ts";
import { portalBeamWeights } from "../sense/portal-beam-weights.ts";
import type { PortalConfig } from "../sense/portal-config.ts";
import { fitWeights, type Sample } from "../sense/portal-fit.ts";
import {
  chancesOf,
  type PassageClass,
  type PortalWeights,
  passageClasses,
  scoresOf,
} from "../sense/portal-model.ts";
import { portalWeights } from "../sense/portal-weights.ts";

/** Said when it was over: what the tags did that were walked since the label before. */
export const labelSchema = z.strictObject({ atMs: atMsSchema, what: z.enum(passageClasses) });
export type Label = z.infer<typeof labelSchema>;

/** Samples of one walk. */
export interface Walk {
  readonly label: Label;
  readonly samples: readonly Sample[];
}

/** How weights do on walks: a movement is said from the portal's `confidenceMin` on. */
export interface LabelScore {
  readonly sampleCount: number;
  readonly rightShare: number;
  readonly wrongShare: number;
  /** Movements of which nothing is said, or that they are uncertain. */
  readonly uncertainShare: number;
  /** Mean negative logarithm of the probability of what was; less is better. */
  readonly surprise: number;
}

/** Fewest walks of each way, and of all, that weights are fitted to. */
export const walkCountMin = { ofEachWay: 8, inAll: 24 } as const;
/** How much it takes to leave the weights that every portal begins with: chosen on simulated portals. */
const pull = 0.05;
/** Parts that walks are left out by, in turn. */
const foldCount = 8;
/** A tag that was read in more of the walks than this stands there, whatever was carried. */
const standingShare = 0.4;

/** What the portal's machine saw of each walk. Readings in order of receipt. */
export function walksOf(
  readings: readonly Recorded[],
  labels: readonly Label[],
  config: PortalConfig,
): Walk[] {
  const ordered = labels.toSorted((one, other) => one.atMs - other.atMs);
  const fullest = ordered.map(() => new Map<EpcHex, Sight>());
  let walk = 0;
  const onSight = (epc: EpcHex, sight: Sight) => {
    while (walk < ordered.length && ordered[walk]!.atMs < sight.atMs) walk += 1;
    const before = fullest[walk]?.get(epc);
    // Once a movement was told, a window begins anew, of what was left of the walk.
    if (before === undefined || readsOf(sight) >= readsOf(before)) fullest[walk]?.set(epc, sight);
  };
  // As long as nothing is told, nothing is forgotten.
  const portal = new Portal({ ...config, confidenceMin: 1 }, () => undefined, onSight);
  const pipeline = new Pipeline({ machines: [portal], count: () => undefined });
  for (const reading of readings) pipeline.push(reading);
  pipeline.advance((readings.at(-1)?.receivedAtMs ?? 0) + 60_000);
  const walkCounts = new Map<EpcHex, number>();
  for (const looks of fullest) {
    for (const epc of looks.keys()) walkCounts.set(epc, (walkCounts.get(epc) ?? 0) + 1);
  }
  const isStanding = (epc: EpcHex) =>
    ordered.length > 4 && walkCounts.get(epc)! > standingShare * ordered.length;
  return ordered.map((label, index) => ({
    label,
    samples: [...fullest[index]!]
      .filter(([epc, { features }]) => !isStanding(epc) && !features.isFlat)
      .map(
        ([
          ,
          {
            features: { odd, even },
          },
        ]) => ({
          ...{ odd, even, weight: 1 },
          label: passageClasses.indexOf(label.what),
        }),
      ),
  }));
}

function readsOf({ features: { reads } }: Sight): number {
  return reads.a + reads.b;
}

/** Why walks are too few to fit weights to; undefined where they are enough. */
export function tooFew(walks: readonly Walk[]): string | undefined {
  const used = walks.filter(({ samples }) => samples.length > 0);
  const countOf = (what: PassageClass) => used.filter(({ label }) => label.what === what).length;
  const { ofEachWay, inAll } = walkCountMin;
  const empty = walks.length - used.length;
  if (used.length >= inAll && Math.min(countOf("in"), countOf("out")) >= ofEachWay)
    return undefined;
  return (
    `${inAll} walks are needed, ${ofEachWay} each way among them; there are ${used.length} ` +
    `(in ${countOf("in")}, out ${countOf("out")})${empty > 0 ? `, and ${empty} in which no tag was read` : ""}`
  );
}

/** Weights fitted to all walks, beginning with those that portals have. */
export function fitToWalks(walks: readonly Walk[]): PortalWeights {
  const samples = walks.flatMap((walk) => walk.samples);
  const hasBeams = samples[0]?.odd.length === portalBeamWeights.movedOdd.length;
  return fitWeights(samples, { weights: hasBeams ? portalBeamWeights : portalWeights, pull });
}

/** How weights that a portal begins with do, and how fitted ones do on walks that they were not fitted to. */
export function scoreFit(
  walks: readonly Walk[],
  confidenceMin: number,
): { readonly before: LabelScore; readonly after: LabelScore } {
  const used = walks.filter(({ samples }) => samples.length > 0);
  const hasBeams = used[0]?.samples[0]?.odd.length === portalBeamWeights.movedOdd.length;
  const common = hasBeams ? portalBeamWeights : portalWeights;
  const judged = Array.from({ length: foldCount }, (_, fold) => {
    const weights = fitToWalks(used.filter((_walk, index) => index % foldCount !== fold));
    const left = used.filter((_walk, index) => index % foldCount === fold);
    return left.flatMap(({ samples }) => samples.map((sample) => ({ sample, weights })));
  }).flat();
  const before = judged.map(({ sample }) => ({ sample, weights: common }));
  return { before: scoreOf(before, confidenceMin), after: scoreOf(judged, confidenceMin) };
}

interface Judged {
  readonly sample: Sample;
  readonly weights: PortalWeights;
}

function scoreOf(judged: readonly Judged[], confidenceMin: number): LabelScore {
  const counts = { right: 0, wrong: 0, uncertain: 0 };
  let surprise = 0;
  for (const { sample, weights } of judged) {
    const chances = chancesOf(scoresOf(sample, weights));
    const truth = passageClasses[sample.label]!;
    surprise -= Math.log(Math.max(chances[truth], 1e-9)) / judged.length;
    const said = (["in", "out"] as const).find((way) => chances[way] >= confidenceMin);
    const hasMoved = truth === "in" || truth === "out";
    if (said === undefined) counts[hasMoved ? "uncertain" : "right"] += 1;
    else counts[said === truth ? "right" : "wrong"] += 1;
  }
  const share = (count: number) => Math.round((1000 * count) / Math.max(judged.length, 1)) / 1000;
  return {
    sampleCount: judged.length,
    rightShare: share(counts.right),
    wrongShare: share(counts.wrong),
    uncertainShare: share(counts.uncertain),
    surprise: Math.round(surprise * 1000) / 1000,
  };
}
