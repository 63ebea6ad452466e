// Levels over bridges that share stores, on a real ledger: who takes a store publishes what the one before had not.

import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { LevelPositions } from "../../../cloud-bridge/publish/level-positions.ts";
import { RetainedMarks } from "../../../cloud-bridge/publish/retained-marks.ts";
import { StockTopics } from "../../../cloud-bridge/publish/stock-topics.ts";
import { partitionOf, partitionOfPublished } from "../../../contract/topics.ts";
import { TestOutbox } from "../test-outbox.ts";
import { counting, postReceipts, TestLink, useLedger } from "./publisher-kit.ts";

const [coffee, tea, shirt] = ["09506000134352", "09521321001015", "09521321001022"] as const;
const storeId = "s1";
const ledger = useLedger();
/** Waits a hundredth of the time. */
const clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 100,
  timer: (delayMs: number, fire: () => void) => systemClock.timer(delayMs / 100, fire),
};

/** A bridge that takes the store after it heard what another one published. */
async function takenBy(before?: TestLink) {
  const link = new TestLink();
  const { count } = counting();
  const storeIds = async () => [storeId];
  const marks = new RetainedMarks({ ledger: ledger(), link, clock, count });
  const shared = { ledger: ledger(), link, clock, count, storeIds };
  const stock = new StockTopics({ ...shared, republishPauseMs: 1 });
  let entryNumber = 0;
  const levels = new LevelPositions({
    ...{ ...shared, marks, stock, arePlansBehind: () => false },
    entryPositions: () => (entryNumber === 0 ? [] : [[storeId, entryNumber]]),
  });
  for (const { topic, payload } of before?.sent ?? []) {
    const partition = partitionOfPublished(topic);
    if (partition !== undefined) marks.onMessage(partition, Buffer.from(payload), true);
  }
  const stop = new AbortController();
  const running = Promise.all([stock.run(stop.signal), levels.run(stop.signal)]);
  await levels.take([partitionOf(storeId)]);
  const said = () => link.sent.flatMap(({ topic }) => /stock\/(\d+)$/.exec(topic)?.[1] ?? []);
  /** Entries came as far as that, and it is kept. */
  const save = async (through: number) => {
    await expect.poll(() => marks.openCount).toBe(0);
    entryNumber = through;
    const saved = () => ledger().followers.position("level-topic", storeId);
    await expect.poll(saved).toBe(through);
  };
  const kill = async () => {
    stop.abort();
    await running;
  };
  return { link, stock, levels, said, save, kill };
}

test("the first one publishes all, the next what was posted, claimed or withheld since, and once more all where the broker forgot", async () => {
  const outbox = new TestOutbox(storeId, "e1");
  await postReceipts(ledger(), outbox, [coffee, tea, shirt]);
  const first = await takenBy();
  await expect.poll(() => first.said().sort()).toEqual([coffee, tea, shirt].sort());
  await first.save(3);
  await first.kill();
  // Nobody publishes these.
  await postReceipts(ledger(), outbox, [tea]);
  const second = await takenBy(first.link);
  await expect.poll(second.said).toEqual([tea]);
  await second.save(4);
  await second.kill();
  const limit = { storeId, gtin: shirt, channel: "web", quantity: 1 } as never;
  await ledger().setWithheld(limit, { by: "ada", nowMs: Date.now() });
  const third = await takenBy(second.link);
  await expect.poll(third.said).toEqual([shirt]);
  await third.kill();
  const fourth = await takenBy();
  await expect.poll(() => fourth.said().sort()).toEqual([coffee, tea, shirt].sort());
  await fourth.kill();
});

test("it is not kept that a store came as far as its entries while one of their levels is not out", async () => {
  const outbox = new TestOutbox(storeId, "e1");
  await postReceipts(ledger(), outbox, [coffee]);
  const { link, stock, said, save, kill } = await takenBy();
  await save(1);
  link.isTaking = ({ topic }) => !topic.endsWith(tea);
  stock.onPosted(await postReceipts(ledger(), outbox, [tea]));
  await expect(save(2)).rejects.toThrow();
  link.isTaking = () => true;
  await save(2);
  expect(said()).toContain(tea);
  await kill();
});
