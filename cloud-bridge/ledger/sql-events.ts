// Entries of the ledger's database as EPCIS events, with what took them back, by a filter. A page costs a bounded number
// of rows, however rare what is asked for is.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import type { Entry } from "../../contract/stock.ts";
import {
  type EpcFilter,
  type EventFilter,
  type PlaceFilter,
  type TimeRange,
  valueCountMax,
} from "../epcis/event-filter.ts";
import {
  type Correction,
  declarationOfEntry,
  eventOfEntry,
  meaningKeySql,
  meaningsOf,
} from "../epcis/event-of-entry.ts";
import { declarationRoles } from "../epcis/event-references.ts";
import type { Places } from "../epcis/places.ts";
import { unitOfUri } from "../epcis/unit-of-uri.ts";
import type { SqlConnection, SqlValue } from "./database.ts";
import { flowRules, isFlowRule } from "./flow.ts";
import { writeOffReason } from "./receiving/write-off.ts";
import { type EntryRow, entryColumns, entryOf } from "./sql-read.ts";

/** A condition; parts are joined by AND. */
export interface Condition {
  readonly sql: string[];
  readonly values: SqlValue[];
}

/** Entries that are looked through in one statement where no index leads to what is asked for. */
export const windowCount = 20_000;
/** The same where one does. */
export const namedCountMax = 2000;

/** A page of entries that fit, and the number up to which the store was looked through. */
export interface EntryPage {
  readonly entries: Entry[];
  readonly throughNumber: number;
}

/** Reads on in a store; undefined where none of its entries can fit. */
export async function readEntriesWhere(
  connection: SqlConnection,
  query: {
    filter: EventFilter;
    places: Places;
    storeId: string;
    afterEntryNumber: number;
    head: number;
    countMax: number;
  },
): Promise<EntryPage | undefined> {
  const { filter, places, storeId, afterEntryNumber, head, countMax } = query;
  const condition = entryCondition(filter, places);
  if (condition === undefined) return undefined;
  const named = namedRows(filter);
  // Where nothing else is asked for, each of them fits.
  const numberCountMax = condition.sql.length === 0 ? countMax : namedCountMax;
  const range = { storeId, afterEntryNumber, head, numberCountMax };
  const step = named.length > 0 ? await readNamed(connection, named, range) : windowAfter(range);
  const rows = await connection.all<EntryRow>(
    `SELECT ${entryColumns} FROM entries
     WHERE ${["store_id = ?", ...step.sql, ...condition.sql].join(" AND ")}
     ORDER BY entry_number LIMIT ?`,
    ...[storeId, ...step.values, ...condition.values, countMax],
  );
  const last = rows.at(-1)?.entryNumber;
  return {
    entries: rows.map((row) => entryOf(row, "")),
    throughNumber: rows.length === countMax && last !== undefined ? last : step.throughNumber,
  };
}

interface Range {
  readonly storeId: string;
  readonly afterEntryNumber: number;
  readonly head: number;
  readonly numberCountMax: number;
}

/** Entries that one statement looks at. */
type Step = Condition & Pick<EntryPage, "throughNumber">;

function windowAfter({ afterEntryNumber, head }: Range): Step {
  const throughNumber = Math.min(head, afterEntryNumber + windowCount);
  const sql = ["entry_number > ?", "entry_number <= ?"];
  return { sql, values: [afterEntryNumber, throughNumber], throughNumber };
}

async function readNamed(
  connection: SqlConnection,
  named: NamedRows[],
  range: Range,
): Promise<Step> {
  const numbers = await readNamedNumbers(connection, named, range);
  return {
    sql: ["entry_number IN (SELECT CAST(value->>0 AS INTEGER) FROM json_each(?))"],
    values: [JSON.stringify(numbers.map((number) => [number]))],
    throughNumber: numbers.length < range.numberCountMax ? range.head : numbers.at(-1)!,
  };
}

// Their numbers first: PostgreSQL does not know how few there are, and would go through the store in their order; so
// would SQLite if it saw a range of numbers, hence the 0.
export async function readNamedNumbers(
  connection: SqlConnection,
  [first, ...others]: NamedRows[],
  { storeId, afterEntryNumber, head, numberCountMax }: Range,
): Promise<number[]> {
  const also = others.map(({ sqlOf }) => ` AND entry_number IN (${sqlOf("?")})`).join("");
  const ownOf = ({ valuesOf }: NamedRows) => valuesOf([storeId]);
  const rows = await connection.all<{ entryNumber: number }>(
    `SELECT DISTINCT entry_number AS entryNumber FROM (${first!.sqlOf("?")}) n
     WHERE entry_number + 0 > ? AND entry_number + 0 <= ?${also} ORDER BY entry_number LIMIT ?`,
    ...[...ownOf(first!), afterEntryNumber, head, ...others.flatMap(ownOf), numberCountMax],
  );
  return rows.map(({ entryNumber }) => entryNumber);
}

/** What entries must be; undefined where none can be it. */
export function entryCondition(filter: EventFilter, places: Places): Condition | undefined {
  const { types, actions, bizSteps, dispositions, references = [] } = filter;
  // That is what entries are told as.
  if (types !== undefined && !types.includes("ObjectEvent")) return undefined;
  if (actions !== undefined && !actions.includes("OBSERVE")) return undefined;
  if (references.some(({ role }) => !declarationRoles.includes(role))) return undefined;
  const { condition, add } = newCondition();
  addRange(add, "occurred_at_ms", filter.eventTimeMs);
  addRange(add, "recorded_at_ms", filter.recordTimeMs);
  const isDeclared = filter.isDeclaration === true || references.length > 0;
  if (isDeclared || filter.declarationTimeMs !== undefined) {
    // Those alone are taken back, and at that time the entry that does so is recorded.
    add("reason IN (SELECT value->>0 FROM json_each(?))", flowRuleList);
    addRange(add, "recorded_at_ms", filter.declarationTimeMs);
  }
  if (bizSteps !== undefined || dispositions !== undefined) {
    const { keys, isExcept } = meaningsOf({ bizSteps, dispositions });
    if (keys.length === 0 && !isExcept) return undefined;
    const list = JSON.stringify(keys.map((key) => [key]));
    add(`${meaningKeySql} ${isExcept ? "NOT " : ""}IN (SELECT value->>0 FROM json_each(?))`, list);
  }
  const isHidden = "to_location LIKE '%/@%'";
  const real = `CASE WHEN NOT ${isHidden} THEN to_location WHEN NOT from_location LIKE '%/@%' THEN from_location END`;
  addPlace(add, real, filter.readPoint, places);
  addPlace(add, `CASE WHEN NOT ${isHidden} THEN to_location END`, filter.bizLocation, places);
  return condition;
}

const flowRuleList = JSON.stringify([...flowRules, writeOffReason].map((rule) => [rule]));

/** Adds a part to a condition. */
export type Add = (sql: string, ...values: SqlValue[]) => void;

export function newCondition(): { condition: Condition; add: Add } {
  const condition: Condition = { sql: [], values: [] };
  const add: Add = (sql, ...values) => {
    condition.sql.push(sql);
    condition.values.push(...values);
  };
  return { condition, add };
}

export function addRange(add: Add, column: string, range: TimeRange | undefined): void {
  if (range?.from !== undefined) add(`${column} >= ?`, range.from);
  if (range?.before !== undefined) add(`${column} < ?`, range.before);
}

/** Adds that rows are of these stores; without any they may be of each. */
export function addStores(
  add: Add,
  storeIds: readonly string[] | undefined,
  column = "store_id",
): void {
  if (storeIds === undefined) return;
  const list = JSON.stringify(storeIds.map((storeId) => [storeId]));
  add(`${column} IN (SELECT value->>0 FROM json_each(?))`, list);
}

function addPlace(
  add: Add,
  expression: string,
  filter: PlaceFilter | undefined,
  places: Places,
): void {
  if (filter === undefined) return;
  const locations = filter.uris.flatMap((uri) => places.locationOf(uri) ?? []);
  const list = JSON.stringify(locations.map((location) => [location]));
  if (!filter.withBelow) {
    add(`${expression} IN (SELECT value->>0 FROM json_each(?))`, list);
    return;
  }
  add(
    `EXISTS (SELECT 1 FROM json_each(?) k WHERE ${expression} = k.value->>0
       OR substr(${expression}, 1, length(k.value->>0) + 1) = (k.value->>0) || '/')`,
    list,
  );
}

/** Heads of the chains that may have entries that fit, from a store on. One statement, however many stores there are. */
export async function readHeadsWhere(
  connection: SqlConnection,
  { filter, fromStoreId }: { filter: EventFilter; fromStoreId: string },
): Promise<{ storeId: string; head: number }[]> {
  const named = namedRows(filter);
  if (named.some(({ isEmpty }) => isEmpty)) return [];
  // No EXISTS: PostgreSQL would make a join of it, and go through all stores' entries.
  const conditions = named.map(
    ({ sqlOf }) => `(SELECT entry_number FROM (${sqlOf("h.store_id")}) n LIMIT 1) IS NOT NULL`,
  );
  const { condition, add } = newCondition();
  add("h.store_id >= ?", fromStoreId);
  addStores(add, filter.storeIds, "h.store_id");
  return await connection.all(
    `SELECT h.store_id AS storeId, h.entry_number AS head FROM chain_heads h
     WHERE ${[...condition.sql, ...conditions].join(" AND ")} ORDER BY h.store_id`,
    ...[...condition.values, ...named.flatMap(({ valuesOf }) => valuesOf([]))],
  );
}

/** Entries of a store that an index leads to: SQL, and its values with those that its `store` stands for. */
export interface NamedRows {
  readonly sqlOf: (store: string) => string;
  readonly valuesOf: (store: readonly SqlValue[]) => SqlValue[];
  readonly isEmpty: boolean;
  /** The same said of a row of `entries x`. */
  readonly row: Condition;
}

export function namedRows({ epcs = [], eventIds }: EventFilter): NamedRows[] {
  const rows = epcs.map(unitRows);
  if (eventIds === undefined) return rows;
  const list = JSON.stringify(eventIds.map((id) => [idPrefixOf(id) ?? -1]));
  const sqlOf = (store: string) =>
    `SELECT i.entry_number FROM json_each(?) k CROSS JOIN epcis_ids i
     WHERE i.store_id = ${store} AND i.id_prefix = CAST(k.value->>0 AS INTEGER)`;
  const row = {
    sql: [`x.entry_number IN (${sqlOf("x.store_id")})`],
    values: [list],
  };
  return [...rows, { sqlOf, valuesOf: (store) => [list, ...store], isEmpty: false, row }];
}

// A product without a serial stands for any unit of it. Each that is asked for is one part, with its values in their places:
// of a list PostgreSQL expects a hundred, and would read a store's entries for them; and neither database goes through an
// index for an OR of these.
function unitRows({ uris, roles }: EpcFilter): NamedRows {
  const [isUnit, isClass] = [roles.includes("epc"), roles.includes("class")];
  const parts = new Map<string, string[][]>();
  const ask = (match: string, ...values: string[]) => {
    parts.set(match, [...(parts.get(match) ?? []), values]);
  };
  for (const { item, serial, lot } of uris.flatMap((uri) => unitOfUri(uri) ?? [])) {
    // A tag that is not GS1 has no serial, and is a unit all the same.
    const isRaw = item.startsWith("epc/");
    if (isUnit && isRaw) ask("x.serial IS NULL", item);
    else if (isUnit && serial !== undefined) ask("x.serial = ?", item, serial);
    else if (isUnit && lot === undefined) ask("x.serial IS NOT NULL", item);
    if (isClass && !isRaw && serial === undefined) {
      ask("x.serial IS NULL AND coalesce(x.lot, '') = ?", item, lot ?? "");
    }
  }
  const padded = [...parts].flatMap(([match, rows]) =>
    paddedRows(rows).map((values) => ({ match, values })),
  );
  const sqlOf = (store: string) =>
    padded
      .map(
        ({ match }) =>
          `SELECT x.entry_number FROM entries x WHERE x.store_id = ${store} AND x.item = ? AND ${match}`,
      )
      .join(" UNION ALL ");
  const valuesOf = (store: readonly SqlValue[]) =>
    padded.flatMap(({ values }) => [...store, ...values]);
  const row = {
    sql: [`(${padded.map(({ match }) => `(x.item = ? AND ${match})`).join(" OR ")})`],
    values: padded.flatMap(({ values }) => values),
  };
  return { sqlOf, valuesOf, isEmpty: padded.length === 0, row };
}

/** With the last one again up to one of three counts, so that there are few statements to keep. */
function paddedRows(rows: readonly string[][]): string[][] {
  const count = [1, 10].find((each) => each >= rows.length) ?? Math.max(valueCountMax, rows.length);
  return Array.from({ length: count }, (_, index) => rows[Math.min(index, rows.length - 1)]!);
}

/** The first 48 bits of an event hash as a number; undefined for an ID that is none. */
export function idPrefixOf(eventId: string): number | undefined {
  const hex = /^ni:\/\/\/sha-256;([0-9a-f]{12})[0-9a-f]{52}\?ver=CBV2\.0$/.exec(eventId)?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

/** The events of entries, each as it stands: an entry that takes another back declares it wrong. */
export async function eventsOfEntries(
  connection: SqlConnection,
  entries: readonly Entry[],
  places: Places,
): Promise<EpcisEvent[]> {
  const corrections = await readCorrections(connection, entries);
  const uriOf = (location: string) => places.uriOf(location);
  return entries.map((entry) => {
    const correction = corrections.get(keyOf(entry));
    return correction === undefined
      ? eventOfEntry(entry, uriOf)
      : declarationOfEntry(entry, correction, uriOf);
  });
}

// What settlement posts beside a fact, and a write-off, may be taken back when another fact comes late. It is then posted
// the other way, with the same reason, fact and time. What is posted instead may have another time, and is recorded with it.
async function readCorrections(
  connection: SqlConnection,
  entries: readonly Entry[],
): Promise<Map<string, Correction>> {
  const settled = entries.filter(isTakenBack);
  if (settled.length === 0) return new Map();
  // Columns that other indexes begin with are hidden in an expression.
  const beside = await readSettled(connection, {
    condition: `x.recorded_at_ms = CAST(k.value->>2 AS INTEGER) AND x.store_id = k.value->>0
      AND x.item || '' = k.value->>1`,
    keys: settled.map(({ storeId, item, recordedAtMs }) => [storeId, item, recordedAtMs]),
  });
  const all = await readSettled(connection, {
    condition: `x.store_id = k.value->>0 AND x.item = k.value->>1
      AND x.placed_at_ms = CAST(k.value->>2 AS INTEGER)`,
    keys: [...settled, ...beside].map(({ storeId, item, occurredAtMs }) => {
      return [storeId, item, occurredAtMs];
    }),
  });
  return correctionsAmong(all);
}

async function readSettled(
  connection: SqlConnection,
  { condition, keys }: { condition: string; keys: readonly (readonly SqlValue[])[] },
): Promise<Entry[]> {
  const rows = await connection.all<EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE (store_id, entry_number) IN (
       SELECT x.store_id, x.entry_number FROM json_each(?) k
       CROSS JOIN entries x WHERE ${condition})
     ORDER BY store_id, entry_number`,
    JSON.stringify(keys),
  );
  return rows.map((row) => entryOf(row, "")).filter(isTakenBack);
}

/** Pairs entries that settlement posted with those that took them back; in order of their numbers. */
export function correctionsAmong(entries: readonly Entry[]): Map<string, Correction> {
  const standing = new Map<string, Entry[]>();
  const pairs: { entry: Entry; original: Entry }[] = [];
  for (const entry of entries) {
    const key = factOf(entry);
    const list = standing.get(key) ?? [];
    const index = list.findLastIndex((each) => isTurned(each, entry));
    if (index < 0) list.push(entry);
    else pairs.push({ entry, original: list.splice(index, 1)[0]! });
    standing.set(key, list);
  }
  const turning = new Set(pairs.map(({ entry }) => keyOf(entry)));
  const result = new Map<string, Correction>();
  for (const { entry, original } of pairs) {
    const instead = entries.filter(
      (each) =>
        each.recordedAtMs === entry.recordedAtMs &&
        each.storeId === entry.storeId &&
        each.outboxId === entry.outboxId &&
        each.sequence === entry.sequence &&
        !turning.has(keyOf(each)),
    );
    result.set(keyOf(entry), { original, instead });
  }
  return result;
}

function isTakenBack({ reason }: Entry): boolean {
  return isFlowRule(reason) || reason === writeOffReason;
}

function isTurned(one: Entry, other: Entry): boolean {
  const name = ({ location, state }: Entry["from"]) => `${location} ${state}`;
  return (
    one.quantity === other.quantity &&
    name(one.from) === name(other.to) &&
    name(one.to) === name(other.from)
  );
}

function factOf(entry: Entry): string {
  const { storeId, item, reason, edgeId, outboxId, sequence, occurredAtMs } = entry;
  return [storeId, item, reason, edgeId, outboxId, sequence, occurredAtMs].join(" ");
}

function keyOf({ storeId, entryNumber }: Entry): string {
  return `${storeId}/${entryNumber}`;
}
