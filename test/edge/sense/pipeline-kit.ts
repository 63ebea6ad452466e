// A pipeline of one machine of each kind, and recordings made for it by chance.

import fc from "fast-check";
import { planSchema } from "../../../contract/plan.ts";
import type { Reading } from "../../../contract/reading.ts";
import { buildPipeline, senseConfigSchema } from "../../../edge/sense/build-machines.ts";
import { Bench, device, epcOf, scan, startMs, tag, weight } from "./harness.ts";

const config = {
  storeId: "s0042",
  edgeId: "edge-1",
  ...senseConfigSchema.parse({
    portals: [
      {
        deviceId: "portal-1",
        sideA: { location: "s0042/stockroom", antennas: [1, 2] },
        sideB: { location: "s0042/floor", antennas: [3, 4] },
        staticAfterMs: 8_000,
        forgetAfterMs: 20_000,
      },
    ],
    presences: [
      {
        id: "floor",
        zones: [1, 2].map((number) => ({
          location: `s0042/z${number}`,
          profile: "shelf",
          antennas: [{ deviceId: "reader-1", antennas: [number] }],
          countEveryMs: 60_000,
          caps: { departAfterMsMin: 3_000, departAfterMsMax: 6_000 },
        })),
        arriveSpanMsMin: 1_000,
        frozenNoticeMs: 20_000,
      },
    ],
    shelves: [
      {
        deviceId: "shelf-1",
        cells: [1, 2].map((cell) => ({ cell, location: `s0042/c${cell}` })),
        blindAfterMs: 10_000,
      },
    ],
    scanners: [
      { deviceId: "scanner-1", workflow: "count", location: "s0042", countTimeoutMs: 10_000 },
    ],
  }),
};
const plan = planSchema.parse({
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [{ gtin: "09521321002012", name: "Coffee", unitWeightGrams: 512 }],
  locations: [{ location: "s0042", role: "shelf" }],
  facings: [{ location: "s0042", gtin: "09521321002012" }],
});

/** A bench with that pipeline and its plan. */
export function bench(lastAliveAtMs?: number): Bench {
  const made = new Bench((count) => buildPipeline(config, lastAliveAtMs, count));
  made.pipeline.setPlan(plan);
  return made;
}

/** Of the machines. */
export const deviceIds = ["portal-1", "reader-1", "shelf-1", "scanner-1"];
/** What is scanned. */
export const codes = [
  "9521321002012",
  "2112345678900",
  "GONDOLA:COUNT:s0042/floor",
  "GONDOLA:END",
  "??",
];

/** What may happen at one time; a still shelf for a while is one happening of many samples. */
const happenings = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }))
      .map(([antenna, number]) => (atMs: number) => [tag(atMs, antenna, epcOf(number))]),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom("111333", "3334111", "11131333", "13131"), fc.nat(9)).map(
      ([antennas, number]) =>
        (atMs: number) =>
          [...antennas].map((one, at) => tag(atMs + at * 150, Number(one), epcOf(10 + number))),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.nat(3), fc.integer({ min: 1, max: 30 }))
      .map(
        ([antenna, number, reads]) =>
          (atMs: number) =>
            Array.from({ length: reads }, (_, index) => ({
              ...tag(atMs + index * 300, antenna, epcOf(20 + number)),
              deviceId: "reader-1",
            })),
      ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(4), fc.nat(30)).map(
      ([cell, units, off]) =>
        (atMs: number) =>
          Array.from({ length: 15 }, (_, index) =>
            weight(atMs + index * 100, cell, 5_120 - units * 512 - off + (index % 3)),
          ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...codes).map((code) => (atMs: number) => [scan(atMs, code)]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...deviceIds, "other-1"),
        fc.constantFrom("online" as const, "offline" as const, "degraded" as const),
      )
      .map(([deviceId, state]) => (atMs: number) => [device(atMs, deviceId, state)]),
  },
);

/** A recording whose times never go back. */
export const recordings = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 1_200 }), happenings), { maxLength: 80 })
  .map((steps) => {
    let atMs = startMs;
    const readings: Reading[] = [];
    for (const [afterMs, happening] of steps) {
      readings.push(...happening(atMs + afterMs));
      atMs = readings.at(-1)?.receivedAtMs ?? atMs;
    }
    return readings;
  });
