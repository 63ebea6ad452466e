// A week of a store through the whole pipeline: 20,000 tags known, in zones and before a portal, a weight shelf and a
// till beside them. Each day is its busy minutes: readers that sleep make no tag depart, so the rest of a day says
// nothing. Every day a part of the tags is taken away and new ones come, so that what is kept of those that have gone
// would show. Beside it a bare walk over the same readings; readings are made outside of the clock.

import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeSgtin96 } from "../../contract/gs1/epc.ts";
import type { Reading } from "../../contract/reading.ts";
import type { EpcHex, Gtin } from "../../contract/units.ts";
import { buildPipeline, senseConfigSchema } from "../../edge/sense/build-machines.ts";
import { integerBetween, seededRandom } from "../../simulators/random.ts";

const dayCount = 7;
const tagCount = 20_000;
/** Of them, those that stand before the portal. */
const portalTagCount = 2_000;
const zoneCount = 8;
/** Each tag is read about once in two seconds, in 90 busy seconds a day. */
const busyMs = 90_000;
const tagReadsPerMs = tagCount / 2_000;
/** Tags that go in a day, while new ones come in their place. */
const changedPerDay = 400;
const chunkMs = 1_000;
const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 5);
const gtins = ["09521321001015", "09521321001022", "09521321001039"] as Gtin[];

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const readers = Array.from({ length: zoneCount }, (_, at) => `reader-${at + 1}`);
const shelfCells = Array.from({ length: 16 }, (_, at) => at + 1);

/** The whole pipeline by readings a second of processor time, day by day. */
export async function benchSensing(): Promise<object> {
  const random = seededRandom(1);
  const pipeline = buildPipeline(configuration());
  pipeline.restore(new Map(), startMs);
  let serial = 0;
  const tags = Array.from({ length: tagCount }, () => epcOf(serial++));
  const days = [];
  let bareMs = 0;
  let busyTotalMs = 0;
  let readingCount = 0;
  let conclusionCount = 0;
  for (let day = 0; day < dayCount; day += 1) {
    for (let changed = 0; changed < changedPerDay; changed += 1) {
      tags[integerBetween(random, 0, tagCount - 1)] = epcOf(serial++);
    }
    let dayReadingCount = 0;
    let dayBusyMs = 0;
    for (let atMs = 0; atMs < busyMs; atMs += chunkMs) {
      const fromMs = startMs + day * dayMs + atMs;
      const readings = [
        ...(atMs === 0 ? states(fromMs, "online") : []),
        ...chunk(tags, random, fromMs),
      ];
      bareMs += timed(() => assert(bareWalk(readings) > 0));
      dayBusyMs += timed(() => {
        for (const reading of readings)
          conclusionCount += pipeline.push(reading).conclusions.length;
      });
      dayReadingCount += readings.length;
    }
    for (const reading of states(startMs + day * dayMs + busyMs, "offline")) pipeline.push(reading);
    readingCount += dayReadingCount;
    busyTotalMs += dayBusyMs;
    days.push({
      readingsPerSecond: Math.round((dayReadingCount * 1000) / dayBusyMs),
      heapMiB: heapMiB(),
    });
  }
  assert(conclusionCount > 0, "nothing was concluded");
  return {
    tagCount,
    readingCount,
    conclusionCount,
    readingsPerSecond: Math.round((readingCount * 1000) / busyTotalMs),
    aimReadingsPerSecond: 200_000,
    microsecondsPerReading: Math.round((busyTotalMs * 1e5) / readingCount) / 100,
    ratioToBareWalk: Math.round((bareMs / busyTotalMs) * 1e4) / 1e4,
    days,
  };
}

function configuration() {
  const sense = senseConfigSchema.parse({
    portals: [
      {
        deviceId: "portal-1",
        sideA: { location: "s0042/stockroom", antennas: [1] },
        sideB: { location: "s0042/dock", antennas: [2] },
        tagCountMax: tagCount,
      },
    ],
    presences: [
      {
        id: "floor",
        zones: readers.map((deviceId, at) => ({
          location: `s0042/floor/z${at + 1}`,
          profile: "shelf",
          antennas: [{ deviceId, antennas: [1] }],
        })),
      },
    ],
    shelves: [
      {
        deviceId: "shelf-1",
        cells: shelfCells.map((cell) => ({ cell, location: `s0042/floor/g1/c${cell}` })),
      },
    ],
    scanners: [{ deviceId: "till-1", workflow: "sell", location: "s0042/floor" }],
  });
  return { ...sense, storeId: "s0042", edgeId: "edge-1" };
}

/** A second of readings, in order. */
function chunk(tags: readonly EpcHex[], random: () => number, fromMs: number): Reading[] {
  const readings: Reading[] = [];
  for (let ms = 0; ms < chunkMs; ms += 1) {
    const receivedAtMs = fromMs + ms;
    for (let read = 0; read < tagReadsPerMs; read += 1) {
      const at = integerBetween(random, 0, tagCount - 1);
      const isAtPortal = at < portalTagCount;
      const deviceId = isAtPortal ? "portal-1" : readers[at % zoneCount]!;
      const rssiDbm = -55 - (at % 10) + 2 * random();
      readings.push({ kind: "tag", deviceId, antenna: 1, epc: tags[at]!, rssiDbm, receivedAtMs });
    }
    const cell = shelfCells[ms / 6];
    if (ms % 100 < 96 && cell !== undefined) {
      const weightGrams = 5_000 + random();
      const scale = { kind: "weight", deviceId: "shelf-1", status: "ok" } as const;
      readings.push({ ...scale, cell, weightGrams, receivedAtMs });
    }
    if (ms % 250 !== 0) continue;
    const data = gtins[integerBetween(random, 0, gtins.length - 1)]!.slice(1);
    readings.push({ kind: "scan", deviceId: "till-1", symbology: "]E0", data, receivedAtMs });
  }
  return readings;
}

function states(receivedAtMs: number, state: "online" | "offline"): Reading[] {
  const deviceIds = [...readers, "portal-1", "shelf-1", "till-1"];
  return deviceIds.map((deviceId) => ({ kind: "device", deviceId, state, receivedAtMs }));
}

function bareWalk(readings: readonly Reading[]): number {
  return readings.reduce(
    (sum, { receivedAtMs, deviceId }) => sum + receivedAtMs + deviceId.length,
    0,
  );
}

function timed(run: () => void): number {
  const startedMs = performance.now();
  run();
  return performance.now() - startedMs;
}

function heapMiB(): number {
  collectGarbage();
  return Math.round(process.memoryUsage().heapUsed / 1024 / 1024);
}

function epcOf(serial: number): EpcHex {
  const parts = { gtin: gtins[serial % gtins.length]!, serial: String(serial) };
  const encoded = encodeSgtin96({ ...parts, companyPrefixDigits: 7 });
  assert(encoded.ok);
  return encoded.epc;
}
