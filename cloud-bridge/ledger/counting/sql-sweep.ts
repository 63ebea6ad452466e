// Looks at each store as a whole from time to time: classes by turnover, shelves that are empty while the back
// room has stock, and what trust in the book takes from promises.

import type { SqlConnection } from "../database.ts";
import { endAlertsById } from "../sql-alert-ends.ts";
import { saveAlerts } from "../sql-alerts.ts";
import type { Posted } from "../types.ts";
import { classify, turnoverOf } from "./count-plan.ts";
import { emptyShelfAlerts, refillList, shelfEnd, shelfEnds } from "./refill.ts";
import { saveClasses } from "./sql-policy.ts";
import { forgetReports } from "./sql-rfid.ts";
import type { StoreFacts } from "./store-facts.ts";
import { accountTrusts, storeScores, withheldPercent } from "./trust.ts";

/** A store is looked at so often, and classified so often. */
export const sweepIntervalMs = 15 * 60_000;
export const classifyIntervalMs = 24 * 3_600_000;
/** Shelves that one sweep tells; the others at the next. */
export const toldShelfCountMax = 500;

/** Stores that are due, the longest forgotten first. */
export async function readDueStores(
  connection: SqlConnection,
  nowMs: number,
): Promise<{ storeId: string; classesAtMs: number }[]> {
  return await connection.all(
    `SELECT h.store_id AS storeId, coalesce(s.classes_at_ms, 0) AS classesAtMs
     FROM chain_heads h LEFT JOIN count_sweeps s ON s.store_id = h.store_id
     WHERE coalesce(s.at_ms, 0) <= ? ORDER BY coalesce(s.at_ms, 0), h.store_id`,
    nowMs - sweepIntervalMs,
  );
}

/** What is to be published of a look at a store: alerts, and products of which more or less is promised now. */
export type Swept = Pick<Posted, "alerts" | "changedItems">;

/** Keeps what a look at a store gave; gives what is to be published. Call it in a transaction. */
export async function saveSweep(
  connection: SqlConnection,
  facts: StoreFacts,
  { classesAtMs }: { classesAtMs: number },
): Promise<Swept> {
  const { storeId, nowMs, policy } = facts;
  const isClassified = nowMs - classesAtMs < classifyIntervalMs;
  if (!isClassified) await saveClasses(connection, storeId, classify(turnoverOf(facts), policy));
  const changedItems = await saveGates(connection, facts);
  await forgetReports(connection, storeId, nowMs);
  const empty = refillList(facts).filter(({ shelfQuantity }) => shelfQuantity <= 0);
  const told = await newlyEmpty(connection, facts, empty);
  const alerts = emptyShelfAlerts(facts, told.slice(0, toldShelfCountMax));
  const loud = await saveAlerts(connection, alerts, nowMs);
  await connection.run(
    `INSERT INTO count_sweeps (store_id, at_ms, classes_at_ms) VALUES (?, ?, ?)
     ON CONFLICT (store_id) DO UPDATE SET at_ms = excluded.at_ms,
       classes_at_ms = excluded.classes_at_ms`,
    ...[storeId, nowMs, isClassified ? classesAtMs : nowMs],
  );
  return { alerts: alerts.filter((alert) => loud.has(alert)), changedItems };
}

/** Sets what share of each product is not promised; gives the products whose share is another now. */
export async function saveGates(
  connection: SqlConnection,
  facts: StoreFacts,
): Promise<Posted["changedItems"]> {
  const { storeId, policy } = facts;
  const scores = policy.trust.mode === "off" ? new Map() : storeScores(accountTrusts(facts));
  const gates = [...scores].flatMap(([gtin, score]) => {
    const percent = withheldPercent(score, policy.trust);
    return percent === 0 ? [] : [[gtin, Math.round(score * 100), percent] as const];
  });
  const before = await connection.all<{ gtin: string; percent: number }>(
    "SELECT gtin, withheld_percent AS percent FROM trust_gates WHERE store_id = ?",
    storeId,
  );
  await connection.run("DELETE FROM trust_gates WHERE store_id = ?", storeId);
  await connection.run(
    `INSERT INTO trust_gates (store_id, gtin, score_percent, withheld_percent)
     SELECT ?, value->>0, CAST(value->>1 AS INTEGER), CAST(value->>2 AS INTEGER) FROM json_each(?)`,
    ...[storeId, JSON.stringify(gates)],
  );
  const was = new Map(before.map(({ gtin, percent }) => [gtin, percent]));
  const is = new Map(gates.map(([gtin, , percent]) => [gtin, percent]));
  const either = [...new Set([...was.keys(), ...is.keys()])];
  const changed = either.filter((gtin) => was.get(gtin) !== is.get(gtin));
  return changed.map((gtin) => ({ storeId, gtin }));
}

/** Alerts of empty shelves are told once, and are over when a look finds the shelf filled, or nothing to fill it with. */
async function newlyEmpty<Line extends { gtin: string; location: string }>(
  connection: SqlConnection,
  facts: StoreFacts,
  empty: readonly Line[],
): Promise<Line[]> {
  const { storeId, nowMs } = facts;
  const open = await connection.all<{ alertId: number; gtin: string; location: string }>(
    `SELECT alert_id AS alertId, detail->>'item' AS gtin, detail->>'location' AS location FROM alerts
     WHERE store_id = ? AND code = 'shelf_empty' AND closed_at_ms IS NULL AND expires_at_ms > ?`,
    ...[storeId, nowMs],
  );
  const nameOf = ({ gtin, location }: { gtin: string; location: string }) => `${gtin} ${location}`;
  const still = new Set(empty.map(nameOf));
  const told = new Set(open.map(nameOf));
  const over = open.flatMap(({ alertId, ...shelf }) =>
    still.has(nameOf(shelf)) ? [] : [{ storeId, alertId, end: shelfEnd(facts, shelf) }],
  );
  for (const cause of shelfEnds) {
    const ended = over.filter(({ end }) => end === cause);
    await endAlertsById(connection, ended, cause, nowMs);
  }
  return empty.filter((line) => !told.has(nameOf(line)));
}
