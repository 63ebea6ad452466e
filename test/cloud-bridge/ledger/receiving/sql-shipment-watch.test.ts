// Captured shipments that nobody ends: overdue, closed where they came, expired, deleted.

import { expect, test } from "vitest";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { isOnPostgres, ledgerPath, onDatabase, openLedger } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "../fake-edge.ts";
import { capture, declared, shipment, shipmentName } from "./shipment-fixture.ts";

const storeId = "s0042";
const dayMs = 86_400_000;
const limits = {
  shipmentOverdueMs: 3 * dayMs,
  shipmentEndMs: 10 * dayMs,
  shipmentKeepMs: 20 * dayMs,
};
const came = (serial: string) =>
  moved("receiving", coffee, {
    item: { gtin: coffee, serial },
    to: place(`${storeId}/stockroom`),
  });
const one = (ledger: SqlLedger, id: string) =>
  ledger.receiving.consignment(storeId, shipmentName(id));

/** What is told after so many days. */
async function tell(ledger: SqlLedger, dayCount: number): Promise<unknown[]> {
  const alerts = await ledger.receiving.raiseOverdue(startAtMs + dayCount * dayMs + 1, limits);
  return alerts.map(({ code, detail }) => [code, String(detail?.["key"]).split(":").at(-1)]);
}

async function rowCount(path: string, table: string): Promise<number> {
  const sql = `SELECT CAST(count(*) AS INTEGER) AS count FROM ${table}`;
  return (await onDatabase<{ count: number }>(path, sql))[0]!.count;
}

test("it is told of once that it should have come, and it expires where nobody ends it", async () => {
  const ledger = await openLedger();
  await capture(ledger, startAtMs, shipment({ id: "D1", quantity: 3 }));
  expect(await tell(ledger, 2)).toEqual([]);
  expect(await tell(ledger, 3)).toEqual([["delivery_overdue", "D1"]]);
  expect(await tell(ledger, 9)).toEqual([]);
  expect((await one(ledger, "D1"))?.state).toBe("open");
  expect(await tell(ledger, 10)).toEqual([]);
  expect(await one(ledger, "D1")).toMatchObject({
    ...{ state: "expired", closedBy: "ledger", closedAtMs: startAtMs + 10 * dayMs + 1 },
    ...{ reason: "nobody ended it in 10 days", report: [{ expected: 3, missing: 3 }] },
  });
});

test("of one that came, was ended, was withdrawn or is old already nothing is told", async () => {
  const ledger = await openLedger();
  const withdrawn = shipment({ id: "D3", quantity: 1 });
  await capture(
    ledger,
    startAtMs,
    ...[shipment({ id: "D1", serials: ["A1", "A2"] }), shipment({ id: "D2", quantity: 2 })],
    ...[withdrawn, shipment({ id: "D4", quantity: 1, atMs: startAtMs - 30 * dayMs })],
  );
  await capture(ledger, startAtMs, declared(withdrawn));
  const edge = new FakeEdge().append(came("A1"), came("A2"));
  await ledger.post([edge.batch(1)], startAtMs);
  const end = { kind: "delivery", state: "cancelled", by: "ada" } as const;
  await ledger.receiving.end(storeId, shipmentName("D2"), end, startAtMs);
  expect(await tell(ledger, 3)).toEqual([]);
  expect(await one(ledger, "D1")).toMatchObject({ state: "closed", reason: "all of it came" });
  expect((await one(ledger, "D2"))?.state).toBe("cancelled");
  expect((await one(ledger, "D3"))?.state).toBe("withdrawn");
  expect((await one(ledger, "D4"))?.state).toBe("expired");
  expect(await tell(ledger, 10)).toEqual([]);
});

test("one that is sent again is watched again", async () => {
  const ledger = await openLedger();
  const wrong = shipment({ id: "D1", quantity: 3 });
  await capture(ledger, startAtMs, wrong);
  await capture(ledger, startAtMs, declared(wrong));
  expect(await tell(ledger, 3)).toEqual([]);
  const again = shipment({ id: "D1", quantity: 4, atMs: startAtMs + 3 * dayMs });
  await capture(ledger, startAtMs + 3 * dayMs, again);
  expect(await tell(ledger, 5)).toEqual([]);
  expect(await tell(ledger, 6)).toEqual([["delivery_overdue", "D1"]]);
});

test("what was told of one that is withdrawn then is over, and told again where that was wrong", async () => {
  const ledger = await openLedger();
  const [voided, wrong] = ["D1", "D2"].map((id) => shipment({ id, serials: [`A-${id}`] })) as [
    object,
    object,
  ];
  const partly = shipment({ id: "D3", serials: ["A1", "A2"] });
  await capture(ledger, startAtMs, voided, wrong, partly);
  const all = ["D1", "D2", "D3"].map((id) => ["delivery_overdue", id]);
  expect(await tell(ledger, 3)).toEqual(all);
  const open = async () => {
    const asked = { storeId, isOpen: true, countMax: 9, nowMs: startAtMs + 4 * dayMs };
    const names = (await ledger.alerts(asked)).map(({ detail }) => String(detail?.["key"]));
    return names.map((name) => name.split(":").at(-1)).sort();
  };
  expect(await open()).toEqual(["D1", "D2", "D3"]);
  const some = shipment({ id: "D3", serials: ["A1"] });
  const laterMs = startAtMs + 4 * dayMs;
  const offs = [voided, some].map((event) => ({ ...event, bizStep: "void_shipping" }));
  await capture(ledger, laterMs, ...offs, declared(wrong));
  expect(await open()).toEqual(["D3"]);
  await capture(ledger, laterMs, declared(offs[0]!));
  expect(await tell(ledger, 4)).toEqual([["delivery_overdue", "D1"]]);
  expect(await open()).toEqual(["D1", "D3"]);
});

test("lines of what ended are deleted in time, and its report stays as it was", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await capture(
    ledger,
    startAtMs,
    ...[shipment({ id: "D1", serials: ["A1", "A2"] }), shipment({ quantity: 2 })],
    shipment({ id: "D2", quantity: 7, atMs: startAtMs + 15 * dayMs }),
  );
  const edge = new FakeEdge().append(came("A1"));
  await ledger.post([edge.batch(1)], startAtMs);
  const end = { kind: "delivery", state: "closed", by: "ada" } as const;
  await ledger.receiving.end(storeId, shipmentName("D1"), end, startAtMs);
  await tell(ledger, 19);
  expect(await rowCount(path, "expected_receipts")).toBe(4);
  const before = await one(ledger, "D1");
  expect(before).toMatchObject({ report: [{ received: 1, missing: 1, missingUnits: ["A2"] }] });
  await tell(ledger, 20);
  expect(await rowCount(path, "expected_receipts")).toBe(1);
  expect(await rowCount(path, "captured_shipments")).toBe(1);
  expect(await one(ledger, "D1")).toEqual(before);
  expect(await one(ledger, "D2")).toMatchObject({ state: "open", lines: [{ quantity: 7 }] });
  const asked = { storeId, side: "to", kind: "delivery", isOpen: false, countMax: 9 } as const;
  const { report: _, ...item } = before!;
  expect(await ledger.receiving.consignments(asked)).toContainEqual(item);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("lines wait for a delivery that was announced under their name and is open", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await capture(ledger, startAtMs, shipment({ id: "D1", serials: ["A1"] }));
  await ledger.receiving.open({
    ...{ consignmentId: shipmentName("D1"), kind: "delivery", storeId, from: "Maker" },
    ...{ lines: [{ item: coffee, quantity: 1 }], state: "open" },
    ...{ openedAtMs: startAtMs, openedBy: "ada" },
  });
  expect(await tell(ledger, 25)).toEqual([]);
  expect(await rowCount(path, "expected_receipts")).toBe(1);
  const end = { kind: "delivery", state: "closed", by: "ada" } as const;
  await ledger.receiving.end(storeId, shipmentName("D1"), end, startAtMs);
  await tell(ledger, 26);
  expect(await rowCount(path, "expected_receipts")).toBe(0);
});

test("a ledger that did not watch its shipments does so from its next start on", async () => {
  const path = ledgerPath();
  const before = await openLedger({ path });
  await capture(before, startAtMs, shipment({ id: "D1", quantity: 3 }));
  await before.close();
  await onDatabase(path, "DROP TABLE captured_shipments");
  if (isOnPostgres) await onDatabase(path, "UPDATE ledger_version SET digest = ''");
  const ledger = await openLedger({ path });
  expect(await tell(ledger, 3)).toEqual([["delivery_overdue", "D1"]]);
});
