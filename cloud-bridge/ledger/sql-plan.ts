// Stores a plan, and of it in tables what settlement asks for.

import { canonicalJson } from "../../contract/digest.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Author } from "./author.ts";
import type { SqlConnection } from "./database.ts";

export const planTables = `
CREATE TABLE IF NOT EXISTS plan_changes (
  store_id TEXT NOT NULL, version INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  PRIMARY KEY (store_id, version)
) WITHOUT ROWID;
`;

/** Who gave the store a version of its plan. */
export interface PlanChange {
  readonly version: number;
  readonly changedAtMs: number;
  readonly changedBy: string;
}

/** Changes of a plan, the latest first, before a version. */
export async function readPlanChanges(
  connection: SqlConnection,
  query: { readonly storeId: string; readonly beforeVersion?: number; readonly countMax: number },
): Promise<PlanChange[]> {
  const { storeId, beforeVersion = Number.MAX_SAFE_INTEGER, countMax } = query;
  return await connection.all(
    `SELECT version, changed_at_ms AS changedAtMs, changed_by AS changedBy FROM plan_changes
     WHERE store_id = ? AND version < ? ORDER BY version DESC LIMIT ?`,
    ...[storeId, beforeVersion, countMax],
  );
}

/** Replaces the store's plan; CONFIG_INVALID for a version that does not grow. */
export async function savePlan(
  connection: SqlConnection,
  plan: Plan,
  author?: Author,
): Promise<void> {
  const { storeId, version } = plan;
  const body = canonicalJson(plan);
  const [stored] = await connection.all<{ version: number; body: string }>(
    "SELECT version, body FROM plans WHERE store_id = ?",
    storeId,
  );
  if (stored?.body === body) return;
  if (stored !== undefined && version <= stored.version) {
    const message = `plan of ${storeId}: version ${version} changes what is stored as version ${stored.version}; give it a higher version`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const stockroom = plan.locations.find(({ role }) => role === "stockroom")?.location ?? null;
  await connection.run(
    `INSERT INTO plans (store_id, version, stockroom, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (store_id) DO UPDATE SET
       version = excluded.version, stockroom = excluded.stockroom, body = excluded.body`,
    ...[storeId, version, stockroom, body],
  );
  if (author !== undefined) {
    await connection.run(
      "INSERT INTO plan_changes VALUES (?, ?, ?, ?)",
      ...[storeId, version, author.nowMs, author.by],
    );
  }
  const sensed = new Map(plan.locations.map((place) => [place.location, place.picksSensed]));
  const facings = plan.facings.map(({ gtin, location }) => [
    ...[gtin, location, sensed.get(location) === true ? 1 : 0],
  ]);
  await connection.run("DELETE FROM facings WHERE store_id = ?", storeId);
  await connection.run(
    `INSERT INTO facings (store_id, gtin, ordinal, location, picks_sensed)
     SELECT ?, value->>0, key, value->>1, CAST(value->>2 AS INTEGER) FROM json_each(?)`,
    ...[storeId, JSON.stringify(facings)],
  );
}
