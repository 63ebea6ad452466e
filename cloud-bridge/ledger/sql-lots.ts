// Lots of a store: when they expire, and what is left of each (kept by `sql-lot-quantities.ts`).

import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { type Lot, type LotLeft, lotsLeft, noExpiry } from "./lots.ts";

/** Where a page of lots begins: behind this one. */
export type LotMark = readonly [expiry: string, gtin: string, lot: string];

/** Which lots are listed. */
export interface LotQuery {
  readonly storeId: string;
  readonly gtin?: string | undefined;
  /** Those that expire on this day or earlier; of others nobody told. */
  readonly throughDay?: string | undefined;
  readonly after?: LotMark | undefined;
  readonly countMax: number;
}

/** Lots of a ledger. */
export class SqlLots {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Lots of which something is left, those first that expire first. */
  async list(query: LotQuery): Promise<LotLeft[]> {
    const { reader } = this.#database;
    const { storeId, gtin, throughDay = noExpiry, after = ["", "", ""], countMax } = query;
    const page = await readLots(reader, {
      where: `store_id = ? AND item < 'e' AND expiry <= ? AND (expiry, item, lot) > (?, ?, ?)
        ${gtin === undefined ? "" : "AND item = ?"}`,
      values: [storeId, throughDay, ...after, ...(gtin === undefined ? [] : [gtin])],
      countMax,
    });
    const gtins = [...new Set(page.map((lot) => lot.gtin))];
    const all = await readLots(reader, {
      where: "store_id = ? AND item IN (SELECT value->>0 FROM json_each(?))",
      values: [storeId, JSON.stringify(gtins.map((each) => [each]))],
      countMax: Number.MAX_SAFE_INTEGER,
    });
    const onHand = await readOnHand(reader, storeId, gtins);
    const ofGtin = new Map<string, Lot[]>(gtins.map((each) => [each, []]));
    for (const lot of all) ofGtin.get(lot.gtin)?.push(lot);
    const left = gtins.flatMap((each) => lotsLeft(ofGtin.get(each) ?? [], onHand.get(each) ?? 0));
    const byName = new Map(left.map((lot) => [`${lot.gtin} ${lot.lot}`, lot]));
    return page.flatMap(({ gtin: item, lot }) => byName.get(`${item} ${lot}`) ?? []);
  }
}

async function readLots(
  connection: SqlConnection,
  { where, values, countMax }: { where: string; values: string[]; countMax: number },
): Promise<Lot[]> {
  const rows = await connection.all<{
    gtin: string;
    lot: string;
    expiry: string;
    quantity: number;
  }>(
    `SELECT item AS gtin, lot, expiry, quantity FROM lots WHERE ${where} AND quantity > 0
     ORDER BY expiry, item, lot LIMIT ?`,
    ...[...values, countMax],
  );
  return rows.map(({ expiry, ...lot }) => ({ ...lot, ...(expiry === noExpiry ? {} : { expiry }) }));
}

async function readOnHand(
  connection: SqlConnection,
  storeId: string,
  gtins: readonly string[],
): Promise<Map<string, number>> {
  const rows = await connection.all<{ item: string; quantity: number }>(
    `SELECT item, CAST(sum(quantity) AS INTEGER) AS quantity FROM balances
     WHERE store_id = ? AND item IN (SELECT value->>0 FROM json_each(?))
      AND instr(location, '/@') = 0 GROUP BY item`,
    ...[storeId, JSON.stringify(gtins.map((each) => [each]))],
  );
  return new Map(rows.map(({ item, quantity }) => [item, quantity]));
}
