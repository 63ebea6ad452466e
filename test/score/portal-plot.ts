// Strips of single tags at a portal: strength by side, what really was, what was decided. The wrong and the
// uncertain ones first, so that a person looks at what matters.

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { PassageTruth, PortalDay } from "../../simulators/world/portal-scene.ts";
import type { PortalDecision } from "./card.ts";
import { grouped } from "./grouped.ts";
import { type Strip, svgOf } from "./svg.ts";

const stripCountMax = 40;
const aroundMs = 6_000;
const colors = { a: "#1f77b4", b: "#d62728", truth: "#2ca02c", said: "#000000" };

/** SVG text of a day. */
export function plotPortal(
  { passages, readings }: PortalDay,
  decisions: readonly PortalDecision[],
  isSideA: (antenna: number) => boolean,
): string {
  const said = grouped(decisions, ({ epc }) => epc);
  const isTag = (reading: Reading): reading is TagReading => reading.kind === "tag";
  const reads = grouped(readings.filter(isTag), ({ epc }): string => epc);
  const wrongness = (passage: PassageTruth) => {
    const kinds = (said.get(passage.epc) ?? []).map(({ kind }) => kind);
    const want = passage.crossedAtMs === undefined ? [] : [passage.kind];
    if (kinds.join() === want.join()) return want.length === 0 ? 3 : 2;
    return kinds.includes("uncertain") ? 1 : 0;
  };
  const ranked = passages
    .filter(({ epc }) => reads.has(epc))
    .map((passage) => ({ passage, rank: wrongness(passage) }))
    .sort((one, other) => one.rank - other.rank)
    .slice(0, stripCountMax);
  const strips = ranked.map(({ passage }): Strip => {
    const { epc, kind, crossedAtMs } = passage;
    const fromMs = passage.fromAtMs - aroundMs;
    const toMs = Math.min(passage.toAtMs + aroundMs, fromMs + 60_000);
    const inside = (reads.get(epc) ?? []).filter(
      ({ receivedAtMs }) => receivedAtMs >= fromMs && receivedAtMs <= toMs,
    );
    const crossed = crossedAtMs === undefined ? [] : [crossedAtMs];
    return {
      title: `${epc}: ${kind}`,
      fromMs,
      toMs,
      points: inside.map(({ receivedAtMs, rssiDbm, antenna }) => ({
        atMs: receivedAtMs,
        value: rssiDbm,
        color: isSideA(antenna) ? colors.a : colors.b,
      })),
      marks: [
        ...crossed.map((atMs) => ({ atMs, text: "door", color: colors.truth })),
        ...(said.get(epc) ?? [])
          .filter(({ decidedAtMs }) => decidedAtMs <= toMs)
          .map((one) => ({ atMs: one.decidedAtMs, text: one.kind, color: colors.said })),
      ],
    };
  });
  return svgOf(strips, -85, -15);
}
