import { expect, test } from "vitest";
import {
  dispose,
  inspect,
  type ReturnCase,
} from "../../../../cloud-bridge/ledger/returns/return-case.ts";
import { openLedger } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, place, shirt, startAtMs, tea } from "../fake-edge.ts";

const asked = (number: number, fields: object = {}) => ({
  ...{ returnId: String(number).padStart(32, "0"), storeId: "s0042", gtin: tea },
  ...{ location: "s0042/stockroom", receivedAtMs: startAtMs + number, receivedBy: "ada" },
  ...fields,
});
const receipt = { type: "receipt", id: "R-1" };

test("a receipt takes back as many as it sold, in whichever store, and not more", async () => {
  const ledger = await openLedger();
  const till = new FakeEdge("0b0b0b0b-1111", "till-1", "s0043");
  till.append(
    moved("retail_selling", tea, { quantity: 2, reference: receipt, from: place("s0043/floor") }),
  );
  await ledger.post([till.batch(1)], startAtMs);
  expect(await ledger.returns.sales("R-1")).toMatchObject([
    { storeId: "s0043", item: tea, sold: 2, returned: 0 },
  ]);
  const open = (number: number, fields: object = {}) =>
    ledger.returns.open(asked(number, { receiptId: "R-1", ...fields }), `d${number}`);
  expect(await open(1)).toMatchObject({ ok: true, returnCase: { sale: { storeId: "s0043" } } });
  expect(await open(1)).toMatchObject({ ok: true });
  expect(await ledger.returns.open(asked(1), "other")).toMatchObject({ code: "KEY_REUSED" });
  expect(await open(2)).toMatchObject({ ok: true });
  expect(await open(3)).toMatchObject({ ok: false, code: "RETURN_REPEATED" });
  expect(await open(4, { gtin: coffee })).toMatchObject({ ok: false, code: "RETURN_NOT_SOLD" });
  // Nobody knows the receipt: taken all the same, and said so.
  const unknown = await ledger.returns.open(asked(5, { receiptId: "R-9" }), "d5");
  expect(unknown.ok && unknown.returnCase.sale).toBeUndefined();
  expect(unknown.ok).toBe(true);
});

test("of parallel returns of the last unit one is taken", async () => {
  const ledger = await openLedger();
  const till = new FakeEdge().append(moved("retail_selling", tea, { reference: receipt }));
  await ledger.post([till.batch(1)], startAtMs);
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, number) =>
      ledger.returns.open(asked(number, { receiptId: "R-1" }), `d${number}`),
    ),
  );
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
});

test("a unit that stands in a store was not sold; one at a customer's was", async () => {
  const ledger = await openLedger();
  const item = { gtin: shirt, serial: "A/1+" };
  const edge = new FakeEdge().append({
    ...moved("receiving", shirt, { to: place("s0042/floor") }),
    item,
  });
  await ledger.post([edge.batch(1)], startAtMs);
  const open = (number: number) => ledger.returns.open(asked(number, item), `d${number}`);
  expect(await open(1)).toMatchObject({ ok: false, code: "RETURN_NOT_SOLD" });
  edge.append({ ...moved("retail_selling", shirt, { from: place("s0042/floor") }), item });
  await ledger.post([edge.batch(2)], startAtMs);
  expect(await open(2)).toMatchObject({ ok: true, returnCase: { sale: { storeId: "s0042" } } });
});

test("the figures say how long it took until a unit could be sold again", async () => {
  const { returns } = await openLedger();
  const look = { reasons: [], by: "bob", atMs: startAtMs, valueShare: 1 };
  const grade = { grade: "A", ...look } as const;
  for (const number of [1, 2, 3, 4]) {
    await returns.open(asked(number), `d${number}`);
    if (number === 4) continue;
    const { returnId } = asked(number);
    await returns.step("s0042", returnId, (one) => inspect(one, grade));
    const atMs = startAtMs + number * 1_000 + number;
    const end = { disposition: number === 3 ? "outlet" : "resell", by: "bob", atMs } as const;
    expect(await returns.step("s0042", returnId, (one) => dispose(one, end))).toMatchObject({
      ok: true,
    });
  }
  expect(await returns.figures("s0042")).toEqual({
    openCount: 1,
    byDisposition: { resell: 2, outlet: 1 },
    resellableAfterMsP50: 2_000,
  });
  const open = await returns.returnCases({ storeId: "s0042", isOpen: true, countMax: 9 });
  expect(open).toMatchObject([{ returnId: asked(4).returnId }]);
  const none = await returns.step("s0042", "f".repeat(32), (one) => inspect(one, grade));
  expect(none).toMatchObject({ ok: false, code: "RETURN_UNKNOWN" });
});

test("of many of one millisecond none is lost between two pages", async () => {
  const { returns } = await openLedger();
  for (let number = 1; number <= 23; number += 1) {
    const receivedAtMs = startAtMs + Math.floor(number / 10);
    await returns.open(asked((number * 7) % 23, { receivedAtMs }), `d${number}`);
  }
  for (const countMax of [1, 4, 10]) {
    const query = { storeId: "s0042", isOpen: true, countMax };
    const seen: ReturnCase[] = [];
    let page = await returns.returnCases(query);
    while (page.length > 0) {
      seen.push(...page);
      const { receivedAtMs, returnId } = seen.at(-1)!;
      page = await returns.returnCases({ ...query, before: [receivedAtMs, returnId] });
    }
    expect(seen).toHaveLength(23);
    expect(new Set(seen.map(({ returnId }) => returnId)).size).toBe(23);
    const times = seen.map(({ receivedAtMs }) => receivedAtMs);
    expect(times).toEqual([...times].sort((a, b) => b - a));
  }
});
