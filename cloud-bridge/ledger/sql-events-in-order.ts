// Events of all stores and captured ones in the order of a time (EPCIS 2.0, 8.2.7.1: orderBy): entries by one index over
// all stores, merged with captured events. A page goes on after the last event of the page before, so whatever was there
// when the first was asked for is given once, whatever is posted meanwhile.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { type EventFilter, type EventOrder, fits, type TimeRange } from "../epcis/event-filter.ts";
import type { Places } from "../epcis/places.ts";
import type { SqlConnection } from "./database.ts";
import { readCapturedInOrder } from "./sql-captured-events.ts";
import {
  addRange,
  addStores,
  type Condition,
  entryCondition,
  eventsOfEntries,
  type NamedRows,
  namedCountMax,
  namedRows,
  newCondition,
  readHeadsWhere,
  readNamedNumbers,
  windowCount,
} from "./sql-events.ts";
import { type EntryRow, entryColumns, entryOf } from "./sql-read.ts";

export const orderTables = `
CREATE INDEX IF NOT EXISTS entries_event_time ON entries (occurred_at_ms, store_id, entry_number);
CREATE INDEX IF NOT EXISTS entries_record_time ON entries (recorded_at_ms, store_id, entry_number);
`;

/** A place in the order; of one moment captured events, which have no store, stand before entries. */
export interface TimeCursor {
  readonly atMs: number;
  readonly storeId: string;
  readonly number: number;
}

/** A page, and where to go on; absent at the end. */
export interface OrderedPage {
  readonly events: readonly EpcisEvent[];
  readonly next?: TimeCursor;
}

export interface OrderedQuery {
  readonly filter: EventFilter;
  readonly order: EventOrder;
  readonly places: Places;
  readonly after: TimeCursor | undefined;
  readonly countMax: number;
}

/** Events of one kind from a place on, and how far they were looked for; absent where there are no more. */
interface Part {
  readonly found: readonly { readonly at: TimeCursor; readonly event: EpcisEvent }[];
  readonly through?: TimeCursor | undefined;
}

/** Statements of one page, and stores of which one asks for entries by name before it goes by time alone. */
const statementCountMax = 10;
const namedStoreCountMax = 100;

/** A page of the events that fit. */
export async function readEventsInOrder(
  connection: SqlConnection,
  query: OrderedQuery,
): Promise<OrderedPage> {
  const { order, countMax } = query;
  const parts = [await capturedPart(connection, query), await entriesPart(connection, query)];
  const compared = (one: TimeCursor, other: TimeCursor) =>
    (order.isDescending ? -1 : 1) * comparedPlaces(one, other);
  // Beyond where one kind was looked for, the other may not be given yet.
  const [end] = parts.flatMap(({ through }) => through ?? []).sort(compared);
  const told = parts
    .flatMap(({ found }) => found)
    .filter(({ at }) => end === undefined || compared(at, end) <= 0)
    .sort((one, other) => compared(one.at, other.at));
  const page = told.slice(0, countMax);
  const next = page.length < told.length ? page.at(-1)!.at : end;
  const events = page.map(({ event }) => event);
  return next === undefined ? { events } : { events, next };
}

function comparedPlaces(one: TimeCursor, other: TimeCursor): number {
  if (one.atMs !== other.atMs) return one.atMs - other.atMs;
  if (one.storeId !== other.storeId) return one.storeId < other.storeId ? -1 : 1;
  return one.number - other.number;
}

async function capturedPart(connection: SqlConnection, query: OrderedQuery): Promise<Part> {
  const { filter, order, after, countMax } = query;
  const eventNumber = after?.storeId === "" ? after.number : undefined;
  const rows = await readCapturedInOrder(connection, {
    ...{ filter, order, countMax },
    after: after && { atMs: after.atMs, eventNumber },
  });
  const found = rows.map(({ atMs, eventNumber: number, event }) => {
    return { at: { atMs, storeId: "", number }, event };
  });
  return rows.length < countMax ? { found } : { found, through: found.at(-1)!.at };
}

async function entriesPart(connection: SqlConnection, query: OrderedQuery): Promise<Part> {
  const { order, after, countMax } = query;
  const asked = await askedEntries(connection, query);
  if (asked === undefined) return { found: [] };
  const found: { at: TimeCursor; event: EpcisEvent }[] = [];
  let from = after;
  for (let count = 0; count < statementCountMax && found.length < countMax; count += 1) {
    const start = startOf(asked, order, from);
    const windowEnd = asked.isWindowed ? await endOfWindow(connection, start, order) : undefined;
    const end = windowEnd === undefined ? [] : [beyond(asked, order, windowEnd, "through")];
    const where = joined([start, asked.condition, ...end]);
    const rows = await connection.all<EntryRow>(
      `SELECT ${entryColumns} FROM entries x ${whereSql(where)}
       ${orderSql(timeOf(asked, order), order)} LIMIT ?`,
      ...[...where.values, countMax],
    );
    const entries = rows.map((row) => entryOf(row, ""));
    const events = await eventsOfEntries(connection, entries, query.places);
    for (const [index, event] of events.entries()) {
      if (fits(event, query.filter)) found.push({ at: placeOf(rows[index]!, order), event });
    }
    from =
      rows.length === countMax
        ? placeOf(rows.at(-1)!, order)
        : windowEnd && placeAmong(query.filter.storeIds, windowEnd, order);
    if (from === undefined) return { found };
  }
  return { found, through: from };
}

/** What entries are asked for: all that is said but the range of the time that orders them. */
interface AskedEntries {
  readonly condition: Condition;
  readonly range: TimeRange | undefined;
  /** Whether so many rows may be looked at in vain that it is done piece by piece. */
  readonly isWindowed: boolean;
  /** An index leads to them, and it is not that of time: its columns are hidden behind a sum. */
  readonly isNamed: boolean;
}

async function askedEntries(
  connection: SqlConnection,
  { filter, order, places }: OrderedQuery,
): Promise<AskedEntries | undefined> {
  const { eventTimeMs, recordTimeMs, ...others } = filter;
  const isByEvent = order.by === "eventTime";
  const range = isByEvent ? eventTimeMs : recordTimeMs;
  const otherTime = isByEvent ? recordTimeMs && { recordTimeMs } : eventTimeMs && { eventTimeMs };
  const fitting = entryCondition({ ...others, ...otherTime }, places);
  if (fitting === undefined) return undefined;
  const { condition: ofStores, add } = newCondition();
  addStores(add, filter.storeIds, "x.store_id");
  const condition = joined([fitting, ofStores]);
  const named = namedRows(filter);
  if (named.length === 0) {
    return { condition, range, isWindowed: condition.sql.length > 0, isNamed: false };
  }
  const heads = await readHeadsWhere(connection, { filter, fromStoreId: "" });
  if (heads.length === 0) return undefined;
  const keys = await namedKeys(connection, named, heads);
  const byName: Condition[] =
    keys === undefined
      ? named.map(({ row }) => row)
      : [
          {
            sql: [
              `(x.store_id, x.entry_number) IN
               (SELECT value->>0, CAST(value->>1 AS INTEGER) FROM json_each(?))`,
            ],
            values: [JSON.stringify(keys)],
          },
        ];
  const isFew = keys !== undefined;
  return { condition: joined([condition, ...byName]), range, isWindowed: !isFew, isNamed: isFew };
}

/** Stores and numbers of the entries that are asked for by name; undefined where there are too many for one statement. */
async function namedKeys(
  connection: SqlConnection,
  named: NamedRows[],
  heads: readonly { storeId: string; head: number }[],
): Promise<[string, number][] | undefined> {
  if (heads.length > namedStoreCountMax) return undefined;
  const keys: [string, number][] = [];
  for (const { storeId, head } of heads) {
    const numberCountMax = namedCountMax + 1 - keys.length;
    const range = { storeId, afterEntryNumber: 0, head, numberCountMax };
    const numbers = await readNamedNumbers(connection, named, range);
    keys.push(...numbers.map((number): [string, number] => [storeId, number]));
    if (keys.length > namedCountMax) return undefined;
  }
  return keys;
}

function joined(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.flatMap(({ sql }) => sql),
    values: conditions.flatMap(({ values }) => values),
  };
}

function columnOf({ by }: EventOrder): string {
  return by === "eventTime" ? "x.occurred_at_ms" : "x.recorded_at_ms";
}

function startOf(asked: AskedEntries, order: EventOrder, from: TimeCursor | undefined): Condition {
  const { condition, add } = newCondition();
  addRange(add, timeOf(asked, order), asked.range);
  return from === undefined ? condition : joined([condition, beyond(asked, order, from, "after")]);
}

function timeOf({ isNamed }: AskedEntries, order: EventOrder): string {
  return isNamed ? `${columnOf(order)} + 0` : columnOf(order);
}

/** Entries after a place in the order, or up to it. */
function beyond(
  asked: AskedEntries,
  order: EventOrder,
  { atMs, storeId, number }: TimeCursor,
  which: "after" | "through",
): Condition {
  const signs = order.isDescending ? { after: "<", through: ">=" } : { after: ">", through: "<=" };
  const sql = `(${timeOf(asked, order)}, x.store_id, x.entry_number) ${signs[which]} (?, ?, ?)`;
  return { sql: [sql], values: [atMs, storeId, number] };
}

function orderSql(time: string, { isDescending }: EventOrder): string {
  const way = isDescending ? "DESC" : "ASC";
  return `ORDER BY ${time} ${way}, x.store_id ${way}, x.entry_number ${way}`;
}

function whereSql({ sql }: Condition): string {
  return sql.length === 0 ? "" : `WHERE ${sql.join(" AND ")}`;
}

/** The last place of the rows that one statement looks at; undefined where they go to the end. */
async function endOfWindow(
  connection: SqlConnection,
  start: Condition,
  order: EventOrder,
): Promise<TimeCursor | undefined> {
  const [row] = await connection.all<TimeCursor>(
    `SELECT ${columnOf(order)} AS atMs, x.store_id AS storeId, x.entry_number AS number
     FROM entries x ${whereSql(start)} ${orderSql(columnOf(order), order)}
     LIMIT 1 OFFSET ${windowCount - 1}`,
    ...start.values,
  );
  return row;
}

// Whoever may know of some stores alone is not told which entry of another ended a window: between it and this place
// there is none of theirs.
function placeAmong(
  storeIds: readonly string[] | undefined,
  end: TimeCursor,
  { isDescending }: EventOrder,
): TimeCursor {
  if (storeIds === undefined || storeIds.includes(end.storeId)) return end;
  const { atMs } = end;
  const sorted = [...storeIds].sort();
  if (isDescending) {
    const before = sorted.findLast((storeId) => storeId < end.storeId);
    return { atMs, storeId: before ?? "", number: Number.MAX_SAFE_INTEGER };
  }
  const next = sorted.find((storeId) => storeId > end.storeId);
  if (next !== undefined) return { atMs, storeId: next, number: 0 };
  return { atMs: atMs + 1, storeId: "", number: 0 };
}

function placeOf(row: EntryRow, { by }: EventOrder): TimeCursor {
  const atMs = by === "eventTime" ? row.occurredAtMs : row.recordedAtMs;
  return { atMs, storeId: row.storeId, number: row.entryNumber };
}
