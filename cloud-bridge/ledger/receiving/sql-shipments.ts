// Shipments that were captured as EPCIS: each is a delivery under its despatch advice's name, without anybody announcing it, until
// somebody ends it. Read from what the events let expect, so nothing is to be kept in step with them.

import type { SqlConnection } from "../database.ts";
import { mayMeetSql } from "../sql-known-events.ts";
import {
  type Consignment,
  type ConsignmentLine,
  capturer,
  consignmentLineCountMax,
} from "./consignment.ts";
import { readConsignment } from "./sql-consignments.ts";

/** Which shipments of a store are asked for. */
export interface ShipmentQuery {
  readonly storeId: string;
  /** One of them alone. */
  readonly shipment?: string;
  /** Without those that were withdrawn. */
  readonly isOpen: boolean;
  /** Time and key of the last one of the page before. */
  readonly before?: readonly [openedAtMs: number, key: string] | undefined;
  readonly countMax: number;
}

/** What others told of a shipment is a delivery that nobody has ended yet. */
export async function readConsignmentOrShipment(
  connection: SqlConnection,
  storeId: string,
  consignmentId: string,
): Promise<Consignment | undefined> {
  const known = await readConsignment(connection, storeId, consignmentId);
  if (known !== undefined) return known;
  const asked = { storeId, shipment: consignmentId, isOpen: false, countMax: 1 };
  return (await readShipments(connection, asked))[0];
}

interface Row {
  readonly consignmentId: string;
  readonly openedAtMs: number;
  /** Of one of which nothing is expected any more. */
  readonly withdrawnAtMs: number | null;
}

/** Shipments that nobody announced or ended, the newest first. */
export async function readShipments(
  connection: SqlConnection,
  { storeId, shipment, isOpen, before, countMax }: ShipmentQuery,
): Promise<Consignment[]> {
  const [beforeMs, beforeKey] = before ?? [Number.MAX_SAFE_INTEGER, ""];
  // Of one that is expected in part its withdrawn lines do not count.
  const openedAtMs = `coalesce(
    min(CASE WHEN r.withdrawn_at_ms IS NULL THEN r.shipped_at_ms END), min(r.shipped_at_ms))`;
  const rows = await connection.all<Row>(
    `SELECT r.shipment AS consignmentId, ${openedAtMs} AS openedAtMs,
       CASE WHEN count(r.withdrawn_at_ms) = count(*) THEN max(r.withdrawn_at_ms) END AS withdrawnAtMs
     FROM expected_receipts r
     WHERE r.store_id = ? AND r.shipment IS NOT NULL ${shipment === undefined ? "" : "AND r.shipment = ?"}
      AND NOT EXISTS (
       SELECT 1 FROM consignments c WHERE c.store_id = r.store_id AND c.consignment_id = r.shipment)
     GROUP BY r.store_id, r.shipment
     HAVING (${openedAtMs} < ? OR (${openedAtMs} = ? AND r.store_id || '/' || r.shipment > ?))
      AND (? = 0 OR count(r.withdrawn_at_ms) < count(*))
     ORDER BY ${openedAtMs} DESC, r.shipment LIMIT ?`,
    ...[storeId, ...(shipment === undefined ? [] : [shipment]), beforeMs, beforeMs, beforeKey],
    ...[Number(isOpen), countMax],
  );
  const lines = await readLines(connection, storeId, rows);
  const reasons = await readReasons(connection, storeId, rows);
  return rows.map(({ withdrawnAtMs, ...row }) => ({
    ...{ storeId, ...row, kind: "delivery", from: capturer, openedBy: capturer },
    lines: lines.get(row.consignmentId) ?? [],
    ...(withdrawnAtMs === null
      ? { state: "open" }
      : {
          ...{ state: "withdrawn", closedAtMs: withdrawnAtMs, closedBy: capturer },
          reason: reasons.get(row.consignmentId) ?? voided,
        }),
  }));
}

/** What is expected, or was when it was withdrawn. */
async function readLines(
  connection: SqlConnection,
  storeId: string,
  shipments: readonly Row[],
): Promise<Map<string, ConsignmentLine[]>> {
  const rows = await connection.all<{ shipment: string; lot: string | null } & ConsignmentLine>(
    `SELECT r.shipment, r.item, r.quantity, r.lot FROM json_each(?) k
     JOIN expected_receipts r ON r.store_id = ? AND r.shipment = k.value->>0
      AND (r.withdrawn_at_ms IS NULL OR r.withdrawn_at_ms = CAST(k.value->>1 AS INTEGER))
     ORDER BY r.event_number, r.line`,
    JSON.stringify(shipments.map((each) => [each.consignmentId, each.withdrawnAtMs])),
    storeId,
  );
  const byShipment = new Map<string, ConsignmentLine[]>();
  for (const { shipment, lot, ...line } of rows) {
    const own = byShipment.get(shipment) ?? [];
    if (own.length < consignmentLineCountMax) own.push(lot === null ? line : { ...line, lot });
    byShipment.set(shipment, own);
  }
  return byShipment;
}

/** The word for a shipment that its sender called off, and for a declaration that does not say why. */
const voided = "void_shipping";
const declared = "error_declared";

/** Why shipments were withdrawn, where that was declared: the last that was told of each. */
async function readReasons(
  connection: SqlConnection,
  storeId: string,
  shipments: readonly Row[],
): Promise<Map<string, string>> {
  const withdrawn = shipments.filter(({ withdrawnAtMs }) => withdrawnAtMs !== null);
  if (withdrawn.length === 0) return new Map();
  const rows = await connection.all<{ shipment: string; body: string }>(
    `SELECT DISTINCT r.shipment, d.event_number, d.body FROM json_each(?) k
     JOIN expected_receipts r ON r.store_id = ? AND r.shipment = k.value->>0
      AND r.withdrawn_at_ms = CAST(k.value->>1 AS INTEGER)
     JOIN captured_events d ON d.event_id = r.event_id AND d.is_declaration = 1
      AND ${mayMeetSql("d", "r")}
     ORDER BY d.event_number`,
    JSON.stringify(withdrawn.map((each) => [each.consignmentId, each.withdrawnAtMs])),
    storeId,
  );
  const reasonOf = (body: string): string => JSON.parse(body).errorDeclaration?.reason ?? declared;
  return new Map(rows.map(({ shipment, body }) => [shipment, reasonOf(body)]));
}
