// What presence concludes, as events.

import type { Conclusion, MovedConclusion, Place } from "../../contract/event.ts";
import { storeOf } from "../../contract/units.ts";
import { type Count, warning } from "./machine.ts";
import type { Departed } from "./presence-memory.ts";
import { type Lead, missChance } from "./presence-rules.ts";
import type { Sighting } from "./presence-sighting.ts";
import { itemOfTag } from "./tag-item.ts";

/** No silence proves more: a hand may hold the tag. */
const confidenceMax = 0.999;

/** A tag has come; `departed` where it had been here before. */
export function arrivalOf(
  sighting: Sighting,
  departed: Departed | undefined,
  {
    occurredAtMs,
    decidedAtMs,
    rounds,
  }: { occurredAtMs: number; decidedAtMs: number; rounds: number },
  count: Count,
): Conclusion {
  const { location } = sighting.zone.config;
  const evidence = { decidedAtMs, rounds, ...shownLevel(sighting, decidedAtMs) };
  if (departed?.isNoticeOnly === true && departed.leftZone === location) {
    return {
      type: "noticed",
      occurredAtMs,
      deviceId: deviceOf(sighting),
      code: "presence_returned",
      severity: "info",
      detail: { epc: sighting.tag.epc, location, leftAtMs: departed.atMs },
    };
  }
  const from = departed?.isNoticeOnly === true ? departed.leftZone : departed?.to;
  return {
    ...movedOf(sighting, occurredAtMs, count),
    step: arrivalStep(departed),
    ...(from === undefined ? {} : { from: placeOf(from) }),
    to: placeOf(location),
    confidence: rounded(1 - 0.5 ** rounds),
    evidence,
  };
}

/** A tag is in another zone of the same presence. */
export function moveOf(
  here: Sighting,
  there: Sighting,
  { rule, leadDb }: Lead | { readonly rule: "silent_here"; readonly leadDb: number },
  atMs: number,
  count: Count,
): Conclusion {
  const doubt = 0.5 * missChance(here) * 10 ** (-Math.max(leadDb, 0) / 6);
  const silentRounds = here.silentRounds();
  return {
    ...movedOf(there, atMs, count),
    step: "relocating",
    from: placeOf(here.zone.config.location),
    to: placeOf(there.zone.config.location),
    confidence: rounded(1 - doubt),
    evidence: { decidedAtMs: atMs, rule, leadDb: tenths(leadDb), silentRounds },
  };
}

/** A tag has gone, since it was last read. `isShared`: others fell silent with it and still are. */
export function departureOf(
  sighting: Sighting,
  {
    occurredAtMs,
    decidedAtMs,
    isShared,
  }: { occurredAtMs: number; decidedAtMs: number; isShared: boolean },
  count: Count,
): Conclusion {
  const { location, departTo } = sighting.zone.config;
  const evidence = {
    decidedAtMs,
    silentRounds: sighting.silentRounds(),
    readRateShare: Math.round(sighting.readRate() * 1000) / 1000,
    isShared,
  };
  const rate = sighting.readRate();
  const sure = rate === 0 ? 0.5 : 1 - missChance(sighting);
  const confidence = rounded(isShared ? sure / 2 : sure);
  if (departTo === "notice") {
    const detail = { epc: sighting.tag.epc, location, confidence, ...evidence };
    return warning(deviceOf(sighting), "presence_departed", occurredAtMs, detail);
  }
  const moved = { ...movedOf(sighting, occurredAtMs, count), from: placeOf(location), confidence };
  if (departTo === "unknown") return { ...moved, step: "relocating", evidence };
  const to = placeOf(basketOf(location));
  return { ...moved, step: "customer_pick", to, evidence };
}

/** Where a pick goes. */
export function basketOf(location: string): string {
  return `${storeOf(location)}/@basket`;
}

function arrivalStep(departed: Departed | undefined): MovedConclusion["step"] {
  if (departed === undefined) return "first_seen";
  return departed.to === undefined ? "relocating" : "customer_putback";
}

function movedOf(sighting: Sighting, occurredAtMs: number, count: Count) {
  return {
    type: "moved",
    occurredAtMs,
    deviceId: deviceOf(sighting),
    item: itemOfTag(sighting.tag.epc, count),
    quantity: 1,
    readPoint: sighting.zone.config.location,
  } as const;
}

function deviceOf({ main, zone }: Sighting): string {
  return main?.deviceId ?? zone.config.antennas[0]?.deviceId ?? "";
}

function shownLevel({ level }: Sighting, atMs: number): { rssiDbm?: number } {
  const rssiDbm = level.recentDbm(atMs);
  return rssiDbm === undefined ? {} : { rssiDbm: tenths(rssiDbm) };
}

function placeOf(location: string): Place {
  return { location, state: "sellable" };
}

function rounded(confidence: number): number {
  return Math.min(Math.round(confidence * 1000) / 1000, confidenceMax);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
