// What a store demands of its counts, and class and price of its products, in the ledger's database.

import type { SqlConnection } from "../database.ts";
import {
  type CountItem,
  type CountPolicy,
  countPolicySchema,
  defaultCountPolicy,
} from "./count-policy.ts";
import { unclassified } from "./item-class.ts";

/** Stands for every store of which nothing is said. */
export const anyStore = "*";

/** What a store demands. */
export async function readPolicy(connection: SqlConnection, storeId: string): Promise<CountPolicy> {
  const rows = await connection.all<{ storeId: string; body: string }>(
    `SELECT store_id AS storeId, body FROM count_policies WHERE store_id IN (?, '${anyStore}')
     ORDER BY store_id DESC`,
    storeId,
  );
  const own = rows.find((row) => row.storeId === storeId) ?? rows[0];
  return own === undefined ? defaultCountPolicy : storedPolicy(own.body);
}

/** A policy as it is stored. */
export function storedPolicy(body: string): CountPolicy {
  return countPolicySchema.parse(JSON.parse(body));
}

export async function savePolicy(
  connection: SqlConnection,
  storeId: string,
  policy: CountPolicy,
): Promise<void> {
  await connection.run(
    `INSERT INTO count_policies (store_id, body) VALUES (?, ?)
     ON CONFLICT (store_id) DO UPDATE SET body = excluded.body`,
    ...[storeId, JSON.stringify(policy)],
  );
}

/** Class and price by GTIN; of `gtins`, or of all that anything is said of. */
export async function readItems(
  connection: SqlConnection,
  storeId: string,
  gtins?: readonly string[],
): Promise<ReadonlyMap<string, CountItem>> {
  const [isAll, names] = [Number(gtins !== undefined), JSON.stringify(gtins ?? [])];
  const rows = await connection.all<{
    storeId: string;
    gtin: string;
    className: string | null;
    priceMinor: number | null;
    abc: string | null;
  }>(
    `SELECT store_id AS storeId, gtin, class AS className, price_minor AS priceMinor, abc
     FROM count_items WHERE store_id IN (?, '${anyStore}')
      AND (? = 0 OR gtin IN (SELECT value FROM json_each(?)))
     UNION ALL SELECT '', gtin, class, price_minor, NULL FROM catalogue
     WHERE ? = 0 OR gtin IN (SELECT value FROM json_each(?)) ORDER BY 1`,
    ...[storeId, isAll, names, isAll, names],
  );
  const items = new Map<string, CountItem>();
  // The catalogue comes first, what is said of all stores over it, and the store's own word over that.
  const abcs = new Map<string, string>();
  const named = new Map<string, string>();
  for (const { gtin, className, priceMinor, abc } of rows) {
    if (abc !== null) abcs.set(gtin, abc);
    if (className !== null) named.set(gtin, className);
    items.set(gtin, {
      gtin,
      className: named.get(gtin) ?? abcs.get(gtin) ?? unclassified,
      priceMinor: priceMinor ?? items.get(gtin)?.priceMinor,
    });
  }
  return items;
}

/** What is known of a product; of an unknown one its class is `unclassified` and its price nobody's. */
export function itemOf(items: ReadonlyMap<string, CountItem>, gtin: string): CountItem {
  return items.get(gtin) ?? { gtin, className: unclassified, priceMinor: undefined };
}

/** Takes class and price as a catalogue says them; what is left out stays as it was, and null takes back what was said. */
export async function saveItems(
  connection: SqlConnection,
  storeId: string,
  items: readonly { gtin: string; className?: string | null; priceMinor?: number | null }[],
): Promise<void> {
  await connection.run(
    `INSERT INTO count_items (store_id, gtin, class, price_minor)
     SELECT ?, value->>0, value->>1, CAST(value->>2 AS INTEGER) FROM json_each(?) WHERE true
     ON CONFLICT (store_id, gtin) DO UPDATE SET
       class = coalesce(excluded.class, count_items.class),
       price_minor = coalesce(excluded.price_minor, count_items.price_minor)`,
    storeId,
    JSON.stringify(
      items.map(({ gtin, className = null, priceMinor = null }) => [gtin, className, priceMinor]),
    ),
  );
  for (const [column, name] of [
    ["class", "className"],
    ["price_minor", "priceMinor"],
  ] as const) {
    const gtins = items.filter((item) => item[name] === null).map(({ gtin }) => gtin);
    if (gtins.length === 0) continue;
    await connection.run(
      `UPDATE count_items SET ${column} = NULL
       WHERE store_id = ? AND gtin IN (SELECT value FROM json_each(?))`,
      ...[storeId, JSON.stringify(gtins)],
    );
  }
}

/** Takes the classes that the ledger itself found; a class that the catalogue gave goes before. */
export async function saveClasses(
  connection: SqlConnection,
  storeId: string,
  classes: readonly { gtin: string; abc: string }[],
): Promise<void> {
  await connection.run(
    `INSERT INTO count_items (store_id, gtin, abc)
     SELECT ?, value->>0, value->>1 FROM json_each(?) WHERE true
     ON CONFLICT (store_id, gtin) DO UPDATE SET abc = excluded.abc`,
    ...[storeId, JSON.stringify(classes.map(({ gtin, abc }) => [gtin, abc]))],
  );
}
