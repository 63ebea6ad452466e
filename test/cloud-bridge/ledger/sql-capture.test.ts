// Events of others, in both databases: each once, found again, and what they let a store expect.

import { expect, test } from "vitest";
import { prepareEvents } from "../../../cloud-bridge/epcis/captured-event.ts";
import { readQuery } from "../../../cloud-bridge/epcis/event-filter.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const storeId = "s0042";
const gln = "https://id.gs1.org/414/9506000134369";
const sscc = "https://id.gs1.org/00/095060001343520017";
const places = new Places({ [gln]: `${storeId}/stockroom` });
const moment = { eventTime: "2026-03-04T11:00:30.000Z", eventTimeZoneOffset: "+00:00" };
const unit = `https://id.gs1.org/01/${coffee}/21/A1`;
const shipment = {
  ...{ type: "ObjectEvent", ...moment, action: "OBSERVE", bizStep: "shipping" },
  epcList: [unit, sscc],
  destinationList: [{ type: "location", destination: gln }],
};
const packing = {
  ...{ type: "AggregationEvent", ...moment, action: "ADD", bizStep: "packing", parentID: sscc },
  childQuantityList: [{ epcClass: `https://id.gs1.org/01/${tea}/10/L1`, quantity: 5 }],
};
let captureCount = 0;

async function capture(ledger: SqlLedger, ...events: object[]) {
  captureCount += 1;
  const prepared = prepareEvents(events, { places });
  const about = { behaviour: "rollback", by: "ada", nowMs: startAtMs } as const;
  return await ledger.epcis.capture({ ...prepared, ...about, captureId: `c${captureCount}` });
}

async function expectedIn(ledger: SqlLedger) {
  const lines = await ledger.epcis.expectedReceipts({ storeId, countMax: 10 });
  return lines.map(({ item, quantity, lot, serial }) => [item, quantity, lot ?? serial]);
}

async function countOf(ledger: SqlLedger, parameters: Record<string, string>): Promise<number> {
  const query = readQuery(parameters);
  if (!query.ok) throw new Error(query.message);
  const { filter } = query;
  return (await ledger.epcis.events({ filter, places, countMax: 10 })).events.length;
}

test("a shipment is taken once, its parcels are looked into, and what is declared wrong is not expected", async () => {
  const ledger = await openLedger();
  expect(await capture(ledger, shipment)).toMatchObject({ success: true, capturedEventCount: 1 });
  expect(await capture(ledger, shipment)).toMatchObject({ knownEventCount: 1 });
  expect(await expectedIn(ledger)).toEqual([
    [coffee, 1, "A1"],
    ["sscc/095060001343520017", 1, undefined],
  ]);
  await capture(ledger, packing);
  expect(await expectedIn(ledger)).toEqual([
    [coffee, 1, "A1"],
    [tea, 5, "L1"],
  ]);
  for (const found of [
    { MATCH_epc: unit },
    { MATCH_parentID: sscc },
    { EQ_bizStep: "shipping" },
    { eventType: "AggregationEvent" },
    { GE_eventTime: moment.eventTime, MATCH_anyEPC: unit },
  ]) {
    expect(await countOf(ledger, found), JSON.stringify(found)).toBe(1);
  }
  const errorDeclaration = { declarationTime: moment.eventTime, reason: "did_not_occur" };
  await capture(ledger, { ...shipment, errorDeclaration });
  expect(await countOf(ledger, { EXISTS_errorDeclaration: "true" })).toBe(1);
  expect(await expectedIn(ledger)).toEqual([]);
});

test("a cancelled shipment is not expected", async () => {
  const ledger = await openLedger();
  await capture(ledger, shipment);
  const { destinationList: _, ...rest } = shipment;
  await capture(ledger, { ...rest, bizStep: "void_shipping", epcList: [unit] });
  expect(await expectedIn(ledger)).toEqual([["sscc/095060001343520017", 1, undefined]]);
});

test("text that one of the databases cannot keep is refused, and the next document is taken", async () => {
  const ledger = await openLedger();
  for (const eventID of ["urn:x:\0", "urn:x:\ud800", "urn:x:\\\udfff"]) {
    const job = await capture(ledger, { ...shipment, eventID });
    expect(job).toMatchObject({
      success: false,
      errors: [{ detail: expect.stringContaining("NUL") }],
    });
  }
  for (const eventID of ["urn:x:\\u0000", "urn:x:\u{1f600}"]) {
    const changed = { ...shipment, eventID, epcList: [eventID] };
    expect(await capture(ledger, changed)).toMatchObject({ success: true });
    expect(await countOf(ledger, { MATCH_epc: eventID, EQ_eventID: eventID })).toBe(1);
  }
});

test("units that a shipment names count as come without anybody naming the shipment, each once", async () => {
  const ledger = await openLedger();
  const units = ["A1", "A2", "A3"].map((serial) => `https://id.gs1.org/01/${coffee}/21/${serial}`);
  const desadv = "urn:epcglobal:cbv:bt:9506000134352:D1";
  const eventTime = new Date(startAtMs - 60_000).toISOString();
  const sent = {
    ...{ ...shipment, eventTime, epcList: units },
    bizTransactionList: [{ type: "desadv", bizTransaction: desadv }],
  };
  const came = (serial: string, fields = {}) =>
    moved("receiving", coffee, { item: { gtin: coffee, serial }, to, ...fields });
  const to = place(`${storeId}/stockroom`);
  const report = async () => (await ledger.receiving.consignment(storeId, name))?.report;
  const edge = new FakeEdge();
  const post = async (...events: ReturnType<typeof moved>[]) => {
    const first = edge.lastSequence + 1;
    await ledger.post([edge.append(...events).batch(first)], startAtMs);
  };
  // The portal saw one before the document was captured, and one that is not on it.
  await post(came("A1"), came("B9"));
  await capture(ledger, sent);
  const [line] = await ledger.epcis.expectedReceipts({ storeId, countMax: 1 });
  const name = line!.shipment!;
  expect(await report()).toEqual([
    { item: coffee, expected: 3, received: 1, missing: 2, extra: 0 },
  ]);
  // Seen again, and scanned under the shipment's name, it is still one unit.
  const reference = { type: "delivery", id: name };
  await post(came("A1"), came("A1", { reference }), came("A2"));
  expect(await report()).toMatchObject([{ received: 2, missing: 1, extra: 0 }]);
  // What came long before it was sent was another time.
  await post(came("A3", { occurredAtMs: startAtMs - 7_200_000 }));
  expect(await report()).toMatchObject([{ received: 2, missing: 1, extra: 0 }]);
});
