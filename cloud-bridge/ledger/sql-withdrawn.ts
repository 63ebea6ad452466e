// What captured events withdraw of what stores expect: events that were declared wrong, and goods that were called off.
// It follows from the events that are stored, so that it does not matter which of them came first.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import type { CapturedEvent } from "../epcis/captured-event.ts";
import { voidStep } from "../epcis/expected-lines.ts";
import { canonicalUri } from "../epcis/places.ts";
import {
  type ShippedLine,
  type Void,
  voidedShipment,
  voidedUnits,
  voidOf,
} from "../epcis/voided-lines.ts";
import type { SqlConnection, SqlValue } from "./database.ts";
import { isLimitedSql, isRightSql, mayMeetSql } from "./sql-known-events.ts";
import { packedIn } from "./sql-packed.ts";

/** A shipment that a store expects, by the name under which it is a delivery. */
export interface ShipmentKey {
  readonly storeId: string;
  readonly shipment: string;
}

interface EventKey {
  readonly storeId: string;
  readonly eventNumber: number;
}

/** A shipment's event, whose lines are as they are expected unless something withdraws them. */
interface WrittenEvent extends EventKey {
  readonly eventTimeMs: number;
}

type NewEvent = Pick<CapturedEvent, "bizStep" | "isDeclaration"> & { readonly eventNumber: number };

/** Withdraws lines of events that were just written, and whatever new events withdraw; gives whose lines are others now. */
export async function settleWithdrawn(
  connection: SqlConnection,
  events: readonly NewEvent[],
  written: readonly WrittenEvent[],
): Promise<readonly ShipmentKey[]> {
  const numbersOf = (some: readonly NewEvent[]) =>
    JSON.stringify(some.map(({ eventNumber }) => [eventNumber]));
  const declarations = numbersOf(events.filter(({ isDeclaration }) => isDeclaration));
  const calledOff = events.filter((one) => one.bizStep === voidStep && !one.isDeclaration);
  const restored = await expectAgain(connection, declarations);
  const open = [...written, ...restored.map(eventOf)];
  const declared = await withdrawDeclared(connection, declarations, open);
  const voids = await readVoids(connection, `${inNumbers("e")} AND ${isRightSql("e")}`, [
    numbersOf(calledOff),
  ]);
  const voided = [
    ...(await withdrawVoided(connection, await readKnownVoids(connection, open), () =>
      readLinesOf(connection, open),
    )),
    ...(await withdrawVoided(connection, voids, () => readLinesWith(connection, voids))),
  ];
  return [...restored, ...declared, ...voided].flatMap(({ storeId, shipment }) =>
    shipment === null ? [] : [{ storeId, shipment }],
  );
}

const inNumbers = (row: string) =>
  `${row}.event_number IN (SELECT CAST(value->>0 AS INTEGER) FROM json_each(?))`;

interface Line extends ShippedLine {
  readonly eventNumber: number;
  readonly line: number;
  readonly shipment: string | null;
  readonly withdrawnAtMs: number | null;
}

function eventOf({ storeId, eventNumber, shippedAtMs }: Line): WrittenEvent {
  return { storeId, eventNumber, eventTimeMs: shippedAtMs };
}

/** What voids withdrew that are declared wrong now; the caller withdraws anew what something else withdraws as well. */
async function expectAgain(connection: SqlConnection, declarations: string): Promise<Line[]> {
  const voids = await readVoids(
    connection,
    `e.is_declaration = 0 AND (e.store_id, e.event_number) IN (
       SELECT w.store_id, w.event_number FROM captured_events d
       JOIN captured_events w ON w.event_id = d.event_id AND ${mayMeetSql("d", "w")}
       WHERE ${inNumbers("d")})`,
    [declarations],
  );
  if (voids.length === 0) return [];
  const isVoided = voidOf(voids);
  const lines = (await readLinesWith(connection, voids)).filter((line) => {
    return line.withdrawnAtMs !== null && isVoided(line) !== undefined;
  });
  await saveWithdrawn(
    connection,
    lines.map((line) => ({ ...line, withdrawnAtMs: null })),
  );
  // It may have been told of as overdue, or taken for ended, when it was withdrawn.
  await connection.run(
    `UPDATE captured_shipments SET stage = 0 WHERE (store_id, shipment) IN
      (SELECT value->>0, value->>1 FROM json_each(?))`,
    JSON.stringify(lines.map(({ storeId, shipment }) => [storeId, shipment])),
  );
  return lines;
}

/** Withdraws what these declarations say was wrong, and of these events those that were declared wrong before. */
async function withdrawDeclared(
  connection: SqlConnection,
  declarations: string,
  events: readonly WrittenEvent[],
): Promise<{ storeId: string; shipment: string | null }[]> {
  const named = await connection.all<EventKey>(
    `SELECT e.store_id AS storeId, e.event_number AS eventNumber FROM captured_events d
     JOIN captured_events e ON e.event_id = d.event_id WHERE ${inNumbers("d")}`,
    declarations,
  );
  const declaring = `FROM captured_events d WHERE d.event_id = expected_receipts.event_id
    AND d.is_declaration = 1 AND ${mayMeetSql("d", "expected_receipts")}`;
  return await connection.all(
    `UPDATE expected_receipts SET withdrawn_at_ms = (SELECT min(d.record_time_ms) ${declaring})
     WHERE withdrawn_at_ms IS NULL AND (store_id, event_number) IN
      (SELECT value->>0, CAST(value->>1 AS INTEGER) FROM json_each(?))
      AND EXISTS (SELECT 1 ${declaring})
     RETURNING store_id AS storeId, shipment`,
    keysOf([...named, ...events]),
  );
}

/** Withdraws those of the lines that one of the voids calls off; gives them. */
async function withdrawVoided(
  connection: SqlConnection,
  voids: readonly Void[],
  readLines: () => Promise<readonly Line[]>,
): Promise<readonly Line[]> {
  if (voids.length === 0) return [];
  const voidOfLine = voidOf(voids);
  const open = (await readLines()).filter(({ withdrawnAtMs }) => withdrawnAtMs === null);
  const lines = open.flatMap((line) => {
    const found = voidOfLine(line);
    return found === undefined ? [] : [{ ...line, withdrawnAtMs: found.recordTimeMs }];
  });
  await saveWithdrawn(connection, lines);
  return lines;
}

async function saveWithdrawn(connection: SqlConnection, lines: readonly Line[]): Promise<void> {
  if (lines.length === 0) return;
  await connection.run(
    `UPDATE expected_receipts SET withdrawn_at_ms = CAST(k.value->>3 AS INTEGER) FROM json_each(?) k
     WHERE store_id = k.value->>0 AND event_number = CAST(k.value->>1 AS INTEGER)
      AND line = CAST(k.value->>2 AS INTEGER)`,
    JSON.stringify(lines.map((one) => [one.storeId, one.eventNumber, one.line, one.withdrawnAtMs])),
  );
}

/** Voids that may call off lines of these events. */
async function readKnownVoids(
  connection: SqlConnection,
  events: readonly WrittenEvent[],
): Promise<Void[]> {
  if (events.length === 0) return [];
  const storeIds = ["", ...new Set(events.map(({ storeId }) => storeId))];
  const sinceMs = events.reduce((least, each) => Math.min(least, each.eventTimeMs), Infinity);
  return await readVoids(
    connection,
    `e.store_id IN (SELECT value->>0 FROM json_each(?)) AND e.event_time_ms >= ? AND ${isRightSql("e")}`,
    [JSON.stringify(storeIds.map((storeId) => [storeId])), sinceMs],
  );
}

async function readVoids(
  connection: SqlConnection,
  condition: string,
  values: readonly SqlValue[],
): Promise<Void[]> {
  const rows = await connection.all<
    Pick<Void, "storeId" | "eventTimeMs" | "recordTimeMs"> & { isLimited: number; body: string }
  >(
    `SELECT e.store_id AS storeId, e.event_time_ms AS eventTimeMs, e.record_time_ms AS recordTimeMs,
            ${isLimitedSql("e")} AS isLimited, e.body
     FROM captured_events e WHERE e.biz_step = '${voidStep}' AND ${condition}`,
    ...values,
  );
  if (rows.length === 0) return [];
  const told = rows.map(({ body, isLimited, ...row }) => {
    return { ...row, isLimited: isLimited === 1, event: JSON.parse(body) as EpcisEvent };
  });
  const contentsOf = await packedIn(connection, told);
  return told.map(({ event, isLimited, ...row }) => {
    const units = voidedUnits(event, (uri) => contentsOf({ ...row, isLimited }, uri));
    return { ...row, ...voidedShipment(event), units };
  });
}

/** Lines that a condition finds, by the members of a list. */
const linesSql = (condition: string) =>
  `SELECT r.store_id AS storeId, r.event_number AS eventNumber, r.line, r.shipment, r.item, r.serial, r.lot,
          r.sscc, r.shipped_at_ms AS shippedAtMs, r.withdrawn_at_ms AS withdrawnAtMs
   FROM json_each(?) k JOIN expected_receipts r ON ${condition}`;

async function readLinesOf(
  connection: SqlConnection,
  events: readonly WrittenEvent[],
): Promise<Line[]> {
  const isOfEvent = "r.store_id = k.value->>0 AND r.event_number = CAST(k.value->>1 AS INTEGER)";
  return await readLines(connection, linesSql(isOfEvent), keysOf(events));
}

/** Lines of what these voids name, in whatever shipment. */
async function readLinesWith(connection: SqlConnection, voids: readonly Void[]): Promise<Line[]> {
  const named = voids.flatMap(({ storeId, units }) =>
    units.map(({ item, serial = null }) => [storeId, item, serial] as const),
  );
  const units = named.filter(([, , serial]) => serial !== null);
  const counted = named.filter(([, , serial]) => serial === null);
  const parcels = counted.filter(([, item]) => item.startsWith("sscc/"));
  const isCounted = "r.item = k.value->>1 AND r.serial IS NULL";
  const found = [
    linesSql("r.item = k.value->>1 AND r.serial = k.value->>2"),
    linesSql(`r.store_id = k.value->>0 AND ${isCounted}`),
    linesSql(isCounted),
    linesSql("r.sscc = k.value->>1"),
  ];
  return await readLines(
    connection,
    found.join(" UNION "),
    JSON.stringify(units),
    JSON.stringify(counted.filter(([storeId]) => storeId !== "")),
    JSON.stringify(counted.filter(([storeId]) => storeId === "")),
    JSON.stringify(parcels.map(([storeId, item]) => [storeId, item.slice("sscc/".length)])),
  );
}

async function readLines(
  connection: SqlConnection,
  sql: string,
  ...values: SqlValue[]
): Promise<Line[]> {
  type Row = Omit<Line, "names" | "serial" | "lot" | "sscc"> &
    Record<"serial" | "lot" | "sscc", string | null>;
  const rows = await connection.all<Row>(sql, ...values);
  const named = await connection.all<{ eventNumber: number; name: string }>(
    `SELECT DISTINCT c.event_number AS eventNumber, c.epc AS name FROM json_each(?) k
     JOIN captured_epcs c ON c.store_id = k.value->>0 AND c.event_number = CAST(k.value->>1 AS INTEGER)
     WHERE c.role >= 'bizTransaction ' AND c.role < 'bizTransaction!'`,
    keysOf(rows),
  );
  const names = new Map<number, Set<string>>();
  const namesOf = (eventNumber: number) => {
    const own = names.get(eventNumber) ?? new Set();
    names.set(eventNumber, own);
    return own;
  };
  for (const { eventNumber, name } of named) namesOf(eventNumber).add(name);
  return rows.map(({ serial, lot, sscc, ...row }) => {
    const { eventNumber, shipment } = row;
    const own = namesOf(eventNumber);
    if (shipment !== null) own.add(canonicalUri(shipment));
    return {
      ...{ ...row, names: own },
      ...(serial === null ? {} : { serial }),
      ...(lot === null ? {} : { lot }),
      ...(sscc === null ? {} : { sscc }),
    };
  });
}

/** Stores and numbers of events, each once, as rows for a statement. */
function keysOf(events: readonly EventKey[]): string {
  const keys = events.map(({ storeId, eventNumber }) => [storeId, eventNumber] as const);
  return JSON.stringify([...new Map(keys.map((key) => [key[1], key])).values()]);
}
