// Events of others, in both databases: each once, found again, and what they let a store expect.

import { expect, test } from "vitest";
import { prepareEvents } from "../../../cloud-bridge/epcis/captured-event.ts";
import { readQuery } from "../../../cloud-bridge/epcis/event-filter.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { ledgerPath, onDatabase, openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, place, startAtMs, tea } from "./fake-edge.ts";

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
  return await captureAs(ledger, {}, ...events);
}

async function captureAs(
  ledger: SqlLedger,
  sender: { isLimited?: boolean; by?: string },
  ...events: object[]
) {
  captureCount += 1;
  const prepared = prepareEvents(events, { places });
  const about = { behaviour: "rollback", by: "ada", nowMs: startAtMs, ...sender } as const;
  return await ledger.epcis.capture({ ...prepared, ...about, captureId: `c${captureCount}` });
}

async function expectedIn(ledger: SqlLedger) {
  const lines = await ledger.epcis.expectedReceipts({ storeId, countMax: 10 });
  return lines.map(({ item, quantity, lot, serial }) => [item, quantity, lot ?? serial]);
}

async function countOf(ledger: SqlLedger, parameters: Record<string, string>): Promise<number> {
  const query = readQuery(parameters);
  if (!query.ok) throw new Error(query.message);
  const { filter, order } = query;
  return (await ledger.epcis.events({ filter, order, places, countMax: 10 })).events.length;
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

test("who may speak for one store alone changes nothing of another, and keeps nothing out", async () => {
  const ledger = await openLedger();
  const eventID = "urn:x:shipment";
  await capture(ledger, { ...shipment, eventID });
  const before = await expectedIn(ledger);
  const limited = { isLimited: true, by: "far" };
  const readPoint = { id: "urn:gondola:location:s0043:dock" };
  const elsewhere = { ...shipment, eventID, readPoint, destinationList: [] };
  const declared = { declarationTime: moment.eventTime, reason: "did_not_occur" };
  const taken = { success: true, capturedEventCount: 1 };
  expect(await captureAs(ledger, limited, elsewhere)).toMatchObject(taken);
  const wrong = { ...elsewhere, errorDeclaration: declared };
  expect(await captureAs(ledger, limited, wrong)).toMatchObject(taken);
  expect(await captureAs(ledger, limited, { ...packing, readPoint })).toMatchObject(taken);
  expect(await expectedIn(ledger)).toEqual(before);
  // An ID that it took is still free for who speaks for all, in another store; in its own it is not.
  const early = { ...elsewhere, eventID: "urn:x:early" };
  expect(await captureAs(ledger, limited, early)).toMatchObject({ capturedEventCount: 0 });
  const other = { ...early, epcList: [`https://id.gs1.org/01/${coffee}/21/B1`] };
  expect(await captureAs(ledger, limited, other)).toMatchObject(taken);
  const theirs = { ...shipment, eventID: "urn:x:early", eventTime: "2026-03-05T11:00:30.000Z" };
  expect(await capture(ledger, theirs)).toMatchObject(taken);
  const again = { ...other, eventTime: "2026-03-06T11:00:30.000Z" };
  expect(await captureAs(ledger, limited, again)).toMatchObject({
    ...{ success: false, errors: [{ detail: expect.stringContaining("of other content") }] },
  });
  // What who speaks for all says of the parcel counts, and what was said wrongly of it does not.
  const open = { ...packing, childQuantityList: [{ epcClass: linkOf(tea), quantity: 7 }] };
  await capture(ledger, { ...open, eventID: "urn:x:packing" });
  const badly = { ...packing, eventID: "urn:x:packing", readPoint, errorDeclaration: declared };
  expect(await captureAs(ledger, limited, badly)).toMatchObject(taken);
  await capture(ledger, { ...shipment, eventTime: "2026-03-07T11:00:30.000Z", epcList: [sscc] });
  const parcels = (await expectedIn(ledger)).filter(([item]) => item === tea);
  expect(parcels).toEqual([
    [tea, 7, undefined],
    [tea, 7, undefined],
    [tea, 7, undefined],
  ]);
  // Nor does it learn by a shipment of its own what is in another's parcel.
  const sneaking = { ...elsewhere, eventID: "urn:x:sneaking", eventTime: "2026-03-08T11:00:30Z" };
  const dock = [{ type: "location", destination: readPoint.id }];
  await captureAs(ledger, limited, { ...sneaking, epcList: [sscc], destinationList: dock });
  const learnt = await ledger.epcis.expectedReceipts({ storeId: "s0043", countMax: 10 });
  expect(learnt.map(({ item, quantity }) => [item, quantity]).at(-1)).toEqual([tea, 5]);
  // Declared by who may, it is wrong.
  await capture(ledger, { ...shipment, eventID, errorDeclaration: declared });
  expect((await expectedIn(ledger)).filter(([item]) => item === tea)).toHaveLength(2);
  const jobs = await ledger.epcis.captureJobs(100, "far");
  expect(jobs.length).toBeGreaterThan(4);
  expect(await ledger.epcis.captureJob(jobs[0]!.captureID, "far")).toEqual(jobs[0]);
  expect(await ledger.epcis.captureJob(jobs[0]!.captureID, "ada")).toBeUndefined();
  expect(await ledger.epcis.captureJob(jobs[0]!.captureID)).toEqual(jobs[0]);
});

const linkOf = (gtin: string) => `https://id.gs1.org/01/${gtin}`;
const named = {
  ...{ ...shipment, eventID: "urn:uuid:0d9a3b5c-0000-4000-8000-000000000001" },
  bizTransactionList: [
    { type: "po", bizTransaction: "urn:epcglobal:cbv:bt:9506000134352:P1" },
    { bizTransaction: "urn:x:untyped" },
  ],
  sourceList: [{ type: "owning_party", source: "urn:epc:id:pgln:9506000.00000" }],
};
const correctiveEventIDs = ["urn:uuid:0d9a3b5c-0000-4000-8000-000000000002"];
const declaration = {
  ...{ declarationTime: "2026-03-05T12:00:00.000+01:00", reason: "incorrect_data" },
  correctiveEventIDs,
};
const changed = {
  ...{ type: "TransformationEvent", ...moment, inputEPCList: [unit] },
  transformationID: "urn:epc:id:gdti:9506000.00001.T1",
};
const found: [Record<string, string>, number][] = [
  [{ EQ_bizTransaction_po: "urn:x:1|urn:epcglobal:cbv:bt:9506000134352:P1" }, 2],
  [{ "EQ_bizTransaction_urn:epcglobal:cbv:btt:po": "urn:epcglobal:cbv:bt:9506000134352:P1" }, 2],
  [{ EQ_bizTransaction_inv: "urn:epcglobal:cbv:bt:9506000134352:P1" }, 0],
  [{ EQ_source_owning_party: "https://id.gs1.org/417/9506000000008" }, 2],
  [{ EQ_destination_owning_party: "https://id.gs1.org/417/9506000000008" }, 0],
  [{ EQ_destination_location: gln, EQ_source_owning_party: "urn:epc:id:pgln:9506000.00000" }, 2],
  [{ EQ_destination_location: gln, EQ_source_location: gln }, 0],
  [{ EQ_transformationID: "urn:epc:id:gdti:9506000.00001.T1" }, 1],
  [{ EQ_errorReason: "incorrect_data" }, 1],
  [{ EQ_errorReason: "did_not_occur" }, 0],
  [{ EQ_correctiveEventID: correctiveEventIDs[0]! }, 1],
  [{ EQ_correctiveEventID: correctiveEventIDs[0]!, EXISTS_errorDeclaration: "false" }, 0],
  [{ GE_errorDeclarationTime: "2026-03-05T11:00:00.000Z" }, 1],
  [{ LT_errorDeclarationTime: "2026-03-05T11:00:00.000Z" }, 0],
  [
    { GE_errorDeclarationTime: moment.eventTime, LT_errorDeclarationTime: "2026-03-06T00:00:00Z" },
    1,
  ],
];

test("events are found by what they refer to, those of an earlier day as well", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await capture(ledger, named, changed);
  await capture(ledger, { ...named, errorDeclaration: declaration });
  for (const [asked, count] of found) {
    expect(await countOf(ledger, asked), JSON.stringify(asked)).toBe(count);
    const inOrder = { ...asked, orderBy: "eventTime" };
    expect(await countOf(ledger, inOrder), JSON.stringify(asked)).toBe(count);
  }
  const roles = "'epc', 'class', 'parent', 'input'";
  await onDatabase(path, `DELETE FROM captured_epcs WHERE NOT role IN (${roles}) RETURNING role`);
  expect(await countOf(ledger, { EQ_errorReason: "incorrect_data" })).toBe(0);
  expect(await ledger.epcis.indexReferences()).toBe(3);
  expect(await ledger.epcis.indexReferences()).toBe(0);
  for (const [asked, count] of found)
    expect(await countOf(ledger, asked), JSON.stringify(asked)).toBe(count);
  expect(await countOf(ledger, { MATCH_epc: unit })).toBe(2);
});

test("a type that no index takes is refused by name", async () => {
  const ledger = await openLedger();
  const of = (length: number) => ({
    ...shipment,
    bizTransactionList: [
      { type: `urn:x:${"t".repeat(length)}`, bizTransaction: `urn:x:${"b".repeat(1990)}` },
    ],
  });
  expect(await capture(ledger, of(470))).toMatchObject({ success: true });
  expect(await capture(ledger, of(600))).toMatchObject({
    success: false,
    errors: [{ detail: expect.stringContaining("500 bytes") }],
  });
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
  expect(await report()).toMatchObject([
    { item: coffee, expected: 3, received: 1, missing: 2, extra: 0 },
  ]);
  // Seen again, and scanned under the shipment's name, it is still one unit.
  const reference = { type: "delivery", id: name };
  await post(came("A1"), came("A1", { reference }), came("A2"));
  expect(await report()).toMatchObject([{ received: 2, missing: 1, extra: 0 }]);
  // What came long before it was sent was another time.
  await post(came("A3", { occurredAtMs: startAtMs - 7_200_000 }));
  expect(await report()).toMatchObject([{ received: 2, missing: 1, extra: 0 }]);
  // What an edge without a clock saw is placed by when it learns the time.
  const unsynced = { bootId: "b0070000-dead", clockSynced: false };
  await post(came("A3", { ...unsynced, occurredAtMs: 5000 }));
  const detail = { bootId: unsynced.bootId, offsetMs: startAtMs };
  await post(noticed("clock_set", { bootId: unsynced.bootId, detail }));
  const [line3] = (await report())!;
  expect(line3).toMatchObject({ received: 3, missing: 0, extra: 0 });
  expect(line3).not.toHaveProperty("missingUnits");
});
