// Captured shipments as deliveries: open, and withdrawn with when and why.

import { expect, test } from "vitest";
import { consignmentKey } from "../../../../cloud-bridge/ledger/receiving/sql-consignments.ts";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { openLedger } from "../edge-fixture.ts";
import { coffee, startAtMs } from "../fake-edge.ts";
import { capture, declared, shipment, shipmentName } from "./shipment-fixture.ts";

const storeId = "s0042";

async function listed(ledger: SqlLedger, isOpen: boolean, countMax = 9) {
  const found: string[] = [];
  let before: [number, string] | undefined;
  for (;;) {
    const asked = { storeId, side: "to", kind: "delivery", isOpen, before, countMax } as const;
    const page = await ledger.receiving.consignments(asked);
    found.push(...page.map((one) => `${one.consignmentId.split(":").at(-1)} ${one.state}`));
    const last = page.at(-1);
    if (last === undefined) return found;
    before = [last.openedAtMs, consignmentKey(last)];
  }
}
const one = (ledger: SqlLedger, id: string) =>
  ledger.receiving.consignment(storeId, shipmentName(id));

test("a shipment that was declared wrong shows as withdrawn, with when and why", async () => {
  const ledger = await openLedger();
  const sent = shipment({ id: "D1", quantity: 3, lot: "L1" });
  const other = shipment({ id: "D2", quantity: 4, atMs: startAtMs + 1000 });
  await capture(ledger, startAtMs, sent, other);
  await capture(ledger, startAtMs + 7000, declared(sent, "did_not_occur"));
  await capture(ledger, startAtMs + 8000, declared(other));
  const withdrawn = {
    ...{ state: "withdrawn", from: "epcis", openedAtMs: startAtMs, closedBy: "epcis" },
    ...{ closedAtMs: startAtMs + 7000, reason: expect.stringContaining("did_not_occur") },
    lines: [{ item: coffee, quantity: 3, lot: "L1" }],
  };
  expect(await one(ledger, "D1")).toMatchObject(withdrawn);
  expect(await one(ledger, "D2")).toMatchObject({ state: "withdrawn", reason: "error_declared" });
  expect(await listed(ledger, true)).toEqual([]);
  for (const countMax of [1, 9]) {
    expect(await listed(ledger, false, countMax)).toEqual(["D2 withdrawn", "D1 withdrawn"]);
  }
  const end = { kind: "delivery", state: "closed", by: "ada" } as const;
  expect(await ledger.receiving.end(storeId, shipmentName("D1"), end, startAtMs)).toMatchObject({
    ...{ ok: false, code: "CONSIGNMENT_STATE" },
    message: expect.stringContaining("withdrawn by epcis"),
  });
});

test("what is left of a shipment in parts stays open, and one that is sent again is open again", async () => {
  const ledger = await openLedger();
  const [first, second] = [1, 2].map((minute) =>
    shipment({ id: "D1", quantity: minute, atMs: startAtMs + minute * 60_000 }),
  ) as [object, object];
  await capture(ledger, startAtMs, first, second);
  await capture(ledger, startAtMs + 7000, declared(first));
  expect(await one(ledger, "D1")).toMatchObject({
    ...{ state: "open", openedAtMs: startAtMs + 120_000, lines: [{ quantity: 2 }] },
  });
  await capture(ledger, startAtMs + 8000, declared(second));
  // Its lines are those that were withdrawn last.
  expect(await one(ledger, "D1")).toMatchObject({ state: "withdrawn", lines: [{ quantity: 2 }] });
  await capture(ledger, startAtMs + 9000, shipment({ id: "D1", quantity: 5 }));
  expect(await one(ledger, "D1")).toMatchObject({ state: "open", lines: [{ quantity: 5 }] });
  expect(await listed(ledger, false)).toEqual(["D1 open"]);
});

test("units that their sender called off say so", async () => {
  const ledger = await openLedger();
  const sent = shipment({ id: "D1", serials: ["A1"] });
  await capture(ledger, startAtMs, sent);
  await capture(ledger, startAtMs + 7000, { ...sent, bizStep: "void_shipping" });
  expect(await one(ledger, "D1")).toMatchObject({ state: "withdrawn", reason: "void_shipping" });
});
