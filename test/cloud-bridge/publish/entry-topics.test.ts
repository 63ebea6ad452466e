// Entries of a real ledger over a link that the test rules: in order, each at least once, over everything that stops.

import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { OutgoingMessage } from "../../../cloud-bridge/link.ts";
import { EntryTopics } from "../../../cloud-bridge/publish/entry-topics.ts";
import { decodeBatch } from "../../../contract/batch-codec.ts";
import { type Entry, entrySchema } from "../../../contract/stock.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { received, TestOutbox } from "../test-outbox.ts";

const gtin = "09506000134352";
let ledger: SqliteLedger;
let remove: () => Promise<void>;
beforeEach(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  ledger = await SqliteLedger.open({ path: join(folder.path, "ledger.db"), nowMs: Date.now() });
});
afterEach(async () => {
  await ledger.close();
  await remove();
});

/** Posts receipts, as an edge would send them; gives the entries. */
async function post(outbox: TestOutbox, count: number): Promise<Entry[]> {
  const drafts = Array.from({ length: count }, () => received(outbox.storeId, gtin));
  const decoded = decodeBatch(outbox.batch(...drafts));
  if (!decoded.ok) throw new Error(decoded.refusal.message);
  const { storeId, edgeId } = outbox;
  const [committed] = await ledger.post([{ storeId, edgeId, batch: decoded.batch }], Date.now());
  return committed!.entries;
}

/** A publisher on a link that the test rules; `crash` leaves it as a killed process would. */
function publisher(
  settings: { queueCountMax?: number; isHeld?: (storeId: string) => boolean } = {},
) {
  const sent: Entry[] = [];
  const read: Entry[] = [];
  const counts = new Map<string, number>();
  const link = {
    isOnline: true,
    isTaking: (_message: OutgoingMessage) => true,
    publish: async (message: OutgoingMessage) => {
      await new Promise((resolve) => setImmediate(resolve));
      const isTaken = link.isOnline && link.isTaking(message);
      if (isTaken) sent.push(entrySchema.parse(JSON.parse(message.payload)));
      return isTaken;
    },
  };
  const entryTopics = new EntryTopics({
    ...{ ledger, link, clock: systemClock, queueCountMax: settings.queueCountMax ?? 1000 },
    isHeld: settings.isHeld ?? (() => true),
    onRead: (entries) => read.push(...entries),
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
  });
  const stop = new AbortController();
  const done = entryTopics.run(stop.signal);
  const finish = () => {
    stop.abort();
    return done;
  };
  const numbers = (storeId = "s1") =>
    sent.filter((entry) => entry.storeId === storeId).map(({ entryNumber }) => entryNumber);
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
