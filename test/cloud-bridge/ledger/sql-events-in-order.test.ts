// Events of many stores and captured ones in the order of a time, in both databases: as if all were read and sorted.

import fc from "fast-check";
import { expect, test } from "vitest";
import { prepareEvents } from "../../../cloud-bridge/epcis/captured-event.ts";
import { readQuery } from "../../../cloud-bridge/epcis/event-filter.ts";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { EventCursor } from "../../../cloud-bridge/ledger/sql-epcis.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import type { EpcisEvent } from "../../../contract/epcis/event.ts";
import { ledgerPath, onDatabase, openLedger, plan, runCountOf } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const places = new Places();
const storeIds = ["s01", "s02", "s03"];
const unit = (serial: string) => `https://id.gs1.org/01/${coffee}/21/${serial}`;

async function capture(ledger: SqlLedger, atMs: number, nowMs: number, change: object = {}) {
  const event = {
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping", epcList: [unit("1")] },
    ...{ eventTime: new Date(atMs).toISOString(), eventTimeZoneOffset: "+00:00" },
    "shop:note": `${atMs}/${nowMs}`,
    ...change,
  };
  const prepared = prepareEvents([event], { places });
  const about = {
    captureId: `c${atMs}/${nowMs}`,
    behaviour: "rollback",
    by: "ada",
    nowMs,
  } as const;
  expect(await ledger.epcis.capture({ ...prepared, ...about })).toMatchObject({ success: true });
}

/** Times that come again, in no order, with captured events among them. */
async function chain(): Promise<SqlLedger> {
  const ledger = await openLedger();
  for (const [index, storeId] of storeIds.entries()) {
    const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", storeId);
    for (let number = 0; number < 12; number += 1) {
      const occurredAtMs = startAtMs + ((number * 5 + index) % 7) * 1000;
      const item = { gtin: number % 2 === 0 ? coffee : tea, serial: String(number % 3) };
      const to = place(`${storeId}/stockroom`);
      edge.append(moved("receiving", coffee, { item, to, occurredAtMs }));
    }
    await ledger.post([edge.batch(1, 6)], startAtMs + 10_000);
    await ledger.post([edge.batch(7)], startAtMs + 10_000 * (index + 1));
  }
  for (const second of [3, 0, 6, 2]) {
    await capture(ledger, startAtMs + second * 1000, startAtMs + 10_000);
    await capture(ledger, startAtMs + second * 1000, startAtMs + 20_000);
  }
  return ledger;
}

type Parameters = Readonly<Record<string, string>>;

/** All pages; `between` is done after each. */
async function pagesOf(
  ledger: SqlLedger,
  parameters: Parameters,
  countMax: number,
  between?: () => Promise<void>,
): Promise<EpcisEvent[][]> {
  const query = readQuery(parameters);
  if (!query.ok) throw new Error(query.message);
  const { filter, order } = query;
  const pages: EpcisEvent[][] = [];
  let after: EventCursor | undefined;
  do {
    const more = after === undefined ? {} : { after };
    const page = await ledger.epcis.events({ filter, order, places, countMax, ...more });
    expect(page.events.length).toBeLessThanOrEqual(countMax);
    pages.push([...page.events]);
    after = page.next;
    await between?.();
  } while (after !== undefined);
  return pages;
}

const nameOf = (event: EpcisEvent) =>
  (event as Record<string, unknown>)["gondola:entry"] ??
  (event as Record<string, unknown>)["shop:note"];

test("pages are what sorting everything would give, whatever is asked for", async () => {
  const ledger = await chain();
  const [all = []] = await pagesOf(ledger, {}, 1000);
  expect(all.length).toBeGreaterThan(36);
  // Captured events come first there, then store by store: of one moment that is the order here too.
  const ranks = new Map(all.map((event, rank) => [nameOf(event), rank]));
  const expected = (
    events: EpcisEvent[],
    by: "eventTime" | "recordTime",
    isDescending: boolean,
  ) => {
    const timeOf = (event: EpcisEvent) => Date.parse(event[by]!);
    const sorted = [...events].sort((one, other) => {
      return timeOf(one) - timeOf(other) || ranks.get(nameOf(one))! - ranks.get(nameOf(other))!;
    });
    return (isDescending ? sorted.reverse() : sorted).map(nameOf);
  };
  const at = (second: number) => new Date(startAtMs + second * 1000).toISOString();
  const parameters = fc.record(
    {
      GE_eventTime: fc.integer({ min: 0, max: 7 }).map(at),
      LT_eventTime: fc.integer({ min: 0, max: 7 }).map(at),
      GE_recordTime: fc.integer({ min: 9, max: 31 }).map(at),
      LT_recordTime: fc.integer({ min: 9, max: 31 }).map(at),
      MATCH_epc: fc.constantFrom(unit("1"), unit("2"), unit("9"), `${unit("0")}|${unit("1")}`),
      EQ_bizStep: fc.constantFrom("receiving", "shipping", "packing"),
      eventType: fc.constantFrom("ObjectEvent", "AggregationEvent"),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(
      parameters,
      fc.constantFrom("eventTime" as const, "recordTime" as const),
      fc.boolean(),
      fc.integer({ min: 1, max: 30 }),
      async (asked, by, isDescending, countMax) => {
        const found = (await pagesOf(ledger, asked, 1000)).flat();
        const order = { orderBy: by, orderDirection: isDescending ? "DESC" : "ASC" };
        const pages = await pagesOf(ledger, { ...asked, ...order }, countMax);
        expect(pages.flat().map(nameOf)).toEqual(expected(found, by, isDescending));
      },
    ),
    { numRuns: runCountOf(200) },
  );
});

test("what was there is given once and in order, while more is posted into what was given", async () => {
  for (const [by, direction] of [
    ["eventTime", "ASC"],
    ["recordTime", "DESC"],
  ] as const) {
    const ledger = await chain();
    const before = new Set((await pagesOf(ledger, {}, 1000)).flat().map(nameOf));
    let count = 0;
    const more = async () => {
      count += 1;
      const edge = new FakeEdge(`0b0b0b0b-${1000 + count}`, `edge-${count + 1}`, "s02");
      const to = place("s02/stockroom");
      for (const second of [0, 3, 9])
        edge.append(moved("receiving", tea, { to, occurredAtMs: startAtMs + second * 1000 }));
      if (count < 8) await ledger.post([edge.batch(1)], startAtMs + 15_000);
    };
    const order = { orderBy: by, orderDirection: direction };
    const events = (await pagesOf(ledger, order, 5, more)).flat();
    const names = events.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => before.has(name as string))).toHaveLength(before.size);
    expect(names.length).toBeGreaterThan(before.size);
    const times = events.map((event) => Date.parse(event[by]!));
    const sign = direction === "ASC" ? 1 : -1;
    expect(times).toEqual([...times].sort((one, other) => sign * (one - other)));
  }
});

test("what is rare is found behind more rows than one statement looks at", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const to = place("s01/stockroom");
  const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", "s01").append(
    moved("receiving", coffee, { to }),
    moved("stocking", tea, { to: place("s01/floor"), occurredAtMs: startAtMs + 90_000 }),
  );
  await ledger.post([edge.batch(1)], startAtMs);
  const same = `item, serial, lot, quantity, from_location, from_state, to_location, to_state, reason,
    placed_at_ms, recorded_at_ms, edge_id, outbox_id, sequence, device_id, hash`;
  const rows = await onDatabase(
    path,
    `WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 41000)
     INSERT INTO entries (store_id, entry_number, occurred_at_ms, ${same})
     SELECT store_id, entry_number + 10 + n, occurred_at_ms + n, ${same} FROM entries CROSS JOIN k
     WHERE entry_number = 1 RETURNING entry_number`,
  );
  expect(rows).toHaveLength(41_000);
  const head = "UPDATE chain_heads SET entry_number = 50000 WHERE store_id = 's01' RETURNING hash";
  expect(await onDatabase(path, head)).toHaveLength(1);
  for (const orderDirection of ["ASC", "DESC"]) {
    const rare = { EQ_bizStep: "stocking", orderBy: "eventTime", orderDirection };
    expect((await pagesOf(ledger, rare, 10)).map((page) => page.length)).toEqual([1]);
    const common = { EQ_bizStep: "receiving", orderBy: "eventTime", orderDirection };
    const [first = []] = await pagesOf(ledger, { ...common, GE_eventTime: at(40_990) }, 100);
    const latest = inOrder([40_990, 41_000], orderDirection);
    expect(first.map(({ eventTime }) => Date.parse(eventTime) - startAtMs)).toEqual(latest);
    // So many of one product that no list of them is made, and one that is alone.
    const ofCoffee = { ...common, MATCH_epcClass: linkOf(coffee), GE_eventTime: at(40_990) };
    expect((await pagesOf(ledger, ofCoffee, 100))[0]).toEqual(first);
    for (const MATCH_epcClass of [linkOf(tea), `${linkOf(coffee)}|${linkOf(tea)}`])
      expect((await pagesOf(ledger, { ...rare, MATCH_epcClass }, 10)).flat()).toHaveLength(1);
  }
});

const linkOf = (gtin: string) => `https://id.gs1.org/01/${gtin}`;
const at = (ms: number) => new Date(startAtMs + ms).toISOString();

function inOrder([from = 0, through = 0]: number[], direction: string): number[] {
  const list = Array.from({ length: through - from + 1 }, (_, index) => from + index);
  return direction === "ASC" ? list : list.reverse();
}

/** All pages of some stores, none of which ends where an event of another stands. */
async function ofStores(
  ledger: SqlLedger,
  storeIds: readonly string[],
  parameters: Parameters,
  countMax: number,
): Promise<unknown[]> {
  const query = readQuery(parameters);
  if (!query.ok) throw new Error(query.message);
  const filter = { ...query.filter, storeIds };
  const events: EpcisEvent[] = [];
  let after: EventCursor | undefined;
  do {
    const more = after === undefined ? {} : { after };
    const { order } = query;
    const page = await ledger.epcis.events({ filter, order, places, countMax, ...more });
    events.push(...page.events);
    after = page.next;
    expect(["", ...storeIds]).toContain(after?.storeId ?? "");
  } while (after !== undefined);
  return events.map(nameOf);
}

test("of some stores all is given and nothing of others, however much of theirs lies between", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  for (const [index, storeId] of ["s00", "s01", "s02"].entries()) {
    const to = place(`${storeId}/stockroom`);
    const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", storeId).append(
      moved("receiving", coffee, { to }),
      moved("stocking", tea, { to: place(`${storeId}/floor`), occurredAtMs: startAtMs + 90_000 }),
    );
    await ledger.post([edge.batch(1)], startAtMs);
    const bizLocation = { id: `urn:gondola:location:${storeId}:floor` };
    const about = { bizLocation, "shop:note": storeId };
    await capture(ledger, startAtMs, startAtMs + index, about);
  }
  const same = `item, serial, lot, quantity, from_location, from_state, to_location, to_state, reason,
    placed_at_ms, recorded_at_ms, edge_id, outbox_id, sequence, device_id, hash`;
  // Many of one moment, between those of the others in the order of stores, and many of moments between theirs.
  await onDatabase(
    path,
    `WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 45000)
     INSERT INTO entries (store_id, entry_number, occurred_at_ms, ${same})
     SELECT store_id, entry_number + 10 + n, occurred_at_ms + CASE WHEN n < 25000 THEN 0 ELSE n END, ${same}
     FROM entries CROSS JOIN k WHERE store_id = 's01' AND entry_number = 1 RETURNING entry_number`,
  );
  const captured = (storeId: string) => storeId;
  const entries = (number: number) => (storeId: string) => `${storeId}/${number}`;
  for (const storeIds of [["s02", "s00"], ["s00"], ["s02"]]) {
    const sorted = [...storeIds].sort();
    const expected = [captured, entries(1), entries(2)].flatMap((name) => sorted.map(name));
    for (const countMax of [1, 100]) {
      for (const orderDirection of ["ASC", "DESC"]) {
        const order = { orderBy: "eventTime", orderDirection };
        const found = await ofStores(ledger, storeIds, order, countMax);
        const inDirection = orderDirection === "ASC" ? expected : [...expected].reverse();
        expect(found, `${storeIds} ${orderDirection}`).toEqual(inDirection);
      }
      const byStore = sorted.flatMap((storeId) => [1, 2].map((number) => `${storeId}/${number}`));
      const plain = await ofStores(ledger, storeIds, {}, countMax);
      expect(plain).toEqual([...sorted.map(captured), ...byStore]);
      const named = { MATCH_epcClass: linkOf(tea), orderBy: "recordTime", orderDirection: "ASC" };
      expect(await ofStores(ledger, storeIds, named, countMax)).toEqual(sorted.map(entries(2)));
    }
  }
});

test("an entry that takes another back stands at the event's time, and is found by what it declares", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const told = { completeThroughAtMs: startAtMs + 2 * 86_400_000 };
  const leaving = { from: place("s0042/floor"), to: place("s0042/@exit") };
  const edge = new FakeEdge().append(moved("departing", coffee, leaving));
  await ledger.post([edge.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs);
  const till = new FakeEdge("0b0b0b0b-0001", "till").append(moved("retail_selling", coffee));
  await ledger.post([till.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs + 1000);
  for (const order of [{}, { orderBy: "recordTime", orderDirection: "ASC" }]) {
    const found = async (asked: Parameters) =>
      (await pagesOf(ledger, { ...asked, ...order }, 2)).flat();
    const [declared, ...others] = await found({ EXISTS_errorDeclaration: "" });
    expect(others).toEqual([]);
    const { reason, correctiveEventIDs } = declared!.errorDeclaration!;
    for (const asked of [
      { EQ_errorReason: reason! },
      { EQ_errorReason: `did_not_occur|https://ref.gs1.org/cbv/ER-${reason}` },
      { EQ_correctiveEventID: correctiveEventIDs![0]! },
      { GE_errorDeclarationTime: at(1000), LT_errorDeclarationTime: at(1001) },
      { EQ_errorReason: reason!, EXISTS_errorDeclaration: "true", eventType: "ObjectEvent" },
    ] as Parameters[])
      expect(await found(asked), JSON.stringify(asked)).toEqual([declared]);
    for (const asked of [
      { EQ_errorReason: "did_not_occur" },
      { EQ_correctiveEventID: "urn:x:1" },
      { LT_errorDeclarationTime: at(1000) },
      { GE_errorDeclarationTime: at(1001) },
      { EQ_errorReason: reason!, EXISTS_errorDeclaration: "false" },
      { EQ_bizTransaction_po: "urn:x:1" },
    ] as Parameters[])
      expect(await found(asked), JSON.stringify(asked)).toEqual([]);
  }
});
