// What people use at portals today, to hold ours against: first and last antenna, the strongest side, and
// the mean-strength rule with a mobility offset (EdgeX, app-rfid-llrp-inventory).

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { PortalDecision } from "./card.ts";
import { grouped } from "./grouped.ts";

/** A rule of thumb: readings in order of receipt to decisions. `isSideA` tells an antenna's side. */
export type PortalRule = (
  readings: readonly Reading[],
  isSideA: (antenna: number) => boolean,
) => PortalDecision[];

/** By name. */
export const portalRules: Readonly<Record<string, PortalRule>> = {
  "first/last antenna, 5 s": firstAndLast(5_000),
  "first/last antenna, 600 s": firstAndLast(600_000),
  "strongest side, 2 s": strongestSide,
  "mean RSSI, mobility offset": meanWithOffset,
};

function tagReads(readings: readonly Reading[]): Map<string, TagReading[]> {
  const tags = readings.filter((reading) => reading.kind === "tag");
  return grouped(tags, ({ epc }) => epc);
}

/** A passage is over after so much silence; it went from the first read's side to the last one's. */
function firstAndLast(quietMs: number): PortalRule {
  return (readings, isSideA) => {
    const decisions: PortalDecision[] = [];
    for (const [epc, reads] of tagReads(readings)) {
      let first = reads[0]!;
      for (const [index, last] of reads.entries()) {
        const next = reads[index + 1];
        if (next !== undefined && next.receivedAtMs - last.receivedAtMs <= quietMs) continue;
        const [fromA, toA] = [isSideA(first.antenna), isSideA(last.antenna)];
        const decidedAtMs = last.receivedAtMs + quietMs;
        if (fromA !== toA) decisions.push({ epc, kind: fromA ? "in" : "out", decidedAtMs });
        if (next !== undefined) first = next;
      }
    }
    return decisions;
  };
}

/** In each 2 s the tag is where it was read most strongly; where that changes it moved. */
function strongestSide(...[readings, isSideA]: Parameters<PortalRule>): PortalDecision[] {
  const windowMs = 2000;
  const decisions: PortalDecision[] = [];
  for (const [epc, reads] of tagReads(readings)) {
    let isAtA: boolean | undefined;
    for (const [window, inside] of grouped(reads, (read) =>
      Math.floor(read.receivedAtMs / windowMs),
    )) {
      const strongest = inside.reduce((one, other) => (other.rssiDbm > one.rssiDbm ? other : one));
      const isNowAtA = isSideA(strongest.antenna);
      const decidedAtMs = (window + 1) * windowMs;
      if (isAtA !== undefined && isAtA !== isNowAtA) {
        decisions.push({ epc, kind: isAtA ? "in" : "out", decidedAtMs });
      }
      isAtA = isNowAtA;
    }
  }
  return decisions;
}

/** EdgeX's defaults: the last 20 strengths a location, 2 at least, offset 6 dB falling 8 dB a second after 0.5 s. */
function meanWithOffset(...[readings, isSideA]: Parameters<PortalRule>): PortalDecision[] {
  const decisions: PortalDecision[] = [];
  for (const [epc, reads] of tagReads(readings)) {
    const recent = { a: [] as number[], b: [] as number[] };
    const lastAtMs = { a: 0, b: 0 };
    let current: "a" | "b" | undefined;
    for (const { antenna, rssiDbm, receivedAtMs } of reads) {
      const side = isSideA(antenna) ? "a" : "b";
      recent[side].push(rssiDbm);
      if (recent[side].length > 20) recent[side].shift();
      lastAtMs[side] = receivedAtMs;
      current ??= side;
      if (side === current || recent[side].length < 2) continue;
      const offsetDb = Math.min(6, -0.008 * (receivedAtMs - lastAtMs[current] - 500) + 6);
      if (mean(recent[side]) <= mean(recent[current]) + offsetDb) continue;
      decisions.push({ epc, kind: current === "a" ? "in" : "out", decidedAtMs: receivedAtMs });
      current = side;
    }
  }
  return decisions;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
