// Weights and names of the catalogue in the plans of stores, on a real ledger.

import { expect, test } from "vitest";
import type { SqliteLedger } from "../../../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { CatalogueProduct } from "../../../../contract/catalogue.ts";
import { type GivenPlan, givenPlanSchema, type Plan } from "../../../../contract/plan.ts";
import type { Gtin } from "../../../../contract/units.ts";
import { ledgerPath, onDatabase, openLedger } from "../edge-fixture.ts";
import { coffee, shirt, startAtMs, tea } from "../fake-edge.ts";

const ada = { by: "ada", nowMs: startAtMs };
const nowMs = startAtMs + 60_000;
const storeId = "s0042";

const planOf = (version: number, products: object[], store = storeId): GivenPlan =>
  givenPlanSchema.parse({
    ...{ schemaVersion: 1, storeId: store, version, locations: [], facings: [] },
    products,
  });
const weighing = (unitWeightGrams: number, more: Partial<CatalogueProduct> = {}) => ({
  ...{ gtin: coffee as Gtin, name: "Beans", unitWeightGrams, ...more },
});
const shown = (plan: Plan | undefined) => [plan?.version, plan?.products[0]?.unitWeightGrams];
const put = async (ledger: SqliteLedger, ...plan: Parameters<SqliteLedger["setPlan"]>) =>
  (await ledger.setPlan(...plan)).plan;
const planIn = async (ledger: SqliteLedger, store = storeId) => shown(await ledger.plan(store));

test("a plan has what it leaves out from the catalogue, and each change of that is one new version", async () => {
  const ledger = await openLedger();
  const { catalogue } = ledger;
  await catalogue.put([weighing(512)], ada);
  const given = planOf(1, [{ gtin: coffee }, { gtin: tea, name: "Tea" }]);
  const { plan } = await ledger.setPlan(given, ada);
  expect(plan.products).toEqual([weighing(512), { gtin: tea, name: "Tea" }]);
  expect(await ledger.plan(storeId)).toEqual(plan);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
  await catalogue.put([weighing(520)], ada);
  expect(await planIn(ledger)).toEqual([1, 512]);
  expect(await ledger.refreshPlans(nowMs)).toEqual([storeId]);
  expect(await planIn(ledger)).toEqual([2, 520]);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
  // There and back again before anybody looked: nothing is new.
  await catalogue.put([weighing(530)], ada);
  await catalogue.put([weighing(520)], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
  const found = await catalogue.product(coffee);
  await catalogue.remove(coffee, found!.version, ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual([storeId]);
  expect((await ledger.plan(storeId))?.products[0]).toEqual({ gtin: coffee, name: coffee });
  const changes = await ledger.planChanges({ storeId, countMax: 9 });
  expect(changes.map(({ version, changedBy }) => `${version} ${changedBy}`)).toEqual([
    "3 catalogue",
    "2 catalogue",
    "1 ada",
  ]);
  expect(changes[0]?.changedAtMs).toBe(nowMs);
});

test("only stores that leave it to the catalogue have a new plan; a price or a class is no change", async () => {
  const ledger = await openLedger();
  const own = { gtin: coffee, name: "Coffee", unitWeightGrams: 250 };
  await ledger.setPlan(planOf(1, [own], "s1"), ada);
  await ledger.setPlan(planOf(4, [{ gtin: coffee, name: "Coffee" }], "s2"), ada);
  await ledger.setPlan(planOf(1, [{ gtin: shirt }], "s3"), ada);
  await ledger.setPlan(planOf(7, [{ gtin: coffee }], "s4"), ada);
  await ledger.catalogue.put([weighing(512)], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual(["s2", "s4"]);
  const all = await Promise.all(["s1", "s2", "s3", "s4"].map((id) => planIn(ledger, id)));
  expect(all).toEqual([
    [1, 250],
    [5, 512],
    [1, undefined],
    [8, 512],
  ]);
  await ledger.catalogue.put([weighing(512, { class: "A", owner: "ada" })], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
  await ledger.catalogue.put([weighing(512, { name: "Bohnen" })], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual(["s4"]);
});

test("a plan that is given next grows above what the catalogue made, and keeps its own weights", async () => {
  const ledger = await openLedger();
  await ledger.catalogue.put([weighing(512)], ada);
  await ledger.setPlan(planOf(1, [{ gtin: coffee }]), ada);
  await ledger.catalogue.put([weighing(520)], ada);
  await ledger.refreshPlans(nowMs);
  // A file that knows nothing of version 2.
  expect(shown(await put(ledger, planOf(2, [{ gtin: coffee }, { gtin: tea }]), ada))).toEqual([
    ...[3, 520],
  ]);
  const again = ledger.setPlan(planOf(2, [{ gtin: coffee }]), ada);
  await expect(again).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  // Who read version 3 gives back what the catalogue said; only what is another is the plan's own.
  const read = (await ledger.plan(storeId))!;
  const back = { ...read, version: 4, products: read.products.slice(0, 1) };
  await expect(ledger.setPlan(back, ada, 2)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(shown(await put(ledger, back, ada, 3))).toEqual([4, 520]);
  await ledger.catalogue.put([weighing(530)], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual([storeId]);
  const own = { ...back, version: 6, products: [{ ...back.products[0]!, unitWeightGrams: 600 }] };
  expect(shown(await put(ledger, own, ada, 5))).toEqual([6, 600]);
  await ledger.catalogue.put([weighing(540)], ada);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
  expect((await ledger.storedPlan(storeId))?.given.products).toEqual([
    { gtin: coffee, unitWeightGrams: 600 },
  ]);
});

test("a ledger that has plans from before fills them once it is opened", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await ledger.setPlan(planOf(3, [{ gtin: coffee, name: "Coffee" }]), ada);
  await ledger.catalogue.put([weighing(512)], ada);
  for (const table of ["given_plans", "plan_fills", "stale_plans"]) {
    await onDatabase(path, `DELETE FROM ${table}`);
  }
  expect(await ledger.refreshPlans(nowMs)).toEqual([storeId]);
  expect(await planIn(ledger)).toEqual([4, 512]);
  expect((await ledger.storedPlan(storeId))?.given.version).toBe(3);
  expect(await ledger.refreshPlans(nowMs)).toEqual([]);
});

test("a ledger from before that is set back knows what it was given, and takes the next file", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await ledger.setPlan(planOf(3, [{ gtin: coffee }]), ada);
  await ledger.setPlan(planOf(1, [{ gtin: tea }], "s0043"), ada);
  await onDatabase(path, "DELETE FROM given_plans");
  await ledger.restoreMark(nowMs);
  const raised = Math.floor(nowMs / 1000);
  for (const [id, version] of [
    [storeId, 3],
    ["s0043", 1],
  ] as const) {
    expect((await ledger.storedPlan(id))?.given.version).toBe(version);
    expect((await ledger.plan(id))?.version).toBe(raised);
  }
  const products = [{ gtin: coffee, name: "Coffee", unitWeightGrams: 250 }];
  expect(shown(await put(ledger, planOf(4, products), ada))).toEqual([raised + 1, 250]);
});

test.each([202_611_271_200, 20_261_127_120_000, 1_795_737_600_000])(
  "a plan that is numbered by date, %i, is given a version that no edge had before the ledger was set back",
  async (version) => {
    const ledger = await openLedger();
    await ledger.setPlan(planOf(version, [{ gtin: coffee }]), ada);
    await ledger.restoreMark(nowMs);
    // What a year makes of a number by milliseconds, the most of these.
    const yearLater = version + 366 * 86_400_000;
    expect((await ledger.plan(storeId))?.version).toBeGreaterThan(yearLater);
    const next = planOf(version + 1, [{ gtin: coffee }, { gtin: tea }]);
    await ledger.setPlan(next, ada);
    const plan = (await ledger.plan(storeId))!;
    expect([plan.version > yearLater, plan.products.length]).toEqual([true, 2]);
    expect((await ledger.verify()).problems).toEqual([]);
  },
);

test("a change and many looks at once make one version", async () => {
  const path = ledgerPath();
  const [one, other] = [await openLedger({ path }), await openLedger({ path })];
  await one.setPlan(planOf(1, [{ gtin: coffee }]), ada);
  await one.catalogue.put([weighing(512)], ada);
  const looks = await Promise.all([one, other, one].map((each) => each.refreshPlans(nowMs)));
  expect(looks.flat()).toEqual([storeId]);
  expect(await planIn(other)).toEqual([2, 512]);
});
