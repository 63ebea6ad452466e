// Alerts of a real ledger on a link that the test rules: each that is raised, in order, over everything that stops.

import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { FollowedTopics } from "../../../cloud-bridge/publish/followed-topics.ts";
import { alertSource } from "../../../cloud-bridge/publish/topic-sources.ts";
import { alertSchema } from "../../../contract/stock.ts";
import { openLedger } from "../ledger/edge-fixture.ts";
import { coffee, FakeEdge, noticed, shirt, startAtMs, tea } from "../ledger/fake-edge.ts";
import { counting, TestLink } from "./publisher-kit.ts";

const storeId = "s0042";
let nowMs = startAtMs;
beforeEach(() => {
  nowMs = startAtMs;
});

/** A ledger, an edge that raises alerts, and a link. */
async function prepare() {
  const ledger = await openLedger();
  const edge = new FakeEdge();
  const link = new TestLink();
  const raise = async (...gtins: string[]) => {
    const first = edge.lastSequence + 1;
    const of = (gtin: string) => noticed("exit_unpaid", { severity: "alarm", detail: { gtin } });
    await ledger.post([edge.append(...gtins.map(of)).batch(first)], nowMs);
  };
  const told = () =>
    link.sent.map(({ topic, payload }) => {
      expect(topic).toBe(`gondola/1/${storeId}/alerts`);
      const { number, alertId, detail } = alertSchema.parse(JSON.parse(payload));
      numbers.add(number!);
      return [alertId, detail["gtin"]];
    });
  /** Of what was told; as many as messages, where nothing was told twice. */
  const numbers = new Set<number>();
  return { ledger, link, raise, told, numbers };
}

/** A publisher that runs until it is finished. */
function publisher(ledger: SqliteLedger, link: TestLink) {
  const source = alertSource(ledger);
  const { count } = counting();
  const topics = new FollowedTopics(source, {
    ...{ ledger, link, clock: systemClock, count, queueCountMax: 100, isHeld: () => true },
  });
  const stop = new AbortController();
  const done = topics.run(stop.signal);
  const finish = () => {
    stop.abort();
    return done;
  };
  return { topics, finish };
}

test("what is raised is told once, also while nobody publishes; what was there before is not", async () => {
  const { ledger, link, raise, told, numbers } = await prepare();
  await raise(coffee);
  const first = publisher(ledger, link);
  await expect
    .poll(() => ledger.followers.position("alert-topic", storeId))
    .toBeGreaterThanOrEqual(startAtMs);
  // Raised again, it is the same one, and told again.
  await raise(tea, coffee);
  first.topics.onNews(storeId);
  const twice = [
    [2, tea],
    [1, coffee],
  ];
  await expect.poll(told).toEqual(twice);
  await first.finish();
  // The bridge is away.
  await raise(shirt);
  const second = publisher(ledger, link);
  await expect.poll(told).toEqual([...twice, [3, shirt]]);
  await second.finish();
  await publisher(ledger, link).finish();
  expect(told()).toHaveLength(3);
  expect(numbers.size).toBe(3);
  // Of what was told one row is left.
  const query = { storeId, afterNumber: 0, countMax: 9 };
  expect(await ledger.followers.alerts(query)).toHaveLength(1);
});

test("over a broker that goes away none is left out", async () => {
  const { ledger, link, raise, told, numbers } = await prepare();
  await publisher(ledger, link).finish();
  let isFirst = true;
  link.isTaking = () => {
    if (!isFirst) return true;
    isFirst = false;
    link.isOnline = false;
    return false;
  };
  const { topics, finish } = publisher(ledger, link);
  await raise(coffee, tea, shirt);
  topics.onNews(storeId);
  await expect.poll(() => link.isOnline).toBe(false);
  expect(told()).toEqual([]);
  link.isOnline = true;
  topics.onOnline();
  await expect.poll(() => new Set(told().map(([id]) => id)).size).toBe(3);
  expect(numbers.size).toBe(3);
  await finish();
});

test("what is muted is not told, also when it is opened anew, and is again after its time", async () => {
  const { ledger, link, raise, told } = await prepare();
  const { topics, finish } = publisher(ledger, link);
  await raise(coffee);
  topics.onNews(storeId);
  await expect.poll(told).toEqual([[1, coffee]]);
  await ledger.muteAlert({ storeId, alertId: 1, by: "ada", untilMs: startAtMs + 1 });
  await ledger.acknowledgeAlert({ storeId, alertId: 1, by: "ada", nowMs: startAtMs });
  await raise(coffee, tea);
  topics.onNews(storeId);
  const before = [
    [1, coffee],
    [3, tea],
  ];
  await expect.poll(told).toEqual(before);
  nowMs = startAtMs + 2;
  await raise(coffee);
  topics.onNews(storeId);
  await expect.poll(told).toEqual([...before, [2, coffee]]);
  await finish();
});

test("after a ledger was set back, numbers are above those that were told before", async () => {
  const { ledger, link, raise, told, numbers } = await prepare();
  const { topics, finish } = publisher(ledger, link);
  nowMs = startAtMs + 1000;
  await raise(coffee, tea, shirt);
  topics.onNews(storeId);
  await expect.poll(() => told().length).toBe(3);
  await finish();
  // A ledger that knows nothing of these.
  const restored = await prepare();
  nowMs = startAtMs + 5000;
  const again = publisher(restored.ledger, restored.link);
  await restored.raise(coffee);
  again.topics.onNews(storeId);
  await expect.poll(() => restored.told().length).toBe(1);
  expect(Math.min(...restored.numbers)).toBeGreaterThan(Math.max(...numbers));
  await again.finish();
});
