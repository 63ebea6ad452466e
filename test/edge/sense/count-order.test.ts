// Counts that somebody asked for, and those of a weight shelf's schedule.

import { expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import type { TagReading, WeightReading } from "../../../contract/reading.ts";
import type { CountAnswer } from "../../../edge/sense/count-order.ts";
import { Presence } from "../../../edge/sense/presence.ts";
import { presenceConfigSchema } from "../../../edge/sense/presence-config.ts";
import { Shelf } from "../../../edge/sense/shelf.ts";
import { shelfConfigSchema } from "../../../edge/sense/shelf-config.ts";
import { Bench, device, epcOf, startMs, tagGtin, weight } from "./harness.ts";

const coffee = "09521321002012";
const plan = planSchema.parse({
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [{ gtin: coffee, name: "Coffee", unitWeightGrams: 500, unitWeightSdGrams: 3 }],
  locations: ["c1", "c2"].map((name) => ({ location: `s0042/floor/g1/${name}`, role: "shelf" })),
  facings: [{ location: "s0042/floor/g1/c1", gtin: coffee }],
});
const cell = (number: number, tareGrams?: number) => ({
  cell: number,
  location: `s0042/floor/g1/c${number}`,
  tareGrams,
});
const zone = {
  location: "s0042/floor/z1",
  profile: "shelf",
  antennas: [{ deviceId: "reader-1", antennas: [1] }],
};

function bench(cells: object[] = [cell(1, 100), cell(2)], settings: object = {}) {
  const shelf = shelfConfigSchema.parse({ deviceId: "shelf-1", cells, ...settings });
  const presence = presenceConfigSchema.parse({ id: "floor", zones: [zone] });
  const made = new Bench((count) => [new Shelf(shelf, count), new Presence(presence, count)]);
  made.pipeline.setPlan(plan);
  const countAt = (location: string, atMs: number): CountAnswer => {
    const { output, answer } = made.pipeline.countAt(location, atMs);
    made.take(output);
    return answer;
  };
  return Object.assign(made, { countAt });
}

const atS = (seconds: number) => startMs + seconds * 1000;

/** Ten samples a second of a cell that stands still. */
function resting(grams: number, fromS: number, toS: number, number = 1): WeightReading[] {
  return Array.from({ length: (toS - fromS) * 10 }, (_, index) =>
    weight(atS(fromS) + index * 100, number, grams + Math.sin(index * 12.9) * 1.5),
  );
}

function standing(numbers: readonly number[], fromS: number, toS: number): TagReading[] {
  return Array.from({ length: (toS - fromS) * 2 }, (_, round) =>
    numbers.map((number, index) => ({
      kind: "tag" as const,
      ...{ deviceId: "reader-1", antenna: 1, epc: epcOf(number), rssiDbm: -55 },
      receivedAtMs: atS(fromS) + round * 500 + index,
    })),
  ).flat();
}

test("a cell whose tare is known is counted as often as it is asked for", () => {
  const made = bench().feed(resting(5_100, 0, 30));
  const before = made.conclusions.length;
  for (const seconds of [30, 30.05]) {
    const answer = made.countAt("s0042/floor/g1/c1", atS(seconds));
    expect(answer).toEqual({ countedLocations: ["s0042/floor/g1/c1"], refusals: [] });
  }
  const line = { gtin: coffee, quantity: 10, observedAtMs: atS(30) };
  expect(made.conclusions.slice(before)).toMatchObject([
    { type: "counted", location: "s0042/floor/g1/c1", complete: true, lines: [line] },
    { type: "counted", lines: [{ quantity: 10 }] },
  ]);
});

test("a location is everything below it; what cannot be counted is refused with its reason, as a notice too", () => {
  const readings = [...standing([1, 2, 3], 0, 95), ...resting(5_100, 90, 95)];
  const made = bench().feed(readings.sort((one, other) => one.receivedAtMs - other.receivedAtMs));
  const { countedLocations, refusals } = made.countAt("s0042/floor", atS(95));
  expect(countedLocations).toEqual(["s0042/floor/g1/c1", "s0042/floor/z1"]);
  const reason = expect.stringContaining("has no tareGrams");
  expect(refusals).toEqual([{ location: "s0042/floor/g1/c2", reason }]);
  const counts = made.conclusions.filter(({ type }) => type === "counted").slice(-2);
  expect(counts).toMatchObject([
    { lines: [{ gtin: coffee, quantity: 10 }] },
    { location: "s0042/floor/z1", lines: [{ gtin: tagGtin, quantity: 3 }] },
  ]);
  expect(made.conclusions).toContainEqual(
    expect.objectContaining({
      code: "count_refused",
      detail: { location: "s0042/floor/g1/c2", reason },
    }),
  );
});

test.each([
  ["nothing was weighed yet", 1, [], "sends no weight"],
  ["it is being touched", 30, resting(5_100, 0, 29), "being touched", [5_300, 4_900, 5_150]],
  ["the weight is no number of units", 30, resting(5_350, 0, 29), "no sure number"],
])("a cell is not counted where %s", (_name, seconds, readings, reason, touches: number[] = []) => {
  const made = bench().feed(readings);
  made.feed(touches.map((grams, index) => weight(atS(29) + index * 100, 1, grams)));
  const { refusals } = made.countAt("s0042/floor/g1/c1", atS(seconds));
  expect(refusals).toMatchObject([{ reason: expect.stringContaining(reason) }]);
  expect(made.conclusions.filter(({ type }) => type === "counted").length).toBeLessThan(2);
});

test("a zone is not counted whose reader was away lately; nor is a place that nothing counts", () => {
  const made = bench().feed(standing([1], 0, 100));
  made.feed([device(atS(100), "reader-1", "offline"), device(atS(101), "reader-1", "online")]);
  made.feed(standing([1], 102, 110));
  const reason = expect.stringContaining("has not read without a break");
  expect(made.countAt(zone.location, atS(110)).refusals).toMatchObject([{ reason }]);
  const nowhere = { countedLocations: [], refusals: [] };
  expect(made.countAt("s0042/stockroom", atS(111))).toEqual(nowhere);
  expect(made.countAt("s0042/flo", atS(111))).toEqual(nowhere);
});

test("two cells of one location would each count for the whole: neither does", () => {
  const twice = [cell(1, 100), { ...cell(2, 100), location: "s0042/floor/g1/c1" }];
  const made = bench(twice).feed([...resting(5_100, 0, 5), ...resting(1_100, 5, 10, 2)]);
  const { countedLocations, refusals } = made.countAt("s0042", atS(10));
  expect(countedLocations).toEqual([]);
  expect(refusals[0]?.reason).toContain("several cells");
});

test("on its schedule a cell is counted though nothing changed, and soon again where it could not be", () => {
  const settings = { countEveryMs: 60_000, recountAfterMs: 10_000 };
  const made = bench([cell(1, 100)], settings);
  const counts = () => made.conclusions.filter(({ type }) => type === "counted");
  made.feed(resting(5_100, 0, 59));
  expect(counts()).toHaveLength(1);
  made.feed(resting(5_100, 59, 65));
  expect(counts()).toMatchObject([{}, { occurredAtMs: atS(60), lines: [{ quantity: 10 }] }]);
  made.feed(resting(5_100, 65, 119));
  made.feed(Array.from({ length: 30 }, (_, at) => weight(atS(119) + at * 100, 1, 5_000 + at * 9)));
  expect(counts()).toHaveLength(2);
  expect(made.counters.get("shelf_counts_put_off")).toBe(1);
  made.feed(resting(5_100, 122, 135));
  expect(counts().slice(2)).toMatchObject([{ occurredAtMs: atS(130), lines: [{ quantity: 10 }] }]);
});
