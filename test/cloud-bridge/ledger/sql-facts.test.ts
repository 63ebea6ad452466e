// Facts of tills and ERPs on a real ledger: once for each key, in any order and repetition, beside an edge.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Fact,
  type FactRequest,
  feedEdgeId,
  feedOutboxId,
} from "../../../cloud-bridge/ledger/facts.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { balancesOf, openLedger, plan, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, shirt, startAtMs } from "./fake-edge.ts";

const hourMs = 3_600_000;

function fact(kind: Fact["kind"], gtin: string, fields: Partial<Fact> = {}): Fact {
  return { kind, occurredAtMs: startAtMs, item: { gtin } as Fact["item"], quantity: 1, ...fields };
}

function request(key: string, facts: Fact[], fields: Partial<FactRequest> = {}): FactRequest {
  const digest = JSON.stringify(facts);
  return { storeId: "s0042", sourceId: "pos", key, digest, facts, ...fields };
}

async function settleAll(ledger: SqliteLedger): Promise<void> {
  while ((await ledger.settle(startAtMs + hourMs)).itemCount > 0);
}

test("a receipt, a sale and a return of a shirt", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const first = request("a", [fact("receipt", shirt, { quantity: 10 })]);
  const answer = await ledger.facts.take(first, startAtMs + 1);
  expect(answer).toMatchObject({ ok: true, isRepeated: false });
  expect(await balancesOf(ledger, shirt)).toEqual({
    ...{ "@supplier sellable": -10, "stockroom sellable": 10 },
  });
  const location = "s0042/stockroom";
  const sold = [fact("sale", shirt, { quantity: 3, location }), fact("return", shirt)];
  await ledger.facts.take(request("b", sold), startAtMs + 2);
  expect(await balancesOf(ledger, shirt)).toEqual({
    ...{ "@supplier sellable": -10, "stockroom sellable": 7 },
    ...{ "@customer sellable": 2, "floor/apparel returned": 1 },
  });
  expect(await ledger.facts.take(first, startAtMs + 3)).toMatchObject({
    ...{ ok: true, isRepeated: true },
    receipt: { firstSequence: 1, lastSequence: 1, recordedAtMs: startAtMs + 1 },
  });
  const other = request("a", [fact("receipt", shirt, { quantity: 11 })]);
  expect(await ledger.facts.take(other, startAtMs)).toMatchObject({
    ok: false,
    code: "KEY_REUSED",
  });
  const [sale] = (await ledger.sales({ storeId: "s0042", sinceMs: 0, countMax: 9 })).filter(
    ({ isReturn }) => !isReturn,
  );
  expect(sale).toMatchObject({ gtin: shirt, quantity: 3, edgeId: "feed-pos" });
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a pick waits for the till feed to have passed, and the late sale is one unit with it", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const early = fact("sale", shirt, { occurredAtMs: startAtMs - 12 * hourMs });
  await ledger.facts.take(request("b", [early]), startAtMs);
  const edge = new FakeEdge().append(moved("customer_pick", coffee));
  const through = startAtMs + 5 * hourMs;
  await postOne(ledger, edge.batch(1, 1, { completeThroughAtMs: through }));
  await settleAll(ledger);
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "@basket sellable": 1 });
  const sale = fact("sale", coffee, { occurredAtMs: startAtMs + 60_000 });
  await ledger.facts.take(request("c", [sale], { completeThroughAtMs: through }), through);
  await settleAll(ledger);
  const balances = await balancesOf(ledger, coffee);
  expect(balances["@basket sellable"] ?? 0).toBe(0);
  expect(balances["@customer sellable"]).toBe(1);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a source that told how far it is holds up time-outs before its first sale, and moves them on", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const heartbeat = (key: string, completeThroughAtMs: number) =>
    ledger.facts.take(request(key, [], { completeThroughAtMs }), completeThroughAtMs);
  expect(await heartbeat("a", startAtMs)).toMatchObject({
    receipt: { firstSequence: 1, lastSequence: 0, rejected: [] },
  });
  expect(await ledger.positions()).toMatchObject([
    { edgeId: feedEdgeId("pos"), throughSequence: 0, completeThroughAtMs: startAtMs },
  ]);
  const edge = new FakeEdge().append(moved("customer_pick", coffee));
  const through = startAtMs + 5 * hourMs;
  await postOne(ledger, edge.batch(1, 1, { completeThroughAtMs: through }));
  await settleAll(ledger);
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "@basket sellable": 1 });
  // Nothing was sold: it goes on all the same.
  await heartbeat("b", through);
  await heartbeat("c", startAtMs);
  await settleAll(ledger);
  expect((await balancesOf(ledger, coffee))["@basket sellable"] ?? 0).toBe(0);
  const sale = fact("sale", coffee, { occurredAtMs: startAtMs + 60_000 });
  const first = await ledger.facts.take(request("d", [sale]), through);
  expect(first).toMatchObject({ ok: true, receipt: { firstSequence: 1, lastSequence: 1 } });
  await settleAll(ledger);
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "@customer sellable": 1 });
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a supplier's receipts hold up no time-out", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const old = fact("receipt", coffee, { occurredAtMs: startAtMs - 20 * hourMs, quantity: 5 });
  await ledger.facts.take(request("a", [old], { sourceId: "erp" }), startAtMs);
  const edge = new FakeEdge().append(moved("customer_pick", coffee));
  const completeThroughAtMs = startAtMs + 5 * hourMs;
  await postOne(ledger, edge.batch(1, 1, { completeThroughAtMs }));
  await settleAll(ledger);
  expect((await balancesOf(ledger, coffee))["@basket sellable"] ?? 0).toBe(0);
  const edges = (await ledger.positions()).map(({ edgeId }) => edgeId);
  expect(edges).toEqual(["edge-1", feedEdgeId("erp")]);
});

test("any order and repetition of the same requests gives the same balances, each once", async () => {
  const factArbitrary = fc.record({
    kind: fc.constantFrom("sale" as const, "return" as const, "receipt" as const),
    gtin: fc.constantFrom(coffee, shirt),
    quantity: fc.integer({ min: 1, max: 4 }),
    afterMs: fc.integer({ min: 0, max: hourMs }),
  });
  const lists = fc.array(fc.array(factArbitrary, { maxLength: 4 }), { minLength: 1, maxLength: 5 });
  const orders = fc.array(fc.nat(), { minLength: 12, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(lists, orders, async (drawn, picks) => {
      const requests = drawn.map((list, index) =>
        request(
          `k${index}`,
          list.map(({ kind, gtin, quantity, afterMs }) =>
            fact(kind, gtin, { quantity, occurredAtMs: startAtMs + afterMs }),
          ),
          { completeThroughAtMs: startAtMs + 48 * hourMs },
        ),
      );
      const shuffled = [...picks.map((pick) => requests[pick % requests.length]!), ...requests];
      const results = await Promise.all(
        [requests, shuffled].map(async (order) => {
          const ledger = await openLedger();
          await ledger.setPlan(plan);
          await Promise.all(order.map((each) => ledger.facts.take(each, startAtMs)));
          await settleAll(ledger);
          expect((await ledger.verify()).problems).toEqual([]);
          const [standing] = await ledger.positions();
          const count = requests.reduce((sum, { facts }) => sum + facts.length, 0);
          if (count > 0) expect(standing?.throughSequence).toBe(count);
          return [await balancesOf(ledger, coffee), await balancesOf(ledger, shirt)];
        }),
      );
      expect(results[1]).toEqual(results[0]);
      for (const balances of results[0]!) {
        expect(Object.values(balances).reduce((sum, each) => sum + each, 0)).toBe(0);
      }
    }),
    { numRuns: 25 },
  );
}, 60_000);

test("the outbox of a source is its own in each store", () => {
  expect(feedOutboxId("s1", "pos")).toMatch(/^[0-9a-f]{32}$/);
  expect(feedOutboxId("s1", "pos")).not.toBe(feedOutboxId("s2", "pos"));
});
