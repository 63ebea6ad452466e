// Presence by numbers: what it gets wrong in the world of test/edge/sense/presence-world.ts, beside what
// is in use today. `tsx test/score/presence.ts [HOURS]` prints one JSON object a line. Seeds below 1000
// are for tuning, those from 300000 for judging; nothing was tuned on the latter.

import { pathToFileURL } from "node:url";
import type { MovedConclusion } from "../../contract/event.ts";
import type { TagReading } from "../../contract/reading.ts";
import { Pipeline } from "../../edge/sense/pipeline.ts";
import { Presence } from "../../edge/sense/presence.ts";
import { presenceConfigSchema } from "../../edge/sense/presence-config.ts";
import {
  PresenceWorld,
  roundMs,
  shelfWorld,
  type Taking,
  type WorldSettings,
} from "../edge/sense/presence-world.ts";

/** For tuning. */
export const tuningSeed = 1;
/** For judging. */
export const judgingSeed = 300_001;

/** A tag was said to have gone from where it was. */
interface Departure {
  readonly epc: string;
  readonly decidedAtMs: number;
}

/** How well departures were told. */
export interface DepartureScore {
  readonly tagHours: number;
  readonly falseCount: number;
  readonly falsePer10000TagHours: number;
  readonly takenCount: number;
  readonly missedCount: number;
  /** Of the departures that were seen, those within 30 s of the tag leaving, ... */
  readonly within30sShare: number;
  /** ... and those by the time its place had been in plain view, no body before it, for 30 s. */
  readonly within30sOfPlainViewShare: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

/** What a rule made of a world. */
export interface WorldScore extends DepartureScore {
  readonly flapsPerTagHour: number;
  readonly readingsPerSecond: number;
}

/** The presence of a world's zones. */
export function presenceOf(zoneCount: number, settings: object = {}) {
  return presenceConfigSchema.parse({
    id: "floor",
    zones: Array.from({ length: zoneCount }, (_, zone) => ({
      location: `s0042/floor/z${zone + 1}`,
      profile: "shelf",
      antennas: [{ deviceId: `reader-${zone + 1}`, antennas: [1] }],
    })),
    ...settings,
  });
}

/** Runs a world through presence. */
export function scorePresence(settings: WorldSettings): WorldScore {
  const world = new PresenceWorld(settings);
  const machine = new Presence(presenceOf(settings.zoneCount), () => undefined);
  const pipeline = new Pipeline({ machines: [machine], count: () => undefined });
  const moves: MovedConclusion[] = [];
  let readingCount = 0;
  let spentMs = 0;
  for (let readings = world.next(); readings !== undefined; readings = world.next()) {
    const beganMs = performance.now();
    for (const reading of readings) {
      for (const one of pipeline.push(reading).conclusions)
        if (one.type === "moved") moves.push(one);
    }
    spentMs += performance.now() - beganMs;
    readingCount += readings.length;
  }
  for (const one of pipeline.advance(world.endMs).conclusions)
    if (one.type === "moved") moves.push(one);
  const departures = moves
    .filter(({ step }) => step === "customer_pick")
    .map(({ item, evidence }) => ({
      epc: item.epc ?? "",
      decidedAtMs: Number(evidence?.["decidedAtMs"]),
    }));
  const tagHours = settings.tagsPerZone * settings.zoneCount * settings.hours;
  const flaps = moves.filter(({ step }) => step === "relocating").length;
  return {
    ...judge(departures, world.takings, tagHours, world.endMs),
    flapsPerTagHour: flaps / tagHours,
    readingsPerSecond: Math.round(readingCount / (spentMs / 1000)),
  };
}

/** Runs a world through a rule in use today: a tag that is silent for `timeoutMs` has gone. */
export function scoreTimeout(settings: WorldSettings, timeoutMs: number): DepartureScore {
  const world = new PresenceWorld(settings);
  const lastAtMs = new Map<string, number>();
  const departures: Departure[] = [];
  const see = (epc: string, atMs: number) => {
    const before = lastAtMs.get(epc);
    if (before !== undefined && atMs - before > timeoutMs) {
      departures.push({ epc, decidedAtMs: before + timeoutMs });
    }
    lastAtMs.set(epc, atMs);
  };
  for (let readings = world.next(); readings !== undefined; readings = world.next()) {
    for (const { epc, receivedAtMs } of readings) see(epc, receivedAtMs);
  }
  for (const epc of lastAtMs.keys()) see(epc, world.endMs);
  const tagHours = settings.tagsPerZone * settings.zoneCount * settings.hours;
  return judge(departures, world.takings, tagHours, world.endMs);
}

/** Flaps per tag-hour of the mean-RSSI rule with a mobility offset (20 reads, 6 dB, -8 dB/s after 0.5 s). */
export function scoreMeanRssi(settings: WorldSettings): number {
  const world = new PresenceWorld(settings);
  const tags = new Map<
    string,
    { zone: string; reads: Map<string, { dbm: number[]; atMs: number }> }
  >();
  let flaps = 0;
  const see = ({ epc, deviceId, rssiDbm, receivedAtMs }: TagReading) => {
    const tag = tags.get(epc) ?? { zone: deviceId, reads: new Map() };
    tags.set(epc, tag);
    const own = tag.reads.get(deviceId) ?? { dbm: [], atMs: receivedAtMs };
    tag.reads.set(deviceId, own);
    own.dbm.push(rssiDbm);
    if (own.dbm.length > 20) own.dbm.shift();
    own.atMs = receivedAtMs;
    const here = tag.reads.get(tag.zone);
    if (deviceId === tag.zone || here === undefined || own.dbm.length < 2) return;
    const offsetDb = Math.min(6, -0.008 * (receivedAtMs - here.atMs - 500) + 6);
    if (mean(own.dbm) <= mean(here.dbm) + offsetDb) return;
    tag.zone = deviceId;
    flaps += 1;
  };
  for (let readings = world.next(); readings !== undefined; readings = world.next()) {
    for (const reading of readings) see(reading);
  }
  return flaps / (settings.tagsPerZone * settings.zoneCount * settings.hours);
}

function judge(
  departures: readonly Departure[],
  takings: readonly Taking[],
  tagHours: number,
  endMs: number,
): DepartureScore {
  const open = new Map<string, Taking[]>();
  for (const taking of takings) open.set(taking.epc, [...(open.get(taking.epc) ?? []), taking]);
  const latencies: number[] = [];
  let plain = 0;
  let falseCount = 0;
  const seen = new Set<Taking>();
  for (const { epc, decidedAtMs } of departures) {
    const taking = open
      .get(epc)
      ?.find((one) => decidedAtMs >= one.atMs && decidedAtMs <= one.backAtMs && !seen.has(one));
    if (taking === undefined) falseCount += 1;
    else {
      seen.add(taking);
      latencies.push(decidedAtMs - taking.atMs);
      if (decidedAtMs <= taking.plainAtMs + roundMs) plain += 1;
    }
  }
  latencies.sort((one, other) => one - other);
  // Whoever left in the last minutes could not be told yet.
  const due = takings.filter(({ atMs, backAtMs }) => Math.min(backAtMs, endMs) - atMs > 400_000);
  const share = (count: number) =>
    Math.round((count / Math.max(latencies.length, 1)) * 1000) / 1000;
  return {
    tagHours,
    falseCount,
    falsePer10000TagHours: Math.round((falseCount / tagHours) * 1e5) / 10,
    takenCount: takings.length,
    missedCount: due.filter((taking) => !seen.has(taking)).length,
    within30sShare: share(latencies.filter((one) => one <= 30_000).length),
    within30sOfPlainViewShare: share(plain),
    latencyP50Ms: Math.round(latencies[Math.floor(latencies.length * 0.5)] ?? 0),
    latencyP99Ms: Math.round(latencies[Math.floor(latencies.length * 0.99)] ?? 0),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Nobody takes anything, and the reader is not heard from minute 20 to minute 35. */
export function outageWorld(seed: number, hours: number): WorldSettings {
  const outagesMs = [{ fromMs: 1_200_000, toMs: 2_100_000, zone: 0 }];
  return { ...shelfWorld, seed, hours, bodiesPerHourCount: 0, outagesMs };
}

/** Every world with every rule; about 200 tags for `hours` each. */
export function* scoreAll(hours: number, seed: number): Generator<object> {
  const worlds: [string, WorldSettings][] = [
    ["shelf, read rate 50 %", { ...shelfWorld, seed, hours }],
    ["shelf, read rate 30 %", { ...shelfWorld, seed: seed + 1, hours, readRateShare: 0.3 }],
    ["shelf, read rate 70 %", { ...shelfWorld, seed: seed + 2, hours, readRateShare: 0.7 }],
    ["shelf, busy", { ...shelfWorld, seed: seed + 3, hours, bodiesPerHourCount: 60 }],
    ["reader silent for 15 min", outageWorld(seed + 6, hours)],
    [
      "shelf, fades of single tags",
      { ...shelfWorld, seed: seed + 4, hours, soloFadesPerHourCount: 0.02 },
    ],
  ];
  for (const [world, settings] of worlds) {
    yield { world, rule: "presence", seed: settings.seed, ...scorePresence(settings) };
    yield { world, rule: "5 s time-out", ...scoreTimeout(settings, 5_000) };
    // What it costs to be that quick whatever stands before the shelf.
    yield { world, rule: "30 s time-out", ...scoreTimeout(settings, 30_000) };
    yield { world, rule: "600 s time-out", ...scoreTimeout(settings, 600_000) };
  }
  const overlap = { ...shelfWorld, seed: seed + 5, hours: hours / 2, zoneCount: 2, overlapDb: 3 };
  const world = "two zones, 3 dB apart";
  yield { world, rule: "presence", seed: overlap.seed, ...scorePresence(overlap) };
  yield { world, rule: "mean RSSI, offset 6 dB", flapsPerTagHour: scoreMeanRssi(overlap) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const hours = Number(process.argv[2] ?? 50);
  const seed = process.argv[3] === "tuning" ? tuningSeed : judgingSeed;
  for (const score of scoreAll(hours, seed)) process.stdout.write(`${JSON.stringify(score)}\n`);
}
