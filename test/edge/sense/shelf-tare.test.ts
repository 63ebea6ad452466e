// The tare of a shelf's cells, set while it runs.

import { expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import type { WeightReading } from "../../../contract/reading.ts";
import { Shelf } from "../../../edge/sense/shelf.ts";
import { shelfConfigSchema } from "../../../edge/sense/shelf-config.ts";
import { Bench, device, startMs, weight } from "./harness.ts";

const coffee = "09521321002012";
const plan = planSchema.parse({
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [{ gtin: coffee, name: "Coffee", unitWeightGrams: 500, unitWeightSdGrams: 3 }],
  locations: ["c1", "c2"].map((name) => ({ location: `s0042/${name}`, role: "shelf" })),
  facings: [{ location: "s0042/c1", gtin: coffee }],
});
const atS = (seconds: number) => startMs + seconds * 1000;

function bench(tareGrams: number | undefined, cells = [1]) {
  const config = shelfConfigSchema.parse({
    deviceId: "shelf-1",
    cells: cells.map((cell) => ({ cell, location: `s0042/c${cell}`, tareGrams, gain: 2 })),
  });
  const made = new Bench((count) => [new Shelf(config, count)]);
  made.pipeline.setPlan(plan);
  const tare = (cell: number | undefined, seconds: number, deviceId = "shelf-1") => {
    const { output, tared } = made.pipeline.tare(deviceId, cell, atS(seconds));
    made.take(output);
    return tared;
  };
  return Object.assign(made, { tare });
}

/** Ten samples a second of a cell that stands still; its slope is 2. */
function resting(grams: number, fromS: number, toS: number, cell = 1): WeightReading[] {
  return Array.from({ length: (toS - fromS) * 10 }, (_, index) =>
    weight(atS(fromS) + index * 100, cell, (grams + Math.sin(index * 12.9)) / 2),
  );
}

test("what a cell shows at rest is its tare: told before and after, noticed, and counted from", () => {
  const shelf = bench(100);
  shelf.feed(resting(130, 0, 5));
  const tared = shelf.tare(1, 5);
  expect(tared).toEqual([{ cell: 1, beforeGrams: 100, afterGrams: expect.closeTo(130, -1) }]);
  expect(shelf.conclusions).toMatchObject([
    { code: "shelf_tared", severity: "info", detail: { location: "s0042/c1", beforeGrams: 100 } },
  ]);
  shelf.feed(resting(1130, 6, 60));
  expect(shelf.conclusions.filter(({ type }) => type === "counted")).toMatchObject([
    { lines: [{ gtin: coffee, quantity: 2 }], evidence: { loadGrams: expect.closeTo(1000, -1) } },
  ]);
});

test("an empty cell that is tared is counted as empty", () => {
  const shelf = bench(undefined);
  shelf.feed(resting(700, 0, 5));
  expect(shelf.tare(undefined, 5)).toMatchObject([{ beforeGrams: undefined }]);
  shelf.feed(resting(700, 5, 30));
  expect(shelf.conclusions.filter(({ type }) => type === "counted")).toMatchObject([
    { location: "s0042/c1", lines: [{ gtin: coffee, quantity: expect.closeTo(0) }] },
  ]);
});

test("kept over a restart and later changes, until the configuration says another", () => {
  const shelf = bench(100);
  shelf.feed(resting(130, 0, 5));
  shelf.tare(1, 5);
  shelf.feed(resting(630, 6, 10));
  const tareOf = (configured: number | undefined) => {
    const next = bench(configured);
    next.pipeline.restore(shelf.stored, atS(20));
    next.feed(resting(630, 21, 25));
    const tared = next.tare(1, 25);
    if (typeof tared === "string") throw new Error(tared);
    return tared[0]?.beforeGrams;
  };
  expect(tareOf(100)).toBeCloseTo(130, -1);
  expect(tareOf(110)).toBe(110);
  expect(tareOf(undefined)).toBeUndefined();
});

test("a configuration that says another and is left again does not lose it, whatever happens under it", () => {
  const first = bench(500);
  first.feed(resting(520, 0, 5));
  first.tare(1, 5);
  const run = (configured: number, before: ReadonlyMap<string, string>, fromS: number) => {
    const next = bench(configured);
    next.pipeline.restore(before, atS(fromS));
    next.feed([...resting(1020, fromS + 1, fromS + 10), ...resting(520, fromS + 10, fromS + 20)]);
    const stored = new Map(next.stored);
    const tared = next.tare(1, fromS + 20);
    if (typeof tared === "string") throw new Error(tared);
    return { stored, tareGrams: tared[0]?.beforeGrams, taredAnew: next.stored };
  };
  const trial = run(510, first.stored, 20);
  expect(trial.tareGrams).toBe(510);
  expect(run(500, trial.stored, 60).tareGrams).toBeCloseTo(520, -1);
  expect(run(500, trial.taredAnew, 60).tareGrams).toBe(500);
});

test("refused while a cell is touched, silent or was never at rest; then no cell is changed", () => {
  const shelf = bench(100, [1, 2]);
  expect(shelf.tare(1, 0)).toBe("cell 1 sends no weight");
  shelf.feed([device(atS(0), "shelf-1", "online"), ...resting(130, 0, 5)]);
  expect(shelf.tare(undefined, 5)).toBe("cell 2 was never at rest");
  shelf.feed(resting(900, 5, 6).slice(0, 5));
  expect(shelf.tare(1, 5.5)).toBe("cell 1 is being touched");
  shelf.feed([device(atS(6), "shelf-1", "offline")]);
  expect(shelf.tare(1, 6)).toBe("cell 1 sends no weight");
  expect(shelf.tare(3, 7)).toBe("there is no cell 3");
  expect(shelf.tare(1, 7, "shelf-2")).toBe("no weight shelf is called shelf-2");
  expect(shelf.conclusions).toEqual([]);
  expect([...shelf.stored.values()].join()).not.toContain("tareGrams");
});
