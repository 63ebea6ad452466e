// The life of one serialised item, over all stores, and where a store's chain ends.

import type { Entry } from "../../contract/stock.ts";
import type { LedgerDatabase } from "./database.ts";
import { genesisHash } from "./entry-hash.ts";
import { type EntryRow, entryColumns, entryOf } from "./sql-read.ts";

/** Where a page of an item's life begins: its oldest entry, by the time that it is placed at. */
export type HistoryMark = readonly [placedAtMs: number, storeId: string, entryNumber: number];

/** Reads about single items. */
export class SqlHistory {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** The latest entries that name the unit, before a mark, in order of time; `next` is where older ones end. */
  async ofItem(query: {
    readonly item: string;
    /** Without: entries of the item itself, a tag that is not GS1. */
    readonly serial?: string;
    /** Instead of a serial: entries that name the lot, with serials or without. */
    readonly lot?: string;
    /** Without: all stores. */
    readonly storeIds?: readonly string[];
    readonly before?: HistoryMark | undefined;
    readonly countMax: number;
  }): Promise<{ entries: Entry[]; next?: HistoryMark }> {
    const { item, serial = null, lot, storeIds, countMax } = query;
    const before = query.before ?? [Number.MAX_SAFE_INTEGER, "", 0];
    const rows = await this.#database.reader.all<
      EntryRow & { placedAtMs: number; previousHash: string | null }
    >(
      `SELECT ${entryColumns}, placed_at_ms AS placedAtMs,
              (SELECT p.hash FROM entries p WHERE p.store_id = e.store_id
                AND p.entry_number = e.entry_number - 1) AS previousHash
       FROM entries e
       WHERE store_id IN (SELECT h.store_id FROM chain_heads h
           WHERE ? = 0 OR h.store_id IN (SELECT value->>0 FROM json_each(?)))
         AND item = ? AND ${lot === undefined ? "coalesce(serial, '') = coalesce(?, '')" : "lot = ?"}
         AND (placed_at_ms, store_id, entry_number) < (?, ?, ?)
       ORDER BY placed_at_ms DESC, store_id DESC, entry_number DESC LIMIT ?`,
      ...[storeIds === undefined ? 0 : 1, JSON.stringify((storeIds ?? []).map((id) => [id]))],
      ...[item, lot ?? serial, ...before, countMax + 1],
    );
    const shown = rows.slice(0, countMax);
    const entries = shown.map(({ placedAtMs: _placed, previousHash, ...row }) =>
      entryOf(row, previousHash ?? genesisHash(row.storeId)),
    );
    entries.reverse();
    const last = shown.at(-1);
    if (last === undefined || rows.length <= countMax) return { entries };
    return { entries, next: [last.placedAtMs, last.storeId, last.entryNumber] };
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
