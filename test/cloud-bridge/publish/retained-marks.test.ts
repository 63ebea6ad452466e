// Numbers of partitions between bridges that share a ledger and a broker.

import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { RetainedMarks } from "../../../cloud-bridge/publish/retained-marks.ts";
import { partitionOfPublished } from "../../../contract/topics.ts";
import { counting, TestLink, useLedger } from "./publisher-kit.ts";

const ledger = useLedger();
const bytes = (payload: unknown) => Buffer.from(JSON.stringify(payload));

/** A bridge's numbers; what it publishes is what `hear` gives another one. */
function bridge() {
  const link = new TestLink();
  const { counts, count } = counting();
  // Waits a hundredth of the time.
  const clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() * 100,
    timer: (delayMs: number, fire: () => void) => systemClock.timer(delayMs / 100, fire),
  };
  const marks = new RetainedMarks({ ledger: ledger(), link, clock, count });
  const hear = (from: TestLink) => {
    for (const { topic, payload } of from.sent) {
      marks.onMessage(partitionOfPublished(topic)!, Buffer.from(payload), true);
    }
  };
  const take = async (partition: number) => {
    const mark = await marks.ask(partition);
    await marks.hold(mark!);
    return mark?.isKept;
  };
  return { marks, link, counts, hear, take };
}

test("who takes a partition goes on where the broker has the number that the ledger has, or a greater one", async () => {
  const first = bridge();
  expect(await first.take(7)).toBe(false);
  expect(first.marks.openCount).toBe(1);
  // Not said before all of it is out.
  expect(await first.marks.put(new Set([7]))).toBe(true);
  expect(first.link.sent).toEqual([]);
  const early = bridge();
  expect(await early.take(7)).toBe(false);
  await first.marks.put(new Set([7]));
  await first.marks.finish();
  await first.marks.put(new Set([7]));
  expect(first.link.sent).toHaveLength(2);
  const next = bridge();
  next.hear(first.link);
  expect(await next.take(7)).toBe(true);
  expect(next.marks.isKept("s0042")).toBe(false);
  expect(next.counts.get("publish_partitions_continued")).toBe(1);
  // Killed between the broker and the ledger: the broker has more.
  const ahead = bridge();
  ahead.marks.onMessage(7, bytes({ ledgerEpoch: ledger().epoch, number: 2 * Date.now() }), true);
  expect(await ahead.take(7)).toBe(true);
});

test("a broker that has none, an older number or one of another epoch lost something: everything goes out anew", async () => {
  const first = bridge();
  await first.take(7);
  await first.marks.finish();
  for (let round = 0; round < 3; round += 1) await first.marks.put(new Set([7]));
  const older = bridge();
  const [oldest] = first.link.sent;
  older.marks.onMessage(7, Buffer.from(oldest!.payload), true);
  expect(await older.take(7)).toBe(false);
  const forgot = bridge();
  forgot.hear(first.link);
  forgot.marks.onConnected();
  expect(await forgot.take(7)).toBe(false);
  const restored = bridge();
  restored.marks.onMessage(
    7,
    bytes({ ledgerEpoch: ledger().epoch + 1, number: 2 * Date.now() }),
    true,
  );
  expect(await restored.take(7)).toBe(false);
  const unreadable = bridge();
  unreadable.marks.onMessage(7, Buffer.from("{"), true);
  expect(await unreadable.take(7)).toBe(false);
});

test("nothing is kept of what the broker did not take, nor of a partition of which nothing is known", async () => {
  const { marks, link, take } = bridge();
  expect(await marks.put(new Set([7]))).toBe(false);
  await take(7);
  await marks.finish();
  link.isTaking = () => false;
  expect(await marks.put(new Set([7]))).toBe(false);
  link.isTaking = () => true;
  expect(await marks.put(new Set([7]))).toBe(true);
  // Cleared by an operator; what comes on its own subscription is no such word.
  expect(marks.onMessage(7, Buffer.alloc(0), true)).toBe(false);
  expect(marks.onMessage(8, Buffer.alloc(0), false)).toBe(false);
  expect(marks.onMessage(7, Buffer.alloc(0), false)).toBe(true);
  marks.lose(7);
  expect(marks.onMessage(7, Buffer.alloc(0), false)).toBe(false);
  expect(await marks.put(new Set([7]))).toBe(false);
  const asked = marks.ask(7);
  marks.lose(7);
  expect(await asked).toBeUndefined();
});
