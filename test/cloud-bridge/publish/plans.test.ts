// Configured plans and the catalogue's, on a real ledger.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { createLog } from "../../../cloud-bridge/log.ts";
import { runPlanRefresh, storePlans } from "../../../cloud-bridge/publish/plans.ts";
import { type GivenPlan, givenPlanSchema } from "../../../contract/plan.ts";
import { openLedger } from "../ledger/edge-fixture.ts";
import { coffee, startAtMs, tea } from "../ledger/fake-edge.ts";

const ada = { by: "ada", nowMs: startAtMs };
const options = { log: createLog("silent"), nowMs: startAtMs };
const storeId = "s0042";

const fileOf = (version: number, ...gtins: string[]): GivenPlan =>
  givenPlanSchema.parse({
    ...{ schemaVersion: 1, storeId, version, locations: [], facings: [] },
    products: gtins.map((gtin) => ({ gtin })),
  });

test("a file is taken once for each of its versions, whatever the catalogue made of the last one", async () => {
  const ledger = await openLedger();
  const start = (...files: GivenPlan[]) => storePlans(ledger, files, options);
  const standing = async () => {
    const plan = await ledger.plan(storeId);
    return [plan?.version, plan?.products.map(({ name }) => name)];
  };
  await start(fileOf(1, coffee));
  await ledger.catalogue.put([{ gtin: coffee, name: "Beans" }] as never, ada);
  await ledger.refreshPlans(startAtMs);
  expect(await standing()).toEqual([2, ["Beans"]]);
  await start(fileOf(1, coffee));
  await start(fileOf(1, tea));
  expect(await standing()).toEqual([2, ["Beans"]]);
  await start(fileOf(2, coffee, tea));
  await start(fileOf(2, coffee, tea));
  expect(await standing()).toEqual([3, ["Beans", tea]]);
});

test("plans are filled anew while the bridge runs", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(fileOf(1, coffee), ada);
  const stop = new AbortController();
  const running = runPlanRefresh({ ledger, clock: fastClock, count: () => undefined }, stop.signal);
  await ledger.catalogue.put([{ gtin: coffee, name: "Beans" }] as never, ada);
  while ((await ledger.plan(storeId))?.version !== 2) await sleep(5);
  stop.abort();
  await running;
});

/** Waits a hundredth of the time. */
const fastClock = {
  ...systemClock,
  timer: (delayMs: number, fire: () => void) => systemClock.timer(delayMs / 100, fire),
};
