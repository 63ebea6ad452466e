// Entries as events of EPCIS, out of a real ledger: what settlement takes back is declared wrong.

import fc from "fast-check";
import { expect, test } from "vitest";
import { readQuery } from "../../../cloud-bridge/epcis/event-filter.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { EventCursor } from "../../../cloud-bridge/ledger/sql-epcis.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { type EpcisEvent, epcisEventSchema } from "../../../contract/epcis/event.ts";
import { openLedger, plan, runCountOf } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const storeId = "s0042";
const places = new Places();
const told = { completeThroughAtMs: startAtMs + 2 * 86_400_000 };

test("a loss that a late sale undoes is declared wrong, with what took its place", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const leaving = { from: place("s0042/floor"), to: place("s0042/@exit") };
  const edge = new FakeEdge().append(moved("departing", coffee, leaving));
  await ledger.post([edge.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs);
  const till = new FakeEdge("0b0b0b0b-0001", "till").append(moved("retail_selling", coffee));
  await ledger.post([till.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs + 1000);

  const list = await ledger.epcis.eventsAfter({
    ...{ storeId, afterEntryNumber: 0, countMax: 100, places },
  });
  const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 100 });
  const numbersOf = (reason: string) =>
    entries.filter((entry) => entry.reason === reason).map(({ entryNumber }) => entryNumber);
  const eventOf = (entryNumber: number) =>
    list.find((each) => each.entryNumber === entryNumber)!.event;
  const [loss, back] = numbersOf("exit_timeout").map(eventOf);
  const [instead] = numbersOf("exit_paid").map(eventOf);
  expect(loss!.errorDeclaration).toBeUndefined();
  const { errorDeclaration, recordTime: _time, ...declared } = back!;
  const { recordTime: _first, ...original } = loss!;
  expect(declared).toEqual(original);
  expect(errorDeclaration).toEqual({
    declarationTime: new Date(startAtMs + 1000).toISOString(),
    reason: "incorrect_data",
    correctiveEventIDs: [instead!.eventID],
    "gondola:entry": `${storeId}/${numbersOf("exit_timeout")[1]}`,
  });
  for (const { event } of list) expect(epcisEventSchema.safeParse(event).success).toBe(true);

  const filter = { isDeclaration: true };
  const found = await ledger.epcis.events({ filter, places, countMax: 10 });
  expect(found.events.map(({ eventID }) => eventID)).toEqual([loss!.eventID]);
  while ((await ledger.epcis.indexIds(places)) > 0);
  const byId = { eventIds: [loss!.eventID!] };
  const both = await ledger.epcis.events({ filter: byId, places, countMax: 10 });
  expect(both.events).toHaveLength(2);
});

const unitOf = (gtin: string, serial: string) => `https://id.gs1.org/01/${gtin}/21/${serial}`;

/** All pages of a query. */
async function eventsFor(ledger: SqlLedger, parameters: Record<string, string>, countMax = 1000) {
  const query = readQuery(parameters);
  if (!query.ok) throw new Error(query.message);
  const { filter } = query;
  const events: EpcisEvent[] = [];
  let pageCount = 0;
  let after: EventCursor | undefined;
  do {
    const more = after === undefined ? {} : { after };
    const page = await ledger.epcis.events({ filter, places, countMax, ...more });
    events.push(...page.events);
    after = page.next;
    pageCount += 1;
  } while (after !== undefined);
  return { events, pageCount };
}

test("what was moved is found by the words of where it went", async () => {
  const ledger = await openLedger();
  const gone = (name: string, state: "damaged" | "sellable") => {
    const from = place("s0042/stockroom", state);
    return moved("relocating", coffee, { from, to: place(`s0042/${name}`, state) });
  };
  const edge = new FakeEdge().append(
    ...[gone("@loss", "damaged"), gone("@loss", "sellable"), gone("floor", "damaged")],
    ...[gone("floor", "sellable"), moved("receiving", coffee)],
  );
  await ledger.post([edge.batch(1)], startAtMs);
  const all = (await eventsFor(ledger, {})).events;
  expect(all.map(({ bizStep }) => bizStep).sort()).toEqual(
    ["destroying", "holding", "other", "receiving", "storing"].sort(),
  );
  for (const { bizStep, disposition } of all) {
    const asked = { EQ_bizStep: bizStep!, ...(disposition && { EQ_disposition: disposition }) };
    const { events } = await eventsFor(ledger, asked);
    expect(events.map((event) => event.bizStep)).toEqual([bizStep]);
  }
});

/** More stores than a page has statements; `itemsOf` says what each receives. */
async function chainOf(storeCount: number, itemsOf: (index: number) => object[]) {
  const ledger = await openLedger();
  for (let index = 0; index < storeCount; index += 1) {
    const ownId = `s${String(index).padStart(2, "0")}`;
    const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", ownId);
    for (const item of itemsOf(index)) {
      edge.append(moved("receiving", coffee, { item, to: place(`${ownId}/stockroom`) }));
    }
    await ledger.post([edge.batch(1)], startAtMs);
  }
  return ledger;
}

const epcsIn = ({ epcList = [] }: EpcisEvent) => epcList as string[];
const classesIn = ({ quantityList = [] }: EpcisEvent) =>
  (quantityList as { epcClass: string }[]).map(({ epcClass }) => epcClass);

test("what is asked for by name is found as by looking through everything", async () => {
  const names = [coffee, tea].flatMap((gtin) => [
    ...[{ gtin }, { gtin, lot: "L1" }, { gtin, lot: "L2" }],
    ...["1", "2", "3"].map((serial) => ({ gtin, serial })),
    { gtin, serial: "4", lot: "L1" },
  ]);
  const items = [
    ...names,
    { epc: "C1AB0000000000000000000F" },
    { epc: "C1AB0000000000000000000E" },
  ];
  const ledger = await chainOf(3, (index) => [...items, ...items.slice(index * 3)]);
  const all = (await eventsFor(ledger, {})).events;
  expect(all).toHaveLength(16 * 6 - 9);
  const uri = fc.constantFrom(
    ...new Set(all.flatMap((event) => [...epcsIn(event), ...classesIn(event)])),
    ...[unitOf(tea, "9"), "urn:x:nothing", "https://id.gs1.org/01/09506000134352"],
  );
  const matches = (event: EpcisEvent, name: string, asked: string[]) =>
    name.endsWith("Class")
      ? classesIn(event).some((uri) => asked.includes(uri))
      : epcsIn(event).some((epc) =>
          asked.some((uri) => epc === uri || epc.startsWith(`${uri}/21/`)),
        );
  const parameterName = fc.constantFrom(
    ...["MATCH_epc", "MATCH_anyEPC", "MATCH_epcClass", "MATCH_parentID"],
  );
  const asked = fc.dictionary(parameterName, fc.uniqueArray(uri, { minLength: 1, maxLength: 4 }), {
    minKeys: 1,
    maxKeys: 2,
  });
  const check = async (query: Record<string, string[]>, countMax: number) => {
    const entries = Object.entries(query);
    const slow = all.filter((event) =>
      entries.every(([name, list]) => name !== "MATCH_parentID" && matches(event, name, list)),
    );
    const parameters = Object.fromEntries(entries.map(([name, list]) => [name, list.join("|")]));
    const { events } = await eventsFor(ledger, parameters, countMax);
    const entryOf = (event: EpcisEvent) => event["gondola:entry" as keyof EpcisEvent];
    expect(events.map(entryOf)).toEqual(slow.map(entryOf));
  };
  await fc.assert(fc.asyncProperty(asked, fc.integer({ min: 1, max: 40 }), check), {
    numRuns: runCountOf(300),
  });
});

test("one unit, one event among many stores: on the first page, however far back its store comes", async () => {
  const ledger = await chainOf(40, (index) => [{ gtin: coffee, serial: String(index) }]);
  while ((await ledger.epcis.indexIds(places)) > 0);
  const found = await eventsFor(ledger, { MATCH_epc: unitOf(coffee, "39") });
  expect(found).toMatchObject({ events: [{ epcList: [unitOf(coffee, "39")] }], pageCount: 1 });
  const byId = await eventsFor(ledger, { EQ_eventID: found.events[0]!.eventID! });
  expect(byId).toEqual(found);
  const below = { WD_readPoint: "urn:gondola:location:s07", EQ_bizStep: "receiving" };
  expect((await eventsFor(ledger, below)).events).toHaveLength(1);
  expect((await eventsFor(ledger, {})).events).toHaveLength(40);
});
