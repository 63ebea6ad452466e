import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { WebhookGuard } from "../../../cloud-bridge/publish/webhook-guard.ts";
import { WebhookClient } from "../../../cloud-bridge/publish/webhook-request.ts";
import { type WebhookSettings, Webhooks } from "../../../cloud-bridge/publish/webhooks.ts";
import type { WebhookKind } from "../../../contract/webhook.ts";
import { ledgerPath, openLedger } from "../ledger/edge-fixture.ts";
import { coffee, FakeEdge, moved, startAtMs } from "../ledger/fake-edge.ts";
import { Receiver } from "./receiver.ts";

const storeId = "s0042";
const secret = "a secret of the test";
const settings = { attemptCountMax: 4, retryDelayMsMin: 20, retryDelayMsMax: 50, timeoutMs: 200 };

async function openReceiver(): Promise<Receiver> {
  const receiver = await Receiver.open();
  receiver.secret = secret;
  onTestFinished(() => receiver.close());
  return receiver;
}

function webhookTo(url: string, kinds: WebhookKind[] = ["entries"], stores: string[] = []) {
  return { webhookId: "w1", url, kinds, stores, secret, createdAtMs: startAtMs };
}

/** Starts to deliver; the function stops it. */
function deliver(ledger: SqliteLedger, change: Partial<WebhookSettings> = {}) {
  const stop = new AbortController();
  const client = new WebhookClient(new WebhookGuard(["127.0.0.0/8"]));
  const counts: Record<string, number> = {};
  const webhooks = new Webhooks({
    ...{ ledger, client, places: new Places(), clock: systemClock, random: Math.random },
    settings: { ...settings, ...change },
    count: (name, by = 1) => {
      counts[name] = (counts[name] ?? 0) + by;
    },
  });
  const done = webhooks.run(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
    client.close();
  };
  onTestFinished(end);
  return { end, counts };
}

/** Posts entries of a store one after another. */
function poster(ledger: SqliteLedger, store = storeId) {
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", store);
  return async (count: number) => {
    const first = edge.lastSequence + 1;
    for (let number = 0; number < count; number += 1) {
      const to = { location: `${store}/stockroom`, state: "sellable" };
      edge.append(moved("receiving", coffee, { to }));
    }
    await ledger.post([edge.batch(first)], startAtMs);
  };
}

const numbersOf = (receiver: Receiver, store = storeId) =>
  receiver.taken
    .filter((delivery) => delivery.storeId === store)
    .flatMap(({ items }) => items as { entryNumber: number }[])
    .map(({ entryNumber }) => entryNumber);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const author = () => ({ by: "m", nowMs: systemClock.nowMs() });

test("entries come signed, in order, in deliveries of a hundred, from all stores or some", async () => {
  const ledger = await openLedger();
  const receiver = await openReceiver();
  await ledger.webhooks.add(webhookTo(receiver.url, ["entries"], [storeId]), "now", "m");
  await poster(ledger)(250);
  await poster(ledger, "s0043")(5);
  deliver(ledger);
  await expect.poll(() => numbersOf(receiver)).toEqual(upTo(250));
  expect(receiver.taken.map(({ deliveryId }) => deliveryId)).toEqual([
    "w1/s0042/entries/1-100",
    "w1/s0042/entries/101-200",
    "w1/s0042/entries/201-250",
  ]);
  expect(receiver.receipts.every(({ isSigned }) => isSigned)).toBe(true);
  expect(numbersOf(receiver, "s0043")).toEqual([]);
});

test("every kind is told, and fits its schema", async () => {
  const ledger = await openLedger();
  const receiver = await openReceiver();
  const kinds: WebhookKind[] = ["entries", "alerts", "stock", "epcis"];
  await ledger.webhooks.add(webhookTo(receiver.url, kinds), "now", "m");
  const edge = new FakeEdge().append(
    moved("retail_selling", coffee, { from: { location: "s0042/floor", state: "sellable" } }),
  );
  await ledger.post([edge.batch(1)], startAtMs);
  deliver(ledger);
  await expect.poll(() => new Set(receiver.taken.map(({ kind }) => kind)).size).toBe(4);
  const itemsOf = (kind: WebhookKind) => receiver.taken.find((each) => each.kind === kind)!.items;
  expect(itemsOf("alerts")).toMatchObject([{ code: "negative_stock", alertId: 1 }]);
  expect(itemsOf("stock")).toMatchObject([{ gtin: coffee, sellable: -1 }]);
  expect(itemsOf("epcis")).toMatchObject([{ bizStep: "retail_selling" }]);
});

test.each(["fail", "hang", "cut"] as const)(
  "a receiver that does %s, and recovers, misses nothing and gets the same delivery",
  async (mood) => {
    const ledger = await openLedger();
    const receiver = await openReceiver();
    await ledger.webhooks.add(webhookTo(receiver.url), "now", "m");
    receiver.mood = mood;
    const post = poster(ledger);
    await post(3);
    deliver(ledger, { attemptCountMax: 1000 });
    await expect.poll(() => receiver.receipts.length, { timeout: 5000 }).toBeGreaterThan(2);
    // What comes meanwhile waits its turn, and does not change the delivery that was begun.
    await post(4);
    receiver.mood = "take";
    await expect.poll(() => numbersOf(receiver), { timeout: 5000 }).toEqual(upTo(7));
    const ids = receiver.receipts.map(({ delivery }) => delivery.deliveryId);
    expect(new Set(ids)).toEqual(new Set(["w1/s0042/entries/1-3", "w1/s0042/entries/4-7"]));
    expect(await ledger.webhooks.failing()).toEqual([]);
  },
);

test("what was begun before a kill is told after it, with the same identity", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const receiver = await openReceiver();
  await ledger.webhooks.add(webhookTo(receiver.url), "now", "m");
  receiver.mood = "hang";
  const post = poster(ledger);
  await post(2);
  const first = deliver(ledger, { timeoutMs: 60_000 });
  await expect.poll(() => receiver.receipts.length).toBe(1);
  await post(3);
  await ledger.abandon();
  await first.end().catch(() => undefined);
  receiver.mood = "take";
  const again = await openLedger({ path });
  deliver(again);
  await expect.poll(() => numbersOf(receiver)).toEqual(upTo(5));
  expect(receiver.receipts.map(({ delivery }) => delivery.deliveryId)).toEqual([
    ...["w1/s0042/entries/1-2", "w1/s0042/entries/1-2", "w1/s0042/entries/3-5"],
  ]);
});

test.each([
  ["fail", 4, "answered 500"],
  ["refuse", 3, "answered 400"],
  ["redirect", 3, "redirects are not followed"],
] as const)(
  "after enough of %s a delivery is dead, until it is made again",
  async (mood, attemptCount, error) => {
    const ledger = await openLedger();
    const receiver = await openReceiver();
    await ledger.webhooks.add(webhookTo(receiver.url), "now", "m");
    receiver.mood = mood;
    const post = poster(ledger);
    await post(2);
    const { counts } = deliver(ledger);
    const dead = () => ledger.webhooks.dead({ countMax: 10 });
    await expect.poll(async () => (await dead()).length, { timeout: 5000 }).toBe(1);
    expect(await dead()).toMatchObject([
      {
        storeId,
        firstNumber: 1,
        lastNumber: 2,
        attemptCount,
        error: expect.stringContaining(error),
      },
    ]);
    expect(receiver.receipts).toHaveLength(attemptCount);
    expect(counts["webhook_deliveries_dead"]).toBe(1);
    // The stream goes on without it.
    receiver.mood = "take";
    await post(1);
    await expect.poll(() => numbersOf(receiver)).toEqual([3]);
    expect(await ledger.webhooks.retry({ webhookId: "w1" }, author())).toBe(1);
    await expect.poll(() => numbersOf(receiver)).toEqual([3, 1, 2]);
    await expect.poll(dead).toEqual([]);
  },
);

test("a slow receiver of one store holds up no other store", async () => {
  const ledger = await openLedger();
  const [slow, quick] = [await openReceiver(), await openReceiver()];
  slow.mood = "hang";
  await ledger.webhooks.add({ ...webhookTo(slow.url), webhookId: "w-slow" }, "now", "m");
  await ledger.webhooks.add({ ...webhookTo(quick.url), webhookId: "w-quick" }, "now", "m");
  const stores = upTo(10).map((number) => `s${number}`);
  for (const store of stores) await poster(ledger, store)(1);
  deliver(ledger, { timeoutMs: 3000 });
  await expect.poll(() => quick.taken.length).toBe(10);
  expect(slow.receipts.length).toBeLessThanOrEqual(4);
});

test("who subscribes is told what comes, or everything; who left is told nothing", async () => {
  const ledger = await openLedger();
  const [late, all] = [await openReceiver(), await openReceiver()];
  const post = poster(ledger);
  await post(3);
  await ledger.webhooks.add({ ...webhookTo(late.url), webhookId: "w-late" }, "now", "m");
  await ledger.webhooks.add({ ...webhookTo(all.url), webhookId: "w-all" }, "first", "m");
  await post(1);
  const { end } = deliver(ledger);
  await expect.poll(() => numbersOf(all)).toEqual(upTo(4));
  await expect.poll(() => numbersOf(late)).toEqual([4]);
  await end();
  expect(await ledger.webhooks.remove("w-all", author())).toBe(true);
  await post(1);
  deliver(ledger);
  await expect.poll(() => numbersOf(late)).toEqual([4, 5]);
  expect(numbersOf(all)).toEqual(upTo(4));
});
