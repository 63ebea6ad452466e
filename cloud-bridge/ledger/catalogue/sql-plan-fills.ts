// Which plans the catalogue fills, and which of them it has changed since: these are made anew one by one, each in a
// transaction of its own, so that a change of a product of every store keeps nobody from posting.

import type { SqlConnection } from "../database.ts";

export const planFillTables = `
-- Products of which the store's plan leaves something to the catalogue.
CREATE TABLE IF NOT EXISTS plan_fills (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL,
  PRIMARY KEY (store_id, gtin)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS plan_fills_gtin ON plan_fills (gtin, store_id);
-- Stores whose plan is to be filled anew.
CREATE TABLE IF NOT EXISTS stale_plans (store_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
`;

/** The catalogue belongs to no store; who writes it, or plans by it, waits for each other by this name. */
export const catalogueLock = ["*catalogue"];

/** Plans that are made anew in one go. */
const staleCountMax = 50;

/** Says what a store's plan leaves to the catalogue. */
export async function savePlanFills(
  connection: SqlConnection,
  storeId: string,
  gtins: readonly string[],
): Promise<void> {
  await connection.run("DELETE FROM plan_fills WHERE store_id = ?", storeId);
  await connection.run(
    "INSERT INTO plan_fills (store_id, gtin) SELECT ?, value->>0 FROM json_each(?)",
    ...[storeId, JSON.stringify(gtins.map((gtin) => [gtin]))],
  );
}

/** The catalogue says something else of these products. */
export async function markStalePlans(
  connection: SqlConnection,
  gtins: readonly string[],
): Promise<void> {
  if (gtins.length === 0) return;
  await connection.run(
    `INSERT INTO stale_plans (store_id) SELECT DISTINCT f.store_id FROM plan_fills f
     WHERE f.gtin IN (SELECT value FROM json_each(?)) ON CONFLICT (store_id) DO NOTHING`,
    JSON.stringify(gtins),
  );
}

/** Plans of a ledger that knew no such plans are to be filled too. */
export async function markUnnotedPlans(connection: SqlConnection): Promise<void> {
  await connection.run(
    `INSERT INTO stale_plans (store_id) SELECT p.store_id FROM plans p
     WHERE NOT EXISTS (SELECT 1 FROM given_plans g WHERE g.store_id = p.store_id)
     ON CONFLICT (store_id) DO NOTHING`,
  );
}

/** Stores whose plan is not up to date. */
export async function readStalePlans(connection: SqlConnection): Promise<string[]> {
  const rows = await connection.all<{ storeId: string }>(
    "SELECT store_id AS storeId FROM stale_plans ORDER BY store_id LIMIT ?",
    staleCountMax,
  );
  return rows.map(({ storeId }) => storeId);
}
