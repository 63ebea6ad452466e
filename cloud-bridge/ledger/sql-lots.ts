// Lots of a store: when they expire, and what is left of each (kept by `sql-lot-quantities.ts`).

import type { LedgerDatabase } from "./database.ts";
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

  /** Lots of which something is left, those first that expire first. One statement: a shorter page is the last one. */
  async list(query: LotQuery): Promise<LotLeft[]> {
    const { storeId, gtin, throughDay = noExpiry, after = ["", "", ""], countMax } = query;
    const isBehind = "expiry <= ? AND (expiry, item, lot) > (?, ?, ?)";
    const rows = await this.#database.reader.all<Row>(
      `WITH items AS (SELECT DISTINCT item FROM (SELECT item FROM lots
         WHERE store_id = ? AND item < 'e' AND ${isBehind} ${gtin === undefined ? "" : "AND item = ?"}
          AND quantity > 0 ORDER BY expiry, item, lot LIMIT ?) page)
       SELECT l.item AS gtin, lot, expiry, l.quantity, coalesce(b.quantity, 0) AS onHand,
         CASE WHEN ${isBehind.replace("item", "l.item")} THEN 1 ELSE 0 END AS isBehind
       FROM lots l LEFT JOIN (SELECT item, CAST(sum(quantity) AS INTEGER) AS quantity FROM balances
         WHERE store_id = ? AND item IN (SELECT item FROM items) AND instr(location, '/@') = 0
         GROUP BY item) b ON b.item = l.item
       WHERE l.store_id = ? AND l.item IN (SELECT item FROM items) AND l.quantity > 0
       ORDER BY expiry, l.item, lot`,
      ...[storeId, throughDay, ...after, ...(gtin === undefined ? [] : [gtin]), countMax],
      ...[throughDay, ...after, storeId, storeId],
    );
    const ofGtin = new Map<string, Row[]>();
    for (const row of rows) {
      const lots = ofGtin.get(row.gtin) ?? [];
      lots.push(row);
      ofGtin.set(row.gtin, lots);
    }
    const left = [...ofGtin.values()].flatMap((lots) => lotsLeft(lots.map(lotOf), lots[0]!.onHand));
    const byName = new Map(left.map((lot) => [`${lot.gtin} ${lot.lot}`, lot]));
    // All lots of the page are among them, and what else is behind the mark is behind these.
    const page = rows.filter(({ isBehind }) => isBehind === 1).slice(0, countMax);
    return page.flatMap(({ gtin: item, lot }) => byName.get(`${item} ${lot}`) ?? []);
  }
}

interface Row {
  readonly gtin: string;
  readonly lot: string;
  readonly expiry: string;
  readonly quantity: number;
  /** Units of the product that the store has. */
  readonly onHand: number;
  /** Behind the mark, and by its expiry one of those that are listed. */
  readonly isBehind: 0 | 1;
}

function lotOf({ gtin, lot, expiry, quantity }: Row): Lot {
  return { gtin, lot, quantity, ...(expiry === noExpiry ? {} : { expiry }) };
}
