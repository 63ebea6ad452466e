import fc from "fast-check";
import { expect, test } from "vitest";
import type { Gtin } from "../../../contract/units.ts";
import {
  afterChange,
  type Belief,
  beliefCountMax,
  byWholeWeight,
  type ChangeOption,
} from "../../../edge/sense/shelf-belief.ts";

const tea = "09521321002029" as Gtin;
const coffee = "09521321002012" as Gtin;
const homes = new Set([coffee]);
const product = { gtin: coffee, unitWeightGrams: 500, unitWeightSdGrams: 5 };
const ten: Belief[] = [{ count: 10, strangers: [], weight: 1 }];
const option = (gtin: Gtin, quantity: number, grams: number, plausibility = 1): ChangeOption => ({
  parts: [{ gtin, quantity, grams }],
  plausibility,
});

test("a change that may have been two things makes two possibilities, in proportion", () => {
  const options = [option(coffee, 1, 500, 3), option(tea, 1, 502, 1)];
  expect(afterChange(ten, options, homes)).toEqual([
    { count: 11, strangers: [], weight: 0.75 },
    { count: 10, strangers: [{ gtin: tea, unitGrams: 502, quantity: 1 }], weight: 0.25 },
  ]);
});

test("what is impossible afterwards drops out: nobody takes more than lies there", () => {
  const two = afterChange(
    [{ ...ten[0]!, count: 0 }],
    [option(coffee, 3, 1_500), option(tea, 1, 1_504)],
    homes,
  );
  expect(two).toHaveLength(2);
  expect(afterChange(two, [option(coffee, -1, 500)], homes)).toMatchObject([
    { count: 2, strangers: [], weight: 1 },
  ]);
  expect(afterChange(two, [option(tea, -1, 1_504)], homes)).toEqual([
    { count: 0, strangers: [], weight: 1 },
  ]);
  // Nothing of it can have been: then nothing is known of it, and what was known stays.
  expect(afterChange(two, [option(tea, -2, 3_000)], homes)).toBe(two);
});

test("the whole weight decides between possibilities, and says where it fits none", () => {
  const both = afterChange(ten, [option(coffee, 2, 1_000), option(tea, 1, 930)], homes);
  expect(byWholeWeight(both, 5_995, product, 2)[0]).toMatchObject({ count: 12, strangers: [] });
  expect(byWholeWeight(both, 5_931, product, 2)[0]).toMatchObject({ count: 10 });
  expect(byWholeWeight(ten, 5_250, product, 2)).toEqual([]);
});

test("whatever happens, weights add up to 1, numbers stay whole and bounded", () => {
  const anyOption = fc
    .tuple(
      fc.constantFrom(coffee, tea),
      fc.integer({ min: -4, max: 4 }).filter(Boolean),
      fc.double({ min: 1e-6, max: 1, noNaN: true }),
    )
    .map(([gtin, quantity, chance]) => option(gtin, quantity, 100 * Math.abs(quantity), chance));
  fc.assert(
    fc.property(
      fc.array(fc.array(anyOption, { minLength: 1, maxLength: 6 }), { maxLength: 30 }),
      (changes) => {
        let beliefs: readonly Belief[] = ten;
        for (const options of changes) beliefs = afterChange(beliefs, options, homes);
        expect(beliefs.length).toBeLessThanOrEqual(beliefCountMax);
        const total = beliefs.reduce((sum, { weight }) => sum + weight, 0);
        expect(total).toBeGreaterThan(0.5);
        expect(total).toBeLessThan(1.000001);
        for (const { count, strangers } of beliefs) {
          expect(count).toBeGreaterThanOrEqual(0);
          for (const { quantity } of strangers) expect(quantity).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 300 },
  );
});
