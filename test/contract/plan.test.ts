import { expect, test } from "vitest";
import { givenPlanSchema, planSchema, readPlan } from "../../contract/plan.ts";

const coffee = { gtin: "09521321002012", name: "Coffee", unitWeightGrams: 512 };
const shelf = { location: "s0042/floor/gondola-1/c1", role: "shelf", picksSensed: true };
const plan = {
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [coffee],
  locations: [shelf],
  facings: [{ location: shelf.location, gtin: coffee.gtin }],
};

/** Where the plan is wrong, as paths. */
function faults(value: unknown): string[] {
  const result = planSchema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join("."));
}

test("a plan is taken, and what it leaves out has its default", () => {
  expect(planSchema.parse(plan)).toEqual(plan);
  const { picksSensed: _left, ...plain } = shelf;
  expect(planSchema.parse({ ...plan, locations: [plain] }).locations[0]?.picksSensed).toBe(false);
  expect(faults({ ...plan, products: [], locations: [], facings: [] })).toEqual([]);
});

test.each([
  [
    "a unit without weight",
    { products: [{ ...coffee, unitWeightGrams: 0 }] },
    "products.0.unitWeightGrams",
  ],
  [
    "a wrong check digit",
    { products: [{ ...coffee, gtin: "09521321002013" }], facings: [] },
    "products.0.gtin",
  ],
  ["an unknown role", { locations: [{ ...shelf, role: "roof" }] }, "locations.0.role"],
  ["version 0", { version: 0 }, "version"],
  ["a store that is no id", { storeId: "S42" }, "storeId"],
  ["a key nobody knows", { extra: 1 }, ""],
])("%s is named by its path", (_what, change, path) => {
  expect(faults({ ...plan, ...change })).toContain(path);
});

test("a location of another store is refused, a namesake of the store too", () => {
  for (const location of ["s0043/floor", "s00421/floor"]) {
    const locations = [shelf, { location, role: "floor" }];
    expect(faults({ ...plan, locations })).toEqual(["locations.1.location"]);
  }
});

test("a facing names a location and a product of the plan", () => {
  const facings = [...plan.facings, { location: "s0042/floor/x", gtin: "09506000134352" }];
  expect(faults({ ...plan, facings })).toEqual(["facings.1.location", "facings.1.gtin"]);
});

test("an exit has the name by which the ledger knows it; a plan that was kept with another one is read", () => {
  const withExit = (location: string) => ({
    ...plan,
    locations: [shelf, { location, role: "exit", picksSensed: false }],
  });
  for (const location of ["s0042/@exit", "s0042/@exit/door-1"]) {
    expect(givenPlanSchema.safeParse(withExit(location)).success).toBe(true);
  }
  for (const location of ["s0042/door-1", "s0042/floor/exit", "s0042/@exits"]) {
    expect(givenPlanSchema.safeParse(withExit(location)).error?.issues).toMatchObject([
      { path: ["locations", 1, "location"], message: expect.stringContaining("s0042/@exit/") },
    ]);
    expect(readPlan(withExit(location)).data).toEqual(withExit(location));
  }
});
