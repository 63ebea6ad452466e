// What captured events withdraw of what stores expect: the same whatever comes first.

import { expect, test } from "vitest";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { checkDigitOf } from "../../../contract/gs1/check-digit.ts";
import { isOnPostgres, openLedger } from "./edge-fixture.ts";
import { coffee, startAtMs, tea } from "./fake-edge.ts";
import { capture, declared, shipment, shipmentName } from "./receiving/shipment-fixture.ts";

const storeId = "s0042";
const hourMs = 3_600_000;
const end = { kind: "delivery", state: "closed", by: "ada" } as const;

type Fields = Record<string, unknown>;
const parts = (id: string, type = "desadv") => ({
  bizTransactionList: [{ type, bizTransaction: shipmentName(id) }],
});
const unit = (serial: string) => `https://id.gs1.org/01/${coffee}/21/${serial}`;
const lotOfTea = (lot: string) => `https://id.gs1.org/01/${tea}/10/${lot}`;
function parcel(number: number): string {
  const digits = `0950600${String(number).padStart(10, "0")}`;
  return `https://id.gs1.org/00/${digits}${checkDigitOf(digits)}`;
}
const at = (hour: number) => ({
  ...{
    eventTime: new Date(startAtMs + hour * hourMs).toISOString(),
    eventTimeZoneOffset: "+00:00",
  },
});
/** Goods that were called off: by whom does not say where they go. */
const voided = (hour: number, epcList: readonly string[], fields: Fields = {}) => ({
  ...{ type: "ObjectEvent", action: "DELETE", bizStep: "void_shipping", ...at(hour) },
  ...{ epcList, ...fields },
});
const packed = (parentID: string, childEPCs: readonly string[], lots: readonly string[] = []) => ({
  ...{ type: "AggregationEvent", action: "ADD", bizStep: "packing", ...at(0), parentID, childEPCs },
  childQuantityList: lots.map((lot) => ({ epcClass: lotOfTea(lot), quantity: 5 })),
});
const sent = (id: string, hour: number, epcList: readonly string[]) => ({
  ...{ ...shipment({ id, atMs: startAtMs + hour * hourMs }), epcList, eventID: `urn:x:${id}` },
});

async function expectedIn(ledger: SqlLedger, afterNumber = 0): Promise<string[]> {
  const after = { eventNumber: afterNumber, line: Number.MAX_SAFE_INTEGER };
  const lines = await ledger.epcis.expectedReceipts({ storeId, after, countMax: 100 });
  return lines
    .map(({ shipment: name = "", item, serial, lot, quantity }) => {
      return `${name.split(":").at(-1)} ${serial ?? lot ?? item} ${quantity}`;
    })
    .sort();
}
const stateOf = async (ledger: SqlLedger, id: string) =>
  (await ledger.receiving.consignment(storeId, shipmentName(id)))?.state;

test("a shipment that is called off by its name takes no other with it", async () => {
  const ledger = await openLedger();
  const [first, other] = [
    shipment({ id: "D1", quantity: 3, lot: "L1" }),
    shipment({ id: "D2", quantity: 40, lot: "L2" }),
  ];
  await capture(ledger, startAtMs, first, other, shipment({ id: "D3", quantity: 2, lot: "L1" }));
  await capture(ledger, startAtMs, { ...first, bizStep: "void_shipping" });
  expect(await expectedIn(ledger)).toEqual(["D2 L2 40", "D3 L1 2"]);
  // By its lot alone, and by its product alone.
  const quantityList = first.quantityList!;
  await capture(ledger, startAtMs, voided(0, [], { quantityList }));
  expect(await expectedIn(ledger)).toEqual(["D2 L2 40"]);
  expect((await ledger.receiving.end(storeId, shipmentName("D2"), end, startAtMs)).ok).toBe(true);
  await capture(ledger, startAtMs, shipment({ id: "D4", quantity: 6, lot: "L4" }));
  const ofProduct = [{ epcClass: `https://id.gs1.org/01/${coffee}`, quantity: 6 }];
  await capture(ledger, startAtMs, voided(0, [], { quantityList: ofProduct }));
  expect(await expectedIn(ledger)).toEqual([]);
});

test("a shipment is called off by its order as well, where its void names that alone", async () => {
  const ledger = await openLedger();
  const both = (id: string, order: string) => ({
    ...shipment({ id, serials: [`A${id}`] }),
    bizTransactionList: [...parts(order, "po").bizTransactionList, ...parts(id).bizTransactionList],
  });
  await capture(ledger, startAtMs, both("D1", "P1"), both("D2", "P2"), sent("D3", 0, [unit("X")]));
  const all = [unit("AD1"), unit("AD2"), unit("X")];
  await capture(ledger, startAtMs, voided(1, all, parts("P1", "po")));
  expect(await expectedIn(ledger)).toEqual(["D2 AD2 1", "D3 X 1"]);
});

test("units that are shipped again after they were called off are expected", async () => {
  const ledger = await openLedger();
  const again = sent("D2", 2, [unit("A")]);
  await capture(ledger, startAtMs, sent("D1", 0, [unit("A")]), again);
  await capture(ledger, startAtMs, voided(1, [unit("A")]));
  expect(await expectedIn(ledger)).toEqual(["D2 A 1"]);
  const whole = [sent("D3", 0, [unit("B")]), sent("D4", 2, [unit("B")]), voided(1, [unit("B")])];
  await capture(ledger, startAtMs, ...whole);
  expect(await expectedIn(ledger)).toEqual(["D2 A 1", "D4 B 1"]);
});

test("what was called off stays so when its parcel is told of, and is not missing", async () => {
  const ledger = await openLedger();
  const parcelOf = parcel(1);
  await capture(ledger, startAtMs, sent("D1", 0, [unit("A1"), parcelOf]));
  await capture(ledger, startAtMs, voided(1, [unit("A1")]));
  await capture(ledger, startAtMs, packed(parcelOf, [], ["L1"]));
  expect(await expectedIn(ledger)).toEqual(["D1 L1 5"]);
  const report = (await ledger.receiving.consignment(storeId, shipmentName("D1")))?.report;
  expect(report).toMatchObject([{ item: tea, expected: 5 }]);
});

test("a void that was declared wrong lets expect again, and is watched again", async () => {
  const ledger = await openLedger();
  const wrong = voided(1, [unit("A1")], { eventID: "urn:x:void" });
  const limits = { shipmentOverdueMs: 24 * hourMs, shipmentEndMs: 240 * hourMs };
  const watch = (hour: number) =>
    ledger.receiving.raiseOverdue(startAtMs + hour * hourMs, {
      ...{ ...limits, shipmentKeepMs: 480 * hourMs },
    });
  await capture(ledger, startAtMs, sent("D1", 0, [unit("A1")]));
  await capture(ledger, startAtMs, wrong);
  expect(await watch(30)).toEqual([]);
  expect(await stateOf(ledger, "D1")).toBe("withdrawn");
  await capture(ledger, startAtMs, declared(wrong));
  expect(await stateOf(ledger, "D1")).toBe("open");
  expect(await watch(31)).toMatchObject([{ code: "delivery_overdue" }]);
});

/** Events of a case, with names and times of their own in each run of it. */
type Case = (run: number) => { readonly events: readonly object[]; readonly expected: string[] };

const cases: Record<string, Case> = {
  "units, and what is in a parcel": (run) => {
    const [outer, inner] = [parcel(10 * run), parcel(10 * run + 1)];
    const events = [
      sent(`D${run}`, 10 * run + 1, [unit(`A1-${run}`), unit(`A2-${run}`), outer]),
      packed(outer, [inner], [`L${run}`, `M${run}`]),
      packed(inner, [unit(`B1-${run}`), unit(`B2-${run}`)]),
      voided(10 * run + 2, [unit(`A1-${run}`), unit(`B1-${run}`)], {
        quantityList: [{ epcClass: lotOfTea(`L${run}`), quantity: 5 }],
      }),
    ];
    return { events, expected: [`A2-${run} 1`, `B2-${run} 1`, `M${run} 5`] };
  },
  "a parcel with a parcel in it": (run) => {
    const [outer, inner] = [parcel(10 * run), parcel(10 * run + 1)];
    const events = [
      sent(`D${run}`, 10 * run + 1, [unit(`A1-${run}`), outer]),
      packed(outer, [inner]),
      packed(inner, [unit(`B1-${run}`)]),
      voided(10 * run + 2, [outer], parts(`D${run}`)),
    ];
    return { events, expected: [`A1-${run} 1`] };
  },
  "what was shipped again, and a void that was wrong": (run) => {
    const wrong = voided(10 * run + 4, [unit(`A-${run}`)], { eventID: `urn:x:void-${run}` });
    const events = [
      sent(`D${run}`, 10 * run + 1, [unit(`A-${run}`)]),
      voided(10 * run + 2, [unit(`A-${run}`)]),
      sent(`E${run}`, 10 * run + 3, [unit(`A-${run}`)]),
      ...[wrong, declared(wrong)],
    ];
    return { events, expected: [`A-${run} 1`] };
  },
  "a parcel whose void was wrong": (run) => {
    const wrong = voided(10 * run + 2, [parcel(run)], { eventID: `urn:x:void-${run}` });
    const events = [
      ...[sent(`D${run}`, 10 * run + 1, [parcel(run)]), packed(parcel(run), [unit(`A-${run}`)])],
      ...[wrong, declared(wrong)],
    ];
    return { events, expected: [`A-${run} 1`] };
  },
  "a shipment that was declared wrong": (run) => {
    const wrong = sent(`D${run}`, 10 * run + 1, [unit(`A-${run}`), parcel(run)]);
    const events = [
      ...[wrong, declared(wrong), packed(parcel(run), [unit(`B-${run}`)])],
      sent(`E${run}`, 10 * run + 2, [unit(`C-${run}`), parcel(run)]),
    ];
    return { events, expected: [`B-${run} 1`, `C-${run} 1`] };
  },
};

function ordersOf<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((first, index) =>
    ordersOf([...all.slice(0, index), ...all.slice(index + 1)]).map((rest) => [first, ...rest]),
  );
}

test.each(Object.entries(cases))(
  "the order does not matter: %s",
  async (_, caseOf) => {
    const ledger = await openLedger();
    let run = 0;
    let capturedCount = 0;
    const orders = ordersOf(caseOf(0).events.map((_each, index) => index));
    for (const [index, order] of orders.entries()) {
      // Each order in one of the two ways, where each statement crosses a socket.
      for (const isOneDocument of isOnPostgres ? [index % 2 === 0] : [false, true]) {
        run += 1;
        const { events, expected } = caseOf(run);
        const inOrder = order.map((position) => events[position]!);
        const documents = isOneDocument ? [inOrder] : inOrder.map((event) => [event]);
        for (const document of documents) await capture(ledger, startAtMs, ...document);
        const found = await expectedIn(ledger, capturedCount);
        const about = `${order} ${isOneDocument ? "in one document" : "one by one"}`;
        expect(
          found.map((line) => line.split(" ").slice(1).join(" ")),
          about,
        ).toEqual(expected);
        capturedCount += events.length;
      }
    }
  },
  180_000,
);
