// Reads what is known of a store: a handful of statements, each over one index.

import { noticeCodes } from "../../../contract/event.ts";
import { identifyTag } from "../../../contract/gs1/identify.ts";
import type { EpcHex } from "../../../contract/units.ts";
import { countDifference } from "../anchors.ts";
import type { SqlConnection } from "../database.ts";
import { backRoomsOf, orderPlacesOf } from "../place-roles.ts";
import { readPlan } from "../sql-read.ts";
import { readItems, readPolicy } from "./sql-policy.ts";
import type { Account, Difference, Sold, StoreFacts } from "./store-facts.ts";

/** Notices that are looked at; the newest. */
const noticeCountMax = 10_000;

/** Everything that count plan, trust and refill look at. */
export async function readStoreFacts(
  connection: SqlConnection,
  storeId: string,
  nowMs: number,
): Promise<StoreFacts> {
  const policy = await readPolicy(connection, storeId);
  const sinceMs = nowMs - policy.turnoverMs;
  const items = await readItems(connection, storeId);
  const accounts = await readAccounts(connection, storeId);
  const sales = await readSold(connection, storeId, sinceMs);
  const plan = await readPlan(connection, storeId);
  const places = { locations: plan?.locations ?? [] };
  return {
    ...{ storeId, nowMs, policy, items, accounts, sales },
    ...(await readCounts(connection, storeId)),
    differences: await readDifferences(connection, storeId, sinceMs),
    unsold: await readUnsold(connection, accounts, sales, sinceMs),
    firstAtMs: await readFirstAtMs(connection, storeId, nowMs),
    facings: plan?.facings ?? [],
    backRooms: backRoomsOf(places),
    orderPlaces: orderPlacesOf(places),
    ...(await readBlindness(connection, storeId, sinceMs)),
  };
}

async function readAccounts(connection: SqlConnection, storeId: string): Promise<Account[]> {
  return await connection.all(
    `SELECT item AS gtin, location, quantity FROM balances WHERE store_id = ? AND state = 'sellable'
      AND item < 'e' AND location NOT LIKE '%/@%' ORDER BY item, location`,
    storeId,
  );
}

async function readCounts(
  connection: SqlConnection,
  storeId: string,
): Promise<Pick<StoreFacts, "counts" | "completeCounts">> {
  const counts = await connection.all<StoreFacts["counts"][number]>(
    `SELECT l.item AS gtin, c.location, max(l.at_ms) AS atMs, count(*) AS count
     FROM counts c JOIN count_lines l ON l.store_id = c.store_id AND l.edge_id = c.edge_id
      AND l.outbox_id = c.outbox_id AND l.sequence = c.sequence
     WHERE c.store_id = ? AND c.state = 'sellable' GROUP BY l.item, c.location`,
    storeId,
  );
  const completeCounts = await connection.all<StoreFacts["completeCounts"][number]>(
    `SELECT location, max(at_ms) AS atMs FROM counts
     WHERE store_id = ? AND state = 'sellable' AND complete = 1 GROUP BY location`,
    storeId,
  );
  return { counts, completeCounts };
}

/** The last difference of each account: what several facts changed of one count belongs together. */
async function readDifferences(
  connection: SqlConnection,
  storeId: string,
  sinceMs: number,
): Promise<Difference[]> {
  const rows = await connection.all<Difference>(
    `SELECT item AS gtin, location, placed_at_ms AS atMs, sum(quantity) AS quantity FROM (
       SELECT item, placed_at_ms,
         CASE WHEN to_location LIKE '%/@variance' THEN from_location ELSE to_location END AS location,
         CASE WHEN to_location LIKE '%/@variance' THEN -quantity ELSE quantity END AS quantity
       FROM entries WHERE store_id = ? AND placed_at_ms >= ? AND reason = '${countDifference}')
     GROUP BY item, location, placed_at_ms HAVING sum(quantity) <> 0 ORDER BY placed_at_ms`,
    ...[storeId, sinceMs],
  );
  return rows;
}

async function readSold(
  connection: SqlConnection,
  storeId: string,
  sinceMs: number,
): Promise<Map<string, Sold>> {
  const rows = await connection.all<Sold & { gtin: string }>(
    `SELECT item AS gtin, sum(CASE reason WHEN 'returning' THEN -quantity ELSE quantity END) AS quantity,
            sum(CASE reason WHEN 'returning' THEN 0 ELSE 1 END) AS saleCount,
            max(CASE reason WHEN 'returning' THEN 0 ELSE placed_at_ms END) AS lastAtMs
     FROM entries WHERE store_id = ? AND placed_at_ms >= ? AND item < 'e'
      AND reason IN ('retail_selling', 'returning') GROUP BY item`,
    ...[storeId, sinceMs],
  );
  return new Map(rows.map(({ gtin, ...sold }) => [gtin, sold]));
}

/** Products with stock here that no store sold. */
async function readUnsold(
  connection: SqlConnection,
  accounts: readonly Account[],
  sales: ReadonlyMap<string, Sold>,
  sinceMs: number,
): Promise<Set<string>> {
  // One pass over what was sold; asked product by product the whole ledger would be read for each.
  const rows = await connection.all<{ gtin: string }>(
    `SELECT DISTINCT item AS gtin FROM entries
     WHERE reason IN ('retail_selling', 'returning') AND reason = 'retail_selling'
      AND placed_at_ms >= ?`,
    sinceMs,
  );
  const sold = new Set(rows.map(({ gtin }) => gtin));
  const gtins = accounts.map(({ gtin }) => gtin);
  return new Set(gtins.filter((gtin) => !sales.has(gtin) && !sold.has(gtin)));
}

async function readFirstAtMs(
  connection: SqlConnection,
  storeId: string,
  nowMs: number,
): Promise<number> {
  const [row] = await connection.all<{ atMs: number }>(
    "SELECT recorded_at_ms AS atMs FROM entries WHERE store_id = ? AND entry_number = 1",
    storeId,
  );
  return row?.atMs ?? nowMs;
}

/** What devices said of what they did not see. */
async function readBlindness(
  connection: SqlConnection,
  storeId: string,
  sinceMs: number,
): Promise<Pick<StoreFacts, "gaps" | "uncertain">> {
  const rows = await connection.all<{ body: string }>(
    `SELECT body FROM event_log WHERE store_id = ? AND type = 'noticed' AND recorded_at_ms >= ?
      AND body->>'code' IN ('${noticeCodes.sensingGap}', 'passage_uncertain')
     ORDER BY recorded_at_ms DESC LIMIT ${noticeCountMax}`,
    ...[storeId, sinceMs],
  );
  const gaps: { fromAtMs: number; toAtMs: number }[] = [];
  const uncertain = new Map<string, number[]>();
  for (const { body } of rows) {
    const { code, occurredAtMs, detail } = JSON.parse(body);
    if (code === noticeCodes.sensingGap) {
      const { fromAtMs, toAtMs } = detail;
      if (typeof fromAtMs === "number" && typeof toAtMs === "number")
        gaps.push({ fromAtMs, toAtMs });
      continue;
    }
    const gtin = gtinOf(detail.epc);
    if (gtin === undefined) continue;
    uncertain.set(gtin, [...(uncertain.get(gtin) ?? []), occurredAtMs]);
  }
  return { gaps, uncertain };
}

function gtinOf(epc: unknown): string | undefined {
  if (typeof epc !== "string" || !/^([0-9A-F]{4})+$/.test(epc)) return undefined;
  const identity = identifyTag(epc as EpcHex);
  return identity.ok ? identity.item.gtin : undefined;
}
