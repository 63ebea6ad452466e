// Ingest on a real ledger, with a clock that the test moves: what it refuses, what it groups, what it
// answers and when.

import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { Ingest } from "../../cloud-bridge/ingest.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import type { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Committed, Incoming, Ledger } from "../../cloud-bridge/ledger/types.ts";
import { encodeBatch, payloadDigest } from "../../contract/batch-codec.ts";
import { type Answer, answerSchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { ledgerPath, openLedger } from "./ledger/edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./ledger/fake-edge.ts";

const receive = (storeId = "s0042", fields = {}) =>
  moved("receiving", coffee, { to: place(`${storeId}/floor`), ...fields });

function encode({ batch }: Incoming): Uint8Array {
  const { events, ...header } = batch;
  return encodeBatch(
    header,
    events.map((event) => JSON.stringify(event)),
  );
}

/** An ingest on a ledger; `tick` lets the commit delay pass. */
function build(ledger: Pick<Ledger, "post">) {
  const timers: (() => void)[] = [];
  const answers: { topic: string; answer: Answer }[] = [];
  const committed: Committed[][] = [];
  const failures: unknown[] = [];
  const refused: string[] = [];
  const counters: Record<string, number> = {};
  const ingest = new Ingest({
    ledger,
    clock: {
      nowMs: () => startAtMs,
      timer: (_delayMs, fire) => {
        timers.push(fire);
        return () => timers.splice(timers.indexOf(fire), 1);
      },
    },
    commitDelayMs: 10,
    publishAnswer: (topic, answer) => answers.push({ topic, answer: answerSchema.parse(answer) }),
    onCommitted: (group) => committed.push([...group]),
    onFailure: (error) => failures.push(error),
    count: (name, by = 1) => {
      counters[name] = (counters[name] ?? 0) + by;
    },
    onRefused: (topic, code, message) => refused.push(`${topic} ${code} ${message}`),
  });
  const tick = () => callAll(timers);
  const send = (incoming: Incoming) =>
    ingest.handle(topics.events(incoming.storeId, incoming.edgeId), encode(incoming));
  return { ingest, timers, answers, committed, failures, refused, counters, tick, send };
}

/** A ledger whose commits the test lets through. */
function held(ledger: SqliteLedger) {
  const groups: number[] = [];
  const waiting: (() => void)[] = [];
  const post: Ledger["post"] = async (group, recordedAtMs) => {
    groups.push(group.length);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return await ledger.post(group, recordedAtMs);
  };
  return { post, groups, release: () => callAll(waiting) };
}

function callAll(callbacks: (() => void)[]): void {
  for (const callback of callbacks.splice(0)) callback();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("answers on the ack topic, strictly after the commit", async () => {
  const ledger = await openLedger();
  const { answers, committed, counters, tick, send, ingest } = build({
    post: async (...group) => {
      const results = await ledger.post(...group);
      expect(answers).toEqual([]);
      return results;
    },
  });
  const edge = new FakeEdge().append(receive(), receive());
  const batch = edge.batch(1);
  send(batch);
  expect([answers, ingest.waitingCount]).toEqual([[], 1]);
  tick();
  await until(() => committed.length === 1);
  expect(answers).toMatchObject([
    {
      topic: "gondola/1/s0042/edge-1/ack",
      answer: { throughSequence: 2, nonce: batch.batch.nonce },
    },
  ]);
  expect(committed[0]?.[0]?.entries).toHaveLength(2);
  expect(counters).toMatchObject({ ingest_batches: 1, ingest_groups: 1, ingest_events_posted: 2 });
});

test("what waits together is committed together; of one outbox the newest batch waits", async () => {
  const ledger = await openLedger();
  const { post, groups, release } = held(ledger);
  const { answers, counters, tick, send } = build({ post });
  const first = new FakeEdge().append(receive(), receive(), receive());
  const second = new FakeEdge("0b0b0b0b-2222", "edge-2").append(receive());
  send(first.batch(1, 1));
  tick();
  send(second.batch(1));
  send(first.hello(2));
  const newest = first.batch(2);
  send(newest);
  release();
  await until(() => groups.length === 2);
  release();
  await until(() => answers.length === 3);
  expect(groups).toEqual([1, 2]);
  expect(counters["ingest_batches_replaced"]).toBe(1);
  const last = answers.at(-1)?.answer;
  expect(last).toMatchObject({ nonce: newest.batch.nonce, throughSequence: 3 });
});

test("a hello does not push out the events that wait: both are answered, the events first", async () => {
  const ledger = await openLedger();
  const { post, groups, release } = held(ledger);
  const { answers, counters, tick, send } = build({ post });
  const busy = new FakeEdge("0b0b0b0b-2222", "edge-2").append(receive());
  const edge = new FakeEdge().append(receive(), receive());
  send(busy.batch(1));
  tick();
  const events = edge.batch(1);
  const hellos = [edge.hello(1), edge.hello(1)];
  for (const one of [events, ...hellos]) send(one);
  release();
  await until(() => groups.length === 2);
  release();
  await until(() => answers.length === 3);
  expect(groups).toEqual([1, 2]);
  // The second hello took the first one's place.
  expect(counters["ingest_batches_replaced"]).toBe(1);
  expect(answers.slice(1).map(({ answer }) => answer)).toMatchObject([
    { nonce: events.batch.nonce, throughSequence: 2 },
    { nonce: hellos[1]!.batch.nonce, throughSequence: 2 },
  ]);
  expect(counters).toMatchObject({ ingest_events_posted: 3, ingest_events_skipped: 0 });
});

test("a hole is told to the counters too", async () => {
  const ledger = await openLedger();
  const { answers, counters, tick, send } = build(ledger);
  send(new FakeEdge().append(receive(), receive()).batch(2));
  tick();
  await until(() => answers.length === 1);
  expect(answers[0]?.answer).toMatchObject({ code: "OUTBOX_HOLE", throughSequence: 0 });
  expect(counters["ingest_outbox_hole"]).toBe(1);
});

const valid = () => new FakeEdge().append(receive(), receive()).batch(1);
const own = topics.events("s0042", "edge-1");
const unreadable: [string, Uint8Array, string][] = [
  ["no JSON", Buffer.from("no JSON"), "BATCH_UNREADABLE"],
  ["nothing", Buffer.alloc(0), "BATCH_UNREADABLE"],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0xfe]), "BATCH_UNREADABLE"],
  ["a broken gzip", gzipSync(encode(valid())).subarray(0, 40), "BATCH_UNREADABLE"],
  ["a batch that inflates too far", gzipSync(Buffer.alloc(300_000, 32)), "BATCH_TOO_LARGE"],
  ["a plain batch that is too large", Buffer.alloc(300_000, 32), "BATCH_TOO_LARGE"],
  [
    "a newer schema version",
    Buffer.from(JSON.stringify({ ...valid().batch, schemaVersion: 2, extra: true })),
    "VERSION_UNSUPPORTED",
  ],
  [
    "events that are not contiguous",
    Buffer.from(JSON.stringify({ ...valid().batch, events: [{ sequence: 1 }, { sequence: 3 }] })),
    "BATCH_UNREADABLE",
  ],
];
for (const [name, payload, code] of unreadable) {
  test(`${name} is refused with ${code} by the digest of its bytes, and blocks nobody`, async () => {
    const ledger = await openLedger();
    const { answers, counters, tick, send, ingest, refused } = build(ledger);
    ingest.handle(own, payload);
    expect(answers).toMatchObject([
      {
        topic: topics.ack("s0042", "edge-1"),
        answer: { code, payloadDigest: payloadDigest(payload) },
      },
    ]);
    expect([counters[`ingest_${code.toLowerCase()}`], refused.length]).toEqual([1, 1]);
    send(valid());
    tick();
    await until(() => answers.length === 2);
    expect(answers[1]?.answer).toMatchObject({ throughSequence: 2 });
  });
}

test("foreign topics and foreign ids are counted and not answered", async () => {
  const { answers, counters, ingest, timers } = build(await openLedger());
  const payload = encode(valid());
  for (const topic of [
    "gondola/1/p/5/s0042/edge-1/events",
    "gondola/1/s0042/edge-1/ack",
    "another/topic",
    topics.events("s0043", "edge-1"),
    topics.events("s0042", "edge-9"),
  ]) {
    ingest.handle(topic, payload);
  }
  expect([answers, counters, timers.length]).toEqual([[], { ingest_topic_foreign: 5 }, 0]);
});

test("a full queue drops, counts, and goes on when it is empty", async () => {
  const ledger = await openLedger();
  const { post, release } = held(ledger);
  const { answers, counters, tick, ingest } = build({ post });
  const encoder = (index: number) => {
    const edge = new FakeEdge(`0a0a0a0a-${index.toString(16).padStart(4, "0")}`);
    ingest.handle(own, encode(edge.hello(1)));
  };
  for (let index = 0; index < 1003; index += 1) encoder(index);
  expect([ingest.waitingCount, counters["ingest_queue_full"]]).toEqual([1000, 3]);
  tick();
  release();
  await until(() => answers.length === 1000);
  encoder(2000);
  expect(ingest.waitingCount).toBe(1);
});

test("rows of one store that cannot be written do not block another store", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const connection = await SqliteConnection.open({ path });
  await connection.run(
    `CREATE TRIGGER poison BEFORE INSERT ON entries WHEN NEW.store_id = 's0042'
     BEGIN SELECT RAISE(ABORT, 'poisoned store'); END`,
  );
  await connection.close();
  const { answers, failures, tick, send } = build(ledger);
  send(valid());
  send(new FakeEdge("0b0b0b0b-2222", "edge-1", "s0043").append(receive("s0043")).batch(1));
  tick();
  await until(() => answers.length === 2);
  expect(answers.map(({ answer }) => "rejected" in answer && answer.rejected.length)).toEqual([
    2, 0,
  ]);
  expect(failures).toEqual([]);
});

test("a ledger that fails is told once; nothing is answered or taken any more", async () => {
  const ledger = await openLedger();
  const { answers, failures, tick, send, ingest } = build(ledger);
  await ledger.abandon();
  send(valid());
  tick();
  await until(() => failures.length === 1);
  expect(failures[0]).toMatchObject({ code: "LEDGER_FAILED" });
  send(valid());
  expect([answers, ingest.waitingCount]).toEqual([[], 0]);
  await ingest.close();
});

test("closing commits and answers what waits", async () => {
  const ledger = await openLedger();
  const { answers, send, ingest, timers } = build(ledger);
  onTestFinished(() => ingest.close());
  send(valid());
  await ingest.close();
  expect(answers).toHaveLength(1);
  expect(timers).toEqual([]);
  send(valid());
  expect(ingest.waitingCount).toBe(0);
});
