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

test("what is acknowledged goes out again, batch after batch; the position stays", async () => {
  const harness = await settled(1200);
  const again = await harness.uplink.rewind(101);
  expect(again).toMatchObject({ outboxId: harness.outbox.outboxId, throughSequence: 1200 });
  await harness.settle();
  const seen: (number | undefined)[] = [];
  while (seen.length < 1100) {
    const { firstSequence, previousDigest, events } = harness.last;
    expect(previousDigest).toBe(harness.outbox.digestOf(firstSequence - 1));
    seen.push(...sequencesOf(events));
    await harness.acknowledge(1200);
  }
  expect(seen).toEqual(Array.from({ length: 1100 }, (_, index) => 101 + index));
  expect(harness.outbox.acknowledgedSequence).toBe(1200);
  await harness.after(10_000);
  expect(harness.alarms).toEqual([]);
  expect(harness.count("uplink_stalls")).toBe(0);
});

test("what is new waits for one batch of it at most, in its order, and both come to their end", async () => {
  const harness = await settled(3000);
  await harness.uplink.rewind(1);
  await harness.settle();
  const [fresh, repeated]: [unknown[], unknown[]] = [[], []];
  for (let acknowledged = 3000; repeated.length < 3000 || fresh.length < 8; ) {
    const sequences = sequencesOf(harness.last.events);
    const isFresh = (sequences[0] ?? 0) > 3000;
    (isFresh ? fresh : repeated).push(...sequences);
    if (isFresh) acknowledged += sequences.length;
    // New ones come without a pause: after each batch, two that are there when the next is chosen.
    else if (harness.outbox.rows.length < 3008) harness.outbox.append(2);
    const isNextFresh = acknowledged < harness.outbox.rows.length;
    await harness.acknowledge(acknowledged);
    if (isNextFresh) expect(sequencesOf(harness.last.events)[0]).toBe(acknowledged + 1);
  }
  expect(repeated).toEqual(Array.from({ length: 3000 }, (_, index) => 1 + index));
  expect(fresh).toEqual([3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008]);
  expect(harness.outbox.acknowledgedSequence).toBe(3008);
});

test("new ones without end hold it up by every other batch only", async () => {
  const harness = await settled(1200);
  await harness.uplink.rewind(1);
  harness.outbox.append(2000);
  await harness.settle();
  const firsts: unknown[] = [];
  let acknowledged = 1200;
  for (let batch = 0; batch < 5; batch += 1) {
    const sequences = sequencesOf(harness.last.events);
    firsts.push(sequences[0]);
    acknowledged = Math.max(acknowledged, sequences.at(-1) ?? 0);
    await harness.acknowledge(acknowledged);
  }
  const size = Number(firsts[2]) - 1;
  expect(firsts).toEqual([1, 1201, 1 + size, 1201 + size, 1 + 2 * size]);
});

test("a new event that the bridge cannot read is found and set aside meanwhile, and ends nothing", async () => {
  const harness = await settled(3000);
  await harness.uplink.rewind(1);
  harness.outbox.append(300);
  await harness.settle();
  const poisoned = 3123;
  const repeated: unknown[] = [];
  for (let turn = 0; turn < 200 && repeated.length < 3000; turn += 1) {
    const sequences = sequencesOf(harness.last.events);
    const isFresh = (sequences[0] ?? 3001) > 3000;
    if (sequences.includes(poisoned)) {
      const sentCount = harness.sent.length;
      await harness.refuse("BATCH_UNREADABLE");
      if (harness.sent.length === sentCount) await harness.after(60_000);
      continue;
    }
    if (!isFresh) repeated.push(...sequences);
    const { firstSequence, events } = harness.last;
    const last = firstSequence - 1 + events.length;
    await harness.acknowledge(Math.max(harness.outbox.acknowledgedSequence, isFresh ? last : 0));
  }
  expect(harness.alarms).toEqual(["event_set_aside"]);
  expect(harness.outbox.rows[poisoned - 1]?.text).toContain('"unreadable"');
  expect(harness.outbox.acknowledgedSequence).toBe(3300);
  expect(repeated).toEqual(Array.from({ length: 3000 }, (_, index) => 1 + index));
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
