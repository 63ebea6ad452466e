// The unknown bin: tags that are not GS1, each as an item of its own until somebody says what it is.

import type { StockState } from "../../contract/units.ts";
import type { LedgerDatabase } from "./database.ts";

/** A tag that nobody knows, in one store. */
export interface UnknownTag {
  /** In hex. */
  readonly epc: string;
  /** Where it was seen last, or where it went. */
  readonly location: string;
  readonly state: StockState;
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
  /** At a real place of the store. */
  readonly isHere: boolean;
  /** The store's last entry of it. */
  readonly entryNumber: number;
}

/** Unknown tags of a ledger. */
export class SqlUnknownTags {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** In order of EPC; `isOpen`: those alone that are at a place of the store. */
  async list(query: {
    readonly storeId: string;
    readonly isOpen: boolean;
    readonly after?: string | undefined;
    readonly countMax: number;
  }): Promise<UnknownTag[]> {
    const { storeId, isOpen, after = "", countMax } = query;
    const rows = await this.#database.reader.all<
      Omit<UnknownTag, "epc" | "isHere"> & { item: string; here: number }
    >(
      // `0` is the character behind `/`.
      `SELECT t.item, t.here, t.entry_number AS entryNumber,
              e.to_location AS location, e.to_state AS state, e.placed_at_ms AS lastSeenAtMs,
              (SELECT min(f.placed_at_ms) FROM entries f
               WHERE f.store_id = e.store_id AND f.item = t.item) AS firstSeenAtMs
       FROM (SELECT item, max(entry_number) AS entry_number,
               CAST(sum(CASE WHEN instr(location, '/@') = 0 THEN quantity ELSE 0 END) AS INTEGER) AS here
             FROM balances WHERE store_id = ? AND item > ? AND item < 'epc0' GROUP BY item) t
       JOIN entries e ON e.store_id = ? AND e.entry_number = t.entry_number
       WHERE t.here > 0 OR ? = 0 ORDER BY t.item LIMIT ?`,
      ...[storeId, `epc/${after}`, storeId, Number(isOpen), countMax],
    );
    return rows.map(({ item, here, ...row }) => ({
      ...{ epc: item.slice("epc/".length), ...row, isHere: here > 0 },
    }));
  }
}
