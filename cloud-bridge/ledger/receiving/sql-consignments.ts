// Consignments as the ledger's database keeps them, and what became of each.

import type { SqlConnection } from "../database.ts";
import { endOverdue } from "../sql-alert-ends.ts";
import {
  readConsignmentLots,
  readConsignmentMoves,
  readConsignmentUnits,
} from "../sql-references.ts";
import {
  type Consignment,
  lateAnnouncementMsMax,
  type ReportLine,
  reportOf,
} from "./consignment.ts";

/** A consignment and what became of it. */
export interface ConsignmentReport extends Consignment {
  readonly report: readonly ReportLine[];
  /** Other stores that the sender sends something to under this name: what it sent cannot be told apart. */
  readonly alsoTo?: readonly string[];
}

/** A consignment with what became of it. */
export async function reported(
  connection: SqlConnection,
  consignment: Consignment,
): Promise<ConsignmentReport> {
  const { finalReport, ...known } = consignment;
  if (finalReport !== undefined) return { ...known, report: finalReport };
  const { consignmentId, storeId, kind, from } = consignment;
  const about = { consignmentId, storeId, ...(kind === "transfer" ? { fromStoreId: from } : {}) };
  const moves = await readConsignmentMoves(connection, about);
  const units = await readConsignmentUnits(connection, about);
  const isByLot = consignment.lines.some(({ lot }) => lot !== undefined);
  const lots = isByLot ? await readConsignmentLots(connection, about) : [];
  return { ...consignment, report: reportOf(consignment, moves, units, lots) };
}

/** One that was announced, or that ended. */
export async function readConsignment(
  connection: SqlConnection,
  storeId: string,
  consignmentId: string,
): Promise<Consignment | undefined> {
  const [row] = await connection.all<{ body: string }>(
    "SELECT body FROM consignments WHERE store_id = ? AND consignment_id = ?",
    ...[storeId, consignmentId],
  );
  return row && (JSON.parse(row.body) as Consignment);
}

/** Transfers that a store sends under a name, those that were cancelled last. */
export async function readSent(
  connection: SqlConnection,
  fromStoreId: string,
  consignmentId: string,
): Promise<Consignment[]> {
  const rows = await connection.all<{ body: string }>(
    `SELECT body FROM consignments WHERE from_name = ? AND consignment_id = ? AND kind = 'transfer'
     ORDER BY CASE state WHEN 'cancelled' THEN 1 ELSE 0 END, opened_at_ms DESC, store_id`,
    ...[fromStoreId, consignmentId],
  );
  return rows.map(({ body }) => JSON.parse(body) as Consignment);
}

/** Names one among all stores'. */
export function consignmentKey({ storeId, consignmentId }: Consignment): string {
  return `${storeId}/${consignmentId}`;
}

/** Keeps a consignment as it is now; one that has ended is overdue no more. */
export async function saveConsignment(
  connection: SqlConnection,
  consignment: Consignment,
): Promise<void> {
  const { storeId, consignmentId, kind, from, state, openedAtMs, expectedAtMs } = consignment;
  await connection.run(
    `INSERT INTO consignments
       (store_id, consignment_id, kind, from_name, state, opened_at_ms, expected_at_ms, overdue_told, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)
     ON CONFLICT (store_id, consignment_id) DO UPDATE SET state = excluded.state, body = excluded.body`,
    ...[storeId, consignmentId, kind, from, state, openedAtMs, expectedAtMs ?? null],
    JSON.stringify(consignment),
  );
  const { closedAtMs } = consignment;
  if (state !== "open" && closedAtMs !== undefined) {
    await endOverdue(connection, consignment, closedAtMs);
  }
}

/** Keeps which units a delivery is to bring, for those that come without naming it. */
export async function saveConsignmentUnits(
  connection: SqlConnection,
  { storeId, consignmentId, openedAtMs, lines }: Consignment,
): Promise<void> {
  const units = lines.flatMap(({ item, serials = [] }) => serials.map((serial) => [item, serial]));
  if (units.length === 0) return;
  await connection.run(
    `INSERT INTO consignment_units (store_id, consignment_id, item, serial, since_ms)
     SELECT ?, ?, value->>0, value->>1, CAST(? AS INTEGER) FROM json_each(?) WHERE true`,
    ...[storeId, consignmentId, openedAtMs - lateAnnouncementMsMax, JSON.stringify(units)],
  );
}
