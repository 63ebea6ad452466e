// Events that somebody asked for once more: a scripted ledger, virtual time.

import { describe, expect, test } from "vitest";
import { Harness } from "./uplink-harness.ts";

const sequencesOf = (events: unknown[]) =>
  events.map((event) => (event as { sequence?: number }).sequence);

/** An edge whose ledger has all of its `count` events. */
async function settled(count: number): Promise<Harness> {
  const harness = new Harness({ answerTimeoutMs: 1_000 });
  harness.outbox.append(count);
  await harness.online(count);
  return harness;
}

test("what is acknowledged goes out again, batch after batch, then what is new; the position stays", async () => {
  const harness = await settled(1200);
  const again = await harness.uplink.rewind(101);
  expect(again).toMatchObject({ outboxId: harness.outbox.outboxId, throughSequence: 1200 });
  await harness.settle();
  harness.outbox.append(2);
  const seen: (number | undefined)[] = [];
  while (seen.length < 1102) {
    const { firstSequence, previousDigest, events } = harness.last;
    expect(previousDigest).toBe(harness.outbox.digestOf(firstSequence - 1));
    seen.push(...sequencesOf(events));
    await harness.acknowledge(Math.max(1200, seen.at(-1) ?? 0));
  }
  expect(seen).toEqual(Array.from({ length: 1102 }, (_, index) => 101 + index));
  expect(harness.outbox.acknowledgedSequence).toBe(1202);
  await harness.after(10_000);
  expect(harness.alarms).toEqual([]);
  expect(harness.count("uplink_stalls")).toBe(0);
});

test("without an answer it goes on after the hello, also over a new connection, and an echo ends nothing", async () => {
  const harness = await settled(20);
  await harness.uplink.rewind(5);
  await harness.settle();
  const { nonce } = harness.last;
  await harness.after(3_000);
  expect(harness.last.events).toEqual([]);
  await harness.acknowledge(20, { nonce });
  await harness.acknowledge(20);
  expect(sequencesOf(harness.last.events)[0]).toBe(5);
  harness.uplink.disconnected();
  await harness.online(20);
  expect(sequencesOf(harness.last.events)[0]).toBe(5);
  expect(harness.outbox.acknowledgedSequence).toBe(20);
  await harness.acknowledge(20);
  const sentCount = harness.sent.length;
  await harness.after(10_000);
  expect(harness.sent).toHaveLength(sentCount);
});

test("a batch in flight that was no repeat moves it nowhere", async () => {
  const harness = await settled(4);
  harness.outbox.append(2);
  harness.uplink.wake();
  await harness.settle();
  expect(sequencesOf(harness.last.events)).toEqual([5, 6]);
  await harness.uplink.rewind(2);
  await harness.acknowledge(6);
  expect(sequencesOf(harness.last.events)).toEqual([2, 3, 4]);
  expect(harness.outbox.acknowledgedSequence).toBe(6);
});

test("a bridge that refuses a repeat ends it, and no event is set aside", async () => {
  const harness = await settled(4);
  await harness.uplink.rewind(2);
  await harness.settle();
  const before = structuredClone(harness.outbox.rows);
  await harness.refuse("BATCH_UNREADABLE");
  await harness.after(20_000);
  expect(harness.last.events).toEqual([]);
  await harness.acknowledge(4);
  await harness.after(20_000);
  expect(harness.outbox.rows).toEqual(before);
});

test("a ledger that lost some of it is believed, and a buffer that began anew ends it", async () => {
  const harness = await settled(6);
  await harness.uplink.rewind(5);
  await harness.settle();
  await harness.acknowledge(2, { ledgerEpoch: 6 });
  expect(harness.alarms).toEqual(["ledger_behind"]);
  expect(harness.outbox.acknowledgedSequence).toBe(2);
  await harness.acknowledge(6, { ledgerEpoch: 6 });
  expect(harness.outbox.acknowledgedSequence).toBe(6);

  const cloned = await settled(6);
  await cloned.uplink.rewind(5);
  await cloned.settle();
  await cloned.acknowledge(6, { code: "OUTBOX_DIVERGED" });
  await cloned.after(0);
  expect(cloned.outbox.renewals).toHaveLength(1);
  await cloned.acknowledge(0);
  expect(sequencesOf(cloned.last.events)[0]).toBe(1);
});

describe("refused", () => {
  test("what is not acknowledged, not kept any more, or not within reach", async () => {
    const harness = await settled(9);
    harness.outbox.trimmedThrough = 3;
    const { outboxId } = harness.outbox;
    const kept = `${outboxId} keeps 4 to 9 of what is acknowledged`;
    expect(await harness.uplink.rewind(10)).toBe(`${kept}: what follows is sent anyway`);
    expect(await harness.uplink.rewind(3)).toBe(`${kept}: begin with 4`);
    harness.uplink.disconnected();
    expect(await harness.uplink.rewind(4)).toBe("the ledger is not reached");
    expect(harness.sent).toHaveLength(1);
  });
});
