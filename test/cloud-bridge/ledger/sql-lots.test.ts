// Lots of a ledger: from receipts, sales with and without the lot, and units with serials.

import { expect, test } from "vitest";
import type { LedgerDatabase, SqlConnection } from "../../../cloud-bridge/ledger/database.ts";
import { noExpiry } from "../../../cloud-bridge/ledger/lots.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { type LotMark, SqlLots } from "../../../cloud-bridge/ledger/sql-lots.ts";
import { ledgerPath, openBeside, openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const storeId = "s0042";
const came = (gtin: string, item: object, quantity = 1) =>
  moved("receiving", gtin, {
    item: { gtin, ...item },
    quantity,
    to: place(`${storeId}/stockroom`),
  });
const left = (gtin: string, item: object, quantity = 1) =>
  moved("retail_selling", gtin, {
    item: { gtin, ...item },
    quantity,
    occurredAtMs: startAtMs + 1000,
    from: place(`${storeId}/stockroom`),
  });

async function ledgerWith(...events: Record<string, unknown>[]): Promise<SqlLedger> {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(...events);
  await ledger.post([edge.batch(1, edge.lastSequence)], startAtMs + 60_000);
  return ledger;
}

async function shown(ledger: SqlLedger, query = {}) {
  const lots = await ledger.lots.list({ storeId, countMax: 100, ...query });
  return lots.map(({ lot, expiry = "-", quantity, expectedQuantity }) => {
    return `${lot} ${expiry} ${quantity} ${expectedQuantity}`;
  });
}

test("what expires first stands first; what is gone is left out", async () => {
  const ledger = await ledgerWith(
    came(coffee, { lot: "B", expiry: "2026-03-01" }, 10),
    came(coffee, { lot: "A", expiry: "2026-01-15" }, 6),
    came(coffee, { lot: "C" }, 2),
    came(tea, { lot: "A", expiry: "2026-02-01" }, 3),
    came(tea, { lot: "Z", expiry: "2026-01-01" }, 1),
    came(coffee, {}, 1),
    left(coffee, { lot: "B" }, 4),
    left(tea, { lot: "Z" }, 1),
    left(coffee, {}, 5),
  );
  expect(await shown(ledger)).toEqual([
    "A 2026-01-15 6 2",
    "A 2026-02-01 3 3",
    "B 2026-03-01 6 6",
    "C - 2 2",
  ]);
  expect(await shown(ledger, { gtin: tea })).toEqual(["A 2026-02-01 3 3"]);
  expect(await shown(ledger, { throughDay: "2026-02-01" })).toHaveLength(2);
  expect(await shown(ledger, { throughDay: "2026-01-31" })).toEqual(["A 2026-01-15 6 2"]);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a lot that a till sold out of the basket has left, whether or not the shelf told of the pick", async () => {
  const basket = place(`${storeId}/@basket`);
  const shelf = place(`${storeId}/floor/gondola-1/c1`);
  const sold = moved("retail_selling", coffee, {
    item: { gtin: coffee, lot: "B" },
    quantity: 2,
    occurredAtMs: startAtMs + 2000,
    from: basket,
  });
  const receipts = [
    came(coffee, { lot: "A", expiry: "2026-01-15" }, 6),
    came(coffee, { lot: "B", expiry: "2026-03-01" }, 10),
  ];
  const picked = moved("customer_pick", coffee, {
    quantity: 2,
    occurredAtMs: startAtMs + 1000,
    from: shelf,
    to: basket,
  });
  const left = ["A 2026-01-15 6 6", "B 2026-03-01 8 8"];
  expect(await shown(await ledgerWith(...receipts, sold))).toEqual(left);
  expect(await shown(await ledgerWith(...receipts, picked, sold))).toEqual(left);
});

test("a page goes on behind the last lot of the one before", async () => {
  const names = ["a", "b/1", "c", "d", "e"];
  const ledger = await ledgerWith(
    ...names.flatMap((lot, index) =>
      [coffee, tea].map((gtin) =>
        came(gtin, { lot, ...(index < 3 ? { expiry: "2026-01-01" } : {}) }),
      ),
    ),
  );
  const all = await ledger.lots.list({ storeId, countMax: 100 });
  expect(all).toHaveLength(10);
  const found: typeof all = [];
  let after: LotMark | undefined;
  do {
    const page = await ledger.lots.list({ storeId, after, countMax: 3 });
    found.push(...page);
    const last = page.length < 3 ? undefined : page.at(-1);
    after = last && [last.expiry ?? noExpiry, last.gtin, last.lot];
  } while (after !== undefined);
  expect(found).toEqual(all);
});

test("a lot that sells out while a page is read does not shorten the page", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const edge = new FakeEdge().append(
    ...["1", "2", "3"].map((lot) => came(coffee, { lot, expiry: `2026-01-0${lot}` })),
    left(coffee, { lot: "1" }),
  );
  await ledger.post([edge.batch(1, 3)], startAtMs + 60_000);
  const sellOut = () => ledger.post([edge.batch(4)], startAtMs + 61_000);
  const reader = await openBeside(path);
  const all: SqlConnection["all"] = async (...statement) => {
    const rows = await reader.all<never>(...statement);
    await sellOut();
    return rows;
  };
  const lots = new SqlLots({ reader: { ...reader, all } } as unknown as LedgerDatabase);
  const page = await lots.list({ storeId, countMax: 2 });
  expect(page.map(({ lot }) => lot)).toEqual(["1", "2"]);
  expect(await shown(ledger)).toEqual(["2 2026-01-02 1 1", "3 2026-01-03 1 1"]);
});

test("a unit with a serial is in its lot until it leaves, whoever leaves the lot out", async () => {
  const ledger = await ledgerWith(
    ...["1", "2", "3/%"].map((serial) => came(coffee, { lot: "A", expiry: "2026-01-15", serial })),
    left(coffee, { serial: "2" }),
    left(coffee, { serial: "3/%" }),
  );
  expect(await shown(ledger)).toEqual(["A 2026-01-15 1 1"]);
});

test("of two dates that were told of a lot the earlier one holds, in whichever order", async () => {
  const days = ["2026-05-01", "2026-04-01", "2026-06-01"];
  const receipts = days.map((expiry) => came(coffee, { lot: "A", expiry }));
  const ledger = await ledgerWith(...receipts, came(coffee, { lot: "A" }));
  const late = new FakeEdge("0b0b0b0b-1111", "edge-2").append(
    came(coffee, { lot: "A", expiry: "2026-03-01" }),
  );
  await ledger.post([late.batch(1, 1)], startAtMs + 61_000);
  expect(await shown(ledger)).toEqual(["A 2026-03-01 5 5"]);
});

test("the life of a lot is all entries that name it", async () => {
  const ledger = await ledgerWith(
    came(coffee, { lot: "A" }, 5),
    came(coffee, { lot: "A", serial: "1" }),
    came(coffee, { lot: "B" }, 5),
    left(coffee, { lot: "A" }, 2),
  );
  const { entries } = await ledger.history.ofItem({ item: coffee, lot: "A", countMax: 10 });
  expect(entries.map(({ quantity }) => quantity)).toEqual([5, 1, 2]);
});
