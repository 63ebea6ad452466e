// A tag that somebody named: what is told of it later, or by an edge that comes late, is told of the product.

import { expect, test } from "vitest";
import { balancesOf, openLedger, openRefusing } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const epc = "A0A0";
const author = { by: "ada", nowMs: startAtMs + 5000 };
const at = (store: string, name: string) => place(`${store}/${name}`);
const seen = (item: object, fields: object) => moved("relocating", coffee, { item, ...fields });

test("is a unit with its serial, alone; a crowd of it is units without", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", "s1").append(
    seen({ epc }, { to: at("s1", "room") }),
    seen({ epc }, { from: at("s1", "room"), to: at("s1", "floor") }),
    seen({ epc }, { to: at("s1", "floor"), quantity: 3 }),
    seen({ epc: "B0B0" }, { to: at("s1", "floor") }),
    moved("receiving", tea, { to: at("s1", "room") }),
  );
  await ledger.post([edge.batch(1, 1)], startAtMs + 1000);
  expect(await ledger.tagNames.binned(epc)).toEqual([
    { storeId: "s1", place: at("s1", "room"), quantity: 1, entryNumber: 1 },
  ]);
  const name = { epc, gtin: coffee, serial: "T1" };
  const named = { ...name, namedAtMs: author.nowMs, namedBy: "ada" };
  expect(await ledger.tagNames.name(name, author)).toEqual({ ok: true, name: named });
  // Who names it again is told the name that it has.
  const again = await ledger.tagNames.name({ epc, gtin: tea }, author);
  expect(again).toEqual({ ok: true, name: named });
  const far = new FakeEdge("0b0b0b0b-1111", "edge-1", "s2").append(
    seen({ epc }, { to: at("s2", "floor") }),
  );
  await ledger.post([edge.batch(2, 5), far.batch(1, 1)], startAtMs + 6000);
  const entries = await Promise.all(
    ["s1", "s2"].map((storeId) => ledger.entries({ storeId, afterEntryNumber: 0, countMax: 10 })),
  );
  expect(entries.flat().map(({ item, serial = "-" }) => `${item} ${serial}`)).toEqual([
    "epc/A0A0 -",
    ...[`${coffee} T1`, `${coffee} -`, "epc/B0B0 -", `${tea} -`, `${coffee} T1`],
  ]);
  expect((await ledger.verify()).problems).toEqual([]);
  expect(await ledger.audit({ countMax: 10 })).toMatchObject([
    { act: "tag_named", by: "ada", subject: epc },
  ]);
});

test("is the unit also in what lay in quarantine, and its delivery sees it", async () => {
  const { ledger, allow } = await openRefusing("entries", "NEW.sequence = 1");
  const came = { reference: { type: "delivery", id: "A-1" }, to: at("s1", "room") };
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", "s1").append(
    moved("receiving", coffee, { item: { epc }, ...came }),
  );
  await ledger.receiving.open({
    ...{ consignmentId: "A-1", kind: "delivery", storeId: "s1", from: "Maker", state: "open" },
    ...{ lines: [{ item: coffee, quantity: 1 }], openedAtMs: startAtMs, openedBy: "ada" },
  });
  await ledger.post([edge.batch(1)], startAtMs + 1000);
  await ledger.tagNames.name({ epc, gtin: coffee, serial: "T1" }, author);
  await allow();
  const [{ id } = { id: "" }] = await ledger.quarantine();
  expect(await ledger.repost(id, author)).toMatchObject({
    ...{ ok: true, changedItems: [{ gtin: coffee }] },
    entries: [{ item: coffee, serial: "T1", to: at("s1", "room") }],
  });
  expect(await balancesOf(ledger, coffee, "s1")).toMatchObject({ "room sellable": 1 });
  expect(await ledger.receiving.consignment("s1", "A-1")).toMatchObject({
    report: [{ item: coffee, received: 1, missing: 0 }],
  });
  expect((await ledger.verify()).problems).toEqual([]);
});

test("has no serial that another tag or unit has; the same name again is no other's", async () => {
  const ledger = await openLedger();
  const own = (serial: string, to: string) =>
    moved("receiving", coffee, { item: { gtin: coffee, serial }, to: at("s2", to) });
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", "s2");
  edge.append(own("T2", "floor"), own("T3", "@customer"));
  await ledger.post([edge.batch(1)], startAtMs + 1000);
  const name = (tag: string, serial: string) =>
    ledger.tagNames.name({ epc: tag, gtin: coffee, serial }, author);
  expect(await name(epc, "T1")).toMatchObject({ ok: true });
  expect(await name(epc, "T1")).toMatchObject({ ok: true });
  for (const [serial, where] of [
    ["T1", `is at tag ${epc}`],
    ["T2", "is at s2/floor"],
  ] as const) {
    expect(await name("B0B0", serial)).toEqual({
      ...{ ok: false, field: "serial", message: expect.stringContaining(where) },
    });
  }
  expect(await ledger.tagNames.read("B0B0")).toBeUndefined();
  expect(await ledger.audit({ countMax: 10 })).toHaveLength(1);
  // The unit that had it was sold.
  expect(await name("B0B0", "T3")).toMatchObject({ ok: true });
});
