// Stores events that others sent, each once, and keeps what stores expect in step with them. One capture is one
// transaction.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import type { CapturedEvent, CaptureError } from "../epcis/captured-event.ts";
import { type ExpectedLine, isShipment, linesOf, shipmentOf } from "../epcis/expected-lines.ts";
import { unitOfUri } from "../epcis/unit-of-uri.ts";
import type { SqlConnection } from "./database.ts";
import { saveAudit } from "./sql-audit.ts";
import { isLimitedSql, sift, type ToldEvent } from "./sql-known-events.ts";
import { type ContentsOf, packedIn } from "./sql-packed.ts";
import { type ShipmentKey, settleWithdrawn } from "./sql-withdrawn.ts";

/** Whether a document with faults is refused as a whole, or what is right in it taken. */
export type ErrorBehaviour = "rollback" | "proceed";

/** What became of a capture, as its job says it. */
export interface CaptureJob {
  readonly captureID: string;
  readonly createdAt: string;
  readonly finishedAt: string;
  readonly running: false;
  readonly success: boolean;
  readonly captureErrorBehaviour: ErrorBehaviour;
  readonly errors: readonly CaptureError[];
  /** Stored now, and known before. */
  readonly capturedEventCount: number;
  readonly knownEventCount: number;
}

export interface CaptureRequest {
  readonly captureId: string;
  readonly events: readonly CapturedEvent[];
  readonly errors: readonly CaptureError[];
  readonly behaviour: ErrorBehaviour;
  /** The sender may speak for the stores of these events alone. */
  readonly isLimited?: boolean;
  readonly by: string;
  readonly nowMs: number;
}

/** How long the answers to captures are kept, and how many shipments are looked at anew for one document. */
export const captureJobKeepMs = 7 * 24 * 3_600_000;
const shipmentCountMax = 1000;

/** Stores a document's events, or none of them, and its job; gives the shipments of which something else is expected now. */
export async function capture(
  connection: SqlConnection,
  request: CaptureRequest,
): Promise<{ readonly job: CaptureJob; readonly shipments: readonly ShipmentKey[] }> {
  const { captureId, behaviour, by, nowMs } = request;
  const { fresh, knownEventCount, errors } = await sift(connection, request);
  const isTaken = errors.length === 0 || behaviour === "proceed";
  const stored = isTaken ? fresh : [];
  const shipments = stored.length === 0 ? [] : await store(connection, stored, request);
  const at = new Date(nowMs).toISOString();
  const job: CaptureJob = {
    ...{ captureID: captureId, createdAt: at, finishedAt: at, running: false },
    ...{ success: errors.length === 0, captureErrorBehaviour: behaviour, errors },
    ...{ capturedEventCount: stored.length, knownEventCount: isTaken ? knownEventCount : 0 },
  };
  const body = JSON.stringify(job);
  await connection.run("INSERT INTO capture_jobs VALUES (?, ?, ?)", captureId, nowMs, body);
  await saveAudit(connection, [{ act: "epcis_captured", subject: captureId, by, atMs: nowMs }]);
  const staleMs = nowMs - captureJobKeepMs;
  await connection.run("DELETE FROM capture_jobs WHERE created_at_ms < ?", staleMs);
  return { job, shipments };
}

type Numbered = CapturedEvent & { readonly eventNumber: number };

async function store(
  connection: SqlConnection,
  events: readonly CapturedEvent[],
  { isLimited = false, nowMs }: CaptureRequest,
): Promise<readonly ShipmentKey[]> {
  const [last] = await connection.all<{ number: number }>(
    "SELECT coalesce(max(event_number), 0) AS number FROM captured_events",
  );
  const first = last!.number + 1;
  const numbered = events.map((event, index) => ({ ...event, eventNumber: first + index }));
  const recordTime = new Date(nowMs).toISOString();
  await connection.run(
    `INSERT INTO captured_events (store_id, event_number, content_key, event_id, is_declaration, type, action,
       event_time_ms, record_time_ms, biz_step, disposition, read_point, biz_location, body)
     SELECT value->>0, CAST(value->>1 AS INTEGER), value->>2, value->>3, CAST(value->>4 AS INTEGER), value->>5,
       value->>6, CAST(value->>7 AS INTEGER), CAST(value->>8 AS INTEGER), value->>9, value->>10, value->>11,
       value->>12, value->>13 FROM json_each(?) WHERE true`,
    JSON.stringify(
      numbered.map((each) => [
        ...[each.storeId, each.eventNumber, each.contentKey, each.eventId],
        ...[Number(each.isDeclaration), each.type, each.action ?? null, each.eventTimeMs, nowMs],
        ...[each.bizStep ?? null, each.disposition ?? null, each.readPoint ?? null],
        ...[each.bizLocation ?? null, JSON.stringify({ ...each.event, recordTime })],
      ]),
    ),
  );
  await connection.run(
    `INSERT INTO captured_epcs (store_id, event_number, ordinal, epc, role)
     SELECT value->>0, CAST(value->>1 AS INTEGER), CAST(value->>2 AS INTEGER), value->>3, value->>4
     FROM json_each(?) WHERE true`,
    JSON.stringify(
      numbered.flatMap(({ storeId, eventNumber, epcs, references }) =>
        [...epcs, ...references.map(({ role, name }) => ({ role, epc: name }))].map(
          ({ epc, role }, ordinal) => [storeId, eventNumber, ordinal, epc, role],
        ),
      ),
    ),
  );
  await connection.run(
    `INSERT INTO captured_limited
     SELECT value->>0, CAST(value->>1 AS INTEGER) FROM json_each(?) WHERE true`,
    JSON.stringify(isLimited ? numbered.map((each) => [each.storeId, each.eventNumber]) : []),
  );
  await connection.run(
    `INSERT INTO captured_names SELECT value->>0, value->>1 FROM json_each(?) WHERE true
     ON CONFLICT (kind, name) DO NOTHING`,
    JSON.stringify(namesIn(events)),
  );
  return await keepExpected(connection, numbered, isLimited);
}

function namesIn(events: readonly CapturedEvent[]): string[][] {
  const kinds = ["bizStep", "disposition", "readPoint", "bizLocation"] as const;
  return kinds.flatMap((kind) =>
    [...new Set(events.flatMap((event) => event[kind] ?? []))].map((name) => [kind, name]),
  );
}

async function keepExpected(
  connection: SqlConnection,
  events: readonly Numbered[],
  isLimited: boolean,
): Promise<readonly ShipmentKey[]> {
  const repacked = events
    .filter(({ type }) => type === "AggregationEvent")
    .flatMap(({ epcs }) => epcs.filter(({ role }) => role === "parent"))
    .flatMap(({ epc }) => unitOfUri(epc)?.item ?? [])
    .filter((item) => item.startsWith("sscc/"));
  const own = new Set(events.map(({ storeId }) => storeId));
  const waiting = (await shipmentsWithout(connection, repacked)).filter(
    ({ storeId }) => !isLimited || own.has(storeId),
  );
  const sent = events.filter(isShipment).map((event) => ({ ...event, isLimited }));
  const shipments = [...waiting, ...sent];
  const contentsOf = await packedIn(connection, shipments);
  for (const shipment of shipments) await writeLines(connection, shipment, contentsOf);
  await keepShipments(connection, sent);
  const written = shipments.flatMap(({ storeId, event }): ShipmentKey[] => {
    const shipment = shipmentOf(event);
    return shipment === undefined ? [] : [{ storeId, shipment }];
  });
  const changed = [...written, ...(await settleWithdrawn(connection, events, shipments))];
  return [...new Map(changed.map((key) => [`${key.storeId} ${key.shipment}`, key])).values()];
}

/** Shipments by their names; one that is told of again is to come again. */
async function keepShipments(
  connection: SqlConnection,
  events: readonly CapturedEvent[],
): Promise<void> {
  const rows = new Map<string, [storeId: string, shipment: string, shippedAtMs: number]>();
  for (const { storeId, event, eventTimeMs } of events) {
    const shipment = shipmentOf(event);
    if (shipment === undefined) continue;
    const key = `${storeId} ${shipment}`;
    const shippedAtMs = Math.max(rows.get(key)?.[2] ?? 0, eventTimeMs);
    rows.set(key, [storeId, shipment, shippedAtMs]);
  }
  if (rows.size === 0) return;
  await connection.run(
    `INSERT INTO captured_shipments (store_id, shipment, shipped_at_ms, stage)
     SELECT value->>0, value->>1, CAST(value->>2 AS INTEGER), 0 FROM json_each(?) WHERE true
     ON CONFLICT (store_id, shipment) DO UPDATE SET stage = 0,
       shipped_at_ms = max(captured_shipments.shipped_at_ms, excluded.shipped_at_ms)`,
    JSON.stringify([...rows.values()]),
  );
}

type Shipment = Pick<CapturedEvent, "storeId" | "location" | "eventId" | "event" | "eventTimeMs"> &
  ToldEvent & { readonly eventNumber: number };

/** Shipments that name a logistic unit whose contents were not told until now, withdrawn ones too: a void may be wrong. */
async function shipmentsWithout(
  connection: SqlConnection,
  items: readonly string[],
): Promise<Shipment[]> {
  if (items.length === 0) return [];
  const rows = await connection.all<
    Omit<Shipment, "event" | "isLimited"> & { isLimited: number; body: string }
  >(
    `SELECT DISTINCT e.store_id AS storeId, r.location, e.event_id AS eventId, e.body,
            e.event_time_ms AS eventTimeMs, e.event_number AS eventNumber,
            ${isLimitedSql("e")} AS isLimited
     FROM json_each(?) k JOIN expected_receipts r ON r.item = k.value->>0
     JOIN captured_events e ON e.store_id = r.store_id AND e.event_number = r.event_number
     LIMIT ${shipmentCountMax}`,
    JSON.stringify(items.map((item) => [item])),
  );
  return rows.map(({ body, isLimited, ...row }) => {
    return { ...row, isLimited: isLimited === 1, event: JSON.parse(body) as EpcisEvent };
  });
}

async function writeLines(
  connection: SqlConnection,
  shipment: Shipment,
  contentsOf: ContentsOf,
): Promise<void> {
  const { storeId, location, eventId, event, eventTimeMs, eventNumber } = shipment;
  const key = [storeId, eventNumber];
  const where = "store_id = ? AND event_number = ?";
  await connection.run(`DELETE FROM expected_receipts WHERE ${where}`, ...key);
  const lines = linesOf(event, (uri) => contentsOf(shipment, uri));
  const same = [eventId, shipmentOf(event) ?? null, location ?? storeId];
  await connection.run(
    `INSERT INTO expected_receipts (store_id, event_number, line, event_id, shipment, location, item, serial,
       lot, sscc, quantity, measure, shipped_at_ms)
     SELECT ?, CAST(? AS INTEGER), key + 1, ?, ?, ?, value->>0, value->>1, value->>2, value->>3,
       CAST(value->>4 AS INTEGER), value->>5, CAST(? AS INTEGER)
     FROM json_each(?) WHERE true`,
    ...[...key, ...same, eventTimeMs],
    JSON.stringify(
      lines.map(({ item, serial = null, lot = null, sscc = null, quantity, measure = null }) => [
        ...[item, serial, lot, sscc, quantity, measure],
      ]),
    ),
  );
}

/** A line of what a store expects, and the event that said so. */
export interface ExpectedReceipt extends ExpectedLine {
  readonly storeId: string;
  readonly eventNumber: number;
  readonly line: number;
  readonly eventId: string;
  readonly shipment?: string;
  readonly location: string;
  readonly shippedAtMs: number;
}

/** What a store expects, in the order in which it was told; withdrawn lines are left out. */
export async function readExpectedReceipts(
  connection: SqlConnection,
  query: {
    storeId: string;
    shipment?: string;
    after?: { eventNumber: number; line: number };
    countMax: number;
  },
): Promise<ExpectedReceipt[]> {
  const { storeId, shipment, after = { eventNumber: 0, line: 0 }, countMax } = query;
  const rows = await connection.all<Record<string, unknown>>(
    `SELECT store_id AS storeId, event_number AS eventNumber, line, event_id AS eventId, shipment, location,
            item, serial, lot, sscc, quantity, measure, shipped_at_ms AS shippedAtMs
     FROM expected_receipts WHERE store_id = ? AND withdrawn_at_ms IS NULL
      AND (CAST(? AS TEXT) IS NULL OR shipment = ?) AND (event_number, line) > (?, ?)
     ORDER BY event_number, line LIMIT ?`,
    ...[storeId, shipment ?? null, shipment ?? null, after.eventNumber, after.line, countMax],
  );
  return rows.map((row) => {
    const known = Object.entries(row).filter(([, value]) => value !== null);
    return Object.fromEntries(known) as unknown as ExpectedReceipt;
  });
}
