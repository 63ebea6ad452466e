import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { StockTopics } from "../../../cloud-bridge/publish/stock-topics.ts";
import { checkDigitOf } from "../../../contract/gs1/check-digit.ts";
import { type Alert, alertSchema, stockLevelSchema } from "../../../contract/stock.ts";
import { topics } from "../../../contract/topics.ts";
import { TestOutbox } from "../test-outbox.ts";
import { counting, postReceipts, TestLink, useLedger } from "./publisher-kit.ts";

const gtins = ["09506000134352", "09521321001015", "09521321001022"];
const ledger = useLedger();
const post = (outbox: TestOutbox, ...items: string[]) => postReceipts(ledger(), outbox, items);

/** A publisher on a link that the test rules. */
function publisher(settings: { queueCountMax?: number; clock?: typeof systemClock } = {}) {
  const link = new TestLink();
  const { sent } = link;
  const { counts, count } = counting();
  const stockTopics = new StockTopics({
    ...{ ledger: ledger(), link, clock: settings.clock ?? systemClock, republishPauseMs: 1, count },
    queueCountMax: settings.queueCountMax ?? 1000,
    storeIds: async () => [...new Set((await ledger().positions()).map(({ storeId }) => storeId))],
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
  const alertsOf = () =>
    sent
      .filter(({ topic }) => topic.endsWith("/alerts"))
      .map(({ payload }) => alertSchema.parse(JSON.parse(payload)).atMs);
  return { stockTopics, link, sent, counts, levels, alertsOf, finish };
}

const alert = (atMs: number): Alert => ({
  ...{ storeId: "s1", code: "count_needed", severity: "warning", atMs, message: "m", detail: {} },
});

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

test("over a link that breaks, alerts stay in order and revisions never go back", async () => {
  const { stockTopics, link, levels, alertsOf, finish } = publisher();
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
    stockTopics.onPosted({ ...posted, alerts: [alert(2 * round), alert(2 * round + 1)] });
  }
  await expect.poll(() => stockTopics.waitingCount, { timeout: 10_000 }).toBe(0);
  await finish();
  expect(alertsOf()).toEqual(Array.from({ length: 40 }, (_, index) => index));
  for (const gtin of gtins) {
    const own = levels().filter((level) => level.gtin === gtin);
    const revisions = own.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
    expect(own.at(-1)).toEqual(
      (await ledger().stockLevels({ storeId: "s1", gtin, countMax: 1 }))[0],
    );
  }
});

test("the queue is bounded, what is dropped is counted, the newest stays", async () => {
  const { stockTopics, link, counts, alertsOf, finish } = publisher({ queueCountMax: 3 });
  link.isOnline = false;
  const alerts = Array.from({ length: 10 }, (_, index) => alert(index));
  stockTopics.onPosted({ changedItems: [], alerts });
  expect(counts.get("publish_queue_dropped")).toBe(7);
  link.isOnline = true;
  await finish();
  expect(alertsOf()).toEqual([7, 8, 9]);
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
  const posted = await post(new TestOutbox("s0042", "edge-1"), ...gtins);
  const alerts = Array.from({ length: 250 }, (_, index) => alert(index));
  const stopped = finish();
  stockTopics.onPosted({ ...posted, alerts });
  await stopped;
  // One round: a window of alerts, and the levels.
  expect(sent).toHaveLength(100 + gtins.length);
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

function withCheckDigit(digits: string): string {
  return `${digits}${checkDigitOf(digits)}`;
}
