// Stores a plan, and of it in tables what settlement asks for.

import { canonicalJson } from "../../contract/digest.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/plan.ts";
import type { SqlConnection } from "./database.ts";

/** Replaces the store's plan; CONFIG_INVALID for a version that does not grow. */
export async function savePlan(connection: SqlConnection, plan: Plan): Promise<void> {
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
