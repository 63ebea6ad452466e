import { expect, test } from "vitest";
import type { CatalogueProduct } from "../../../../contract/catalogue.ts";
import type { Gtin } from "../../../../contract/units.ts";
import { openLedger } from "../edge-fixture.ts";
import { coffee, shirt, startAtMs, tea } from "../fake-edge.ts";

const product = (gtin: string, name: string, more: Partial<CatalogueProduct> = {}) => {
  return { gtin: gtin as Gtin, name, ...more };
};
const ada = { by: "ada", nowMs: startAtMs };
const bob = { by: "bob", nowMs: startAtMs + 1 };

test("many are put in at once, and only what changed is a change", async () => {
  const { catalogue } = await openLedger();
  const price = { amountMinor: 499, currency: "EUR" };
  const first = [product(coffee, "Café"), product(tea, "Tea", { class: "A", price })];
  expect(await catalogue.put(first, ada)).toBe(2);
  expect(await catalogue.put([...first, product(shirt, "T-shirt")], bob)).toBe(1);
  expect(await catalogue.put([product(tea, "Tea")], bob)).toBe(1);
  expect(await catalogue.changes(tea)).toEqual([
    { version: 2, changedAtMs: bob.nowMs, changedBy: "bob", product: product(tea, "Tea") },
    { version: 1, changedAtMs: ada.nowMs, changedBy: "ada", product: first[1] },
  ]);
  const gtins = async (query: object) => {
    const found = await catalogue.products({ countMax: 10, ...query });
    return found.map(({ product: { gtin } }) => gtin);
  };
  expect(await gtins({})).toEqual([shirt, coffee, tea].sort());
  expect(await gtins({ name: "CAFÉ" })).toEqual([coffee]);
  expect(await gtins({ name: "t" })).toEqual([shirt, tea].sort());
  expect(await gtins({ class: "A" })).toEqual([]);
  expect(await gtins({ afterGtin: shirt, countMax: 1 })).toEqual([coffee]);
});

test("what an import does not speak of stays as it is", async () => {
  const { catalogue } = await openLedger();
  const price = { amountMinor: 499, currency: "EUR" };
  await catalogue.put([product(tea, "Tea", { class: "A", price, unitWeightGrams: 250 })], ada);
  const kept = ["price", "unitWeightGrams", "owner"] as const;
  expect(await catalogue.put([product(tea, "Tea"), product(shirt, "Shirt")], bob, kept)).toBe(2);
  expect((await catalogue.product(tea))?.product).toEqual(
    product(tea, "Tea", { price, unitWeightGrams: 250 }),
  );
  expect((await catalogue.product(shirt))?.product).toEqual(product(shirt, "Shirt"));
  expect(await catalogue.put([product(tea, "Tea")], bob, kept)).toBe(0);
});

test("of two who change the same version one is late; what was taken out goes on counting", async () => {
  const { catalogue } = await openLedger();
  expect(await catalogue.replace(product(tea, "Tea"), undefined, ada)).toMatchObject({
    version: 1,
  });
  expect(await catalogue.replace(product(tea, "Chai"), undefined, bob)).toBe("stale");
  const answers = await Promise.all([
    catalogue.replace(product(tea, "Chai"), 1, ada),
    catalogue.replace(product(tea, "Thé"), 1, bob),
  ]);
  expect(answers.filter((answer) => answer === "stale")).toHaveLength(1);
  expect(await catalogue.remove(tea, 1, ada)).toBe("stale");
  expect(await catalogue.remove(tea, 2, ada)).toBe("removed");
  expect(await catalogue.product(tea)).toBeUndefined();
  expect(await catalogue.replace(product(tea, "Tea"), undefined, bob)).toMatchObject({
    version: 4,
  });
  expect((await catalogue.changes(tea)).map(({ version }) => version)).toEqual([4, 3, 2, 1]);
});

test("a count takes class and price of the catalogue, unless the store says its own", async () => {
  const { catalogue, counting } = await openLedger();
  const price = { amountMinor: 499, currency: "EUR" };
  await catalogue.put([product(tea, "Tea", { class: "A", price })], ada);
  const { itemOf } = await counting.demands("s0042", [tea]);
  expect(itemOf(tea)).toEqual({ gtin: tea, className: "A", priceMinor: 499 });
  await counting.setItems("s0042", [{ gtin: tea, priceMinor: 399 }], { by: "m", nowMs: startAtMs });
  const own = await counting.demands("s0042", [tea, coffee]);
  expect(own.itemOf(tea)).toEqual({ gtin: tea, className: "A", priceMinor: 399 });
  const others = await counting.demands("s0043", [tea]);
  expect(others.itemOf(tea)).toMatchObject({ priceMinor: 499 });
});
