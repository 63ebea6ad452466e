// Entries of a real ledger over a link that the test rules: in order, each at least once, over everything that stops.

import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { FollowedTopics } from "../../../cloud-bridge/publish/followed-topics.ts";
import { entrySource } from "../../../cloud-bridge/publish/topic-sources.ts";
import { type Entry, entrySchema } from "../../../contract/stock.ts";
import { TestOutbox } from "../test-outbox.ts";
import { counting, postReceipts, TestLink, useLedger } from "./publisher-kit.ts";

const gtin = "09506000134352";
const ledger = useLedger();

/** Posts receipts; gives the entries. */
async function post(outbox: TestOutbox, count: number): Promise<Entry[]> {
  return (await postReceipts(ledger(), outbox, Array(count).fill(gtin))).entries;
}

/** A publisher on a link that the test rules. */
function publisher(
  settings: { queueCountMax?: number; isHeld?: (storeId: string) => boolean } = {},
) {
  const read: Entry[] = [];
  const link = new TestLink();
  const { counts, count } = counting();
  const source = entrySource(ledger(), (entries) => read.push(...entries));
  const entryTopics = new FollowedTopics(source, {
    ...{ ledger: ledger(), link, clock: systemClock, count },
    queueCountMax: settings.queueCountMax ?? 1000,
    isHeld: settings.isHeld ?? (() => true),
  });
  const stop = new AbortController();
  const done = entryTopics.run(stop.signal);
  const finish = () => {
    stop.abort();
    return done;
  };
  const numbers = (storeId = "s1") =>
    link.sent
      .map(({ payload }) => entrySchema.parse(JSON.parse(payload)))
      .filter((entry) => entry.storeId === storeId)
      .map(({ entryNumber }) => entryNumber);
  return { entryTopics, link, read, counts, numbers, finish };
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test("what is committed goes out at once, in order, and not through the ledger", async () => {
  const { entryTopics, read, numbers, finish } = publisher();
  const outbox = new TestOutbox("s1", "e1");
  entryTopics.onPosted(await post(outbox, 3));
  await expect.poll(() => numbers().length).toBe(3);
  const readCount = read.length;
  for (let round = 0; round < 20; round += 1) entryTopics.onPosted(await post(outbox, 5));
  await expect.poll(() => numbers().length).toBe(103);
  expect(numbers()).toEqual(upTo(103));
  expect(read).toHaveLength(readCount);
  await finish();
});

test("over a link that breaks, each entry goes out in order, none is left out", async () => {
  const { entryTopics, link, numbers, finish } = publisher();
  let restCount = 7;
  link.isTaking = () => {
    restCount -= 1;
    if (restCount === 0) {
      link.isOnline = false;
      setTimeout(() => {
        restCount = 13;
        link.isOnline = true;
        entryTopics.onOnline();
      }, 5);
    }
    return restCount >= 0;
  };
  const outbox = new TestOutbox("s1", "e1");
  for (let round = 0; round < 20; round += 1) entryTopics.onPosted(await post(outbox, 10));
  await expect.poll(() => new Set(numbers()).size, { timeout: 10_000 }).toBe(200);
  await finish();
  // Repeats stand beside what they repeat: the broker took it, and what came before was not taken.
  const firsts = [...new Set(numbers())];
  expect(firsts).toEqual(upTo(200));
});

test("what is beyond the queue is read from the ledger, in order", async () => {
  const { entryTopics, link, counts, numbers, finish } = publisher({ queueCountMax: 3 });
  const outbox = new TestOutbox("s1", "e1");
  entryTopics.onPosted(await post(outbox, 1));
  await expect.poll(() => numbers().length).toBe(1);
  link.isOnline = false;
  entryTopics.onPosted(await post(outbox, 10));
  expect(counts.get("publish_queue_released")).toBe(4);
  expect(entryTopics.waitingCount).toBe(0);
  link.isOnline = true;
  entryTopics.onOnline();
  await expect.poll(() => numbers().length).toBe(11);
  expect(numbers()).toEqual(upTo(11));
  await finish();
});

test("one that starts goes on where the one before stopped, and behind one that was killed", async () => {
  const outbox = new TestOutbox("s1", "e1");
  const first = publisher();
  first.entryTopics.onPosted(await post(outbox, 5));
  await expect.poll(() => first.numbers().length).toBe(5);
  await first.finish();
  await post(outbox, 4);
  // Its entries were never given to a publisher: the bridge was killed after the commit.
  const second = publisher();
  await expect.poll(() => second.numbers().length).toBe(4);
  expect(second.numbers()).toEqual(upTo(9, 6));
  // Their levels may not have gone out either.
  expect(second.read.map(({ entryNumber }) => entryNumber)).toEqual(upTo(9, 6));
  await second.finish();
});

test("a store that is released goes on elsewhere, without a hole", async () => {
  const held = new Set(["s1"]);
  const first = publisher({ isHeld: (storeId) => held.has(storeId) });
  const outbox = new TestOutbox("s1", "e1");
  const other = new TestOutbox("s2", "e1", "bbbbbbbb-0001");
  first.entryTopics.onPosted(await post(outbox, 5));
  first.entryTopics.onPosted(await post(other, 2));
  await expect.poll(() => first.numbers().length).toBe(5);
  held.clear();
  await first.entryTopics.release((storeId) => storeId === "s1");
  // Posted by the first for the second, which hears of it, and later by itself.
  first.entryTopics.onPosted(await post(outbox, 2));
  const second = publisher({ isHeld: (storeId) => storeId === "s1" });
  second.entryTopics.onNews("s1");
  second.entryTopics.onPosted(await post(outbox, 3));
  await expect.poll(() => second.numbers().length).toBe(5);
  expect([first.numbers(), second.numbers()]).toEqual([upTo(5), upTo(10, 6)]);
  expect([...first.numbers("s2"), ...second.numbers("s2")]).toEqual([]);
  await first.finish();
  await second.finish();
});
