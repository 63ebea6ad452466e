// What is known by name, of captured events and of a chain with more stores than a page looks into.

import { expect, test } from "vitest";
import { prepareEvents } from "../../../cloud-bridge/epcis/captured-event.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { NameCursor, NameKind } from "../../../cloud-bridge/ledger/sql-epcis-names.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const storeCount = 30;
const storeIds = Array.from({ length: storeCount }, (_, index) => `s${index}`).sort();
const gln = "https://id.gs1.org/414/9506000134369";
const foreign = "https://id.gs1.org/414/0614141073467";
const places = new Places({ [gln]: "s7/stockroom" });
const unit = (serial: string) => `https://id.gs1.org/01/${coffee}/21/${serial}`;

/** Each store receives a unit of its own and one that all have had, and sends another away. */
async function chain(): Promise<SqlLedger> {
  const ledger = await openLedger();
  for (const storeId of storeIds) {
    const item = (serial: string) => ({ item: { gtin: coffee, serial } });
    const to = (name: string) => ({ to: place(`${storeId}/${name}`) });
    const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", storeId).append(
      moved("receiving", coffee, { ...item(`a/${storeId}`), ...to("stockroom") }),
      moved("stocking", coffee, { ...item("all"), ...to("floor/a") }),
      moved("departing", coffee, {
        reference: { type: "transfer", id: "T-1" },
        readPoint: `${storeId}/dock`,
      }),
    );
    await ledger.post([edge.batch(1)], startAtMs);
  }
  return ledger;
}

async function captureOne(ledger: SqlLedger): Promise<void> {
  const event = {
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
    ...{ eventTime: "2026-03-04T11:00:30.000Z", eventTimeZoneOffset: "+00:00" },
    epcList: [unit("all"), "https://id.gs1.org/00/095060001343520017"],
    ...{ readPoint: { id: foreign }, bizLocation: { id: gln } },
    disposition: "https://shop.example/disposition/held",
  };
  const prepared = prepareEvents([event], { places });
  const about = { captureId: "c1", behaviour: "rollback", by: "ada", nowMs: startAtMs } as const;
  expect(await ledger.epcis.capture({ ...prepared, ...about })).toMatchObject({ success: true });
}

async function namesOf(
  ledger: SqlLedger,
  kind: NameKind,
  countMax: number,
  storeIds?: readonly string[],
): Promise<string[]> {
  const names: string[] = [];
  let after: NameCursor | undefined;
  do {
    const more = after === undefined ? {} : { after };
    const page = await ledger.epcis.names({ kind, storeIds, places, countMax, ...more });
    expect(page.names.length).toBeLessThanOrEqual(countMax);
    names.push(...page.names);
    after = page.next;
  } while (after !== undefined);
  return names;
}

test("names come each once, in pages of any size", async () => {
  const ledger = await chain();
  await captureOne(ledger);
  const placesOf = (storeId: string, names: string[]) =>
    names.map((name) => places.uriOf(`${storeId}/${name}`));
  const own = storeIds.flatMap((storeId) => placesOf(storeId, ["dock", "floor/a", "stockroom"]));
  const expected: [NameKind, string[]][] = [
    [
      "epc",
      [
        unit("all"),
        ...storeIds.map((id) => unit(`a%2F${id}`)),
        unit("").replace(/01.*/, "00/095060001343520017"),
      ],
    ],
    ["readPoint", [foreign, ...own]],
    ["bizLocation", own],
  ];
  for (const [kind, names] of expected) {
    const list = await namesOf(ledger, kind, 1000);
    expect([...list].sort(), kind).toEqual([...names].sort());
    for (const countMax of [1, 7]) expect(await namesOf(ledger, kind, countMax)).toEqual(list);
  }
  const dispositions = await namesOf(ledger, "disposition", 3);
  expect(dispositions).toEqual(
    expect.arrayContaining([
      "https://shop.example/disposition/held",
      "https://ref.gs1.org/cbv/Disp-in_transit",
    ]),
  );
  expect(new Set(dispositions).size).toBe(dispositions.length);
});

test("of some stores alone no name is told that only others have", async () => {
  const ledger = await chain();
  // Of the store s7, seen at a place of others.
  await captureOne(ledger);
  const placesOf = (storeId: string) =>
    ["dock", "floor/a", "stockroom"].map((name) => places.uriOf(`${storeId}/${name}`));
  const sscc = "https://id.gs1.org/00/095060001343520017";
  const cases: [NameKind, string[], string[]][] = [
    ["epc", ["s7"], [sscc, unit("all"), unit("a%2Fs7")]],
    ["epc", ["s8", "s9"], [unit("all"), unit("a%2Fs8"), unit("a%2Fs9")]],
    ["epc", ["nobody"], []],
    ["readPoint", ["s7"], [foreign, ...placesOf("s7")]],
    ["readPoint", ["s8", "s28"], [...placesOf("s8"), ...placesOf("s28")]],
    ["bizLocation", ["s7", "s8"], [...placesOf("s7"), ...placesOf("s8")]],
  ];
  for (const [kind, storeIds, names] of cases) {
    const list = await namesOf(ledger, kind, 1000, storeIds);
    expect([...list].sort(), `${kind} ${storeIds}`).toEqual([...names].sort());
    expect(await namesOf(ledger, kind, 1, storeIds)).toEqual(list);
  }
  const held = "https://shop.example/disposition/held";
  expect(await namesOf(ledger, "disposition", 3, ["s7"])).toContain(held);
  expect(await namesOf(ledger, "disposition", 3, ["s8"])).not.toContain(held);
});
