import { expect, test } from "vitest";
import {
  filledPlan,
  leftToCatalogue,
  withoutFilled,
} from "../../../../cloud-bridge/ledger/catalogue/plan-fill.ts";
import type { CatalogueProduct } from "../../../../contract/catalogue.ts";
import { type GivenPlan, givenPlanSchema, planSchema } from "../../../../contract/plan.ts";
import { coffee, shirt, tea } from "../fake-edge.ts";

const planOf = (...products: object[]): GivenPlan =>
  givenPlanSchema.parse({
    ...{ schemaVersion: 1, storeId: "s0042", version: 1, locations: [], facings: [] },
    products,
  });
const catalogueOf = (...products: object[]) =>
  new Map((products as CatalogueProduct[]).map((product) => [product.gtin as string, product]));
const heavy = { gtin: coffee, name: "Beans", unitWeightGrams: 512, unitWeightSdGrams: 4 };

test.each([
  ["nothing is said: all of it", {}, heavy],
  ["a name is said", { name: "Coffee" }, { ...heavy, name: "Coffee" }],
  // A deviation of another weight says nothing of this one.
  ["a weight is said", { unitWeightGrams: 250 }, { name: "Beans", unitWeightGrams: 250 }],
  ["a deviation is said", { unitWeightSdGrams: 9 }, { ...heavy, unitWeightSdGrams: 9 }],
])("%s", (_what, said, becomes) => {
  const plan = filledPlan(planOf({ gtin: coffee, ...said }), catalogueOf(heavy));
  expect(planSchema.parse(plan).products).toEqual([{ gtin: coffee, ...becomes }]);
});

test("what the catalogue has of nobody's asking stays out, and a nameless product is called by its GTIN", () => {
  const owned = { ...heavy, class: "A", price: { amountMinor: 1, currency: "EUR" }, owner: "ada" };
  const light = { gtin: tea, name: "Tea", unitWeightSdGrams: 3 };
  const given = planOf({ gtin: coffee }, { gtin: tea }, { gtin: shirt });
  expect(planSchema.parse(filledPlan(given, catalogueOf(owned, light))).products).toEqual([
    heavy,
    { gtin: tea, name: "Tea" },
    { gtin: shirt, name: shirt },
  ]);
  const whole = { gtin: tea, name: "Tea", unitWeightGrams: 146 };
  expect(leftToCatalogue(planOf({ gtin: coffee }, whole, { gtin: shirt, name: "T" }))).toEqual([
    coffee,
    shirt,
  ]);
});

test("what was filled in and comes back as it was is not the plan's own; what was changed is", () => {
  const given = planOf({ gtin: coffee }, { gtin: tea, name: "Tea" });
  const plan = filledPlan(given, catalogueOf(heavy));
  expect(withoutFilled(plan, { given, plan })).toEqual(given);
  const changed = planOf({ ...heavy, unitWeightGrams: 520 }, { gtin: tea, name: "Tea" });
  expect(withoutFilled(changed, { given, plan }).products[0]).toEqual({
    ...{ gtin: coffee, unitWeightGrams: 520 },
  });
  // The plan said this by itself before.
  const own = planOf({ ...heavy });
  expect(withoutFilled(own, { given: own, plan: filledPlan(own, catalogueOf(heavy)) })).toEqual(
    own,
  );
});
