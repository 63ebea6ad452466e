// Alerts: raised in the transaction of what they are about, worked on one by one.

import type { Alert } from "../../contract/stock.ts";
import {
  alertKeepMs,
  alertKeyOf,
  alertKindOf,
  causeOf,
  edgeForgottenMs,
  edgeSilenceMs,
  type StoredAlert,
  silenceAlert,
} from "./alerts.ts";
import type { SqlConnection } from "./database.ts";
import { endPaidExits, endSilences, type StoreItem } from "./sql-alert-ends.ts";

/** Silences that are told at one time; the others at the next. */
const silenceCountMax = 1000;

/**
 * Stores alerts in order; gives those that are to be published: the ones that nobody muted, and that are not over already,
 * as the notice of a unit is that was paid before its exit's edge could tell.
 */
export async function saveAlerts(
  connection: SqlConnection,
  alerts: readonly Alert[],
  nowMs: number,
): Promise<Set<Alert>> {
  if (alerts.length === 0) return new Set();
  const rows = alerts.map((alert) => ({ alert, key: alertKeyOf(alert) }));
  const keys = JSON.stringify(rows.map(({ alert, key }) => [alert.storeId, key]));
  const ofStores = "store_id IN (SELECT value->>0 FROM json_each(?))";
  await connection.run(
    `UPDATE alerts SET closed_at_ms = expires_at_ms
     WHERE closed_at_ms IS NULL AND expires_at_ms <= ? AND ${ofStores}`,
    ...[nowMs, keys],
  );
  await connection.run(
    // The last one stays, so that no number is given twice: who follows the alerts follows their numbers.
    `DELETE FROM alerts WHERE closed_at_ms <= ? AND ${ofStores}
      AND alert_id < (SELECT max(a.alert_id) FROM alerts a WHERE a.store_id = alerts.store_id)`,
    ...[nowMs - alertKeepMs, keys],
  );
  const muted = await connection.all<{ storeId: string; key: string }>(
    `SELECT DISTINCT a.store_id AS storeId, a.alert_key AS key FROM json_each(?) k
     JOIN alerts a ON a.store_id = k.value->>0 AND a.alert_key = k.value->>1
     WHERE a.muted_until_ms > ?`,
    ...[keys, nowMs],
  );
  await connection.run(
    `INSERT INTO alerts (store_id, alert_id, alert_key, code, severity, cause, edge_id, message, detail,
       first_at_ms, at_ms, raise_count, expires_at_ms)
     SELECT value->>0,
       key + 1 + (SELECT coalesce(max(alert_id), 0) FROM alerts WHERE store_id = value->>0),
       value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7,
       CAST(value->>8 AS INTEGER), CAST(value->>9 AS INTEGER), CAST(value->>10 AS INTEGER),
       CAST(value->>11 AS INTEGER)
     FROM json_each(?) WHERE true
     ON CONFLICT (store_id, alert_key) WHERE closed_at_ms IS NULL DO UPDATE SET
       severity = excluded.severity, message = excluded.message, detail = excluded.detail,
       first_at_ms = min(alerts.first_at_ms, excluded.first_at_ms),
       at_ms = max(alerts.at_ms, excluded.at_ms),
       raise_count = alerts.raise_count + excluded.raise_count,
       expires_at_ms = max(alerts.expires_at_ms, excluded.expires_at_ms)`,
    JSON.stringify(
      raisedOnce(rows).map(({ alert, key, firstAtMs, atMs, count }) => {
        const { expiryMs } = alertKindOf(alert);
        const cause = causeOf(alert);
        const { storeId, code, severity, edgeId = null, message, detail } = alert;
        const about = [storeId, key, code, severity, cause, edgeId, message];
        return [...about, JSON.stringify(detail), firstAtMs, atMs, count, nowMs + expiryMs];
      }),
    ),
  );
  const { ended } = await endPaidExits(connection, exitItemsOf(alerts), nowMs);
  const quiet = new Set([...ended, ...muted.map(({ storeId, key }) => `${storeId}/${key}`)]);
  const loud = rows.filter(({ alert, key }) => !quiet.has(`${alert.storeId}/${key}`));
  await saveMessages(connection, loud, nowMs);
  return new Set(loud.map(({ alert }) => alert));
}

function exitItemsOf(alerts: readonly Alert[]): StoreItem[] {
  return alerts.flatMap(({ storeId, code, detail: { gtin: item } }) =>
    code === "exit_unpaid" && typeof item === "string" ? [{ storeId, item }] : [],
  );
}

export const alertMessageTables = `
-- What is to be told on the topics, until it was. The last one of a store stays, so that no number is given twice.
CREATE TABLE IF NOT EXISTS alert_messages (
  store_id TEXT NOT NULL, message_number INTEGER NOT NULL,
  alert_key TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (store_id, message_number)
) WITHOUT ROWID;
`;

/** A message for the topic; the text has its number too. */
export interface AlertMessage {
  readonly storeId: string;
  readonly number: number;
  readonly body: string;
}

// Numbers are of the clock, so that those of a ledger that was set back are above what was told before. Messages that
// nobody publishes are dropped with the alerts.
async function saveMessages(
  connection: SqlConnection,
  loud: readonly { readonly alert: Alert; readonly key: string }[],
  nowMs: number,
): Promise<void> {
  if (loud.length === 0) return;
  const rows = JSON.stringify(
    loud.map(({ alert, key }, at) => [alert.storeId, at, key, JSON.stringify(alert)]),
  );
  await connection.run(
    `DELETE FROM alert_messages WHERE store_id IN (SELECT value->>0 FROM json_each(?)) AND message_number < ?
      AND message_number < (SELECT max(m.message_number) FROM alert_messages m WHERE m.store_id = alert_messages.store_id)`,
    ...[rows, nowMs - alertKeepMs],
  );
  await connection.run(
    `INSERT INTO alert_messages (store_id, message_number, alert_key, body)
     SELECT d.store_id,
       max(coalesce((SELECT max(m.message_number) FROM alert_messages m WHERE m.store_id = d.store_id), 0) + 1,
         CAST(? AS INTEGER))
       + row_number() OVER (PARTITION BY d.store_id ORDER BY d.ordinal) - 1, d.alert_key, d.body
     FROM (SELECT value->>0 AS store_id, CAST(value->>1 AS INTEGER) AS ordinal, value->>2 AS alert_key,
        value->>3 AS body FROM json_each(?)) d`,
    ...[nowMs, rows],
  );
}

/** Messages of a store after a number, in order, each with the alert that it is about where that is still there. */
export async function readAlertMessages(
  connection: SqlConnection,
  query: { storeId: string; afterNumber: number; countMax: number },
): Promise<AlertMessage[]> {
  const rows = await connection.all<AlertMessage & { alertId: number | null }>(
    `SELECT m.store_id AS storeId, m.message_number AS number, m.body,
            (SELECT max(a.alert_id) FROM alerts a
             WHERE a.store_id = m.store_id AND a.alert_key = m.alert_key) AS alertId
     FROM alert_messages m WHERE m.store_id = ? AND m.message_number > ?
     ORDER BY m.message_number LIMIT ?`,
    ...[query.storeId, query.afterNumber, query.countMax],
  );
  return rows.map(({ storeId, number, alertId, body }) => {
    const about = alertId === null ? {} : { alertId };
    return { storeId, number, body: JSON.stringify({ number, ...about, ...JSON.parse(body) }) };
  });
}

/** Lets go of what was told. */
export async function dropAlertMessages(
  connection: SqlConnection,
  told: readonly (readonly [storeId: string, number: number])[],
): Promise<void> {
  for (const [storeId, number] of told) {
    await connection.run(
      "DELETE FROM alert_messages WHERE store_id = ? AND message_number < ?",
      ...[storeId, number],
    );
  }
}

/** One row for what several alerts are about: no statement may touch a row twice. The last one speaks. */
function raisedOnce(rows: readonly { alert: Alert; key: string }[]) {
  const raised = new Map<
    string,
    (typeof rows)[number] & Record<"firstAtMs" | "atMs" | "count", number>
  >();
  for (const { alert, key } of rows) {
    const id = `${alert.storeId}/${key}`;
    const known = raised.get(id) ?? { firstAtMs: alert.atMs, atMs: alert.atMs, count: 0 };
    const firstAtMs = Math.min(known.firstAtMs, alert.atMs);
    const atMs = Math.max(known.atMs, alert.atMs);
    raised.set(id, { alert, key, firstAtMs, atMs, count: known.count + 1 });
  }
  return [...raised.values()];
}

/** Raises an alert for each edge that fell silent, once for each silence, and closes it when the edge tells again;
    gives those to publish. */
export async function raiseSilences(connection: SqlConnection, nowMs: number): Promise<Alert[]> {
  await endSilences(connection, nowMs);
  const edges = await connection.all<Parameters<typeof silenceAlert>[0]>(
    `SELECT e.store_id AS storeId, e.edge_id AS edgeId, e.through_ms AS completeThroughAtMs
     FROM (SELECT store_id, edge_id, max(complete_through_at_ms) AS through_ms
           FROM positions WHERE substr(edge_id, 1, 5) <> 'feed-' GROUP BY store_id, edge_id) e
     WHERE e.through_ms BETWEEN ? AND ? AND NOT EXISTS (
       SELECT 1 FROM alerts a WHERE a.store_id = e.store_id
        AND a.alert_key = 'edge_silent|' || e.edge_id AND a.at_ms > e.through_ms)
     ORDER BY e.store_id, e.edge_id LIMIT ${silenceCountMax}`,
    ...[nowMs - edgeForgottenMs, nowMs - edgeSilenceMs],
  );
  const alerts = edges.map((edge) => silenceAlert(edge, nowMs));
  const loud = await saveAlerts(connection, alerts, nowMs);
  return alerts.filter((alert) => loud.has(alert));
}

const alertColumns = `store_id AS storeId, alert_id AS alertId, code, severity, cause, edge_id AS edgeId, message,
            detail, first_at_ms AS firstAtMs, at_ms AS atMs, raise_count AS count,
            expires_at_ms AS expiresAtMs, closed_at_ms AS closedAtMs,
            acknowledged_by AS acknowledgedBy, muted_until_ms AS mutedUntilMs, muted_by AS mutedBy`;

interface AlertRow extends Record<string, unknown> {
  detail: string;
}

/** Alerts of a store, the newest first; `isOpen`: those that are neither acknowledged nor over. */
export async function readAlerts(
  connection: SqlConnection,
  query: {
    storeId: string;
    code?: string;
    isOpen: boolean;
    beforeAlertId?: number;
    countMax: number;
    nowMs: number;
  },
): Promise<StoredAlert[]> {
  const { storeId, code, isOpen, beforeAlertId, countMax, nowMs } = query;
  const rows = await connection.all<AlertRow>(
    `SELECT ${alertColumns}
     FROM alerts WHERE store_id = ? AND code = coalesce(?, code)
      AND alert_id < coalesce(?, 9223372036854775807)
      AND (? = 0 OR (closed_at_ms IS NULL AND expires_at_ms > ?))
     ORDER BY alert_id DESC LIMIT ?`,
    ...[storeId, code ?? null, beforeAlertId ?? null, Number(isOpen), nowMs, countMax],
  );
  return rows.map(alertOf);
}

/** Alerts of a store after a number, in order, whoever has looked at them. */
export async function readAlertsAfter(
  connection: SqlConnection,
  query: { storeId: string; afterAlertId: number; countMax: number },
): Promise<StoredAlert[]> {
  const rows = await connection.all<AlertRow>(
    `SELECT ${alertColumns} FROM alerts WHERE store_id = ? AND alert_id > ? ORDER BY alert_id LIMIT ?`,
    ...[query.storeId, query.afterAlertId, query.countMax],
  );
  return rows.map(alertOf);
}

function alertOf({ detail, ...row }: AlertRow): StoredAlert {
  const known = Object.entries(row).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(known), detail: JSON.parse(detail) } as StoredAlert;
}

/** Closes an alert, with who and why; false where no such alert is open. */
export async function acknowledgeAlert(
  connection: SqlConnection,
  change: { storeId: string; alertId: number; by: string; cause?: string; nowMs: number },
): Promise<boolean> {
  const { storeId, alertId, by, cause, nowMs } = change;
  const rows = await connection.all(
    `UPDATE alerts SET closed_at_ms = ?, acknowledged_by = ?, cause = coalesce(?, cause)
     WHERE store_id = ? AND alert_id = ? AND closed_at_ms IS NULL RETURNING alert_id`,
    ...[nowMs, by, cause ?? null, storeId, alertId],
  );
  return rows.length > 0;
}

/** Mutes what an alert is about until a time; false where there is no such alert. */
export async function muteAlert(
  connection: SqlConnection,
  change: { storeId: string; alertId: number; by: string; untilMs: number },
): Promise<boolean> {
  const { storeId, alertId, by, untilMs } = change;
  const rows = await connection.all(
    `UPDATE alerts SET muted_until_ms = ?, muted_by = ?
     WHERE store_id = ? AND alert_id = ? RETURNING alert_id`,
    ...[untilMs, by, storeId, alertId],
  );
  return rows.length > 0;
}
