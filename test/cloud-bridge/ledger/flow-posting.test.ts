// What settlement posts beside a fact does not move the unit: one that was sold is at a customer's, whatever else is posted.

import { describe, expect, test } from "vitest";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { isOnPostgres, ledgerPath, onDatabase, openLedger } from "./edge-fixture.ts";
import { coffee, place, startAtMs } from "./fake-edge.ts";
import {
  day,
  exit,
  type Fact,
  fact,
  hourMs,
  minuteMs,
  ordersOf,
  pick,
  type Step,
  sale,
  serial,
  shelf,
} from "./flow-fixture.ts";

// A character that a key encodes.
const name = "X/1";
const x = serial(name);
const came = fact("receiving", -hourMs, undefined, shelf, {
  item: { gtin: coffee, serial: name, lot: "L" },
});
const back = fact("returning", 20 * minuteMs, undefined, "floor/apparel", x);
const putback = fact("customer_putback", 3 * minuteMs, undefined, shelf, x);
const fromShelf: Fact = (storeId) => ({
  ...sale(2 * minuteMs, x)(storeId),
  from: place(`${storeId}/${shelf}`),
});

async function placeOf(path: string, storeId: string): Promise<string> {
  const sql = "SELECT location FROM serials WHERE store_id = ?";
  const rows = await onDatabase<{ location: string }>(path, sql, storeId);
  return rows.map(({ location }) => location.slice(storeId.length + 1)).join();
}

const lotsOf = async (ledger: SqliteLedger, storeId: string) =>
  (await ledger.lots.list({ storeId, countMax: 9 })).map(({ lot, quantity }) => [lot, quantity]);

describe("a unit is, in every order of arrival", () => {
  const cases: [string, readonly (Fact | Step)[], string][] = [
    ["sold by its serial and gone", [sale(0, x), exit(minuteMs, x)], "@customer"],
    ["sold without its serial and gone", [sale(0), exit(minuteMs, x)], "@customer"],
    ["sold after it left", [exit(minuteMs, x), sale(5 * minuteMs, x)], "@customer"],
    ["sold and read twice", [sale(0), exit(minuteMs, x), exit(9 * hourMs, x)], "@customer"],
    ["taken and sold from the shelf", [pick(minuteMs, x), fromShelf], "@customer"],
    ["sold, and nobody saw it taken", [sale(0, x)], "@customer"],
    ["taken, sold and gone", [pick(0, x), sale(minuteMs), exit(2 * minuteMs, x)], "@customer"],
    ["gone unpaid", [exit(minuteMs, x)], "@loss"],
    ["gone unpaid and read twice", [exit(minuteMs, x), exit(hourMs, x)], "@loss"],
    ["read again after it was lost", [exit(0, x), exit(90 * hourMs, x)], "@loss"],
    ["gone and back", [sale(0, x), exit(minuteMs, x), back], "floor/apparel"],
    ["taken and left somewhere", [pick(0, x)], shelf],
    ["put back, and nobody saw it taken", [putback], shelf],
  ];
  test.each(cases)("%s", async (_, facts, end) => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    const hours = [0, 0, 30, 30];
    for (const order of ordersOf([came, ...facts])) {
      for (const isInTime of [true, false]) {
        const passed = (position: number) => (isInTime ? 0 : hours[position]! * hourMs);
        const { storeId } = await day(ledger, order, () => true, passed);
        expect(await placeOf(path, storeId)).toBe(end);
        expect(await lotsOf(ledger, storeId)).toEqual(end.startsWith("@") ? [] : [["L", 1]]);
      }
    }
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("sold by a till that told it once the basket or the exit had timed out", async () => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    for (const first of [pick(minuteMs, x), exit(minuteMs, x)]) {
      const facts = [came, first, sale(2 * minuteMs, x)];
      const { storeId } = await day(
        ledger,
        facts,
        () => true,
        (position) => position * 15 * hourMs,
      );
      expect(await placeOf(path, storeId)).toBe("@customer");
      expect(await lotsOf(ledger, storeId)).toEqual([]);
    }
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("taken by staff for an order, and not at its shelf", async () => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    const facts = [
      came,
      pick(minuteMs, x),
      { order: 1, step: "pick", afterMs: 2 * minuteMs } as const,
    ];
    const { storeId } = await day(ledger, facts);
    expect(await placeOf(path, storeId)).toBe("@basket");
  });
});

test("one that left paid can be brought back, as it was sold", async () => {
  for (const [number, facts] of [[sale(0, x)], [sale(0)]].entries()) {
    const ledger = await openLedger();
    const sold = [came, ...facts, exit(minuteMs, x), exit(40 * hourMs, x)];
    const { storeId } = await day(ledger, sold.slice(0, 4 - number));
    const returnId = String(number).padStart(32, "0");
    const asked = { returnId, storeId, gtin: coffee, serial: name, location: `${storeId}/floor` };
    const told = { ...asked, receivedAtMs: startAtMs + 50 * hourMs, receivedBy: "ada" };
    const soldAtMs = startAtMs + (number === 0 ? 0 : minuteMs);
    expect(await ledger.returns.open(told, returnId)).toMatchObject({
      ...{ ok: true, returnCase: { sale: { storeId, soldAtMs } } },
    });
  }
});

test("a ledger of the version before knows its units and lots anew at its start", async () => {
  const path = ledgerPath();
  const before = await openLedger({ path });
  const ends: Record<string, readonly Fact[]> = {
    "@customer": [sale(0), exit(minuteMs, x)],
    "@loss": [exit(minuteMs, x)],
    [shelf]: [pick(0, x)],
    "floor/apparel": [sale(0, x), exit(minuteMs, x), back],
  };
  const stores: [end: string, storeId: string][] = [];
  for (const [end, facts] of Object.entries(ends)) {
    stores.push([end, (await day(before, [came, ...facts])).storeId]);
  }
  await before.close();
  // As version 4 had it: the last entry says where the unit is, also one that settlement posted.
  const last = `SELECT to_location, placed_at_ms FROM entries e WHERE e.store_id = serials.store_id
    AND e.serial = '${name}' ORDER BY placed_at_ms DESC, entry_number DESC LIMIT 1`;
  await onDatabase(
    path,
    `UPDATE serials SET location = (SELECT to_location FROM (${last}) l),
    at_ms = (SELECT placed_at_ms FROM (${last}) l)`,
  );
  await onDatabase(
    path,
    "UPDATE serials SET state = 'damaged' WHERE location NOT LIKE '%/apparel'",
  );
  await onDatabase(path, "UPDATE lot_units SET in_store = 1");
  await onDatabase(path, "UPDATE lots SET quantity = 1");
  const version = isOnPostgres
    ? "UPDATE ledger_version SET version = 4"
    : "PRAGMA user_version = 4";
  await onDatabase(path, version);
  expect(await placeOf(path, stores[0]![1])).toBe(shelf);
  const ledger = await openLedger({ path });
  const states = "SELECT DISTINCT state FROM serials";
  expect(await onDatabase(path, states)).toEqual([{ state: "sellable" }]);
  for (const [end, storeId] of stores) {
    expect(await placeOf(path, storeId)).toBe(end);
    expect(await lotsOf(ledger, storeId)).toEqual(end.startsWith("@") ? [] : [["L", 1]]);
  }
  expect((await ledger.verify()).problems).toEqual([]);
});
