import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import {
  StockTopics,
  type StockTopicsOptions,
} from "../../../cloud-bridge/publish/stock-topics.ts";
import { checkDigitOf } from "../../../contract/gs1/check-digit.ts";
import { stockLevelSchema } from "../../../contract/stock.ts";
import { topics } from "../../../contract/topics.ts";
import { TestOutbox } from "../test-outbox.ts";
import { counting, postReceipts, TestLink, useLedger } from "./publisher-kit.ts";

const gtins = ["09506000134352", "09521321001015", "09521321001022"];
const ledger = useLedger();
const post = (outbox: TestOutbox, ...items: string[]) => postReceipts(ledger(), outbox, items);

/** A publisher on a link that the test rules. */
function publisher(settings: Partial<StockTopicsOptions> = {}) {
  const link = new TestLink();
  const { sent } = link;
  const { counts, count } = counting();
  const stockTopics = new StockTopics({
    ...{ ledger: ledger(), link, clock: systemClock, republishPauseMs: 1, count },
    storeIds: async () => [...new Set((await ledger().positions()).map(({ storeId }) => storeId))],
    ...settings,
  });
  const stop = new AbortController();
  const done = stockTopics.run(stop.signal);
  const finish = () => {
    stop.abort();
    return done;
  };
  const levels = () =>
    sent
      .filter(({ topic }) => topic.includes("/stock/"))
      .map(({ payload }) => stockLevelSchema.parse(JSON.parse(payload)));
  return { stockTopics, link, sent, counts, levels, finish };
}

test("what was committed while the broker was away is one level an item", async () => {
  const { stockTopics, link, levels, finish } = publisher();
  link.isOnline = false;
  const outbox = new TestOutbox("s1", "e1");
  for (let round = 0; round < 5; round += 1) {
    stockTopics.onPosted(await post(outbox, gtins[0]!, gtins[1]!));
  }
  expect(stockTopics.waitingCount).toBe(2);
  const last = await post(outbox, gtins[0]!);
  link.isOnline = true;
  stockTopics.onPosted(last);
  await finish();
  expect(levels().map(({ gtin, revision, sellable }) => [gtin, revision, sellable])).toEqual([
    [gtins[0], 11, 6],
    [gtins[1], 10, 5],
  ]);
});

test("what is said of all products of a store brings all its levels", async () => {
  const { stockTopics, levels, finish } = publisher();
  stockTopics.onPosted(await post(new TestOutbox("s1", "e1"), ...gtins));
  await expect.poll(() => levels().length).toBe(3);
  stockTopics.onPosted({ changedItems: [{ storeId: "s1", gtin: "*" }] });
  await expect.poll(() => levels().length).toBe(6);
  await finish();
});

test("over a link that breaks, revisions never go back", async () => {
  const { stockTopics, link, levels, finish } = publisher();
  let restCount = 5;
  link.isTaking = () => {
    restCount -= 1;
    if (restCount < 0 && link.isOnline) {
      link.isOnline = false;
      setTimeout(() => {
        restCount = 11;
        link.isOnline = true;
        stockTopics.onOnline();
      }, 5);
    }
    return restCount >= 0;
  };
  const outbox = new TestOutbox("s1", "e1");
  for (let round = 0; round < 20; round += 1) {
    const posted = await post(outbox, gtins[round % 3]!, gtins[(round + 1) % 3]!);
    stockTopics.onPosted(posted);
  }
  const now = await ledger().stockLevels({ storeId: "s1", countMax: 9, nowMs: 0 });
  const own = (gtin: string) => levels().filter((level) => level.gtin === gtin);
  await expect
    .poll(() => now.map(({ gtin }) => own(gtin).at(-1)), { timeout: 10_000 })
    .toEqual(now);
  await finish();
  for (const gtin of gtins) {
    const revisions = own(gtin).map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
  }
});

test("what the broker takes too slowly is left at the stop, and counted", async () => {
  let nowMs = 0;
  // Each message takes two seconds by this clock.
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const { stockTopics, sent, counts, link, finish } = publisher({ clock });
  link.isTaking = () => {
    nowMs += 2_000;
    return true;
  };
  const many = Array.from({ length: 250 }, (_, index) =>
    withCheckDigit(`0950600${String(index).padStart(6, "0")}`),
  );
  const posted = await post(new TestOutbox("s0042", "edge-1"), ...many);
  const stopped = finish();
  stockTopics.onPosted(posted);
  await stopped;
  // One round.
  expect(sent).toHaveLength(100);
  expect(counts.get("publish_left_at_stop")).toBe(150);
});

test("after a connection every level of every store is published anew, page by page", async () => {
  const many = Array.from({ length: 450 }, (_, index) =>
    withCheckDigit(`0950600${String(index).padStart(6, "0")}`),
  );
  for (let at = 0; at < many.length; at += 150) {
    await post(new TestOutbox("s1", "e1", `aaaaaaaa-${1000 + at}`), ...many.slice(at, at + 150));
  }
  await post(new TestOutbox("s2", "e1"), gtins[0]!);
  const { stockTopics, sent, levels, finish } = publisher();
  stockTopics.onOnline();
  await expect.poll(() => levels().length).toBe(451);
  await finish();
  expect(new Set(sent.map(({ topic }) => topic)).size).toBe(451);
  expect(sent.at(-1)).toMatchObject({ topic: topics.stock("s2", gtins[0]!), retain: true });
});

test("it is told whether what was taken until some time is out, whatever came after", async () => {
  const { stockTopics, link, finish } = publisher();
  link.isTaking = () => false;
  const outbox = new TestOutbox("s1", "e1");
  expect(stockTopics.taken()()).toBe(true);
  stockTopics.onPosted(await post(outbox, gtins[0]!));
  const isOut = stockTopics.taken();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isOut()).toBe(false);
  // The second item never goes out.
  stockTopics.onPosted(await post(outbox, gtins[1]!));
  link.isTaking = ({ topic }) => topic.endsWith(gtins[0]!);
  await expect.poll(isOut).toBe(true);
  expect(stockTopics.taken()()).toBe(false);
  link.isTaking = () => true;
  await finish();
  expect(stockTopics.taken()()).toBe(true);
});

test("stores are published anew as they are asked for; those that are released no more", async () => {
  for (const storeId of ["s1", "s2", "s3"]) await post(new TestOutbox(storeId, "e1"), ...gtins);
  const { stockTopics, link, levels, finish } = publisher({ isYoung: (id) => id === "s3" });
  link.isOnline = false;
  stockTopics.republish(["s1", "s2"]);
  stockTopics.republish(["s2", "s3"]);
  stockTopics.onPosted({ changedItems: [{ storeId: "s1", gtin: gtins[0]! }] });
  stockTopics.release((storeId) => storeId === "s1");
  link.isOnline = true;
  await expect.poll(() => stockTopics.isRepublishing).toBe(false);
  const stores = levels().map(({ storeId }) => storeId);
  expect(stores.sort()).toEqual(["s2", "s2", "s2", "s3", "s3", "s3"]);
  // A bridge that stood still comes back: what it may overwrite is said again, once.
  stockTopics.onMembers();
  await expect.poll(() => levels().length).toBe(9);
  expect(
    new Set(
      levels()
        .slice(6)
        .map(({ storeId }) => storeId),
    ),
  ).toEqual(new Set(["s3"]));
  await finish();
});

function withCheckDigit(digits: string): string {
  return `${digits}${checkDigitOf(digits)}`;
}
