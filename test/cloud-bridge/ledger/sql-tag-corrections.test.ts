// A tag that was named wrongly: its units go over to what it is, once, or nothing of them does.

import { expect, test } from "vitest";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import type { Named } from "../../../cloud-bridge/ledger/sql-tag-corrections.ts";
import { balancesOf, openLedger } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const epc = "A0A0";
const author = { by: "ada", nowMs: startAtMs + 5000 };
const at = (store: string, name: string) => place(`${store}/${name}`);
const eve = { by: "eve", nowMs: startAtMs + 9000 };
const correct = (ledger: SqlLedger, to: Named, namedAtMs = author.nowMs) =>
  ledger.tagNames.correct({ epc, to, namedAtMs }, eve);
/** The tag at a time after the start, where it went. */
const told = (afterMs: number, fields: object) =>
  moved("relocating", coffee, { item: { epc }, occurredAtMs: startAtMs + afterMs, ...fields });

async function open(name: Named, ...events: Record<string, unknown>[]) {
  const ledger = await openLedger();
  await ledger.tagNames.name({ epc, ...name }, author);
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", "s1").append(...events);
  await ledger.post([edge.batch(1)], startAtMs + 6000);
  const post = async (...more: Record<string, unknown>[]) => {
    const first = edge.lastSequence + 1;
    await ledger.post([edge.append(...more).batch(first)], startAtMs + 9000);
  };
  return { ledger, post };
}

/** Tells of the tag in another store. */
async function tell(ledger: SqlLedger, storeId: string, ...events: Record<string, unknown>[]) {
  const far = new FakeEdge("0b0b0b0b-1111", "edge-1", storeId).append(...events);
  await ledger.post([far.batch(1)], startAtMs + 6000);
}

async function standing(ledger: SqlLedger, gtin: string, storeId = "s1") {
  const all = Object.entries(await balancesOf(ledger, gtin, storeId));
  return Object.fromEntries(all.filter(([, quantity]) => quantity !== 0));
}

const isWhole = async (ledger: SqlLedger) => expect((await ledger.verify()).problems).toEqual([]);

test("the unit of a wrong name goes over to what it is, with what is told of it late and later", async () => {
  const { ledger, post } = await open(
    { gtin: coffee, serial: "T1" },
    told(100, { to: at("s1", "room") }),
    told(200, { from: at("s1", "room"), to: at("s1", "floor") }),
  );
  const outcome = await correct(ledger, { gtin: tea, serial: "T9" });
  const name = { epc, gtin: tea, serial: "T9", namedAtMs: eve.nowMs, namedBy: "eve" };
  expect(outcome).toMatchObject({ ok: true, movedCount: 1, name });
  expect(await ledger.tagNames.read(epc)).toEqual(name);
  expect(await standing(ledger, coffee)).toEqual({});
  expect(await standing(ledger, tea)).toEqual({ "@unknown sellable": -1, "floor sellable": 1 });
  const entries = await ledger.entries({ storeId: "s1", afterEntryNumber: 2, countMax: 9 });
  expect(entries).toMatchObject([
    { item: coffee, serial: "T1", from: at("s1", "floor"), by: "eve" },
    { item: tea, serial: "T9", to: at("s1", "floor"), by: "eve" },
  ]);
  await post(
    told(120, { from: at("s1", "room"), to: at("s1", "dock") }),
    told(150, { from: at("s1", "dock"), to: at("s1", "room") }),
    told(300, { from: at("s1", "floor"), to: at("s1", "room") }),
  );
  expect(await standing(ledger, tea)).toEqual({ "@unknown sellable": -1, "room sellable": 1 });
  expect(await standing(ledger, coffee)).toEqual({});
  expect(await correct(ledger, { gtin: coffee })).toMatchObject({ ok: false, reason: "stale" });
  expect(await ledger.audit({ countMax: 10 })).toMatchObject([
    { act: "tag_named", by: "ada" },
    { act: "tag_renamed", by: "eve", subject: epc },
  ]);
  await isWhole(ledger);
});

test("a name is corrected and back again, without serials, in every store; a crowd stays as large as it is", async () => {
  const { ledger } = await open(
    { gtin: coffee },
    told(100, { to: at("s1", "floor"), quantity: 3 }),
    told(200, { from: at("s1", "floor"), to: at("s1", "room") }),
    moved("receiving", coffee, { to: at("s1", "floor"), quantity: 5 }),
  );
  await tell(ledger, "s2", told(300, { to: at("s2", "floor") }));
  expect(await correct(ledger, { gtin: tea })).toMatchObject({ ok: true, movedCount: 4 });
  const right = { "@unknown sellable": -3, "floor sellable": 2, "room sellable": 1 };
  expect(await standing(ledger, tea)).toEqual(right);
  expect(await standing(ledger, tea, "s2")).toMatchObject({ "floor sellable": 1 });
  const own = { "@supplier sellable": -5, "floor sellable": 5 };
  expect(await standing(ledger, coffee)).toEqual(own);
  expect(await standing(ledger, coffee, "s2")).toEqual({});
  const back = await correct(ledger, { gtin: coffee, serial: "T1" }, eve.nowMs);
  expect(back).toMatchObject({ ok: true, movedCount: 4 });
  expect(await standing(ledger, tea)).toEqual({});
  expect(await standing(ledger, coffee)).toMatchObject({
    ...{ "floor sellable": 7, "room sellable": 1 },
  });
  await isWhole(ledger);
});

test("counts since a wrong name stay right: the unit is not there twice", async () => {
  for (const serial of [undefined, "T1"]) {
    const { ledger, post } = await open(
      { gtin: coffee, serial },
      told(100, { to: at("s1", "floor") }),
    );
    const lines = [{ gtin: tea, quantity: 1, observedAtMs: startAtMs + 500 }];
    await post(counted("s1/floor", {}, { occurredAtMs: startAtMs + 500, lines }));
    expect(await correct(ledger, { gtin: tea })).toMatchObject({ ok: true });
    expect(await standing(ledger, tea)).toMatchObject({ "floor sellable": 1 });
    expect(await standing(ledger, coffee)).not.toHaveProperty("floor sellable");
    expect(await ledger.tasks({ storeId: "s1" })).toEqual([]);
    await isWhole(ledger);
  }
});

test("a wrong name stays while the unit is on its way, nor after others took it away under that name", async () => {
  const toBasket = told(200, { from: at("s1", "floor"), to: at("s1", "@basket") });
  const sale = moved("retail_selling", coffee, {
    ...{ occurredAtMs: startAtMs + 300, from: at("s1", "floor") },
  });
  const cases: [Record<string, unknown>, string | undefined, string][] = [
    [toBasket, "T1", "on its way, at s1/@basket"],
    [toBasket, undefined, "on its way, at s1/@basket"],
    [sale, undefined, "Count both products there"],
  ];
  for (const [event, serial, reason] of cases) {
    const { ledger } = await open(
      { gtin: coffee, serial },
      ...[told(100, { to: at("s1", "floor") }), event],
    );
    const before = [await standing(ledger, coffee), await ledger.tagNames.read(epc)];
    expect(await correct(ledger, { gtin: tea })).toEqual({
      ...{ ok: false, reason: "refused", message: expect.stringContaining(reason) },
    });
    expect([await standing(ledger, coffee), await ledger.tagNames.read(epc)]).toEqual(before);
    expect(await standing(ledger, tea)).toEqual({});
    await isWhole(ledger);
  }
});

test("a name has no serial that another unit or tag has; a unit that left has nothing to book over", async () => {
  const own = (serial: string, fields: object) =>
    moved("receiving", tea, { item: { gtin: tea, serial }, ...fields });
  const { ledger } = await open(
    { gtin: coffee, serial: "T1" },
    told(100, { to: at("s1", "@customer") }),
    own("T2", { to: at("s1", "floor") }),
  );
  await ledger.tagNames.name({ epc: "B0B0", gtin: tea, serial: "T3" }, author);
  for (const [serial, where] of [
    ["T2", "is at s1/floor"],
    ["T3", "is at tag B0B0"],
  ] as const) {
    expect(await correct(ledger, { gtin: tea, serial })).toMatchObject({
      ...{ ok: false, reason: "refused", message: expect.stringContaining(where) },
    });
  }
  const outcome = await correct(ledger, { gtin: tea, serial: "T4" });
  expect(outcome).toMatchObject({ ok: true, movedCount: 0, posted: [] });
  expect(await standing(ledger, tea)).toMatchObject({ "floor sellable": 1 });
});

const byTransfer = { reference: { type: "transfer", id: "T1" } };
const leaves = (fields: object = {}) =>
  told(200, { step: "departing", from: at("s1", "floor"), ...byTransfer, ...fields });
const arrives = (fields: object = {}) =>
  told(300, { step: "arriving", to: at("s2", "room"), ...byTransfer, ...fields });

test("a unit that went by transfer is corrected where it is, once it was received", async () => {
  for (const serial of [undefined, "T1"]) {
    const { ledger } = await open(
      { gtin: coffee, serial },
      ...[told(100, { to: at("s1", "floor") }), leaves()],
      // Others of the product went with it, and never came.
      moved("departing", coffee, { quantity: 2, from: at("s1", "floor"), ...byTransfer }),
    );
    expect(await correct(ledger, { gtin: tea, serial: "T9" })).toMatchObject({
      ...{ ok: false, message: expect.stringContaining("on its way, at s1/@transit/t1") },
    });
    await tell(ledger, "s2", arrives());
    expect(await correct(ledger, { gtin: tea, serial: "T9" })).toMatchObject({
      ...{ ok: true, movedCount: 1, name: { serial: "T9" } },
    });
    expect(await standing(ledger, tea)).toEqual({});
    expect(await standing(ledger, tea, "s2")).toMatchObject({ "room sellable": 1 });
    expect(await standing(ledger, coffee, "s2")).not.toHaveProperty("room sellable");
    // The wrong name's serial is nobody's now.
    const other = { epc: "B0B0", gtin: coffee, serial: "T1" };
    expect(await ledger.tagNames.name(other, eve)).toMatchObject({ ok: true });
    await isWhole(ledger);
  }
});

test("a name waits while a crowd of the tag is not received as a whole, and not for what is lost", async () => {
  const { ledger } = await open(
    { gtin: coffee },
    told(100, { to: at("s1", "floor"), quantity: 3 }),
    leaves({ quantity: 3 }),
  );
  await ledger.receiving.open({
    ...{ consignmentId: "T1", kind: "transfer", storeId: "s2", from: "s1", state: "open" },
    ...{ lines: [{ item: coffee, quantity: 3 }], openedAtMs: startAtMs, openedBy: "ada" },
  });
  await tell(ledger, "s2", arrives({ quantity: 2 }));
  expect(await correct(ledger, { gtin: tea })).toMatchObject({
    ...{ ok: false, message: expect.stringContaining("on its way, at s1/@transit/t1") },
  });
  const lost = { kind: "transfer", state: "closed", by: "ada", writeOff: true } as const;
  await ledger.receiving.end("s2", "T1", lost, startAtMs + 7000);
  expect(await correct(ledger, { gtin: tea })).toMatchObject({ ok: true, movedCount: 2 });
  expect(await standing(ledger, tea, "s2")).toMatchObject({ "room sellable": 2 });
  await isWhole(ledger);
});

test("what others received of a transfer, or gave up, is not on its way: a serial neither", async () => {
  const bySomebody = moved("arriving", coffee, { to: at("s2", "room"), ...byTransfer });
  for (const serial of [undefined, "T1"]) {
    const events = [told(100, { to: at("s1", "floor") }), leaves()];
    const { ledger } = await open({ gtin: coffee, serial }, ...events);
    await tell(ledger, "s2", bySomebody);
    expect(await correct(ledger, { gtin: tea })).toMatchObject({ ok: true, movedCount: 0 });
    await isWhole(ledger);
  }
});
