// Captured events in the ledger's database, by the same filter as entries, in the order in which they were captured or
// in that of a time of theirs.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import type { EventFilter, EventOrder, TimeRange } from "../epcis/event-filter.ts";
import { declarationTimeRole, timeName } from "../epcis/event-references.ts";
import type { SqlConnection } from "./database.ts";
import { type Add, addRange, addStores, type Condition, newCondition } from "./sql-events.ts";

/** Captured events that fit, in the order in which they were captured. */
export async function readCapturedWhere(
  connection: SqlConnection,
  query: { filter: EventFilter; afterNumber: number; countMax: number },
): Promise<{ eventNumber: number; event: EpcisEvent }[]> {
  const { filter, afterNumber, countMax } = query;
  const condition = capturedCondition(filter);
  const rows = await connection.all<{ eventNumber: number; body: string }>(
    `SELECT event_number AS eventNumber, body FROM captured_events
     WHERE ${["event_number > ?", ...condition.sql].join(" AND ")}
     ORDER BY event_number LIMIT ?`,
    ...[afterNumber, ...condition.values, countMax],
  );
  return rows.map(({ eventNumber, body }) => ({ eventNumber, event: JSON.parse(body) }));
}

/** A captured event, and where it stands in an order. */
export interface TimedEvent {
  readonly atMs: number;
  readonly eventNumber: number;
  readonly event: EpcisEvent;
}

/** The same in the order of a time; those of one moment in the order in which they were captured. */
export async function readCapturedInOrder(
  connection: SqlConnection,
  query: {
    filter: EventFilter;
    order: EventOrder;
    /** Where to go on; without a number none of that moment was given, or (descending) each is still to be. */
    after: { atMs: number; eventNumber: number | undefined } | undefined;
    countMax: number;
  },
): Promise<TimedEvent[]> {
  const { filter, order, after, countMax } = query;
  const { by, isDescending } = order;
  const column = by === "eventTime" ? "event_time_ms" : "record_time_ms";
  const { condition, add } = newCondition();
  if (after?.eventNumber !== undefined) {
    add(
      `(${column}, event_number) ${isDescending ? "<" : ">"} (?, ?)`,
      ...[after.atMs, after.eventNumber],
    );
  } else if (after !== undefined) {
    add(`${column} ${isDescending ? "<=" : ">"} ?`, after.atMs);
  }
  const own = capturedCondition(filter);
  const where = [...condition.sql, ...own.sql];
  const way = isDescending ? "DESC" : "ASC";
  const rows = await connection.all<{ atMs: number; eventNumber: number; body: string }>(
    `SELECT ${column} AS atMs, event_number AS eventNumber, body FROM captured_events
     ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}
     ORDER BY ${column} ${way}, event_number ${way} LIMIT ?`,
    ...[...condition.values, ...own.values, countMax],
  );
  return rows.map(({ body, ...row }) => ({ ...row, event: JSON.parse(body) }));
}

function capturedCondition(filter: EventFilter): Condition {
  const { condition, add } = newCondition();
  const addIn = (column: string, list: readonly string[] | undefined) => {
    if (list === undefined) return;
    const rows = JSON.stringify(list.map((value) => [value]));
    add(`${column} IN (SELECT value->>0 FROM json_each(?))`, rows);
  };
  addStores(add, filter.storeIds);
  addIn("type", filter.types);
  addIn("action", filter.actions);
  addIn("biz_step", filter.bizSteps);
  addIn("disposition", filter.dispositions);
  addIn("read_point", filter.readPoint?.uris);
  addIn("biz_location", filter.bizLocation?.uris);
  addIn("event_id", filter.eventIds);
  addRange(add, "event_time_ms", filter.eventTimeMs);
  addRange(add, "record_time_ms", filter.recordTimeMs);
  if (filter.isDeclaration !== undefined) add("is_declaration = ?", Number(filter.isDeclaration));
  if (filter.declarationTimeMs !== undefined) addDeclarationTime(add, filter.declarationTimeMs);
  const named = [
    ...(filter.epcs ?? []).map(({ uris, roles }) =>
      uris.flatMap((uri) => roles.map((role) => [uri, role])),
    ),
    ...(filter.references ?? []).map(({ role, names }) => names.map((name) => [name, role])),
  ];
  for (const pairs of named) {
    add(
      `event_number IN (SELECT c.event_number FROM json_each(?) k CROSS JOIN captured_epcs c
         WHERE c.epc = k.value->>0 AND c.role = k.value->>1)`,
      JSON.stringify(pairs),
    );
  }
  return condition;
}

function addDeclarationTime(add: Add, { from, before }: TimeRange): void {
  const range = newCondition();
  range.add("role = ?", declarationTimeRole);
  if (from !== undefined) range.add("epc >= ?", timeName(from));
  if (before !== undefined) range.add("epc < ?", timeName(before));
  const { sql, values } = range.condition;
  add(
    `event_number IN (SELECT event_number FROM captured_epcs WHERE ${sql.join(" AND ")})`,
    ...values,
  );
}
