// What comes after a consignment was closed: of another scanner, of an edge that is behind, of the other store.

import { expect, test } from "vitest";
import { prepareEvents } from "../../../../cloud-bridge/epcis/captured-event.ts";
import { Places } from "../../../../cloud-bridge/epcis/places.ts";
import type { Consignment } from "../../../../cloud-bridge/ledger/receiving/consignment.ts";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { isOnPostgres, ledgerPath, onDatabase, openLedger, postOne } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, place, startAtMs } from "../fake-edge.ts";

const storeId = "s0042";
const nowMs = startAtMs + 120_000;

async function announce(ledger: SqlLedger, fields: Partial<Consignment> = {}): Promise<void> {
  await ledger.receiving.open({
    ...{ consignmentId: "A-1", kind: "delivery", storeId, from: "Maker", state: "open" },
    ...{ lines: [{ item: coffee, quantity: 6 }], openedAtMs: startAtMs, openedBy: "ada" },
    ...fields,
  });
}

const ended = (id: string) =>
  noticed("receipt_closed", { detail: { referenceId: id, reason: "ended" } });
const received = (quantity: number) =>
  moved("receiving", coffee, {
    ...{ quantity, reference: { type: "delivery", id: "A-1" } },
    to: place(`${storeId}/stockroom`),
  });
const passed = (step: "arriving" | "departing", id: string, quantity: number) =>
  moved(step, coffee, {
    ...{ quantity, reference: { type: "transfer", id } },
    ...(step === "arriving" ? { to: place(`${storeId}/stockroom`) } : {}),
  });

/** Posts further events of an edge; gives the codes of the alerts that are raised. */
async function say(ledger: SqlLedger, edge: FakeEdge, ...events: Parameters<FakeEdge["append"]>) {
  const first = edge.lastSequence + 1;
  const { alerts } = await postOne(ledger, edge.append(...events).batch(first));
  return alerts.map(({ code }) => code).filter((code) => code !== "second_outbox");
}

/** Alerts of what differs, the newest first. */
async function told(ledger: SqlLedger, kind: Consignment["kind"] = "delivery", isOpen = false) {
  const code = `${kind}_discrepancy`;
  return await ledger.alerts({ storeId, code, isOpen, countMax: 99, nowMs });
}

test("the rest from a second scanner corrects what the first one's end told, and closes it", async () => {
  const ledger = await openLedger();
  await announce(ledger);
  const [one, other] = [new FakeEdge(), new FakeEdge("0c0c0c0c-1111", "edge-2")];
  expect(await say(ledger, one, received(4), ended("A-1"))).toEqual(["delivery_discrepancy"]);
  expect(await say(ledger, other, received(1))).toEqual([]);
  expect(await told(ledger, "delivery", true)).toMatchObject([
    { message: "delivery A-1 from Maker: 1 missing, 0 too many", count: 1, detail: { missing: 1 } },
  ]);
  expect(await say(ledger, other, received(1), ended("A-1"))).toEqual([]);
  expect(await told(ledger, "delivery", true)).toEqual([]);
  expect(await told(ledger)).toMatchObject([{ acknowledgedBy: "ledger", cause: "told_late" }]);
  // One too many is another difference. What a person has seen to is not told again.
  expect(await say(ledger, one, received(1))).toEqual(["delivery_discrepancy"]);
  const [{ alertId } = { alertId: 0 }] = await told(ledger);
  await ledger.acknowledgeAlert({ storeId, alertId, by: "ada", nowMs });
  expect(await say(ledger, one, received(1))).toEqual([]);
  expect(await told(ledger)).toMatchObject([
    { acknowledgedBy: "ada" },
    { acknowledgedBy: "ledger" },
  ]);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("a consignment that was cancelled, or is open, is told nothing of", async () => {
  const ledger = await openLedger();
  await announce(ledger);
  const edge = new FakeEdge();
  expect(await say(ledger, edge, received(2))).toEqual([]);
  const end = { kind: "delivery", state: "cancelled", by: "ada" } as const;
  await ledger.receiving.end(storeId, "A-1", end, nowMs);
  expect(await say(ledger, edge, received(2))).toEqual([]);
  expect(await told(ledger)).toEqual([]);
});

test("what both stores of a transfer post at once is seen together", async () => {
  const path = ledgerPath();
  const ledgers = [await openLedger({ path }), await openLedger({ path })] as const;
  const [ledger, other] = ledgers;
  const [to, from] = [new FakeEdge(), new FakeEdge("0b0b0b0b-1111", "edge-1", "s0043")];
  const ids = Array.from({ length: 8 }, (_, index) => `T-${index}`);
  for (const consignmentId of ids) {
    await announce(ledger, { consignmentId, kind: "transfer", from: "s0043", lines: [] });
    await say(ledger, from, passed("departing", consignmentId, 5));
    const alerts = await say(
      ledger,
      to,
      passed("arriving", consignmentId, 3),
      ended(consignmentId),
    );
    expect(alerts).toEqual(["transfer_discrepancy"]);
  }
  for (const id of ids) {
    await Promise.all([
      say(ledger, to, passed("arriving", id, 3)),
      say(other, from, passed("departing", id, 1)),
    ]);
  }
  expect(await told(ledger, "transfer", true)).toEqual([]);
  expect(await told(ledger, "transfer")).toHaveLength(ids.length);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("what the sender posts late is told to the receiver when it is posted", async () => {
  const ledger = await openLedger();
  await announce(ledger, { consignmentId: "T-1", kind: "transfer", from: "s0043", lines: [] });
  const [to, from] = [new FakeEdge(), new FakeEdge("0b0b0b0b-1111", "edge-1", "s0043")];
  await say(ledger, from, passed("departing", "T-1", 3));
  expect(await say(ledger, to, passed("arriving", "T-1", 3), ended("T-1"))).toEqual([]);
  const { alerts } = await postOne(ledger, from.append(passed("departing", "T-1", 2)).batch(2));
  expect(alerts).toMatchObject([{ storeId, code: "transfer_discrepancy", detail: { missing: 2 } }]);
  expect(await told(ledger, "transfer", true)).toMatchObject([{ alertId: 1, count: 1 }]);
  // The same again is nothing new, and the two that come close it; the next two are told again.
  expect(await say(ledger, to, passed("arriving", "T-1", 2))).toEqual([]);
  expect(await told(ledger, "transfer", true)).toEqual([]);
  expect(await say(ledger, from, passed("departing", "T-1", 1))).toEqual(["transfer_discrepancy"]);
  expect(await told(ledger, "transfer", true)).toMatchObject([
    { alertId: 2, detail: { missing: 1 } },
  ]);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("units of a captured shipment that come unnamed after its end correct what was told of it", async () => {
  const ledger = await openLedger();
  const gln = "https://id.gs1.org/414/9506000134369";
  const shipment = {
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
    ...{ eventTime: new Date(startAtMs - 60_000).toISOString(), eventTimeZoneOffset: "+00:00" },
    epcList: ["A1", "A2"].map((serial) => `https://id.gs1.org/01/${coffee}/21/${serial}`),
    bizTransactionList: [{ type: "desadv", bizTransaction: "urn:epcglobal:cbv:bt:95060:D1" }],
    destinationList: [{ type: "location", destination: gln }],
  };
  const places = new Places({ [gln]: `${storeId}/stockroom` });
  const by = { behaviour: "rollback", by: "ada", nowMs, captureId: "c1" } as const;
  await ledger.epcis.capture({ ...prepareEvents([shipment], { places }), ...by });
  const [{ shipment: id = "" } = {}] = await ledger.epcis.expectedReceipts({
    storeId,
    countMax: 1,
  });
  const came = (serial: string) =>
    moved("receiving", coffee, {
      item: { gtin: coffee, serial },
      to: place(`${storeId}/stockroom`),
    });
  const edge = new FakeEdge();
  expect(await say(ledger, edge, ended(id))).toEqual(["delivery_discrepancy"]);
  expect(await told(ledger, "delivery", true)).toMatchObject([{ detail: { missing: 2 } }]);
  expect(await say(ledger, edge, came("A1"), came("B9"))).toEqual([]);
  const [open] = await told(ledger, "delivery", true);
  expect(open).toMatchObject({ detail: { missing: 1, lines: [{ missingUnits: ["A2"] }] } });
  expect(await say(ledger, edge, came("A2"))).toEqual([]);
  expect(await told(ledger, "delivery", true)).toEqual([]);
  expect(await told(ledger)).toMatchObject([{ acknowledgedBy: "ledger", cause: "told_late" }]);
});

test("units that an announced delivery names count through a portal, and correct what was told after its end", async () => {
  const ledger = await openLedger();
  const lines = [{ item: coffee, quantity: 2, serials: ["A1", "A2"] }];
  const through = (serial: string, fields = {}) =>
    moved("receiving", coffee, {
      ...{ item: { gtin: coffee, serial }, to: place(`${storeId}/stockroom`), ...fields },
    });
  const edge = new FakeEdge();
  // It came long before it was announced, another time.
  await say(ledger, edge, through("A1", { occurredAtMs: startAtMs - 2 * 86_400_000 }));
  await announce(ledger, { lines });
  expect(await say(ledger, edge, ended("A-1"))).toEqual(["delivery_discrepancy"]);
  expect(await told(ledger, "delivery", true)).toMatchObject([
    { detail: { missing: 2, lines: [{ missingUnits: ["A1", "A2"] }] } },
  ]);
  const reference = { type: "delivery", id: "A-1" };
  expect(await say(ledger, edge, through("A2"), through("B9", { reference }))).toEqual([]);
  expect(await told(ledger, "delivery", true)).toMatchObject([
    { detail: { lines: [{ received: 2, missingUnits: ["A1"], unknownUnits: ["B9"] }] } },
  ]);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("lots of an announced delivery that are missing, and that came instead, are told", async () => {
  const ledger = await openLedger();
  const lines = ["L1", "L2"].map((lot) => ({ item: coffee, quantity: 3, lot }));
  await announce(ledger, { lines });
  const ofLot = (quantity: number, lot?: string) => {
    return { ...received(quantity), item: { gtin: coffee, ...(lot === undefined ? {} : { lot }) } };
  };
  const edge = new FakeEdge();
  await say(ledger, edge, ofLot(3, "L1"), ofLot(2, "L9"));
  const report = async () => (await ledger.receiving.consignment(storeId, "A-1"))?.report;
  const unknownLots = [{ lot: "L9", quantity: 2 }];
  expect(await report()).toMatchObject([
    { missing: 1, missingLots: [{ lot: "L2", quantity: 3 }], unknownLots },
  ]);
  expect(await say(ledger, edge, ended("A-1"))).toEqual(["delivery_discrepancy"]);
  expect(await told(ledger, "delivery", true)).toMatchObject([
    { detail: { missing: 3, extra: 2 } },
  ]);
  // What comes without its lot may be of the one that is missing.
  await say(ledger, edge, ofLot(3));
  expect((await report())?.[0]).not.toHaveProperty("missingLots");
});

test("which units of a transfer are missing, and which came that nobody sent", async () => {
  const ledger = await openLedger();
  const unit = (step: "arriving" | "departing", serial: string) =>
    moved(step, coffee, {
      ...{ item: { gtin: coffee, serial }, reference: { type: "transfer", id: "T-9" } },
      ...(step === "arriving" ? { to: place(`${storeId}/stockroom`) } : {}),
    });
  await announce(ledger, { consignmentId: "T-9", kind: "transfer", from: "s0043", lines: [] });
  const sender = new FakeEdge("0c0c0c0c-9999", "edge-9", "s0043");
  await say(ledger, sender, unit("departing", "S1"), unit("departing", "S2"));
  const edge = new FakeEdge();
  await say(ledger, edge, unit("arriving", "S7"), unit("arriving", "S1"), unit("arriving", "S1"));
  const report = async () => (await ledger.receiving.consignment(storeId, "T-9"))?.report;
  expect(await report()).toMatchObject([{ missingUnits: ["S2"], unknownUnits: ["S7"] }]);
  await say(ledger, edge, unit("arriving", "S2"));
  expect((await report())?.[0]).not.toHaveProperty("missingUnits");
  expect((await ledger.verify()).problems).toEqual([]);
});

test("what is told of a shipment after its end, or declared wrong, corrects what was told of it", async () => {
  const ledger = await openLedger();
  const gln = "https://id.gs1.org/414/9506000134369";
  const shipment = (minute: number, quantity: number) => ({
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
    ...{ eventTime: new Date(startAtMs - minute * 60_000).toISOString() },
    eventTimeZoneOffset: "+00:00",
    quantityList: [{ epcClass: `https://id.gs1.org/01/${coffee}`, quantity }],
    bizTransactionList: [{ type: "desadv", bizTransaction: "urn:epcglobal:cbv:bt:95060:D1" }],
    destinationList: [{ type: "location", destination: gln }],
  });
  const places = new Places({ [gln]: `${storeId}/stockroom` });
  let captureCount = 0;
  const capture = async (event: object) => {
    captureCount += 1;
    const by = { behaviour: "rollback", by: "ada", nowMs, captureId: `c${captureCount}` } as const;
    const prepared = prepareEvents([event], { places });
    const { alerts } = await ledger.epcis.captureAndTell({ ...prepared, ...by });
    return alerts.map(({ code }) => code);
  };
  expect(await capture(shipment(1, 3))).toEqual([]);
  const [{ shipment: id = "" } = {}] = await ledger.epcis.expectedReceipts({
    storeId,
    countMax: 1,
  });
  const edge = new FakeEdge();
  expect(await say(ledger, edge, ended(id))).toEqual(["delivery_discrepancy"]);
  // More of it is told of: the same alert says so.
  expect(await capture(shipment(2, 2))).toEqual([]);
  expect(await told(ledger, "delivery", true)).toMatchObject([
    { count: 1, detail: { missing: 5 } },
  ]);
  const errorDeclaration = {
    declarationTime: new Date(startAtMs).toISOString(),
    reason: "did_not_occur",
  };
  await capture({ ...shipment(2, 2), errorDeclaration });
  expect(await told(ledger, "delivery", true)).toMatchObject([{ detail: { missing: 3 } }]);
  await capture({ ...shipment(1, 3), errorDeclaration });
  expect(await told(ledger, "delivery", true)).toEqual([]);
  expect(await told(ledger)).toMatchObject([{ acknowledgedBy: "ledger", cause: "told_late" }]);
  expect(await capture(shipment(3, 1))).toEqual(["delivery_discrepancy"]);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("an end that lay in quarantine closes its consignment when it is reposted", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await announce(ledger);
  const edge = new FakeEdge();
  await say(ledger, edge, received(4));
  // Something in the database refuses to close anything, for a while.
  const heal = await poison(path, "consignments", "state = 'closed'");
  expect(await say(ledger, edge, ended("A-1"))).toEqual(["event_quarantined"]);
  await heal();
  const state = async () => (await ledger.receiving.consignment(storeId, "A-1"))?.state;
  expect(await state()).toBe("open");
  const [{ id } = { id: "" }] = await ledger.quarantine();
  expect(await ledger.repost(id, { by: "ada", nowMs })).toMatchObject({
    ...{ ok: true, alerts: [{ code: "delivery_discrepancy" }] },
  });
  expect(await state()).toBe("closed");
  expect(await told(ledger)).toMatchObject([{ detail: { missing: 2 } }]);
});

test("what was muted is stored by a repost, and not given to be told", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await announce(ledger);
  const edge = new FakeEdge();
  const unpaid = () => noticed("exit_unpaid", { severity: "alarm", detail: { gtin: coffee } });
  await say(ledger, edge, unpaid());
  await ledger.muteAlert({ storeId, alertId: 1, by: "ada", untilMs: nowMs + 1 });
  const heal = await poison(path, "event_log", "sequence = 2 AND type = 'noticed'");
  await say(ledger, edge, unpaid());
  await heal();
  const [{ id } = { id: "" }] = await ledger.quarantine();
  expect(await ledger.repost(id, { by: "ada", nowMs })).toMatchObject({ ok: true, alerts: [] });
  const query = { storeId, code: "exit_unpaid", isOpen: true, countMax: 9, nowMs };
  expect(await ledger.alerts(query)).toMatchObject([{ count: 2 }]);
});

/** Lets the database refuse rows, as somebody's trigger might; gives what ends that. */
async function poison(path: string, table: string, rows: string): Promise<() => Promise<unknown>> {
  if (isOnPostgres) {
    await onDatabase(path, `ALTER TABLE ${table} ADD CONSTRAINT poison CHECK (NOT (${rows}))`);
    return () => onDatabase(path, `ALTER TABLE ${table} DROP CONSTRAINT poison`);
  }
  const when = rows.replaceAll(/(\w+) =/g, "NEW.$1 =");
  for (const act of ["INSERT", "UPDATE"]) {
    const name = `poison_${act}`;
    await onDatabase(
      path,
      `CREATE TRIGGER ${name} BEFORE ${act} ON ${table} WHEN ${when} BEGIN SELECT RAISE(ABORT, 'poison'); END`,
    );
  }
  return async () => {
    await onDatabase(path, "DROP TRIGGER poison_INSERT");
    await onDatabase(path, "DROP TRIGGER poison_UPDATE");
  };
}
