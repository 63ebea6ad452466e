// What a database refuses, or what breaks within a transaction: it fails alone, its caller is told, and all else goes on.

import { afterEach, expect, test } from "vitest";
import { FactQueue } from "../../../cloud-bridge/ledger/fact-queue.ts";
import type { GatewayError } from "../../../contract/errors.ts";
import { reserve } from "./claims-fixture.ts";
import { openLedger, openRefusing, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, place, startAtMs } from "./fake-edge.ts";

const receive = (fields = {}) =>
  moved("receiving", coffee, { to: place("s0042/floor/a"), ...fields });
const refused: GatewayError[] = [];
afterEach(() => refused.splice(0));

/** A ledger that tells what it refused. */
const openHeard = async (table: string, condition: string) => {
  const onRefused = (error: GatewayError) => refused.push(error);
  return (await openRefusing(table, condition, { onRefused })).ledger;
};

const factOf = (key: string) => ({
  ...{ storeId: "s0042", sourceId: "till-1", key, digest: key, by: "ada" },
  facts: [{ kind: "receipt", occurredAtMs: startAtMs, item: { gtin: coffee }, quantity: 1 }],
});

test("of requests with facts the one that is refused is told so; those beside it are posted", async () => {
  const ledger = await openHeard("fact_requests", "NEW.request_key = 'bad'");
  const keys = ["one", "two", "bad", "three"];
  const results = await Promise.allSettled(
    keys.map((key) => ledger.facts.take(factOf(key) as never, startAtMs)),
  );
  expect(results.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(results[2]).toMatchObject({
    reason: { code: "LEDGER_REFUSED", message: expect.stringContaining("not this row") },
  });
  expect(refused.map(({ code }) => code)).toContain("LEDGER_REFUSED");
  const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 9 });
  expect(entries).toHaveLength(3);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("of claims the one that is refused is told so; those beside it are kept", async () => {
  const ledger = await openHeard("claims", "NEW.owner = 'bad'");
  await postOne(ledger, new FakeEdge().append(receive({ quantity: 9 })).batch(1));
  const requests = ["ada", "bad", "eve"].map((owner) => ({ ...reserve(), owner }));
  const results = await Promise.allSettled(
    requests.map((request) => ledger.decideClaim(request as never, startAtMs)),
  );
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("a plan, a product and an alert of silence that are refused stop nothing", async () => {
  const ledger = await openHeard("catalogue", "NEW.gtin IS NOT NULL");
  const put = ledger.catalogue.put([{ gtin: coffee, name: "Beans" }] as never, {
    ...{ by: "ada", nowMs: startAtMs },
  });
  await expect(put).rejects.toMatchObject({ code: "LEDGER_REFUSED" });
  const { answer } = await postOne(ledger, new FakeEdge().append(receive()).batch(1));
  expect(answer.throughSequence).toBe(1);
  expect(refused).toHaveLength(1);
});

test("an item that cannot be settled holds up no other, and is tried again with its next movement", async () => {
  const bad = "09521321001015";
  const ledger = await openHeard("unsettled", `NEW.item = '${bad}' AND NEW.due_at_ms > 0`);
  const pick = (gtin: string) =>
    moved("customer_pick", gtin, { from: place("s0042/floor/a"), to: place("s0042/@basket") });
  const edge = new FakeEdge().append(pick(bad), pick(coffee));
  await postOne(ledger, edge.batch(1));
  const first = await ledger.settle(startAtMs + 1000);
  expect([first.itemCount, first.refusedItemCount]).toEqual([2, 1]);
  expect((await ledger.settle(startAtMs + 1000)).itemCount).toBe(0);
  await postOne(ledger, edge.append(pick(bad)).batch(3));
  expect((await ledger.settle(startAtMs + 1000)).refusedItemCount).toBe(1);
});

test("a batch that not even quarantine takes is refused, and the next one is posted", async () => {
  const ledger = await openHeard("event_log", "NEW.edge_id = 'edge-9'");
  const bad = new FakeEdge("0b0b0b0b-2222", "edge-9").append(receive());
  const good = new FakeEdge().append(receive());
  await expect(ledger.post([good.batch(1), bad.batch(1)], startAtMs)).rejects.toMatchObject({
    code: "LEDGER_REFUSED",
  });
  expect((await postOne(ledger, good.batch(1))).answer.throughSequence).toBe(1);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("an event whose fault quotes what no ledger holds is in quarantine; the next ones are posted", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(
    receive({ ["a\0b"]: 1 }),
    receive({ ["\ud800"]: 1 }),
    noticed("seen", {
      severity: "alarm",
      detail: { key: `${"x".repeat(480)}\u{1f600}`.repeat(3) },
    }),
    noticed("seen", { severity: "alarm", detail: { item: "a\0b" } }),
    receive(),
  );
  const { answer } = await postOne(ledger, edge.batch(1));
  expect(answer.throughSequence).toBe(5);
  expect(answer.rejected.map(({ sequence, code }) => [sequence, code])).toEqual([
    [1, "EVENT_INVALID"],
    [2, "EVENT_INVALID"],
  ]);
  expect((await ledger.quarantine()).map(({ message }) => message)[0]).toContain("\ufffd");
});

test("a clock that is set by more than any clock is off is in quarantine; times stay numbers", async () => {
  const ledger = await openLedger();
  const bootId = "b0070000-dead";
  const set = (offsetMs: number) => noticed("clock_set", { detail: { bootId, offsetMs } });
  const unsynced = receive({ clockSynced: false, bootId, occurredAtMs: 8_640_000_000_000 });
  const edge = new FakeEdge().append(
    unsynced,
    set(Number.MAX_SAFE_INTEGER),
    set(-Number.MAX_SAFE_INTEGER),
    set(8_640_000_000_000),
  );
  const { answer } = await postOne(ledger, edge.batch(1));
  expect(answer.rejected.map(({ sequence, code }) => [sequence, code])).toEqual([
    [2, "LEDGER_RULE"],
    [3, "LEDGER_RULE"],
  ]);
  expect(await ledger.settle(startAtMs)).toMatchObject({ refusedItemCount: 0 });
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a queue goes on after a group that broke in our own code", async () => {
  const queue = new FactQueue(async (requests) => {
    if (requests.some(({ key }) => key === "bad")) throw new TypeError("a fault of ours");
    return requests.map(() => ({ ok: false, code: "KEY_REUSED", message: "taken" }) as const);
  });
  const take = (key: string) => queue.take(factOf(key) as never, startAtMs);
  const results = await Promise.allSettled(["one", "bad", "two"].map(take));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(queue.waitingCount).toBe(0);
});
