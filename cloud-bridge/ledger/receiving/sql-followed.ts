// What posted events do to consignments: a scanner's end closes one, and what is posted after that - of a second scanner, an
// edge that is behind, the other store - puts right what was told of the difference.

import { GatewayError } from "../../../contract/errors.ts";
import type { Alert, Entry } from "../../../contract/stock.ts";
import { alertKeyOf } from "../alerts.ts";
import type { LedgerDatabase, SqlConnection, StoreIds } from "../database.ts";
import { itemKeyOf } from "../settle.ts";
import { endOverdue } from "../sql-alert-ends.ts";
import { acknowledgeAlert } from "../sql-alerts.ts";
import { readExpectedReceipts } from "../sql-capture.ts";
import { type PostedEvent, type ReferencedMove, saveReferencedMoves } from "../sql-references.ts";
import type { ShipmentKey } from "../sql-withdrawn.ts";
import {
  type Consignment,
  type ConsignmentLine,
  consignmentLineCountMax,
  discrepancyAlert,
  isCaptured,
} from "./consignment.ts";
import { readConsignment, reported, saveConsignment } from "./sql-consignments.ts";
import { endScanned } from "./sql-receiving.ts";
import { isLossChanged, writeOffMissing } from "./sql-write-offs.ts";

/** Who closes an alert that later facts made void, and its cause. */
const corrector = { by: "ledger", cause: "told_late" };

/** What was posted is to be told to a store that the transaction does not hold: others number its alerts meanwhile. */
export class StoreNotHeldError extends GatewayError {
  constructor(storeId: string) {
    super(
      "LEDGER_RULE",
      `of a transfer more is to be done at ${storeId}, while that store is held`,
    );
  }
}

/** Writes holding these stores; all of them, where what one of them sent is to be told to another. */
export async function writeHolding<T>(
  database: LedgerDatabase,
  storeIds: StoreIds,
  work: (connection: SqlConnection, held?: StoreIds) => Promise<T>,
): Promise<T> {
  try {
    return await database.write((connection) => work(connection, storeIds), storeIds);
  } catch (error) {
    if (!(error instanceof StoreNotHeldError)) throw error;
    return await database.write((connection) => work(connection));
  }
}

/** When something is posted, and which stores the transaction holds: without them all. */
export interface PostedAt {
  readonly nowMs: number;
  readonly held?: StoreIds | undefined;
}

/** What follows for consignments: alerts to raise, and what was posted of write-offs. */
export interface Followed {
  readonly alerts: readonly Alert[];
  readonly entries: readonly Entry[];
}

/** Keeps what events say of consignments, as they are posted. */
export async function followConsignments(
  connection: SqlConnection,
  events: readonly PostedEvent[],
  { nowMs, held }: PostedAt,
): Promise<Followed> {
  const moves = await saveReferencedMoves(connection, events);
  const touched = await readTouched(connection, moves, unitsOf(events));
  const { alerts, entries } = await correctClosed(connection, touched, { nowMs, held });
  return { alerts: [...alerts, ...(await endScanned(connection, events, nowMs))], entries };
}

/** Corrects what was told of deliveries that ended before others told otherwise of their shipments, and of such as will not come. */
export async function followShipments(
  connection: SqlConnection,
  shipments: readonly ShipmentKey[],
  nowMs: number,
): Promise<readonly Alert[]> {
  const keys: ConsignmentKey[] = [];
  for (const { storeId, shipment: consignmentId } of shipments) {
    const key = { storeId, consignmentId, kind: "delivery" } as const;
    const known = await readConsignment(connection, storeId, consignmentId);
    if (known === undefined) {
      const isExpected = await isShipmentExpected(connection, storeId, consignmentId);
      if (!isExpected) await endOverdue(connection, key, nowMs);
      continue;
    }
    if (known.kind !== "delivery" || known.state !== "closed") continue;
    // An announced list is what its announcer said.
    if (isCaptured(known)) {
      const lines = await readShipmentLines(connection, storeId, consignmentId);
      await saveConsignment(connection, { ...known, lines });
    }
    keys.push(key);
  }
  return (await correctClosed(connection, keys, { nowMs })).alerts;
}

/** Whether anything of a captured shipment is expected still. */
async function isShipmentExpected(
  connection: SqlConnection,
  storeId: string,
  shipment: string,
): Promise<boolean> {
  const [line] = await connection.all(
    `SELECT line FROM expected_receipts
     WHERE store_id = ? AND shipment = ? AND withdrawn_at_ms IS NULL LIMIT 1`,
    ...[storeId, shipment],
  );
  return line !== undefined;
}

/** What a captured shipment lets expect now. */
async function readShipmentLines(
  connection: SqlConnection,
  storeId: string,
  shipment: string,
): Promise<ConsignmentLine[]> {
  const asked = { storeId, shipment, countMax: consignmentLineCountMax };
  const expected = await readExpectedReceipts(connection, asked);
  return expected.map(({ item, quantity, lot }) => ({
    ...{ item, quantity },
    ...(lot === undefined ? {} : { lot }),
  }));
}

/** Tells anew what differs in consignments that were closed before what touches them now, and writes off as much. */
async function correctClosed(
  connection: SqlConnection,
  touched: readonly ConsignmentKey[],
  { nowMs, held }: PostedAt,
): Promise<Followed> {
  const alerts: Alert[] = [];
  const entries: Entry[] = [];
  for (const key of touched) {
    const closed = await readClosed(connection, key);
    if (closed === undefined) continue;
    const { report } = await reported(connection, closed);
    if (isLossChanged(closed, report)) {
      if (held?.includes(closed.from) === false) throw new StoreNotHeldError(closed.from);
      const lost = await writeOffMissing(connection, closed, report, { nowMs });
      await saveConsignment(connection, lost.consignment);
      entries.push(...lost.entries);
      alerts.push(...lost.alerts);
    }
    const alert = discrepancyAlert(closed, report, nowMs);
    const told = await readTold(connection, closed);
    if (told?.isOpen === 1) await correctAlert(connection, { ...told, alert, nowMs });
    // What a person closed stays so.
    const isToBeTold = told === undefined || (told.isOpen === 0 && told.closedBy === corrector.by);
    if (alert === undefined || !isToBeTold) continue;
    if (held?.includes(closed.storeId) === false) throw new StoreNotHeldError(closed.storeId);
    alerts.push(alert);
  }
  return { alerts, entries };
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

type Named = readonly [storeId: string, name: string, serial?: string];

function pairsOf(moves: readonly ReferencedMove[], side: ReferencedMove["side"]): Named[] {
  return moves.flatMap((move): Named[] =>
    move.side === side ? [[move.storeId, move.referenceId]] : [],
  );
}

/** Units that came one by one, whatever was said of where they belong to. */
function unitsOf(events: readonly PostedEvent[]): Named[] {
  return events.flatMap(({ storeId, event }): Named[] => {
    if (event.type !== "moved" || event.item.serial === undefined) return [];
    if (event.step !== "receiving" && event.step !== "arriving") return [];
    return [[storeId, itemKeyOf(event.item), event.item.serial]];
  });
}

type ConsignmentKey = Pick<Consignment, "storeId" | "consignmentId" | "kind">;

/** Consignments that movements name, by where they go and by where they come from, and whose shipment names their units. */
async function readTouched(
  connection: SqlConnection,
  moves: readonly ReferencedMove[],
  units: readonly Named[],
): Promise<ConsignmentKey[]> {
  const [to, from] = [pairsOf(moves, "received"), pairsOf(moves, "sent")];
  if (to.length + from.length + units.length === 0) return [];
  const columns = "c.store_id AS storeId, c.consignment_id AS consignmentId, c.kind";
  return await connection.all<ConsignmentKey>(
    `SELECT ${columns} FROM json_each(?) k
     JOIN consignments c ON c.store_id = k.value->>0 AND c.consignment_id = k.value->>1
     UNION SELECT ${columns} FROM json_each(?) k
     JOIN consignments c ON c.from_name = k.value->>0 AND c.consignment_id = k.value->>1
     WHERE c.kind = 'transfer'
     UNION SELECT ${columns} FROM json_each(?) k
     JOIN expected_receipts x ON x.store_id = k.value->>0 AND x.item = k.value->>1 AND x.serial = k.value->>2
     JOIN consignments c ON c.store_id = x.store_id AND c.consignment_id = x.shipment
     UNION SELECT ${columns} FROM json_each(?) k
     JOIN consignment_units u ON u.store_id = k.value->>0 AND u.item = k.value->>1 AND u.serial = k.value->>2
     JOIN consignments c ON c.store_id = u.store_id AND c.consignment_id = u.consignment_id
     ORDER BY 1, 2`,
    ...[to, from, units, units].map((named) => JSON.stringify(named)),
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
