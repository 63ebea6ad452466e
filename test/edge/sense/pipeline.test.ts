import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Reading, type Recorded, readingSchema } from "../../../contract/reading.ts";
import { device, epcOf, scan, startMs, tag, weight } from "./harness.ts";
import { bench, codes, deviceIds, recordings } from "./pipeline-kit.ts";

interface Told {
  readonly recorded: Recorded;
  /** True time of it. */
  readonly atMs: number;
  /** What the wall clock shows beyond that just before it. */
  readonly stepMs: number;
  /** What the wall clock showed at the line before. */
  readonly afterAtMs: number;
}

/** A recording as the wall clock tells it that is set, by each amount, in front of the reading with that number. */
function withSteps(
  readings: readonly Reading[],
  steps: readonly (readonly [number, number, boolean])[],
): Told[] {
  const told: Told[] = [];
  let aheadMs = 0;
  let afterAtMs = startMs;
  for (const [index, reading] of readings.entries()) {
    const atMs = reading.receivedAtMs;
    for (const [at, byMs, isBack] of steps) {
      if (at % readings.length !== index) continue;
      const stepMs = isBack ? -byMs : byMs;
      const receivedAtMs = atMs + aheadMs + stepMs;
      told.push({
        recorded: { kind: "clock", receivedAtMs, stepMs },
        atMs,
        stepMs: aheadMs,
        afterAtMs,
      });
      aheadMs += stepMs;
      afterAtMs = receivedAtMs;
    }
    const receivedAtMs = atMs + aheadMs;
    told.push({ recorded: { ...reading, receivedAtMs }, atMs, stepMs: aheadMs, afterAtMs });
    afterAtMs = receivedAtMs;
  }
  return told;
}

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

  // The recording tells each step where the daemon saw it; ticks just before and after it change nothing.
  test("a clock that is set, both ways, gives the same, whatever ticks come between", () => {
    const steps = fc.array(
      fc.tuple(fc.nat(), fc.integer({ min: 2_001, max: 86_400_000 }), fc.boolean()),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(recordings, steps, fc.array(fc.nat(400)), (readings, rawSteps, ticks) => {
        const line = withSteps(readings, rawSteps);
        const { stepMs, atMs } = line.at(-1) ?? { stepMs: 0, atMs: startMs };
        const endMs = atMs + stepMs + 120_000;
        const plain = bench(startMs - 5_000).restored(bench(), startMs);
        const ticked = bench(startMs - 5_000).restored(bench(), startMs);
        for (const [index, { recorded, ...before }] of line.entries()) {
          plain.take(plain.pipeline.push(recorded));
          const gapMs = ticks[index % Math.max(ticks.length, 1)] ?? 0;
          // The last moment before it by the clock of then, and another one a tick earlier.
          for (const beforeMs of [gapMs, 0]) {
            const tickAtMs = before.atMs + before.stepMs - beforeMs;
            if (tickAtMs > before.afterAtMs) ticked.feed([], tickAtMs);
          }
          ticked.take(ticked.pipeline.push(recorded));
        }
        plain.feed([], endMs);
        ticked.feed([], endMs);
        expect(ticked.conclusions).toEqual(plain.conclusions);
        expect([...ticked.stored]).toEqual([...plain.stored]);
        expect(plain.counters.get("clock_steps_back")).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});

describe("order", () => {
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
        edge.setClock(startMs, -1_000_000);
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
    edge.setClock(startMs + 300, yearMs);
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
