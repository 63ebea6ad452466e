// `npm run train:portal`: plays tuning worlds, shows the portal's machine what was read, takes down what its
// model saw and what that really was, fits the model and writes edge/sense/portal-weights.ts. As what
// is seen depends a little on what was told before, run it twice after a change of the figures.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Sight } from "../../edge/sense/passage.ts";
import { Pipeline } from "../../edge/sense/pipeline.ts";
import { Portal } from "../../edge/sense/portal.ts";
import { portalConfigSchema } from "../../edge/sense/portal-config.ts";
import { fitWeights, type Sample } from "../../edge/sense/portal-fit.ts";
import {
  type PassageClass,
  type PortalWeights,
  passageClasses,
} from "../../edge/sense/portal-model.ts";
import { seededRandom } from "../../simulators/random.ts";
import { loadPortalScenario, type PortalScenario } from "../../simulators/rfid-scenario.ts";
import {
  type PassageTruth,
  type PortalDay,
  playPortal,
} from "../../simulators/world/portal-scene.ts";

/** Scenario, first seed, how many. All below the judging seeds. */
const lessonsOf = {
  portalWeights: [
    ["portal-normal", 101, 18],
    ["portal-hard", 201, 5],
    ["portal-easy", 301, 2],
  ],
  portalBeamWeights: [
    ["portal-normal-beams", 101, 18],
    ["portal-hard-beams", 201, 5],
  ],
} as const;
/** `--beams`: the weights of portals with light beams. */
const target = process.argv.includes("--beams") ? "portalBeamWeights" : "portalWeights";
const lessons = lessonsOf[target];
/** One in so many looks at tags that only stand there is enough. */
const standingShare = 0.06;
const doorwayMs = 600;

const samples: Sample[] = [];
for (const [name, firstSeed, seedCount] of lessons) {
  const file = new URL(`../../config/scenarios/rfid/${name}.yaml`, import.meta.url);
  const scenario = dense(await loadPortalScenario(fileURLToPath(file)));
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
    samples.push(...looksOf(scenario, seed));
  }
  process.stderr.write(`${name}: ${samples.length} samples\n`);
}
write(fitWeights(samples));

// More passages in less time than the scenario has, and fewer tags that stand.
function dense(scenario: PortalScenario): PortalScenario {
  const { traffic, standingCount } = scenario;
  if (traffic === undefined) throw new RangeError(`${scenario.name} has no traffic`);
  const standing = Math.ceil(standingCount / 3);
  const busy = { ...traffic, intervalMs: Math.round(traffic.intervalMs / 2) };
  return { ...scenario, durationMs: 600_000, standingCount: standing, traffic: busy };
}

function looksOf(scenario: PortalScenario, seed: number): Sample[] {
  const day: PortalDay = playPortal(scenario, seed);
  const truth = new Map(day.passages.map((passage) => [passage.epc, passage]));
  const random = seededRandom(seed);
  const found: Sample[] = [];
  const onSight = (epc: string, { features: { odd, even }, atMs, fromAtMs }: Sight) => {
    const passage = truth.get(epc)!;
    // In the doorway itself nobody can know yet.
    if (Math.abs(atMs - (passage.crossedAtMs ?? 0)) < doorwayMs) return;
    const kind = kindAt(passage, atMs, fromAtMs);
    if (kind === "static" && random() >= standingShare) return;
    found.push({ odd, even, label: passageClasses.indexOf(kind), weight: 1 });
  };
  const portal = new Portal(portalConfigSchema.parse(scenario.portal), () => undefined, onSight);
  const pipeline = new Pipeline({ machines: [portal], count: () => undefined });
  for (const reading of day.readings) pipeline.push(reading);
  pipeline.advance(day.endAtMs + 60_000);
  return found;
}

// A passage is one only while its crossing is in the window.
function kindAt(
  { kind, crossedAtMs, fromAtMs: nearAtMs }: PassageTruth,
  atMs: number,
  fromAtMs: number,
): PassageClass {
  if (crossedAtMs === undefined) return kind;
  if (atMs < crossedAtMs) return atMs < nearAtMs - 4000 ? "static" : "turn_back";
  if (fromAtMs < crossedAtMs) return kind;
  return atMs < crossedAtMs + 15_000 ? "pass_by" : "static";
}

function write(weights: PortalWeights): void {
  const list = (values: readonly number[]) => `[\n    ${values.join(",\n    ")},\n  ]`;
  const stayed = weights.stayed.map(
    ({ bias, even }) => `  {\n    bias: ${bias},\n    even: ${list(even)},\n  },\n`,
  );
  const learned = lessons.map(
    ([name, first, count]) => `// ${name}, tuning seeds ${first} to ${first + count - 1}.\n`,
  );
  const text = `// Written by \`npm run train:portal\`; the figures' names are in passage-features.ts. Fitted to
// ${samples.length} looks at simulated passages:
${learned.join("")}
import type { PortalWeights } from "./portal-model.ts";

/** The weights of a portal ${target === "portalWeights" ? "without" : "with"} light beams. */
export const ${target}: PortalWeights = {
  movedBias: ${weights.movedBias},
  movedOdd: ${list(weights.movedOdd)},
  movedEven: ${list(weights.movedEven)},
  stayed: [\n${stayed.join("")}],
};
`;
  const file = target === "portalWeights" ? "portal-weights.ts" : "portal-beam-weights.ts";
  writeFileSync(new URL(`../../edge/sense/${file}`, import.meta.url), text);
}
