// What posted events do to consignments: a scanner's end closes one, and what is posted after that - of a second scanner, an
// edge that is behind, the other store - puts right what was told of the difference.

import type { Alert } from "../../../contract/stock.ts";
import { alertKeyOf } from "../alerts.ts";
import type { SqlConnection } from "../database.ts";
import { acknowledgeAlert } from "../sql-alerts.ts";
import { type PostedEvent, type ReferencedMove, saveReferencedMoves } from "../sql-references.ts";
import { type Consignment, discrepancyAlert } from "./consignment.ts";
import { endScanned, reported } from "./sql-receiving.ts";

/** Who closes an alert that later facts made void, and its cause. */
const corrector = { by: "ledger", cause: "told_late" };

/** Keeps what events say of consignments, as they are posted; gives the alerts to raise. */
export async function followConsignments(
  connection: SqlConnection,
  events: readonly PostedEvent[],
  nowMs: number,
): Promise<Alert[]> {
  const moves = await saveReferencedMoves(connection, events);
  const corrected = await correctClosed(connection, moves, nowMs);
  return [...corrected, ...(await endScanned(connection, events, nowMs))];
}

/** Tells anew what differs in consignments that were closed before these movements came. */
async function correctClosed(
  connection: SqlConnection,
  moves: readonly ReferencedMove[],
  nowMs: number,
): Promise<Alert[]> {
  const alerts: Alert[] = [];
  const ofReceivers = pairsOf(moves, "received");
  for (const key of await readNamed(connection, ofReceivers, pairsOf(moves, "sent"))) {
    const closed = await readClosed(connection, key);
    if (closed === undefined) continue;
    const alert = discrepancyAlert(closed, (await reported(connection, closed)).report, nowMs);
    const told = await readTold(connection, closed);
    if (told?.isOpen === 1) await correctAlert(connection, { ...told, alert, nowMs });
    // What a person closed stays so. The receiver's alerts are raised where it posts: it alone numbers them.
    const isToBeTold = told === undefined || (told.isOpen === 0 && told.closedBy === corrector.by);
    const isReceiver = ofReceivers.some(([storeId]) => storeId === closed.storeId);
    if (alert !== undefined && isToBeTold && isReceiver) alerts.push(alert);
  }
  return alerts;
}

async function correctAlert(
  connection: SqlConnection,
  told: {
    readonly storeId: string;
    readonly alertId: number;
    readonly alert: Alert | undefined;
    readonly nowMs: number;
  },
): Promise<void> {
  const { storeId, alertId, alert, nowMs } = told;
  if (alert === undefined) {
    await acknowledgeAlert(connection, { storeId, alertId, nowMs, ...corrector });
    return;
  }
  await connection.run(
    "UPDATE alerts SET message = ?, detail = ? WHERE store_id = ? AND alert_id = ?",
    ...[alert.message, JSON.stringify(alert.detail), storeId, alertId],
  );
}

type Pair = readonly [storeId: string, consignmentId: string];

function pairsOf(moves: readonly ReferencedMove[], side: ReferencedMove["side"]): Pair[] {
  return moves.flatMap((move): Pair[] =>
    move.side === side ? [[move.storeId, move.referenceId]] : [],
  );
}

type ConsignmentKey = Pick<Consignment, "storeId" | "consignmentId" | "kind">;

/** Consignments that movements may belong to, by where they go and by where they come from. */
async function readNamed(
  connection: SqlConnection,
  to: readonly Pair[],
  from: readonly Pair[],
): Promise<ConsignmentKey[]> {
  if (to.length + from.length === 0) return [];
  const columns = "c.store_id AS storeId, c.consignment_id AS consignmentId, c.kind";
  return await connection.all<ConsignmentKey>(
    `SELECT ${columns} FROM json_each(?) k
     JOIN consignments c ON c.store_id = k.value->>0 AND c.consignment_id = k.value->>1
     UNION SELECT ${columns} FROM json_each(?) k
     JOIN consignments c ON c.from_name = k.value->>0 AND c.consignment_id = k.value->>1
     WHERE c.kind = 'transfer' ORDER BY 1, 2`,
    ...[JSON.stringify(to), JSON.stringify(from)],
  );
}

/** A consignment that was closed. Of a transfer two stores post: the one waits here for the other, and sees what it posted. */
async function readClosed(
  connection: SqlConnection,
  { storeId, consignmentId, kind }: ConsignmentKey,
): Promise<Consignment | undefined> {
  const where = "WHERE store_id = ? AND consignment_id = ?";
  const [row] = await connection.all<{ body: string }>(
    kind === "transfer"
      ? `UPDATE consignments SET state = state ${where} RETURNING body`
      : `SELECT body FROM consignments ${where}`,
    ...[storeId, consignmentId],
  );
  const found = row && (JSON.parse(row.body) as Consignment);
  return found?.state === "closed" ? found : undefined;
}

/** The last alert of a consignment's difference. */
async function readTold(
  connection: SqlConnection,
  { storeId, consignmentId, kind }: ConsignmentKey,
) {
  const key = alertKeyOf({ code: `${kind}_discrepancy`, detail: { key: consignmentId } });
  const [told] = await connection.all<{
    storeId: string;
    alertId: number;
    isOpen: 0 | 1;
    closedBy: string | null;
  }>(
    `SELECT store_id AS storeId, alert_id AS alertId, acknowledged_by AS closedBy,
       CASE WHEN closed_at_ms IS NULL THEN 1 ELSE 0 END AS isOpen
     FROM alerts WHERE store_id = ? AND alert_key = ? ORDER BY alert_id DESC LIMIT 1`,
    ...[storeId, key],
  );
  return told;
}
