// Stores a plan, and of it in tables what settlement asks for.

import { canonicalJson } from "../../contract/digest.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Author } from "./author.ts";
import type { SqlConnection } from "./database.ts";
import { type OrderPlace, orderPlaceIndex, orderPlacesOf } from "./place-roles.ts";

export const planTables = `
CREATE TABLE IF NOT EXISTS plan_changes (
  store_id TEXT NOT NULL, version INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  PRIMARY KEY (store_id, version)
) WITHOUT ROWID;
-- Places of the plan that are for orders alone (place-roles.ts).
CREATE TABLE IF NOT EXISTS order_places (
  store_id TEXT NOT NULL, location TEXT NOT NULL,
  promised_to TEXT NOT NULL,
  PRIMARY KEY (store_id, location)
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
  const orderPlaces = orderPlacesOf(plan);
  const kindAt = orderPlaceIndex(orderPlaces);
  const isShop = ({ location }: { location: string }) => kindAt(location) === "all";
  const stockrooms = plan.locations.filter(({ role }) => role === "stockroom");
  const stockroom = (stockrooms.find(isShop) ?? stockrooms[0])?.location ?? null;
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
  await saveOrderPlaces(connection, storeId, orderPlaces);
  // What is sensed at a place for orders is no customer's pick.
  const sensed = new Set(
    plan.locations.flatMap((place) => (place.picksSensed && isShop(place) ? place.location : [])),
  );
  // The first is where a till's line comes from: a place in the shop, where the product has one.
  const facings = [...plan.facings]
    .sort((a, b) => Number(isShop(b)) - Number(isShop(a)))
    .map(({ gtin, location }) => [gtin, location, sensed.has(location) ? 1 : 0]);
  await connection.run("DELETE FROM facings WHERE store_id = ?", storeId);
  await connection.run(
    `INSERT INTO facings (store_id, gtin, ordinal, location, picks_sensed)
     SELECT ?, value->>0, key, value->>1, CAST(value->>2 AS INTEGER) FROM json_each(?)`,
    ...[storeId, JSON.stringify(facings)],
  );
}

async function saveOrderPlaces(
  connection: SqlConnection,
  storeId: string,
  places: readonly OrderPlace[],
): Promise<void> {
  await connection.run("DELETE FROM order_places WHERE store_id = ?", storeId);
  await connection.run(
    `INSERT INTO order_places (store_id, location, promised_to)
     SELECT ?, value->>0, value->>1 FROM json_each(?)`,
    ...[storeId, JSON.stringify(places.map(({ location, promisedTo }) => [location, promisedTo]))],
  );
}
