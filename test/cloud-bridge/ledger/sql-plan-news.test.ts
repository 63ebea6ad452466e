// Changes of plans in the order in which they happened, whoever made them.

import { expect, test } from "vitest";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { type GivenPlan, givenPlanSchema } from "../../../contract/plan.ts";
import type { Gtin } from "../../../contract/units.ts";
import { ledgerPath, onDatabase, openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, startAtMs } from "./fake-edge.ts";

const ada = { by: "ada", nowMs: startAtMs };
const planOf = (storeId: string, version: number, role = "floor"): GivenPlan =>
  givenPlanSchema.parse({
    ...{ schemaVersion: 1, storeId, version, facings: [], products: [{ gtin: coffee }] },
    locations: [{ location: `${storeId}/desk`, role }],
  });
const news = async (ledger: SqlLedger, afterNumber: number, countMax = 9) =>
  (await ledger.planNews({ afterNumber, countMax })).map(
    ({ storeId, version, changeNumber }) => `${changeNumber} ${storeId} ${version}`,
  );

test("each change has the next number over all stores: of a file, of the catalogue, of a restore", async () => {
  const ledger = await openLedger();
  expect(await news(ledger, 0)).toEqual([]);
  for (const storeId of ["s2", "s1", "s3"]) await ledger.setPlan(planOf(storeId, 1), ada);
  expect(await news(ledger, 0)).toEqual(["1 s2 1", "2 s1 1", "3 s3 1"]);
  expect(await news(ledger, 0, 2)).toEqual(["1 s2 1", "2 s1 1"]);
  expect(await news(ledger, 3)).toEqual([]);
  // What is there already is no change.
  await ledger.setPlan(planOf("s1", 1), ada);
  expect(await news(ledger, 3)).toEqual([]);
  await ledger.setPlan(planOf("s2", 2, "stockroom"), ada);
  expect(await news(ledger, 3)).toEqual(["4 s2 2"]);
  await ledger.catalogue.put([{ gtin: coffee as Gtin, name: "Beans", unitWeightGrams: 500 }], ada);
  await ledger.refreshPlans(startAtMs);
  expect(await news(ledger, 4)).toEqual(["5 s1 2", "6 s2 3", "7 s3 2"]);
  await ledger.restoreMark(startAtMs);
  const raised = Math.floor(startAtMs / 1000);
  expect(await news(ledger, 7)).toEqual(
    ["8", "9", "10"].map((at, i) => `${at} s${i + 1} ${raised}`),
  );
});

test("what was published of a store is told with its news, and by which version its levels are others", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const to = { location: "s0042/desk", state: "sellable" };
  const edge = new FakeEdge();
  await ledger.post([edge.append(moved("receiving", coffee, { to })).batch(1)], startAtMs);
  await ledger.setPlan(planOf("s0042", 1), ada);
  await ledger.followers.advance("plan-topic", "s0042", 1);
  await ledger.setPlan(planOf("s0042", 2, "collection_point"), ada);
  await ledger.setPlan({ ...planOf("s0042", 3, "collection_point"), products: [] }, ada);
  const standing = { storeId: "s0042", version: 3, placesVersion: 2, publishedVersion: 1 };
  expect(await ledger.planNews()).toEqual([{ ...standing, changeNumber: 3 }]);
  expect(await ledger.planNews({ afterNumber: 2, countMax: 9 })).toEqual([
    { ...standing, changeNumber: 3 },
  ]);
  // A ledger from before, whose plans have no numbers.
  await onDatabase(path, "DELETE FROM plan_news");
  expect(await ledger.planNews()).toEqual([{ ...standing, placesVersion: 0, changeNumber: 0 }]);
});
