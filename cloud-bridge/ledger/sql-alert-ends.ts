// Alerts that are over by themselves: closed by the ledger, in the transaction that ends what they tell of.

import type { Alert } from "../../contract/stock.ts";
import { alertKeyOf, edgeSilenceMs } from "./alerts.ts";
import { type PlacedEntry, productKey } from "./changes.ts";
import type { SqlConnection, SqlValue } from "./database.ts";
import { type ExitEntry, exitReasons, exitStanding, type ToldExit } from "./exit-alerts.ts";
import { flowLookBackMs } from "./flow-posting.ts";
import type { Consignment } from "./receiving/consignment.ts";
import { negativeTaskStem } from "./task-book.ts";

/** Closes open alerts for which a condition holds; with a cause where one was found, else theirs stays. */
async function endAlerts(
  connection: SqlConnection,
  { nowMs, cause }: { readonly nowMs: number; readonly cause?: string },
  condition: string,
  ...values: SqlValue[]
): Promise<void> {
  await connection.run(
    `UPDATE alerts SET closed_at_ms = ?, acknowledged_by = 'ledger', cause = coalesce(?, cause)
     WHERE closed_at_ms IS NULL AND ${condition}`,
    ...[nowMs, cause ?? null, ...values],
  );
}

/** Names one alert. */
export interface AlertId {
  readonly storeId: string;
  readonly alertId: number;
}

/** Closes alerts by their numbers. */
export async function endAlertsById(
  connection: SqlConnection,
  alerts: readonly AlertId[],
  cause: string,
  nowMs: number,
): Promise<void> {
  if (alerts.length === 0) return;
  const ids = JSON.stringify(alerts.map(({ storeId, alertId }) => [storeId, alertId]));
  const condition = `(store_id, alert_id) IN
    (SELECT value->>0, CAST(value->>1 AS INTEGER) FROM json_each(?))`;
  await endAlerts(connection, { nowMs, cause }, condition, ids);
}

/** Closes what was told of edges that tell again. */
export async function endSilences(connection: SqlConnection, nowMs: number): Promise<void> {
  const condition = `(store_id, alert_key) IN
    (SELECT store_id, 'edge_silent|' || edge_id FROM positions WHERE complete_through_at_ms > ?)`;
  await endAlerts(connection, { nowMs }, condition, nowMs - edgeSilenceMs);
}

/** Closes what was told of stock below zero that is right again; `closings` are of the tasks that asked for a count of it. */
export async function endNegatives(
  connection: SqlConnection,
  closings: readonly { readonly storeId: string; readonly key: string }[],
  nowMs: number,
): Promise<void> {
  const negatives = closings.filter(({ key }) => key.startsWith(negativeTaskStem));
  if (negatives.length === 0) return;
  const condition = `alert_key >= 'negative_stock|' AND alert_key < 'negative_stock}'
    AND (store_id, '${negativeTaskStem}' || (detail->>'location') || '/' || (detail->>'state') || '/' || (detail->>'item'))
     IN (SELECT value->>0, value->>1 FROM json_each(?))`;
  const keys = JSON.stringify(negatives.map(({ storeId, key }) => [storeId, key]));
  await endAlerts(connection, { nowMs }, condition, keys);
}

/** Closes what was told of a delivery or transfer that is overdue no more, because it has ended. */
export async function endOverdue(
  connection: SqlConnection,
  consignment: Pick<Consignment, "storeId" | "kind" | "consignmentId">,
  nowMs: number,
): Promise<void> {
  const { storeId, kind, consignmentId } = consignment;
  const key = alertKeyOf({ code: `${kind}_overdue`, detail: { key: consignmentId } });
  await endAlerts(connection, { nowMs }, "store_id = ? AND alert_key = ?", storeId, key);
}

/** A product in a store. */
export interface StoreItem {
  readonly storeId: string;
  readonly item: string;
}

/** What a look at alerts of exits gave. */
export interface EndedExits {
  /** Alerts that are over, as `store/key`. */
  readonly ended: ReadonlySet<string>;
  /** To be raised: what was paid, as far as was known, and is not any more. */
  readonly again: readonly Alert[];
}

/**
 * Closes what was told of units that left unpaid and are paid, all that the alert tells of (`exit-alerts.ts`). To be asked
 * when such an alert is raised, and when settlement says something of passages of its product.
 */
export async function endPaidExits(
  connection: SqlConnection,
  products: readonly StoreItem[],
  nowMs: number,
): Promise<EndedExits> {
  const told = products.length === 0 ? [] : await readTold(connection, products, nowMs);
  // What a person closed stays as it is, and needs no look at its passages.
  const asked = told.filter(({ stand }) => stand !== "closed");
  if (asked.length === 0) return { ended: new Set(), again: [] };
  const entries = await readExitEntries(connection, asked);
  const standing = asked.map((alert) => ({
    ...alert,
    ...exitStanding(alert, entries.get(productKey(alert.storeId, alert.item)) ?? []),
  }));
  const paid = standing.filter(({ stand, isPaid }) => stand === "open" && isPaid);
  await endAlertsById(connection, paid, "paid", nowMs);
  return {
    ended: new Set(paid.map(({ storeId, key }) => `${storeId}/${key}`)),
    again: unpaidAgain(standing, told),
  };
}

/** The same where units with a serial were brought back: who leaves with them again has not paid by their first sale. */
export async function unpaidSinceReturns(
  connection: SqlConnection,
  entries: readonly PlacedEntry[],
  nowMs: number,
): Promise<readonly Alert[]> {
  const returned = entries.flatMap(({ entry }) =>
    entry.reason === "returning" && entry.serial !== undefined ? [entry] : [],
  );
  return (await endPaidExits(connection, returned, nowMs)).again;
}

interface ToldRow extends AlertId, StoreItem, ToldExit {
  readonly key: string;
  readonly severity: Alert["severity"];
  readonly message: string;
  readonly detail: string;
  /** Open; closed by the ledger as paid; or closed by a person. */
  readonly stand: "open" | "paid" | "closed";
}

/** Alerts of these products that are not over by their time, however they were closed. */
async function readTold(
  connection: SqlConnection,
  products: readonly StoreItem[],
  nowMs: number,
): Promise<ToldRow[]> {
  const keys = JSON.stringify(products.map(({ storeId, item }) => [storeId, item]));
  return await connection.all<ToldRow>(
    `SELECT store_id AS storeId, alert_id AS alertId, alert_key AS key, edge_id AS edgeId, severity, message,
            detail, first_at_ms AS firstAtMs, at_ms AS lastAtMs, raise_count AS count,
            detail->>'gtin' AS item, detail->>'serial' AS serial, detail->>'to' AS exit,
            CASE WHEN closed_at_ms IS NULL THEN 'open'
             WHEN acknowledged_by = 'ledger' AND cause = 'paid' THEN 'paid' ELSE 'closed' END AS stand
     FROM alerts WHERE store_id IN (SELECT value->>0 FROM json_each(?))
      AND alert_key >= 'exit_unpaid|' AND alert_key < 'exit_unpaid}' AND expires_at_ms > ?
      AND (store_id, detail->>'gtin') IN (SELECT value->>0, value->>1 FROM json_each(?))
     ORDER BY store_id, alert_id`,
    ...[keys, nowMs, keys],
  );
}

/** Passages of the alerts' products, and what was posted of them, by `productKey`. */
async function readExitEntries(
  connection: SqlConnection,
  told: readonly ToldRow[],
): Promise<Map<string, ExitEntry[]>> {
  const since = new Map<string, [storeId: string, item: string, sinceMs: number]>();
  for (const { storeId, item, firstAtMs } of told) {
    const key = productKey(storeId, item);
    const sinceMs = firstAtMs - flowLookBackMs;
    since.set(key, [storeId, item, Math.min(sinceMs, since.get(key)?.[2] ?? sinceMs)]);
  }
  const rows = await connection.all<ExitEntry & StoreItem>(
    `SELECT e.store_id AS storeId, e.item, e.serial, e.quantity, e.reason,
            e.from_location AS fromLocation, e.to_location AS toLocation,
            e.occurred_at_ms AS occurredAtMs, e.placed_at_ms AS placedAtMs,
            e.edge_id AS edgeId, e.outbox_id AS outboxId, e.sequence
     FROM json_each(?) k JOIN entries e ON e.store_id = k.value->>0 AND e.item = k.value->>1
      AND e.placed_at_ms >= CAST(k.value->>2 AS INTEGER)
     WHERE e.reason IN ('${exitReasons.join("', '")}') OR instr(e.to_location, '/@exit') > 0`,
    JSON.stringify([...since.values()]),
  );
  const entries = new Map<string, ExitEntry[]>();
  for (const row of rows) {
    const key = productKey(row.storeId, row.item);
    const list = entries.get(key) ?? [];
    list.push(row);
    entries.set(key, list);
  }
  return entries;
}

/** What the ledger closed and would not close now, of passages that no other alert tells of: neither an open one, nor one
    that a person closed. */
function unpaidAgain(
  standing: readonly (ToldRow & { unpaidAtMs: readonly number[] })[],
  told: readonly ToldRow[],
): Alert[] {
  const again = new Map<string, Alert>();
  for (const { stand, unpaidAtMs, ...alert } of standing) {
    if (stand !== "paid") continue;
    const { storeId, key, edgeId, severity, message, detail } = alert;
    const others = told.filter(
      (each) => each.stand !== "paid" && each.storeId === storeId && each.key === key,
    );
    for (const atMs of unpaidAtMs) {
      const isTold = others.some(
        ({ firstAtMs, lastAtMs }) => firstAtMs <= atMs && atMs <= lastAtMs,
      );
      if (isTold) continue;
      again.set(`${storeId}/${key}/${atMs}`, {
        ...{ storeId, code: "exit_unpaid", severity, atMs, message, detail: JSON.parse(detail) },
        ...(edgeId === null ? {} : { edgeId }),
      });
    }
  }
  return [...again.values()];
}
