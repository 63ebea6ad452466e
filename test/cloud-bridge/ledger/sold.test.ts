// What the exits are told: sales less returns, bounded by time and number, whatever the order of arrival.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Sale,
  soldAsOfAtMs,
  soldCountMax,
  soldList,
  soldWindows,
} from "../../../cloud-bridge/ledger/sold.ts";
import { soldSchema } from "../../../contract/sold.ts";
import { openLedger, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, shirt, startAtMs } from "./fake-edge.ts";

const nowMs = startAtMs + 86_400_000;
const about = { storeId: "s0042", asOfAtMs: nowMs, nowMs };
const sale = (agoMs: number, fields: Partial<Sale> = {}): Sale => ({
  ...{ gtin: coffee, quantity: 1, atMs: nowMs - agoMs, isReturn: false },
  ...fields,
});

test("a serial is listed for a day, a GTIN for two hours", () => {
  const { serialMs, unitMs } = soldWindows;
  const { sold } = soldList(
    [
      sale(unitMs, { quantity: 2 }),
      sale(unitMs + 1),
      sale(serialMs, { serial: "A" }),
      sale(serialMs + 1, { serial: "B" }),
    ],
    about,
  );
  expect(soldSchema.parse(sold)).toMatchObject({
    serials: [{ key: `01/${coffee}/21/A` }],
    units: [{ gtin: coffee, quantity: 2, soldAtMs: nowMs - unitMs }],
  });
});

test("what came back is not sold, and may be sold again", () => {
  const { sold } = soldList(
    [
      sale(50, { serial: "A" }),
      sale(40, { serial: "A", isReturn: true }),
      sale(50, { serial: "B" }),
      sale(40, { serial: "B", isReturn: true }),
      sale(30, { serial: "B" }),
      sale(60, { quantity: 2 }),
      sale(50, { quantity: 2 }),
      sale(20, { quantity: 3, isReturn: true }),
    ],
    about,
  );
  expect(sold.serials.map(({ key }) => key)).toEqual([`01/${coffee}/21/B`]);
  expect(sold.units).toEqual([{ gtin: coffee, quantity: 1, soldAtMs: nowMs - 60 }]);
});

test("the order of arrival changes nothing", () => {
  const sales = fc.array(
    fc
      .record({
        agoMs: fc.integer({ min: 0, max: 20 }),
        serial: fc.option(fc.constantFrom("A", "B"), { nil: undefined }),
        quantity: fc.integer({ min: 1, max: 3 }),
        isReturn: fc.boolean(),
      })
      .map(({ agoMs, ...fields }) => sale(agoMs, fields)),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(sales, fc.func(fc.nat()), (list, order) => {
      const shuffled = [...list]
        .map((each, index) => ({ each, key: order(index) }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);
      expect(soldList(shuffled, about)).toEqual(soldList(list, about));
    }),
    { numRuns: 300 },
  );
});

test("beyond its bound the list keeps the newest and says how many it left out", () => {
  const sales = Array.from({ length: soldCountMax + 3 }, (_, index) =>
    sale(index, { serial: `S${index}` }),
  );
  const { sold, droppedCount } = soldList(sales, about);
  expect([sold.serials.length, droppedCount]).toEqual([soldCountMax, 3]);
  expect(sold.serials[0]?.key).toBe(`01/${coffee}/21/S0`);
});

test("a list is as fresh as the till that is furthest behind", () => {
  const current = { completeThroughAtMs: 900, caughtUpFromAtMs: 800 };
  expect(soldAsOfAtMs([current], 1000)).toBe(1000);
  expect(soldAsOfAtMs([current, { completeThroughAtMs: 700 }], 1000)).toBe(700);
  expect(soldAsOfAtMs([{ completeThroughAtMs: 700, caughtUpFromAtMs: 800 }], 1000)).toBe(700);
  expect(soldAsOfAtMs([{ completeThroughAtMs: 5000 }], 1000)).toBe(1000);
});

test("the ledger gives sales and returns since a time, the newest first", async () => {
  const ledger = await openLedger();
  const at = (afterMs: number) => ({ occurredAtMs: startAtMs + afterMs });
  const edge = new FakeEdge().append(
    moved("retail_selling", coffee, at(1)),
    moved("receiving", coffee, at(2)),
    moved("retail_selling", shirt, { item: { gtin: shirt, serial: "A" }, ...at(3) }),
    moved("returning", shirt, { item: { gtin: shirt, serial: "A" }, ...at(4) }),
    moved("retail_selling", "", { item: { epc: "30AB" }, ...at(5) }),
  );
  await postOne(ledger, edge.batch(1));
  const query = { storeId: "s0042", sinceMs: startAtMs + 2, countMax: 10 };
  const row = { gtin: shirt, serial: "A", quantity: 1, edgeId: "edge-1" };
  expect(await ledger.sales(query)).toEqual([
    { ...row, atMs: startAtMs + 4, isReturn: true },
    { ...row, atMs: startAtMs + 3, isReturn: false },
  ]);
  expect(await ledger.sales({ ...query, storeId: "s0043" })).toEqual([]);
  const [last] = (await ledger.entries({ ...query, afterEntryNumber: 0 })).slice(-1);
  expect(await ledger.history.lastEntryNumber("s0042")).toBe(last?.entryNumber);
  expect(await ledger.history.lastEntryNumber("s0043")).toBe(0);
});
