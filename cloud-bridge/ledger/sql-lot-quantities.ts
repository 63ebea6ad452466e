// What a store has of each lot, kept by the transaction that posts. Units without a serial are a sum; those with one are where
// they were seen last, whether or not their lot was named there. `verify` counts all of it anew.

import type { Entry } from "../../contract/stock.ts";
import type { Changes, PlacedEntry } from "./changes.ts";
import type { SqlConnection } from "./database.ts";
import { noExpiry } from "./lots.ts";
import { seenInStore } from "./sql-unit-places.ts";

const lotUnitsTable = `
-- Units with a serial, by each lot that an entry named for them. in_store: whether they were seen last at a real place.
CREATE TABLE IF NOT EXISTS lot_units (
  store_id TEXT NOT NULL, item TEXT NOT NULL, serial TEXT NOT NULL, lot TEXT NOT NULL,
  in_store INTEGER NOT NULL,
  PRIMARY KEY (store_id, item, serial, lot)
) WITHOUT ROWID`;

export const lotTables = `
-- Each lot that an entry named, with the earliest expiry that was told, and how many units are in the store.
CREATE TABLE IF NOT EXISTS lots (
  store_id TEXT NOT NULL, item TEXT NOT NULL, lot TEXT NOT NULL,
  expiry TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  PRIMARY KEY (store_id, item, lot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lots_left ON lots (store_id, expiry, item, lot) WHERE quantity > 0;
CREATE INDEX IF NOT EXISTS entries_lot ON entries (store_id, item, lot) WHERE lot IS NOT NULL;
${lotUnitsTable};
`;

// What a customer has in hand has not left: a till that names the lot sells it from there, and the shelf knew no lot.
const moved = (place: "from" | "to") =>
  `CASE WHEN e.${place}_location NOT LIKE '%/@%' OR e.${place}_location = e.store_id || '/@basket'
    THEN e.quantity ELSE 0 END`;

/** What entries say of a lot (a row of `l`). */
const countedOf = (l: string) => {
  const ofLot = `e.store_id = ${l}.store_id AND e.item = ${l}.item AND e.lot = ${l}.lot`;
  return `CAST(coalesce((SELECT sum(${moved("to")} - ${moved("from")}) FROM entries e
      WHERE ${ofLot} AND e.serial IS NULL), 0)
    + coalesce((SELECT sum(${seenInStore("u")}) FROM (SELECT DISTINCT e.store_id, e.item, e.serial
        FROM entries e WHERE ${ofLot} AND e.serial IS NOT NULL) u), 0) AS INTEGER)`;
};

/** Gives lots of a ledger that did not keep quantities theirs; lots of one that knew none are those of its entries. */
export const lotQuantitiesUpgrade = `
CREATE TABLE IF NOT EXISTS lots (
  store_id TEXT NOT NULL, item TEXT NOT NULL, lot TEXT NOT NULL,
  expiry TEXT NOT NULL,
  PRIMARY KEY (store_id, item, lot)
) WITHOUT ROWID;
INSERT INTO lots SELECT DISTINCT store_id, item, lot, '${noExpiry}' FROM entries
  WHERE lot IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lots);
DROP INDEX IF EXISTS lots_expiry;
ALTER TABLE lots ADD COLUMN quantity INTEGER NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS entries_lot ON entries (store_id, item, lot) WHERE lot IS NOT NULL;
CREATE INDEX IF NOT EXISTS entries_named ON entries (store_id, item, serial, entry_number)
  WHERE serial IS NOT NULL;
UPDATE lots SET quantity = ${countedOf("lots")};
${lotUnitsTable};
INSERT INTO lot_units SELECT u.store_id, u.item, u.serial, u.lot, ${seenInStore("u")}
  FROM (SELECT DISTINCT store_id, item, serial, lot FROM entries
    WHERE lot IS NOT NULL AND serial IS NOT NULL) u`;

/** Counts lots anew, when what is said of a unit beside its movements no longer moved it. */
export const lotUnitsUpgrade = `
UPDATE lot_units SET in_store = ${seenInStore("lot_units")};
UPDATE lots SET quantity = ${countedOf("lots")}`;

/** A lot that entries named, and how many more units without a serial the store has of it. */
export interface NamedLot {
  readonly storeId: string;
  readonly item: string;
  readonly lot: string;
  readonly expiry: string;
  readonly quantity: number;
}

export const lotConflict = `ON CONFLICT (store_id, item, lot) DO UPDATE SET
  expiry = min(lots.expiry, excluded.expiry), quantity = lots.quantity + excluded.quantity`;

/** The lots that entries name, each once. */
export function lotsOf(entries: readonly PlacedEntry[]): NamedLot[] {
  const lots = new Map<string, NamedLot>();
  for (const { entry, expiry = noExpiry } of entries) {
    const { storeId, item, lot } = entry;
    if (lot === undefined) continue;
    const key = `${storeId} ${item} ${lot}`;
    const known = lots.get(key) ?? { storeId, item, lot, expiry, quantity: 0 };
    const earlier = expiry < known.expiry ? { expiry } : {};
    lots.set(key, { ...known, ...earlier, quantity: known.quantity + movedBy(entry) });
  }
  return [...lots.values()];
}

function movedBy({ storeId, serial, quantity, from, to }: Entry): number {
  if (serial !== undefined) return 0;
  const isIn = ({ location }: Entry["to"]) =>
    !location.includes("/@") || location === `${storeId}/@basket`;
  return quantity * (Number(isIn(to)) - Number(isIn(from)));
}

type Unit = readonly [storeId: string, item: string, serial: string];

/** Counts units with a serial in or out of their lots, once the entries are stored and stand where they belong in time. */
export async function keepLotUnits(
  connection: SqlConnection,
  { entries, placements }: Pick<Changes, "entries" | "placements">,
): Promise<void> {
  const units = new Map<string, Unit>();
  const named: (readonly [...Unit, lot: string])[] = [];
  for (const { entry } of entries) {
    const { storeId, item, serial, lot } = entry;
    if (serial === undefined) continue;
    const unit = [storeId, item, serial] as const;
    units.set(unit.join(" "), unit);
    if (lot !== undefined) named.push([...unit, lot]);
  }
  if (named.length > 0) {
    await connection.run(
      `INSERT INTO lot_units (store_id, item, serial, lot, in_store)
       SELECT DISTINCT value->>0, value->>1, value->>2, value->>3, 0 FROM json_each(?) WHERE true
       ON CONFLICT (store_id, item, serial, lot) DO NOTHING`,
      JSON.stringify(named),
    );
  }
  const seen = await unitsWithLots(connection, [...units.values()]);
  await recount(connection, [...seen, ...(await placedUnits(connection, placements))]);
}

/** Most products with serials have no lots: their units are not looked for. */
async function unitsWithLots(connection: SqlConnection, units: readonly Unit[]): Promise<Unit[]> {
  if (units.length === 0) return [];
  const items = new Map(units.map(([storeId, item]) => [`${storeId} ${item}`, [storeId, item]]));
  const rows = await connection.all<{ storeId: string; item: string }>(
    `SELECT k.value->>0 AS storeId, k.value->>1 AS item FROM json_each(?) k
     WHERE EXISTS (SELECT 1 FROM lot_units u WHERE u.store_id = k.value->>0 AND u.item = k.value->>1)`,
    JSON.stringify([...items.values()]),
  );
  const withLots = new Set(rows.map(({ storeId, item }) => `${storeId} ${item}`));
  return units.filter(([storeId, item]) => withLots.has(`${storeId} ${item}`));
}

/** Another place in time may make another entry a unit's last. */
async function placedUnits(
  connection: SqlConnection,
  placements: Changes["placements"],
): Promise<Unit[]> {
  const units: Unit[] = [];
  for (const { storeId, edgeId, bootId } of placements) {
    const rows = await connection.all<{ item: string; serial: string }>(
      `SELECT DISTINCT e.item, e.serial FROM entries e JOIN lot_units u
        ON u.store_id = e.store_id AND u.item = e.item AND u.serial = e.serial
       WHERE e.store_id = ? AND e.edge_id = ? AND e.unsynced_boot_id = ?`,
      ...[storeId, edgeId, bootId],
    );
    units.push(...rows.map(({ item, serial }) => [storeId, item, serial] as const));
  }
  return units;
}

async function recount(connection: SqlConnection, units: readonly Unit[]): Promise<void> {
  if (units.length === 0) return;
  const flipped = await connection.all<Omit<NamedLot, "expiry">>(
    `UPDATE lot_units SET in_store = 1 - in_store
     WHERE (store_id, item, serial) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?))
      AND in_store <> ${seenInStore("lot_units")}
     RETURNING store_id AS storeId, item, lot, 2 * in_store - 1 AS quantity`,
    JSON.stringify(units),
  );
  const sums = new Map<string, [storeId: string, item: string, lot: string, quantity: number]>();
  for (const { storeId, item, lot, quantity } of flipped) {
    const key = `${storeId} ${item} ${lot}`;
    sums.set(key, [storeId, item, lot, (sums.get(key)?.[3] ?? 0) + quantity]);
  }
  if (sums.size === 0) return;
  await connection.run(
    `UPDATE lots SET quantity = lots.quantity + CAST(k.value->>3 AS INTEGER) FROM json_each(?) k
     WHERE store_id = k.value->>0 AND item = k.value->>1 AND lot = k.value->>2`,
    JSON.stringify([...sums.values()]),
  );
}

/** A lot of which the ledger keeps another quantity than its entries say. */
export interface WrongLot {
  readonly storeId: string;
  readonly item: string;
  readonly lot: string;
  readonly kept: number;
  readonly counted: number;
}

/** Lots whose quantity is not what entries say of them. */
export async function readWrongLots(connection: SqlConnection): Promise<WrongLot[]> {
  return await connection.all<WrongLot>(
    `SELECT store_id AS storeId, item, lot, kept, counted FROM (
       SELECT l.store_id, l.item, l.lot, l.quantity AS kept, ${countedOf("l")} AS counted FROM (
         SELECT store_id, item, lot, quantity FROM lots
         UNION SELECT n.store_id, n.item, n.lot, 0 FROM entries n WHERE n.lot IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM lots o
            WHERE o.store_id = n.store_id AND o.item = n.item AND o.lot = n.lot)) l) both_counts
     WHERE kept <> counted ORDER BY store_id, item, lot`,
  );
}
