import { expect, test } from "vitest";
import type { Gtin } from "../../../contract/units.ts";
import { ShelfHand } from "../../../edge/sense/shelf-hand.ts";

const tea = "09521321002029" as Gtin;
const coffee = "09521321002012" as Gtin;
const none = new Set<Gtin>();

test("what was taken may be put back with the weight that it was found to have, for a while", () => {
  const hand = new ShelfHand(600_000, 12);
  hand.add(tea, 2, 300, 1_000);
  const [candidate] = hand.candidates(1_000, none, 2);
  expect(candidate).toMatchObject({ gtin: tea, unitWeightGrams: 150, quantityMax: 2 });
  expect(candidate!.unitWeightSdGrams).toBeGreaterThan(2);
  expect(hand.candidates(601_001, none, 2)).toEqual([]);
});

test("it is likelier where it has its place, and just after it was taken", () => {
  const hand = new ShelfHand(600_000, 12);
  hand.add(tea, 1, 150, 0);
  const prior = (nowMs: number, homes: ReadonlySet<Gtin>) =>
    hand.candidates(nowMs, homes, 2)[0]!.prior!;
  expect(prior(0, new Set([tea]))).toBeGreaterThan(10 * prior(0, none));
  expect(prior(300_000, none)).toBeLessThan(prior(0, none) / 2);
});

test("of two that were taken the one that weighs the same is put back", () => {
  const hand = new ShelfHand(600_000, 12);
  hand.add(coffee, 1, 505, 0);
  hand.add(coffee, 1, 520, 1_000);
  hand.remove(coffee, 1, 506);
  expect(hand.candidates(2_000, none, 2)).toMatchObject([{ unitWeightGrams: 520 }]);
  hand.remove(coffee, 5, 2_600);
  expect(hand.stored).toBeNull();
});

test("it outlives a restart, fits into a row, and a broken row is said", () => {
  const hand = new ShelfHand(600_000, 12);
  for (let index = 0; index < 200; index += 1)
    hand.add(coffee, 9, 4_999.87, 1_763_888_000_000 + index);
  expect(hand.stored!.length).toBeLessThan(4096);
  const again = new ShelfHand(600_000, 12);
  expect(again.restore(hand.stored!)).toBe(true);
  expect(again.stored).toBe(hand.stored);
  expect(again.restore("broken")).toBe(false);
  expect(again.stored).toBeNull();
});
