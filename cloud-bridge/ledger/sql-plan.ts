// Stores a plan, and of it in tables what settlement asks for.

import { canonicalJson } from "../../contract/digest.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { GivenPlan, Plan } from "../../contract/plan.ts";
import type { Author } from "./author.ts";
import {
  filledPlan,
  isSamePlan,
  leftToCatalogue,
  type StoredPlan,
  withoutFilled,
} from "./catalogue/plan-fill.ts";
import { readProducts } from "./catalogue/sql-catalogue.ts";
import { planFillTables, savePlanFills } from "./catalogue/sql-plan-fills.ts";
import type { SqlConnection } from "./database.ts";
import { type OrderPlace, orderPlaceIndex, orderPlacesOf } from "./place-roles.ts";
import { notePlan, planNewsTables } from "./sql-plan-news.ts";
import type { Posted } from "./types.ts";

export const planTables = `
-- plans as they were given: in the table of plans they stand with what the catalogue says.
CREATE TABLE IF NOT EXISTS given_plans (store_id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
${planFillTables}${planNewsTables}
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

/** A plan as it stands, and the items whose level may be another by it. */
export interface SavedPlan {
  readonly plan: Plan;
  readonly changedItems: Posted["changedItems"];
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

/** Reads a store's plan; one of a ledger that knew no other was given as it is, and is to be noted so. */
export async function readStoredPlan(
  connection: SqlConnection,
  storeId: string,
): Promise<(StoredPlan & { readonly isNoted: boolean }) | undefined> {
  const [row] = await connection.all<{ body: string; given: string | null }>(
    `SELECT p.body, g.body AS given
     FROM plans p LEFT JOIN given_plans g ON g.store_id = p.store_id WHERE p.store_id = ?`,
    storeId,
  );
  if (row === undefined) return undefined;
  const given = JSON.parse(row.given ?? row.body);
  return { given, plan: JSON.parse(row.body), isNoted: row.given !== null };
}

/**
 * Replaces the store's plan, and gives it with what it leaves to the catalogue. CONFIG_INVALID for a version that does
 * not grow, or where another than `replacedVersion` stands there. Its own version grows by the catalogue too.
 */
export async function savePlan(
  connection: SqlConnection,
  plan: GivenPlan,
  author?: Author,
  replacedVersion?: number,
): Promise<SavedPlan> {
  const { storeId, version } = plan;
  const stored = await readStoredPlan(connection, storeId);
  if (stored !== undefined && isSamePlan(stored, plan)) {
    return { plan: stored.plan, changedItems: [] };
  }
  const standing = stored?.plan.version;
  const isOther = replacedVersion !== undefined && replacedVersion !== standing;
  if (stored !== undefined && (isOther || version <= stored.given.version)) {
    const message = `plan of ${storeId}: version ${version} changes what is stored as version ${standing}; give it a higher version`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const isReadBefore = stored !== undefined && replacedVersion !== undefined;
  const given = isReadBefore ? withoutFilled(plan, stored) : plan;
  const filled = await fill(connection, given, Math.max(version, (standing ?? 0) + 1));
  const changedItems = await savePlaces(connection, filled);
  await notePlan(connection, storeId, changedItems.length > 0 ? filled.version : 0);
  await saveGiven(connection, given);
  if (author !== undefined) await saveChange(connection, filled, author);
  return { plan: filled, changedItems };
}

/** Fills a store's plan anew; whether the catalogue made another one of it, under the next version. */
export async function refreshPlan(
  connection: SqlConnection,
  storeId: string,
  nowMs: number,
): Promise<boolean> {
  const stored = await readStoredPlan(connection, storeId);
  if (stored === undefined) return false;
  const { given, plan, isNoted } = stored;
  if (!isNoted) await saveGiven(connection, given);
  await connection.run("DELETE FROM stale_plans WHERE store_id = ?", storeId);
  const filled = await fill(connection, given, plan.version);
  if (canonicalJson(filled) === canonicalJson(plan)) return false;
  const next = { ...filled, version: plan.version + 1 };
  await saveNext(connection, next, { by: "catalogue", nowMs });
  return true;
}

/**
 * So much a version grows that is above the Unix time in seconds already: such chains number their plans by a clock, and
 * this is more than a year of the finest of them (20261127120000 a second, Unix milliseconds). It fits 90 thousand times.
 */
const datedVersionStep = 100_000_000_000;

/**
 * Gives every plan a version above any that edges may have had before the ledger was set back: the Unix time in seconds,
 * as nobody changes a plan once a second for long. Edges ignore a lower version. One plan after the other is in memory.
 */
export async function raisePlanVersions(connection: SqlConnection, nowMs: number): Promise<void> {
  const nowVersion = Math.floor(nowMs / 1000);
  const rows = await connection.all<{ storeId: string }>(
    "SELECT store_id AS storeId FROM plans ORDER BY store_id",
  );
  for (const { storeId } of rows) {
    // Also notes what was given, where nobody did so yet: that keeps the version it had.
    await refreshPlan(connection, storeId, nowMs);
    const { plan } = (await readStoredPlan(connection, storeId))!;
    const isDated = plan.version >= nowVersion;
    const next = { ...plan, version: isDated ? plan.version + datedVersionStep : nowVersion };
    await saveNext(connection, next, { by: "restore", nowMs });
  }
}

/** Keeps the next version of a plan whose places are the same. */
async function saveNext(connection: SqlConnection, next: Plan, author: Author): Promise<void> {
  await connection.run(
    "UPDATE plans SET version = ?, body = ? WHERE store_id = ?",
    ...[next.version, canonicalJson(next), next.storeId],
  );
  await notePlan(connection, next.storeId);
  await saveChange(connection, next, author);
}

async function saveGiven(connection: SqlConnection, given: GivenPlan): Promise<void> {
  const { storeId } = given;
  await connection.run(
    `INSERT INTO given_plans (store_id, body) VALUES (?, ?)
     ON CONFLICT (store_id) DO UPDATE SET body = excluded.body`,
    ...[storeId, canonicalJson(given)],
  );
  await savePlanFills(connection, storeId, leftToCatalogue(given));
}

async function fill(connection: SqlConnection, given: GivenPlan, version: number): Promise<Plan> {
  const known = await readProducts(connection, leftToCatalogue(given));
  const products = new Map(known.map(({ product }) => [product.gtin as string, product]));
  return { ...filledPlan(given, products), version };
}

async function saveChange(
  connection: SqlConnection,
  { storeId, version }: Plan,
  { by, nowMs }: Author,
): Promise<void> {
  await connection.run(
    "INSERT INTO plan_changes VALUES (?, ?, ?, ?)",
    ...[storeId, version, nowMs, by],
  );
}

/** Keeps a plan, and of it what settlement and promises ask for; gives the items whose level changes. */
async function savePlaces(
  connection: SqlConnection,
  plan: Plan,
): Promise<SavedPlan["changedItems"]> {
  const { storeId, version } = plan;
  const orderPlaces = orderPlacesOf(plan);
  const kindAt = orderPlaceIndex(orderPlaces);
  const isShop = ({ location }: { location: string }) => kindAt(location) === "all";
  const stockrooms = plan.locations.filter(({ role }) => role === "stockroom");
  const stockroom = (stockrooms.find(isShop) ?? stockrooms[0])?.location ?? null;
  await connection.run(
    `INSERT INTO plans (store_id, version, stockroom, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (store_id) DO UPDATE SET
       version = excluded.version, stockroom = excluded.stockroom, body = excluded.body`,
    ...[storeId, version, stockroom, canonicalJson(plan)],
  );
  const items = await saveOrderPlaces(connection, storeId, orderPlaces);
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
  return items.map((gtin) => ({ storeId, gtin }));
}

async function saveOrderPlaces(
  connection: SqlConnection,
  storeId: string,
  places: readonly OrderPlace[],
): Promise<string[]> {
  const stored = await connection.all<OrderPlace>(
    "SELECT location, promised_to AS promisedTo FROM order_places WHERE store_id = ?",
    storeId,
  );
  await connection.run("DELETE FROM order_places WHERE store_id = ?", storeId);
  await connection.run(
    `INSERT INTO order_places (store_id, location, promised_to)
     SELECT ?, value->>0, value->>1 FROM json_each(?)`,
    ...[storeId, JSON.stringify(places.map(({ location, promisedTo }) => [location, promisedTo]))],
  );
  const [before, after] = [stored, places].map(unpromised);
  const turned = [...before!, ...after!].filter((each) => !before!.has(each) || !after!.has(each));
  const rows = await connection.all<{ item: string }>(
    `SELECT DISTINCT b.item FROM json_each(?) k JOIN balances b ON b.store_id = ?
      AND (b.location = k.value->>0
        OR (b.location > (k.value->>0) || '/' AND b.location < (k.value->>0) || '0'))
     WHERE b.item < 'e' AND b.state = 'sellable' AND b.quantity <> 0 ORDER BY b.item`,
    ...[JSON.stringify(turned.map((location) => [location])), storeId],
  );
  return rows.map(({ item }) => item);
}

/** Places whose units are in no level. */
function unpromised(places: readonly OrderPlace[]): Set<string> {
  return new Set(
    places.flatMap(({ location, promisedTo }) => (promisedTo === "none" ? location : [])),
  );
}
