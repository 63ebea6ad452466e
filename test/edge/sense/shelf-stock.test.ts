import { expect, test } from "vitest";
import type { Gtin } from "../../../contract/units.ts";
import { ShelfStock } from "../../../edge/sense/shelf-stock.ts";

const tea = "09521321002029" as Gtin;
const coffee = "09521321002012" as Gtin;
const product = { gtin: coffee, unitWeightGrams: 500, unitWeightSdGrams: 5 };
const homes = new Set([coffee]);
/** A change that can have been one thing only. */
function change(stock: ShelfStock, gtin: Gtin, quantity: number, grams: number): void {
  const option = { parts: [{ gtin, quantity, grams }], plausibility: 1 };
  stock.change(option, [option], homes);
}
const counted = () => {
  const stock = new ShelfStock();
  stock.recount(5_003, product, 2);
  return stock;
};

test("the first whole count is told, the same again is not, another one is", () => {
  const stock = new ShelfStock();
  expect(stock.recount(5_003, product, 2)).toMatchObject({ gtin: coffee, quantity: 10 });
  expect(stock.recount(4_996, product, 2)).toMatchObject({ quantity: 10, isNews: false });
  change(stock, coffee, -1, 500);
  expect(stock.recount(4_504, product, 2)).toMatchObject({ quantity: 9, isNews: false });
  const whole = stock.recount(3_498, product, 2);
  expect(whole).toMatchObject({ quantity: 7, strangers: [] });
  expect(whole!.confidence).toBeGreaterThan(0.98);
});

test("a stranger is counted with its own weight, and forgotten where the weight says that it was none", () => {
  const stock = counted();
  change(stock, tea, 1, 151);
  expect(stock.candidates(2)).toMatchObject([{ gtin: tea, unitWeightGrams: 151, quantityMax: 1 }]);
  expect(stock.recount(5_152, product, 2)).toMatchObject({ quantity: 10, isNews: false });
  expect(stock.recount(5_500, product, 2)).toMatchObject({ quantity: 11, strangers: [] });
  expect(stock.candidates(2)).toEqual([]);
  change(stock, tea, 2, 302);
  expect(stock.recount(5_301, product, 2)).toMatchObject({
    quantity: 10,
    strangers: [{ gtin: tea, quantity: 2 }],
  });
  change(stock, tea, -2, 302);
  expect(stock.candidates(2)).toEqual([]);
});

test("what is not sure is not told, or with how sure it is: between two numbers, something heavy that nobody knows, many light units", () => {
  const stock = counted();
  for (const loadGrams of [5_250, 5_180, 4_100]) {
    expect(stock.recount(loadGrams, product, 2)).toBeUndefined();
  }
  const light = { gtin: tea, unitWeightGrams: 20, unitWeightSdGrams: 1.2 };
  expect(new ShelfStock().recount(1_200, light, 2)!.confidence).toBeLessThan(0.8);
  expect(new ShelfStock().recount(2_400, light, 2)).toBeUndefined();
});

test("it outlives a restart, and holds a bounded number of strangers", () => {
  const stock = counted();
  for (let index = 0; index < 100; index += 1) change(stock, tea, 1, 150 + index);
  expect(JSON.stringify(stock.stored).length).toBeLessThan(1_500);
  const again = new ShelfStock();
  again.restore(stock.stored);
  expect(again.stored).toEqual(stock.stored);
});

test("what was told is corrected when something else has become far likelier, with how sure that is", () => {
  const stock = counted();
  // Three of its own, or one stranger of the same weight: the stranger was told.
  const own = { parts: [{ gtin: coffee, quantity: 3, grams: 1_502 }], plausibility: 0.4 };
  const stranger = { parts: [{ gtin: tea, quantity: 1, grams: 1_502 }], plausibility: 0.6 };
  stock.change(stranger, [stranger, own], homes);
  expect(stock.recount(6_505, product, 2)?.isNews).not.toBe(true);
  // Eleven of its own are taken: of ten nobody can.
  change(stock, coffee, -11, 5_500);
  expect(stock.ownCountMax).toBe(2);
  expect(stock.recount(1_004, product, 2)).toMatchObject({
    quantity: 2,
    strangers: [],
    isNews: true,
  });
});

test("what is stored of before there were several possibilities is understood", () => {
  const stock = new ShelfStock();
  stock.restore({ count: 3, strangers: [[tea, 150, 1]] });
  expect(stock.candidates(2)).toMatchObject([{ gtin: tea, quantityMax: 1, prior: 0.3 }]);
  expect(stock.recount(1_651, product, 2)).toMatchObject({ quantity: 3, isNews: false });
});
