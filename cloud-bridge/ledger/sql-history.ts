// The life of one serialised item, over all stores, and where a store's chain ends.

import type { Entry } from "../../contract/stock.ts";
import type { LedgerDatabase } from "./database.ts";
import { readEntries } from "./sql-read.ts";

/** Entries of one item's life that are given at most: the latest. */
export const historyCountMax = 1000;

/** Reads about single items. */
export class SqlHistory {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** The entries that name the unit, in order of time; `isCut` where older ones are left out. */
  async ofItem(query: {
    readonly item: string;
    /** Without: entries of the item itself, a tag that is not GS1. */
    readonly serial?: string;
    /** Without: all stores. */
    readonly storeIds?: readonly string[];
  }): Promise<{ entries: Entry[]; isCut: boolean }> {
    const { item, serial = null, storeIds } = query;
    const rows = await this.#database.reader.all<{ storeId: string; entryNumber: number }>(
      `SELECT e.store_id AS storeId, e.entry_number AS entryNumber
       FROM chain_heads h JOIN entries e ON e.store_id = h.store_id
       WHERE e.item = ? AND coalesce(e.serial, '') = coalesce(?, '')
         AND (? = 0 OR h.store_id IN (SELECT value->>0 FROM json_each(?)))
       ORDER BY e.placed_at_ms DESC, e.store_id DESC, e.entry_number DESC LIMIT ?`,
      ...[item, serial, storeIds === undefined ? 0 : 1],
      ...[JSON.stringify((storeIds ?? []).map((id) => [id])), historyCountMax + 1],
    );
    const isCut = rows.length > historyCountMax;
    const entries: Entry[] = [];
    for (const { storeId, entryNumber } of rows.slice(0, historyCountMax).reverse()) {
      const only = { storeId, afterEntryNumber: entryNumber - 1, countMax: 1 };
      entries.push(...(await readEntries(this.#database.reader, only)));
    }
    return { entries, isCut };
  }

  /** Number of the store's last entry; 0 where there is none. */
  async lastEntryNumber(storeId: string): Promise<number> {
    const [row] = await this.#database.reader.all<{ entryNumber: number }>(
      "SELECT entry_number AS entryNumber FROM chain_heads WHERE store_id = ?",
      storeId,
    );
    return row?.entryNumber ?? 0;
  }
}
