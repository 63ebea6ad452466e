import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reading } from "../../../contract/reading.ts";
import { Presence } from "../../../edge/sense/presence.ts";
import { presenceConfigSchema } from "../../../edge/sense/presence-config.ts";
import { Bench, startMs } from "./harness.ts";
import { PresenceWorld, shelfWorld, type WorldSettings } from "./presence-world.ts";

const config = presenceConfigSchema.parse({
  id: "floor",
  zones: [1, 2].map((number) => ({
    location: `s0042/floor/z${number}`,
    profile: "shelf",
    antennas: [{ deviceId: `reader-${number}`, antennas: [1] }],
    countEveryMs: 300_000,
  })),
});
const bench = () => new Bench((count) => [new Presence(config, count)]);
const endMs = startMs + 2_000_000;
const seeds = fc.integer({ min: 1, max: 999 });

/** Tags that stand still in two zones; one reader is silent for a while. */
const stillWorld = {
  ...shelfWorld,
  hours: 0.4,
  tagsPerZone: 12,
  zoneCount: 2,
  bodiesPerHourCount: 0,
  outagesMs: [{ fromMs: 600_000, toMs: 700_000, zone: 0 }],
};
/** The same with shoppers, and where each zone hears the other's tags. */
const busyWorld = { ...stillWorld, bodiesPerHourCount: 60, takingShare: 1, overlapDb: 3 };

function readingsOf(settings: WorldSettings): Reading[] {
  const world = new PresenceWorld(settings);
  const readings: Reading[] = [];
  for (let next = world.next(); next !== undefined; next = world.next()) readings.push(...next);
  return readings;
}

/** Some readings missing, some twice, some in each other's place. */
function harmed(readings: readonly Reading[], every: number): Reading[] {
  const left = readings.flatMap((reading, index) => {
    if (index % (every + 3) === 0) return [];
    return index % every === 0 ? [reading, reading] : [reading];
  });
  for (let index = 7; index < left.length; index += 11) {
    const [one, other] = [left[index - 5]!, left[index]!];
    left[index - 5] = other;
    left[index] = one;
  }
  return left;
}

describe("any recording", () => {
  test("gives the same whatever ticks come between", () => {
    const gapLists = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1 });
    fc.assert(
      fc.property(seeds, gapLists, (seed, gaps) => {
        const readings = readingsOf({ ...busyWorld, seed });
        const plain = bench().feed(readings, endMs);
        const ticked = bench();
        let tickMs = startMs;
        for (const [index, reading] of readings.entries()) {
          for (; tickMs < reading.receivedAtMs; tickMs += gaps[index % gaps.length] ?? 1) {
            ticked.feed([], tickMs);
          }
          ticked.feed([reading]);
        }
        ticked.feed([], endMs);
        expect(ticked.conclusions).toEqual(plain.conclusions);
        expect([...ticked.stored]).toEqual([...plain.stored]);
      }),
      { numRuns: 8 },
    );
  });

  test("with readings missing, repeated and reordered invents no movement", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 2, max: 5 }), (seed, every) => {
        const readings = harmed(readingsOf({ ...stillWorld, seed }), every);
        const { conclusions } = bench().feed(readings, endMs);
        const moved = conclusions.filter((one) => one.type === "moved");
        expect(moved.every(({ step }) => step === "first_seen")).toBe(true);
        expect(moved).toHaveLength(24);
      }),
      { numRuns: 8 },
    );
  });

  test("moves no stock at a time that was said to be decided", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const made = bench();
        let decidedMs = 0;
        for (const [index, reading] of readingsOf({ ...busyWorld, seed }).entries()) {
          const { conclusions } = made.pipeline.push(reading);
          for (const one of conclusions) {
            if (one.type === "moved") expect(one.occurredAtMs).toBeGreaterThanOrEqual(decidedMs);
          }
          if (index % 50 === 0) decidedMs = made.pipeline.decidedThroughMs(reading.receivedAtMs);
        }
      }),
      { numRuns: 8 },
    );
  });

  test("a clock that is set moves nobody", () => {
    const made = bench().feed(readingsOf({ ...stillWorld, seed: 5 }));
    const known = made.conclusions.length;
    const yearMs = 31_536_000_000;
    made.setClock(startMs + 1_440_000, yearMs);
    const later = readingsOf({ ...stillWorld, seed: 5, hours: 0.1 }).map((reading) => ({
      ...reading,
      receivedAtMs: reading.receivedAtMs + yearMs + 1_440_000,
    }));
    made.feed(later);
    expect(made.conclusions.slice(known).filter(({ type }) => type === "moved")).toEqual([]);
  });
});
