// Plans of a real ledger to the topics of the bridge that holds a store.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { PlanTopics } from "../../../cloud-bridge/publish/plan-topics.ts";
import { givenPlanSchema } from "../../../contract/plan.ts";
import { openLedger } from "../ledger/edge-fixture.ts";

/** Waits a hundredth of the time. */
const clock = {
  ...systemClock,
  timer: (delayMs: number, fire: () => void) => systemClock.timer(delayMs / 100, fire),
};
const looksMs = 100;

const give = (ledger: SqlLedger, storeId: string, version: number) => {
  const places = { locations: [{ location: `${storeId}/floor-${version}`, role: "floor" }] };
  const plan = { schemaVersion: 1, storeId, version, products: [], facings: [], ...places };
  return ledger.setPlan(givenPlanSchema.parse(plan));
};

/** Runs a publisher until the test ends; what it published, as `store version`. */
function publisher(ledger: SqlLedger, isHeld: (storeId: string) => boolean = () => true) {
  const published: string[] = [];
  const link = {
    ...{ isOnline: true, refusedStoreId: "" },
    async publish({
      topic,
      payload,
      retain,
    }: {
      topic: string;
      payload: unknown;
      retain?: boolean;
    }) {
      const { storeId, version } = JSON.parse(String(payload));
      expect([topic, retain]).toEqual([`gondola/1/${storeId}/plan`, true]);
      published.push(`${storeId} ${version}`);
      return storeId !== link.refusedStoreId;
    },
  };
  const plans = new PlanTopics({ ledger, isHeld, link, clock });
  const stop = new AbortController();
  const running = plans.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { plans, link, published };
}

test("each version goes out once, until the broker took it, and all of them anew when it comes back", async () => {
  const ledger = await openLedger();
  await give(ledger, "s1", 1);
  await give(ledger, "s2", 1);
  const { plans, link, published } = publisher(ledger);
  await expect.poll(() => published).toEqual(["s1 1", "s2 1"]);
  // One that the broker does not take keeps no other one back.
  link.refusedStoreId = "s1";
  await give(ledger, "s1", 2);
  await expect.poll(() => published.length).toBeGreaterThan(3);
  await give(ledger, "s2", 2);
  await expect.poll(() => published).toContain("s2 2");
  link.refusedStoreId = "";
  await sleep(looksMs);
  const count = published.length;
  await sleep(looksMs);
  expect(published).toHaveLength(count);
  expect(new Set(published.slice(2))).toEqual(new Set(["s1 2", "s2 2"]));
  published.length = 0;
  link.isOnline = false;
  await give(ledger, "s1", 3);
  await sleep(looksMs);
  expect(published).toEqual([]);
  plans.onOnline();
  link.isOnline = true;
  await expect.poll(() => published).toEqual(["s1 3", "s2 2"]);
});

test("of two bridges the one that holds a store publishes its plan, whoever changed it; and the next one does", async () => {
  const ledger = await openLedger();
  await give(ledger, "s1", 1);
  let holder = "one";
  let lookCount = 0;
  const one = publisher(ledger, () => {
    lookCount += 1;
    return holder === "one";
  });
  const other = publisher(ledger, () => holder === "other");
  await expect.poll(() => one.published).toEqual(["s1 1"]);
  await give(ledger, "s1", 2);
  await expect.poll(() => one.published).toEqual(["s1 1", "s1 2"]);
  expect(other.published).toEqual([]);
  holder = "other";
  const before = lookCount;
  await expect.poll(() => other.published).toEqual(["s1 2"]);
  await expect.poll(() => lookCount).toBeGreaterThan(before + 1);
  holder = "one";
  await expect.poll(() => one.published).toEqual(["s1 1", "s1 2", "s1 2"]);
  expect(other.published).toEqual(["s1 2"]);
});

test("a plan is not published of a store that went to another bridge while it was read", async () => {
  const ledger = await openLedger();
  await give(ledger, "s1", 1);
  const isHeld = [true, false];
  const { published } = publisher(ledger, () => isHeld.shift() ?? false);
  await expect.poll(() => isHeld).toEqual([]);
  await sleep(looksMs);
  expect(published).toEqual([]);
});
