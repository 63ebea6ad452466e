// Plans of a real ledger to the topics of the bridge that holds a store.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { PlanTopics, type PlanTopicsOptions } from "../../../cloud-bridge/publish/plan-topics.ts";
import { givenPlanSchema } from "../../../contract/plan.ts";
import { openLedger } from "../ledger/edge-fixture.ts";
import { coffee, FakeEdge, moved, startAtMs } from "../ledger/fake-edge.ts";

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
function publisher(
  ledger: PlanTopicsOptions["ledger"],
  isHeld: (storeId: string) => boolean = () => true,
  options: Partial<PlanTopicsOptions> = {},
) {
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
  const plans = new PlanTopics({ ledger, isHeld, link, clock, ...options });
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
  plans.onAnew(() => true);
  link.isOnline = true;
  await expect.poll(() => published).toEqual(["s1 3", "s2 2"]);
});

test("of two bridges the one that holds a store publishes its plan, whoever changed it; and the next one does", async () => {
  const ledger = await openLedger();
  await give(ledger, "s1", 1);
  let holder = "one";
  const one = publisher(ledger, () => holder === "one");
  const other = publisher(ledger, () => holder === "other");
  await expect.poll(() => one.published).toEqual(["s1 1"]);
  await give(ledger, "s1", 2);
  await expect.poll(() => one.published).toEqual(["s1 1", "s1 2"]);
  expect(other.published).toEqual([]);
  holder = "other";
  one.plans.release(() => true);
  other.plans.onTaken();
  await expect.poll(() => other.published).toEqual(["s1 2"]);
  holder = "one";
  one.plans.onTaken();
  await expect.poll(() => one.published).toEqual(["s1 1", "s1 2", "s1 2"]);
  expect(other.published).toEqual(["s1 2"]);
});

test("where the broker has what was published before, only what is newer goes out", async () => {
  const ledger = await openLedger();
  for (const storeId of ["s1", "s2"]) await give(ledger, storeId, 1);
  await ledger.followers.advanceAll("plan-topic", [
    ["s1", 1],
    ["s2", 1],
  ]);
  await give(ledger, "s2", 2);
  const { plans, published } = publisher(ledger, () => true, {
    isKept: () => true,
    isYoung: () => true,
  });
  await expect.poll(() => published).toEqual(["s2 2"]);
  await sleep(looksMs);
  expect(published).toEqual(["s2 2"]);
  // What another bridge had on its way may be older than what went out lately.
  plans.onMembers();
  await expect.poll(() => published).toEqual(["s2 2", "s2 2"]);
});

test("while no plan changes, a look reads none", async () => {
  const ledger = await openLedger();
  for (let store = 1; store <= 30; store += 1) await give(ledger, `s${store}`, 1);
  const read = { all: 0, news: 0 };
  const { published } = publisher({
    plan: (storeId) => ledger.plan(storeId),
    async planNews(query) {
      const rows = await ledger.planNews(query);
      read[query === undefined ? "all" : "news"] += rows.length;
      return rows;
    },
  });
  await expect.poll(() => published.length).toBe(30);
  await sleep(10 * looksMs);
  expect(read).toEqual({ all: 30, news: 0 });
  await give(ledger, "s7", 2);
  await expect.poll(() => published.at(-1)).toBe("s7 2");
  expect(read).toEqual({ all: 30, news: 1 });
});

test("of a store where other places count in levels these go out before the plan does", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge();
  const to = { location: "s0042/desk", state: "sellable" };
  await ledger.post([edge.append(moved("receiving", coffee, { to })).batch(1)], startAtMs);
  const asked: string[] = [];
  const onPlaces = async (storeId: string) => {
    asked.push(`${storeId} ${published.length}`);
  };
  const { published } = publisher(ledger, () => true, { onPlaces });
  const withDesk = (version: number, role: string) =>
    ledger.setPlan(
      givenPlanSchema.parse({
        ...{ schemaVersion: 1, storeId: "s0042", version, products: [], facings: [] },
        locations: [{ location: "s0042/desk", role }],
      }),
    );
  await withDesk(1, "floor");
  await expect.poll(() => published).toEqual(["s0042 1"]);
  expect(asked).toEqual([]);
  await withDesk(2, "collection_point");
  await expect.poll(() => published).toEqual(["s0042 1", "s0042 2"]);
  expect(asked).toEqual(["s0042 1"]);
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
