import { expect, test } from "vitest";
import { prepareEvents } from "../../../../cloud-bridge/epcis/captured-event.ts";
import { Places } from "../../../../cloud-bridge/epcis/places.ts";
import type { Consignment } from "../../../../cloud-bridge/ledger/receiving/consignment.ts";
import { consignmentKey } from "../../../../cloud-bridge/ledger/receiving/sql-consignments.ts";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { openLedger } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, place, startAtMs, tea } from "../fake-edge.ts";

const dayMs = 86_400_000;
const announced = (fields: Partial<Consignment> = {}): Consignment => ({
  ...{ consignmentId: "A-1", kind: "delivery", storeId: "s0042", from: "Maker" },
  ...{ lines: [{ item: coffee, quantity: 6 }], state: "open" },
  ...{ openedAtMs: startAtMs, openedBy: "ada", ...fields },
});
const byAda = { kind: "delivery", by: "ada" } as const;
const reference = { type: "delivery", id: "A-1" };
const receivedAt = (gtin: string, quantity: number, storeId = "s0042") => {
  return moved("receiving", gtin, { quantity, reference, to: place(`${storeId}/stockroom`) });
};

async function post(ledger: SqlLedger, edge: FakeEdge, first = 1) {
  await ledger.post([edge.batch(first)], startAtMs);
}

test("what came before it was announced counts, and what comes again does not", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(receivedAt(coffee, 4), moved("receiving", tea));
  await post(ledger, edge);
  const opened = await ledger.receiving.open(announced());
  expect(opened).toMatchObject({
    ok: true,
    consignment: { report: [{ item: coffee, expected: 6, received: 4, missing: 2, extra: 0 }] },
  });
  edge.append(receivedAt(coffee, 1));
  await post(ledger, edge);
  await post(ledger, edge);
  const { report } = (await ledger.receiving.consignment("s0042", "A-1"))!;
  expect(report).toMatchObject([{ received: 5, missing: 1 }]);
});

test("a person's end at the scanner closes it, with what differs; a scanner left alone does not", async () => {
  const ledger = await openLedger();
  await ledger.receiving.open(announced());
  const edge = new FakeEdge();
  const say = async (fields: object) => {
    const first = edge.lastSequence + 1;
    const detail = JSON.parse(JSON.stringify({ referenceId: "A-1", ...fields }));
    edge.append(noticed("receipt_closed", { detail }));
    const [committed] = await ledger.post([edge.batch(first)], startAtMs + first);
    return committed!.alerts.map(({ code }) => code);
  };
  const state = async () => (await ledger.receiving.consignment("s0042", "A-1"))?.state;
  edge.append(receivedAt(coffee, 4));
  await post(ledger, edge);
  expect(await say({ reason: "timed_out" })).toEqual([]);
  expect(await say({ reason: "ended", referenceId: "A-2" })).toEqual([]);
  expect(await say({ reason: "ended", referenceId: undefined })).toEqual([]);
  expect(await state()).toBe("open");
  expect(await say({ reason: "ended" })).toEqual(["delivery_discrepancy"]);
  expect(await ledger.receiving.consignment("s0042", "A-1")).toMatchObject({
    ...{ state: "closed", closedBy: "edge-1/dev-1", report: [{ received: 4, missing: 2 }] },
  });
  // It is closed: said again, nothing is.
  expect(await say({ reason: "ended" })).toEqual([]);
});

test("a captured shipment is in the list of deliveries, once, until and after its end", async () => {
  const ledger = await openLedger();
  const gln = "https://id.gs1.org/414/9506000134369";
  const shipment = (id: string, minute: number) => ({
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
    ...{ eventTime: new Date(startAtMs + minute * 60_000).toISOString() },
    eventTimeZoneOffset: "+00:00",
    quantityList: [{ epcClass: `https://id.gs1.org/01/${coffee}`, quantity: minute }],
    bizTransactionList: [{ type: "desadv", bizTransaction: `urn:epcglobal:cbv:bt:95060:${id}` }],
    destinationList: [{ type: "location", destination: gln }],
  });
  const sent = [shipment("D1", 1), shipment("D2", 3), shipment("D1", 2), shipment("D3", 3)];
  const prepared = prepareEvents(sent, { places: new Places({ [gln]: "s0042/stockroom" }) });
  const by = { behaviour: "rollback", by: "ada", nowMs: startAtMs, captureId: "c1" } as const;
  await ledger.epcis.capture({ ...prepared, ...by });
  await ledger.receiving.open(announced({ openedAtMs: startAtMs + 150_000 }));
  const list = async (isOpen: boolean, countMax = 9) => {
    const ids: string[] = [];
    let before: [number, string] | undefined;
    for (;;) {
      const asked = { storeId: "s0042", side: "to", kind: "delivery" } as const;
      const page = await ledger.receiving.consignments({ ...asked, isOpen, before, countMax });
      ids.push(...page.map(({ consignmentId }) => consignmentId.split(":").at(-1)!));
      const last = page.at(-1);
      if (last === undefined) return ids;
      before = [last.openedAtMs, consignmentKey(last)];
    }
  };
  expect(await list(true)).toEqual(["D2", "D3", "A-1", "D1"]);
  expect(await list(true, 1)).toEqual(["D2", "D3", "A-1", "D1"]);
  const about = { storeId: "s0042", kind: "delivery", isOpen: true, countMax: 9 } as const;
  const found = await ledger.receiving.consignments({ ...about, side: "to" });
  expect(found.at(-1)).toMatchObject({
    ...{ from: "epcis", state: "open", openedAtMs: startAtMs + 60_000 },
    lines: [{ quantity: 1 }, { quantity: 2 }],
  });
  expect(await ledger.receiving.consignments({ ...about, side: "from" })).toEqual([]);
  const one = await ledger.receiving.consignment("s0042", found.at(-1)!.consignmentId);
  expect(one).toMatchObject(found.at(-1)!);
  const end = { ...byAda, state: "closed" } as const;
  await ledger.receiving.end("s0042", found[0]!.consignmentId, end, startAtMs);
  expect(await list(true)).toEqual(["D3", "A-1", "D1"]);
  expect(await list(false)).toEqual(["D2", "D3", "A-1", "D1"]);
});

test("announced twice it is one; with other contents it is refused", async () => {
  const { receiving } = await openLedger();
  expect(await receiving.open(announced())).toMatchObject({ ok: true });
  expect(await receiving.open(announced({ openedAtMs: startAtMs + 9 }))).toMatchObject({
    ok: true,
    consignment: { openedAtMs: startAtMs },
  });
  const other = announced({ lines: [{ item: coffee, quantity: 7 }] });
  expect(await receiving.open(other)).toMatchObject({ ok: false, code: "CONSIGNMENT_EXISTS" });
});

test("it ends once, with an alert of what differs", async () => {
  const { receiving, ...ledger } = await openLedger();
  const end = (state: "closed" | "cancelled") =>
    receiving.end("s0042", "A-1", { ...byAda, state, reason: "driver says" }, startAtMs);
  expect(await end("closed")).toMatchObject({ ok: false, code: "CONSIGNMENT_UNKNOWN" });
  await receiving.open(announced());
  expect(await end("closed")).toMatchObject({
    consignment: { state: "closed", closedBy: "ada", reason: "driver says" },
    alerts: [{ code: "delivery_discrepancy", detail: { missing: 6 } }],
  });
  expect(await end("closed")).toMatchObject({ ok: true, alerts: [] });
  expect(await end("cancelled")).toMatchObject({ ok: false, code: "CONSIGNMENT_STATE" });
  expect(ledger).toBeDefined();
});

test("neither a delivery nor a transfer is ended as the other", async () => {
  const { receiving } = await openLedger();
  await receiving.open(announced());
  await receiving.open(announced({ consignmentId: "T-1", kind: "transfer", from: "s0043" }));
  const end = (id: string, kind: Consignment["kind"]) =>
    receiving.end("s0042", id, { ...byAda, kind, state: "cancelled" }, startAtMs);
  const unknown = { ok: false, code: "CONSIGNMENT_UNKNOWN" };
  expect(await end("A-1", "transfer")).toMatchObject(unknown);
  expect(await end("T-1", "delivery")).toMatchObject(unknown);
  expect((await receiving.consignment("s0042", "T-1"))?.state).toBe("open");
  expect(await end("T-1", "transfer")).toMatchObject({ ok: true });
});

test("of a transfer both stores' words count, whichever came first", async () => {
  const ledger = await openLedger();
  const transfer = { type: "transfer", id: "T-7" };
  const from = new FakeEdge("0b0b0b0b-1111", "edge-1", "s0043").append(
    moved("departing", coffee, { quantity: 5, reference: transfer, readPoint: "s0043/stockroom" }),
  );
  const to = new FakeEdge().append(
    moved("arriving", coffee, { quantity: 3, reference: transfer, to: place("s0042/stockroom") }),
  );
  await post(ledger, to);
  await ledger.receiving.open(
    announced({ consignmentId: "T-7", kind: "transfer", from: "s0043", lines: [] }),
  );
  const about = ["s0042", "T-7"] as const;
  expect((await ledger.receiving.consignment(...about))?.report).toMatchObject([{ extra: 3 }]);
  await post(ledger, from);
  const report = [{ item: coffee, sent: 5, received: 3, missing: 2, extra: 0 }];
  expect((await ledger.receiving.consignment(...about))?.report).toMatchObject(report);
  // The sender asks by its own name.
  expect((await ledger.receiving.consignment("s0043", "T-7"))?.report).toMatchObject(report);
  const list = { kind: "transfer", isOpen: true, countMax: 9 } as const;
  const sent = await ledger.receiving.consignments({ ...list, storeId: "s0043", side: "from" });
  expect(sent).toMatchObject([{ consignmentId: "T-7" }]);
  expect(await ledger.receiving.consignments({ ...list, storeId: "s0043", side: "to" })).toEqual(
    [],
  );
  expect((await ledger.verify()).problems).toEqual([]);
});

test("under one name a store sends to one other, or says to which else", async () => {
  const { receiving } = await openLedger();
  const to = (storeId: string, from = "s0043") =>
    announced({ kind: "transfer", consignmentId: "T-1", storeId, from, lines: [] });
  const [one, two] = await Promise.all([receiving.open(to("s0042")), receiving.open(to("s0044"))]);
  expect(one).toMatchObject({ ok: true });
  expect(two).toMatchObject({
    ...{ ok: false, code: "CONSIGNMENT_EXISTS" },
    message: expect.stringContaining("s0043 sends T-1 to s0042: "),
  });
  // Another sender's is another transfer, and so is what a supplier delivers to the sender under that name.
  expect(await receiving.open(to("s0044", "s0042"))).toMatchObject({ ok: true });
  await receiving.open(announced({ consignmentId: "T-1", storeId: "s0043" }));
  const about = async (storeId: string, asked: Parameters<typeof receiving.consignment>[2]) => {
    const found = await receiving.consignment(storeId, "T-1", asked);
    return found && [found.from, found.storeId, found.alsoTo];
  };
  const kind = "transfer";
  expect(await about("s0043", { kind })).toEqual(["s0043", "s0042", undefined]);
  expect(await about("s0043", { kind: "delivery" })).toEqual(["Maker", "s0043", undefined]);
  expect(await about("s0042", { kind })).toEqual(["s0043", "s0042", undefined]);
  expect(await about("s0042", { kind, to: "s0044" })).toEqual(["s0042", "s0044", undefined]);
  expect(await about("s0042", { kind, to: "s0045" })).toBeUndefined();
  // What was cancelled is free for another store, and does not hide what took its place.
  const end = { kind: "transfer", state: "cancelled", by: "ada" } as const;
  await receiving.end("s0042", "T-1", end, startAtMs);
  expect(await receiving.open(to("s0045"))).toMatchObject({ ok: true });
  expect(await about("s0043", { kind })).toEqual(["s0043", "s0045", undefined]);
  expect(await about("s0043", { kind, to: "s0042" })).toEqual(["s0043", "s0042", ["s0045"]]);
});

test("of many of one millisecond none is lost between two pages", async () => {
  const { receiving } = await openLedger();
  const numbers = Array.from({ length: 23 }, (_, index) => index);
  const sent = { kind: "transfer", from: "s0043", lines: [] } as const;
  for (const index of numbers) {
    const openedAtMs = startAtMs + Math.floor(index / 10);
    const consignmentId = `T-${(index * 7) % 23}`;
    // What was cancelled at one store is sent to another: the same name, and the same time.
    for (const storeId of ["s0042", "s0044"]) {
      await receiving.open(announced({ ...sent, consignmentId, storeId, openedAtMs }));
      const end = { kind: "transfer", state: "cancelled", by: "ada" } as const;
      await receiving.end(storeId, consignmentId, end, startAtMs);
    }
  }
  for (const [side, storeId, count] of [
    ["to", "s0042", 23],
    ["from", "s0043", 46],
  ] as const) {
    for (const countMax of [1, 4, 10]) {
      const asked = { kind: "transfer", isOpen: false, side, storeId, countMax } as const;
      const keys: string[] = [];
      const times: number[] = [];
      let page = await receiving.consignments(asked);
      while (page.length > 0) {
        keys.push(...page.map(consignmentKey));
        times.push(...page.map(({ openedAtMs }) => openedAtMs));
        page = await receiving.consignments({ ...asked, before: [times.at(-1)!, keys.at(-1)!] });
      }
      expect(keys).toHaveLength(count);
      expect(new Set(keys).size).toBe(count);
      expect(times).toEqual([...times].sort((a, b) => b - a));
    }
  }
});

test("one that should have come is told of once, until it has ended", async () => {
  const ledger = await openLedger();
  const { receiving } = ledger;
  await receiving.open(announced({ expectedAtMs: startAtMs }));
  await receiving.open(announced({ consignmentId: "A-2" }));
  expect(await receiving.raiseOverdue(startAtMs + dayMs)).toEqual([]);
  expect(await receiving.raiseOverdue(startAtMs + dayMs + 1)).toMatchObject([
    { code: "delivery_overdue", storeId: "s0042", detail: { key: "A-1" } },
  ]);
  const nowMs = startAtMs + 2 * dayMs;
  expect(await receiving.raiseOverdue(nowMs)).toEqual([]);
  const open = () => ledger.alerts({ storeId: "s0042", isOpen: true, countMax: 10, nowMs });
  expect(await open()).toHaveLength(1);
  const end = { kind: "delivery", state: "cancelled", by: "ada" } as const;
  await receiving.end("s0042", "A-1", end, nowMs);
  expect(await open()).toEqual([]);
});
