import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import { type Reading, readingSchema } from "../../../contract/reading.ts";
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

function bench(lastAliveAtMs?: number): Bench {
  const made = new Bench((count) => buildPipeline(config, lastAliveAtMs, count));
  made.pipeline.setPlan(plan);
  return made;
}

const deviceIds = ["portal-1", "reader-1", "shelf-1", "scanner-1"];
const codes = ["9521321002012", "2112345678900", "GONDOLA:COUNT:s0042/floor", "GONDOLA:END", "??"];

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
const recordings = fc
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

describe("determinism", () => {
  test("the same recording gives the same, whatever ticks come between", () => {
    fc.assert(
      fc.property(
        recordings,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (readings, ticks) => {
          const endMs = (readings.at(-1)?.receivedAtMs ?? startMs) + 120_000;
          const plain = bench(startMs - 5_000)
            .restored(bench(), startMs)
            .feed(readings, endMs);
          const ticked = bench(startMs - 5_000).restored(bench(), startMs);
          let lastMs = startMs;
          for (const [index, reading] of [...readings, undefined].entries()) {
            const nextMs = reading?.receivedAtMs ?? endMs;
            const share = ticks[index % Math.max(ticks.length, 1)] ?? 0;
            for (const part of [share / 2, share]) {
              ticked.feed([], Math.floor(lastMs + (nextMs - lastMs) * part));
            }
            if (reading !== undefined) ticked.feed([reading]);
            lastMs = nextMs;
          }
          ticked.feed([], endMs);
          expect(ticked.conclusions).toEqual(plain.conclusions);
          expect([...ticked.stored]).toEqual([...plain.stored]);
          expect(ticked.writeCount).toBe(plain.writeCount);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("conclusions come in the order in which they fell due, and none is of the future", () => {
    fc.assert(
      fc.property(recordings, (readings) => {
        const edge = bench();
        for (const reading of readings) {
          const before = edge.conclusions.length;
          edge.feed([reading]);
          for (const conclusion of edge.conclusions.slice(before)) {
            expect(conclusion.occurredAtMs).toBeLessThanOrEqual(reading.receivedAtMs);
          }
        }
      }),
    );
  });

  test("what was called decided stays decided: no movement comes in before it", () => {
    fc.assert(
      fc.property(recordings, (readings) => {
        const edge = bench();
        let decidedMs = 0;
        for (const reading of readings) {
          const before = edge.conclusions.length;
          edge.feed([reading]);
          for (const conclusion of edge.conclusions.slice(before)) {
            if (conclusion.type === "moved") {
              expect(conclusion.occurredAtMs).toBeGreaterThanOrEqual(decidedMs);
            }
          }
          decidedMs = edge.pipeline.decidedThroughMs(reading.receivedAtMs);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("whatever comes in", () => {
  const times = fc.oneof(
    fc.integer({ min: startMs, max: startMs + 60_000 }),
    fc.integer({ min: 0, max: 8_640_000_000_000 }),
  );
  const garbage = fc.oneof(
    fc.record({
      kind: fc.constant("tag" as const),
      deviceId: fc.constantFrom(...deviceIds),
      receivedAtMs: times,
      antenna: fc.integer({ min: 1, max: 255 }),
      epc: fc.stringMatching(/^(30)?([0-9A-F]{4}){1,8}$/),
      rssiDbm: fc.double({ min: -150, max: 50, noNaN: true }),
      count: fc.integer({ min: 1 }),
    }),
    fc.record({
      kind: fc.constant("weight" as const),
      deviceId: fc.constantFrom(...deviceIds),
      receivedAtMs: times,
      cell: fc.integer({ min: 1, max: 3 }),
      weightGrams: fc.oneof(fc.double({ min: -1e7, max: 1e7 }), fc.constantFrom(0, 512, Infinity)),
      status: fc.constantFrom("ok" as const, "ok" as const, "fault" as const),
    }),
    fc.record({
      kind: fc.constant("scan" as const),
      deviceId: fc.constantFrom(...deviceIds),
      receivedAtMs: times,
      data: fc.oneof(fc.string({ minLength: 1, unit: "binary" }), fc.constantFrom(...codes)),
    }),
    fc.record({
      kind: fc.constant("device" as const),
      deviceId: fc.constantFrom(...deviceIds, "other-1"),
      receivedAtMs: times,
      state: fc.constantFrom("online" as const, "offline" as const),
    }),
  );

  test("nothing throws, and every conclusion is valid", () => {
    fc.assert(
      fc.property(fc.array(garbage as fc.Arbitrary<Reading>, { maxLength: 60 }), (readings) => {
        const edge = bench(startMs).restored(bench(), startMs).feed(readings);
        edge.pipeline.shiftTime(-1_000_000);
        edge.feed([], startMs + 86_400_000);
        bench(startMs).restored(edge, startMs);
      }),
      { numRuns: 300 },
    );
  });

  test("the generated recordings are readings", () => {
    fc.assert(
      fc.property(recordings, (readings) => {
        for (const reading of readings) expect(readingSchema.safeParse(reading).success).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe("time", () => {
  const passage = [1, 1, 1, 3, 3, 3].map((antenna, index) =>
    tag(startMs + index * 100, antenna, epcOf(1)),
  );

  test("deadlines of all machines fire in order, before the next reading", () => {
    const samples = [0, 1].map((index) => weight(startMs + index * 100, 1, 5_120));
    const late = tag(startMs + 60_000, 1, epcOf(2));
    const edge = bench().feed([
      ...samples,
      scan(startMs + 300, codes[2]!),
      ...passage.map((read) => ({ ...read, receivedAtMs: read.receivedAtMs + 400 })),
      late,
    ]);
    expect(edge.conclusions.map((one) => (one.type === "noticed" ? one.code : one.type))).toEqual([
      "moved",
      "shelf_cell_blind",
      "count_abandoned",
    ]);
  });

  test("a reading that is a little late counts as now", () => {
    const longer = [1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3].map((antenna, index) =>
      tag(startMs + index * 100, antenna, epcOf(1)),
    );
    const [first, ...rest] = longer;
    const jittered = [
      first!,
      ...rest.map((read, index) =>
        index % 2 === 0 ? { ...read, receivedAtMs: read.receivedAtMs - 150 } : read,
      ),
    ];
    const edge = bench().feed(jittered, startMs + 10_000);
    expect(edge.conclusions).toMatchObject([{ type: "moved" }]);
  });

  test("a clock that is set back stops nothing", () => {
    const hourMs = 3_600_000;
    const setBack = passage.map((read, index) =>
      index < 4 ? read : { ...read, receivedAtMs: read.receivedAtMs - hourMs },
    );
    const edge = bench().feed(setBack, startMs - hourMs + 10_000);
    expect(edge.conclusions).toMatchObject([
      { type: "moved", occurredAtMs: startMs - hourMs + 350 },
    ]);
    expect(edge.counters.get("clock_steps_back")).toBe(1);
  });

  test("a clock that is set ahead, and said so, hastens nothing", () => {
    const yearMs = 365 * 86_400_000;
    const edge = bench().feed(passage.slice(0, 4));
    edge.pipeline.shiftTime(yearMs);
    const rest = passage
      .slice(4)
      .map((read) => ({ ...read, receivedAtMs: read.receivedAtMs + yearMs }));
    edge.feed(rest, startMs + yearMs + 10_000);
    expect(edge.conclusions).toMatchObject([
      { type: "moved", occurredAtMs: startMs + yearMs + 250 },
    ]);
  });

  test("a reading of a device that no machine listens to is counted", () => {
    const edge = bench().feed([device(startMs, "other-1", "online")]);
    expect(edge.counters.get("readings_of_no_machine")).toBe(1);
  });
});

test("a restart at any point of a static scene says nothing new", () => {
  const scene = (fromMs: number, toMs: number): Reading[] => {
    const readings: Reading[] = [];
    for (let atMs = fromMs; atMs < toMs; atMs += 100) {
      const step = Math.round((atMs - startMs) / 100);
      // One tag stands on each side and one between them; the cells stand still.
      for (const [number, antenna] of [
        [1, 1],
        [2, 3],
        [3, (step * 7) % 3 === 0 ? 1 : 3],
      ] as const) {
        readings.push(tag(atMs, antenna, epcOf(number)));
      }
      readings.push(weight(atMs, 1, 5_120 + (step % 3)), weight(atMs, 2, 1_024 - (step % 2)));
    }
    return readings;
  };
  fc.assert(
    fc.property(fc.integer({ min: 10_000, max: 25_000 }), fc.nat(60_000), (atMs, pauseMs) => {
      const before = bench().feed(scene(startMs, startMs + atMs));
      const againMs = startMs + atMs + pauseMs;
      const after = bench()
        .restored(before, againMs)
        .feed(scene(againMs, againMs + 15_000));
      expect(before.conclusions).toEqual([]);
      expect(after.conclusions).toEqual([]);
      expect(after.writeCount).toBe(0);
    }),
    { numRuns: 30 },
  );
});
