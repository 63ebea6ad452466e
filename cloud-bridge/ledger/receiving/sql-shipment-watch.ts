// Captured shipments that nobody ended: told of when they are overdue, ended when they are older still, and their lines deleted in
// the end, so that what a chain captures in years stays bounded.

import type { Alert } from "../../../contract/stock.ts";
import type { SqlConnection } from "../database.ts";
import { type Consignment, discrepancyAlert, overdueShipmentAlert } from "./consignment.ts";
import { readConsignment, reported, saveConsignment } from "./sql-consignments.ts";
import { readShipments } from "./sql-shipments.ts";

/** Ages of a shipment, from the time that the last event of it says that it was sent. */
export interface ShipmentLimits {
  /** It should have come: an alert, once. Where all of it came, it is closed instead. */
  readonly shipmentOverdueMs: number;
  /** Nobody will end it: it is `expired`. */
  readonly shipmentEndMs: number;
  /** It has ended, and its lines are deleted; a delivery keeps its last report. */
  readonly shipmentKeepMs: number;
}

const dayMs = 86_400_000;
export const defaultShipmentLimits: ShipmentLimits = {
  shipmentOverdueMs: 14 * dayMs,
  shipmentEndMs: 60 * dayMs,
  shipmentKeepMs: 180 * dayMs,
};

/** Shipments that are looked at, and deleted, at one time; lines without a shipment's name alike. */
const shipmentCountMax = 200;
const lineCountMax = 5000;
/** Who ends them. */
const ender = "ledger";

/** What is still to be done about a shipment: it may become overdue; it was told of; it has ended. */
const stages = { sent: 0, told: 1, ended: 2 } as const;

interface Due {
  readonly storeId: string;
  readonly shipment: string;
  readonly shippedAtMs: number;
  readonly stage: number;
}

/** Whether there is anything to do. */
export async function isShipmentDue(
  connection: SqlConnection,
  limits: ShipmentLimits,
  nowMs: number,
): Promise<boolean> {
  if ((await readDue(connection, limits, nowMs)).length > 0) return true;
  if ((await readOld(connection, limits, nowMs)).length > 0) return true;
  return (await readUnnamed(connection, limits, nowMs)).length > 0;
}

/** Does what is due; gives the alerts to raise. */
export async function watchShipments(
  connection: SqlConnection,
  limits: ShipmentLimits,
  nowMs: number,
): Promise<Alert[]> {
  const alerts: Alert[] = [];
  const due = await readDue(connection, limits, nowMs);
  const stageOf: [string, string, number][] = [];
  for (const each of due) {
    const open = await readOpen(connection, each);
    const alert = open && (await endOrTell(connection, open, { ...each, limits, nowMs }));
    if (alert !== undefined) alerts.push(alert);
    stageOf.push([each.storeId, each.shipment, alert === undefined ? stages.ended : stages.told]);
  }
  if (stageOf.length > 0) {
    await connection.run(
      `UPDATE captured_shipments SET stage = CAST(k.value->>2 AS INTEGER) FROM json_each(?) k
       WHERE store_id = k.value->>0 AND shipment = k.value->>1`,
      JSON.stringify(stageOf),
    );
  }
  await deleteOld(connection, limits, nowMs);
  return alerts;
}

/** Ends one that came whole, or that is too old; otherwise gives what is to be told of it. */
async function endOrTell(
  connection: SqlConnection,
  open: Consignment,
  at: Due & { readonly limits: ShipmentLimits; readonly nowMs: number },
): Promise<Alert | undefined> {
  const { shippedAtMs, limits, nowMs } = at;
  const { report } = await reported(connection, open);
  const isWhole = report.length > 0 && discrepancyAlert(open, report, nowMs) === undefined;
  const { shipmentEndMs } = limits;
  const isOld = shippedAtMs < nowMs - shipmentEndMs;
  if (!isWhole && !isOld) return overdueShipmentAlert(open, { shippedAtMs, nowMs });
  await saveConsignment(connection, {
    ...{ ...open, closedAtMs: nowMs, closedBy: ender },
    ...(isWhole
      ? { state: "closed", reason: "all of it came" }
      : {
          state: "expired",
          reason: `nobody ended it in ${Math.floor(shipmentEndMs / dayMs)} days`,
        }),
  });
  return undefined;
}

/** A shipment that nobody announced, ended or withdrew. */
async function readOpen(
  connection: SqlConnection,
  { storeId, shipment }: Due,
): Promise<Consignment | undefined> {
  const asked = { storeId, shipment, isOpen: true, countMax: 1 };
  return (await readShipments(connection, asked))[0];
}

async function readDue(
  connection: SqlConnection,
  { shipmentOverdueMs, shipmentEndMs }: ShipmentLimits,
  nowMs: number,
): Promise<Due[]> {
  return await connection.all<Due>(
    `SELECT store_id AS storeId, shipment, shipped_at_ms AS shippedAtMs, stage FROM captured_shipments
     WHERE (stage = ${stages.sent} AND shipped_at_ms < ?)
      OR (stage = ${stages.told} AND shipped_at_ms < ?)
     ORDER BY stage, shipped_at_ms, store_id, shipment LIMIT ${shipmentCountMax}`,
    ...[nowMs - shipmentOverdueMs, nowMs - shipmentEndMs],
  );
}

type Old = Pick<Due, "storeId" | "shipment">;

/** Whose lines can go: what is announced under such a name and still open needs them. */
async function readOld(
  connection: SqlConnection,
  { shipmentKeepMs }: ShipmentLimits,
  nowMs: number,
): Promise<Old[]> {
  return await connection.all<Old>(
    `SELECT s.store_id AS storeId, s.shipment FROM captured_shipments s
     WHERE s.stage = ${stages.ended} AND s.shipped_at_ms < ? AND NOT EXISTS (SELECT 1 FROM consignments c
       WHERE c.store_id = s.store_id AND c.consignment_id = s.shipment AND c.state = 'open')
     ORDER BY s.shipped_at_ms, s.store_id, s.shipment LIMIT ${shipmentCountMax}`,
    nowMs - shipmentKeepMs,
  );
}

/** Lines of shipments that have no name, which no delivery ends. */
async function readUnnamed(
  connection: SqlConnection,
  { shipmentKeepMs }: ShipmentLimits,
  nowMs: number,
): Promise<{ storeId: string; eventNumber: number; line: number }[]> {
  return await connection.all(
    `SELECT store_id AS storeId, event_number AS eventNumber, line FROM expected_receipts
     WHERE shipment IS NULL AND shipped_at_ms < ? ORDER BY shipped_at_ms LIMIT ${lineCountMax}`,
    nowMs - shipmentKeepMs,
  );
}

async function deleteOld(
  connection: SqlConnection,
  limits: ShipmentLimits,
  nowMs: number,
): Promise<void> {
  const old = await readOld(connection, limits, nowMs);
  for (const { storeId, shipment } of old) {
    const known = await readConsignment(connection, storeId, shipment);
    if (known?.kind !== "delivery") continue;
    const { report } = await reported(connection, known);
    await saveConsignment(connection, { ...known, finalReport: report });
  }
  const names = JSON.stringify(old.map(({ storeId, shipment }) => [storeId, shipment]));
  for (const table of old.length === 0 ? [] : ["expected_receipts", "captured_shipments"]) {
    await connection.run(
      `DELETE FROM ${table} WHERE (store_id, shipment) IN
        (SELECT value->>0, value->>1 FROM json_each(?))`,
      names,
    );
  }
  const unnamed = await readUnnamed(connection, limits, nowMs);
  if (unnamed.length === 0) return;
  await connection.run(
    `DELETE FROM expected_receipts WHERE (store_id, event_number, line) IN
      (SELECT value->>0, CAST(value->>1 AS INTEGER), CAST(value->>2 AS INTEGER) FROM json_each(?))`,
    JSON.stringify(unnamed.map((each) => [each.storeId, each.eventNumber, each.line])),
  );
}
