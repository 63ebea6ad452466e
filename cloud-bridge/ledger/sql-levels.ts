// Stock levels as consumers see them: what the book says of a product, and what can be promised of it.

import type { StockLevel } from "../../contract/stock.ts";
import type { StockState } from "../../contract/units.ts";
import { availabilityOf } from "./availability.ts";
import type { SqlConnection } from "./database.ts";
import { webChannel } from "./place-roles.ts";
import { isReal } from "./settle.ts";
import { readOffers } from "./sql-claims.ts";
import { revisionBaseName } from "./sql-set-backs.ts";

interface BalanceRow {
  gtin: string;
  location: string;
  state: StockState;
  quantity: number;
  revision: number;
  atMs: number;
  isPromised: number;
}

/** Levels by GTIN, and what can be promised a moment later. */
export async function readStockLevels(
  connection: SqlConnection,
  query: { nowMs: number } & Parameters<typeof readBookLevels>[1],
): Promise<StockLevel[]> {
  const levels = await readBookLevels(connection, query);
  if (levels.length === 0) return [];
  const keys = levels.map(({ storeId, gtin }) => [storeId, gtin] as const);
  const offers = await readOffers(connection, keys, query.nowMs);
  const byGtin = new Map(offers.map((offer) => [offer.gtin, offer]));
  return levels.map((level) => {
    const offer = byGtin.get(level.gtin)!;
    const { available } = availabilityOf(offer, { ...offer, channel: webChannel });
    return { ...level, available, reserved: offer.reserved.quantity };
  });
}

/** Items of which something else may be promised since a time: by a claim, one that ran out, or a limit; `*` for any. */
export async function readPromisesChanged(
  connection: SqlConnection,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): Promise<{ storeId: string; gtin: string }[]> {
  return await connection.all(
    `SELECT l.store_id AS storeId, l.gtin FROM claims c
     JOIN claim_lines l ON l.store_id = c.store_id AND l.claim_id = c.claim_id
     WHERE c.changed_at_ms >= ?
     UNION SELECT store_id, gtin FROM claim_lines WHERE reserved_until_ms BETWEEN ? AND ?
     UNION SELECT store_id, gtin FROM withheld_changes WHERE changed_at_ms >= ?`,
    ...[sinceMs, sinceMs, nowMs, sinceMs],
  );
}

/** What the book says alone. Items that are not GS1 have no level; `e` sorts after every digit. */
async function readBookLevels(
  connection: SqlConnection,
  query: { storeId: string; gtin?: string; afterGtin?: string; countMax: number },
): Promise<Omit<StockLevel, "available" | "reserved">[]> {
  const { storeId, gtin, afterGtin = "", countMax } = query;
  const [items, named] =
    gtin === undefined
      ? [
          `SELECT DISTINCT item FROM balances WHERE store_id = ? AND item > ? AND item < 'e'
           ORDER BY item LIMIT ?`,
          [storeId, afterGtin, countMax],
        ]
      : // By its key: a store may have a hundred thousand others.
        ["SELECT CAST(? AS TEXT) AS item", [gtin]];
  const rows = await connection.all<BalanceRow>(
    `SELECT b.item AS gtin, b.location, b.state, b.quantity, b.entry_number + coalesce((SELECT value FROM meta WHERE name = '${revisionBaseName}'), 0) AS revision,
            e.recorded_at_ms AS atMs,
            CASE WHEN EXISTS (SELECT 1 FROM order_places p WHERE p.store_id = b.store_id
              AND p.promised_to = 'none'
              AND (b.location = p.location
                OR (b.location > p.location || '/' AND b.location < p.location || '0')))
            THEN 0 ELSE 1 END AS isPromised
     FROM (${items}) i
     JOIN balances b ON b.store_id = ? AND b.item = i.item
     JOIN entries e ON e.store_id = b.store_id AND e.entry_number = b.entry_number
     ORDER BY b.item, b.location, b.state`,
    ...[...named, storeId],
  );
  const levels = new Map<string, Omit<StockLevel, "available" | "reserved">>();
  for (const { gtin: item, location, state, quantity, revision, atMs, isPromised } of rows) {
    let level = levels.get(item);
    if (level === undefined) {
      const empty = { revision: 0, atMs: 0, onHand: 0, inBasket: 0, sellable: 0, balances: [] };
      level = { storeId, gtin: item as StockLevel["gtin"], ...empty };
      levels.set(item, level);
    }
    level.revision = Math.max(level.revision, revision);
    level.atMs = Math.max(level.atMs, atMs);
    if (quantity !== 0) level.balances.push({ location, state, quantity });
    if (isReal(location)) level.onHand += quantity;
    if (location === `${storeId}/@basket`) level.inBasket += quantity;
    if (state === "sellable" && isReal(location) && isPromised === 1) level.sellable += quantity;
  }
  return [...levels.values()];
}
