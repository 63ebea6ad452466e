// A count of a zone by what was read there, with an estimate of what was not: each tag that is seen stands
// for 1/pi tags, pi being the chance that a tag of its read rate is seen in the window at all.

import type { CountedConclusion } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Gtin } from "../../contract/units.ts";
import { countSizeBytesMax } from "./count-session.ts";
import type { Count } from "./machine.ts";
import type { Zone } from "./presence-antenna.ts";
import type { Sighting } from "./presence-sighting.ts";
import { itemOfTag } from "./tag-item.ts";

/** A count looks back this far. */
export const countWindowRounds = 120;
/** Upper bounds of one as JSON. */
const lineSizeBytes = 80;
const serialSizeBytes = 50;
const confidenceMin = 0.98;

/** What a count is made at. */
export interface CountTime {
  readonly atMs: number;
  readonly round: number;
}

/**
 * Counts what is present in a zone. One that does not fit an event is several, none of them complete, and
 * is left without serials. Complete: nearly nothing is thought to have been missed, and every tag names a product.
 */
export function countZone(
  zone: Zone,
  present: readonly Sighting[],
  { atMs, round }: CountTime,
  count: Count,
): CountedConclusion[] {
  const quantities = new Map<Gtin, number>();
  const serials: { key: string; observedAtMs: number }[] = [];
  let seenCount = 0;
  let estimate = 0;
  let unnamedCount = 0;
  for (const sighting of present) {
    const { gtin, serial } = itemOfTag(sighting.tag.epc, count);
    if (gtin === undefined) unnamedCount += 1;
    else quantities.set(gtin, (quantities.get(gtin) ?? 0) + 1);
    if (gtin !== undefined && serial !== undefined) {
      serials.push({ key: serialKey(gtin, serial), observedAtMs: atMs });
    }
    if (sighting.roundsSince(round - countWindowRounds) === 0) continue;
    seenCount += 1;
    estimate += 1 / (1 - (1 - sighting.usualRate) ** countWindowRounds);
  }
  const expected = Math.max(estimate, present.length);
  const confidence = expected === 0 ? 1 : Math.floor((seenCount / expected) * 1000) / 1000;
  const lines = [...quantities].map(([gtin, quantity]) => ({ gtin, quantity, observedAtMs: atMs }));
  const perEvent = Math.floor(countSizeBytesMax / lineSizeBytes);
  const parts = Array.from({ length: Math.max(Math.ceil(lines.length / perEvent), 1) }, (_, part) =>
    lines.slice(part * perEvent, (part + 1) * perEvent),
  );
  const serialsBytes = serials.reduce((sum, { key }) => sum + key.length + serialSizeBytes, 0);
  const isFitting = serialsBytes + lines.length * lineSizeBytes <= countSizeBytesMax;
  return parts.map((part) => ({
    type: "counted",
    occurredAtMs: atMs,
    deviceId: zone.config.antennas[0]?.deviceId ?? "",
    location: zone.config.location,
    state: "sellable",
    complete: parts.length === 1 && unnamedCount === 0 && confidence >= confidenceMin,
    confidence,
    lines: part,
    ...(isFitting && serials.length > 0 ? { serials } : {}),
    evidence: {
      tagCount: present.length,
      seenCount,
      unnamedCount,
      estimateCount: Math.round(expected * 10) / 10,
    },
  }));
}
