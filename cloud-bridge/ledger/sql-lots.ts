// Lots: which ones a store has had of a product, when they expire, and what is left of each.

import type { PlacedEntry } from "./changes.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { type Lot, type LotLeft, lotsLeft, noExpiry } from "./lots.ts";

export const lotTables = `
-- Each lot that an entry named, with the earliest expiry that was told.
CREATE TABLE IF NOT EXISTS lots (
  store_id TEXT NOT NULL, item TEXT NOT NULL, lot TEXT NOT NULL,
  expiry TEXT NOT NULL,
  PRIMARY KEY (store_id, item, lot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lots_expiry ON lots (store_id, expiry, item, lot);
CREATE INDEX IF NOT EXISTS entries_lot ON entries (store_id, item, lot) WHERE lot IS NOT NULL;
-- Of a ledger that knew lots before it knew this table.
INSERT INTO lots SELECT DISTINCT store_id, item, lot, '${noExpiry}' FROM entries
  WHERE lot IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lots);
`;

/** A lot that entries named. */
export interface NamedLot {
  readonly storeId: string;
  readonly item: string;
  readonly lot: string;
  readonly expiry: string;
}

export const lotConflict = `ON CONFLICT (store_id, item, lot) DO UPDATE SET
  expiry = excluded.expiry WHERE excluded.expiry < lots.expiry`;

/** The lots that entries name, each once. */
export function lotsOf(entries: readonly PlacedEntry[]): NamedLot[] {
  const lots = new Map<string, NamedLot>();
  for (const { entry, expiry = noExpiry } of entries) {
    const { storeId, item, lot } = entry;
    if (lot === undefined) continue;
    const key = `${storeId} ${item} ${lot}`;
    const known = lots.get(key);
    if (known === undefined || expiry < known.expiry) lots.set(key, { storeId, item, lot, expiry });
  }
  return [...lots.values()];
}

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
      where: `l.store_id = ? AND l.item < 'e' AND l.item = coalesce(?, l.item) AND l.expiry <= ?
        AND (l.expiry, l.item, l.lot) > (?, ?, ?)`,
      values: [storeId, gtin ?? null, throughDay, ...after],
      countMax,
    });
    const gtins = [...new Set(page.map((lot) => lot.gtin))];
    const all = await readLots(reader, {
      where: "l.store_id = ? AND l.item IN (SELECT value->>0 FROM json_each(?))",
      values: [storeId, JSON.stringify(gtins.map((each) => [each]))],
      countMax: Number.MAX_SAFE_INTEGER,
    });
    const onHand = await readOnHand(reader, storeId, gtins);
    const left = gtins.flatMap((each) => {
      const own = all.filter((lot) => lot.gtin === each);
      return lotsLeft(own, onHand.get(each) ?? 0);
    });
    const byName = new Map(left.map((lot) => [`${lot.gtin} ${lot.lot}`, lot]));
    return page.flatMap(({ gtin: item, lot }) => byName.get(`${item} ${lot}`) ?? []);
  }
}

const ofLot = "e.store_id = l.store_id AND e.item = l.item AND e.lot = l.lot";
// What a customer has in hand has not left: a till that names the lot sells it from there, and the shelf knew no lot.
const inStore = (place: string) =>
  `CASE WHEN instr(e.${place}_location, '/@') = 0 OR e.${place}_location = e.store_id || '/@basket'
    THEN e.quantity ELSE 0 END`;

// Units with a serial are where they were seen last, whether or not their lot was named there.
async function readLots(
  connection: SqlConnection,
  { where, values, countMax }: { where: string; values: (string | null)[]; countMax: number },
): Promise<Lot[]> {
  const rows = await connection.all<{
    gtin: string;
    lot: string;
    expiry: string;
    quantity: number;
  }>(
    `SELECT * FROM (
       SELECT l.item AS gtin, l.lot, l.expiry,
        CAST(coalesce((SELECT sum(${inStore("to")} - ${inStore("from")}) FROM entries e
          WHERE ${ofLot} AND e.serial IS NULL), 0)
        + (SELECT count(*) FROM (SELECT DISTINCT e.serial FROM entries e
            WHERE ${ofLot} AND e.serial IS NOT NULL) u
          WHERE (SELECT instr(s.to_location, '/@') FROM entries s
            WHERE s.store_id = l.store_id AND s.item = l.item AND s.serial = u.serial
            ORDER BY s.placed_at_ms DESC, s.entry_number DESC LIMIT 1) = 0) AS INTEGER) AS quantity
       FROM lots l WHERE ${where}) named
     WHERE quantity > 0 ORDER BY expiry, gtin, lot LIMIT ?`,
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
