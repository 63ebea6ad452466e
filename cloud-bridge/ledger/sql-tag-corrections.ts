// A tag that was named wrongly: what stands in the book under that name because of it, and the facts that book it over. Each
// is posted at the time when the tag was told of there last, so that a count since then stays right: counts ask for their
// differences anew, and no unit is there twice.

import { createHash } from "node:crypto";
import { GatewayError } from "../../contract/errors.ts";
import type { Place } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { EpcHex, Gtin, StockState } from "../../contract/units.ts";
import { countDifference } from "./anchors.ts";
import type { Author } from "./author.ts";
import type { SqlConnection } from "./database.ts";
import { type Fact, type FactRequest, factItem, ownSourceIds } from "./facts.ts";
import { isOutside, isReal, transitNameOf } from "./settle.ts";

/** What a tag is said to be. */
export interface Named {
  readonly gtin: string;
  readonly serial?: string | undefined;
}

/** A name cannot be corrected as the book stands; the message says what is to be done first. */
export class TagNotCorrectedError extends GatewayError {
  constructor(message: string) {
    super("LEDGER_RULE", message);
  }
}

/** Units that stand at a place by what was told of a tag; below zero where more left than came. */
export interface TagUnits {
  readonly storeId: string;
  readonly place: Place;
  readonly quantity: number;
  /** When the tag was told of there last. */
  readonly atMs: number;
  /** It is the unit that has the name's serial. */
  readonly isNamed: boolean;
}

/** The units of a tag under its name, in each store, the latest first: those at places of a store, and on their way. */
export async function readTagUnits(
  connection: SqlConnection,
  epc: string,
  name: Named,
): Promise<TagUnits[]> {
  const rows = await readTagEntries(connection, epc, name.gtin);
  const storeIds = new Set(rows.flatMap(({ storeId, serial }) => (serial === null ? [] : storeId)));
  const held = name.serial === undefined ? [] : await readHeld(connection, name);
  const units = [
    ...held.filter(({ storeId }) => storeIds.has(storeId)),
    ...withoutArrived(unnamedUnits(rows.filter(({ serial }) => serial === null))),
  ];
  return (await withoutSettled(connection, name.gtin, units))
    .filter(({ place, quantity }) => quantity !== 0 && !isOutside(place.location))
    .sort((a, b) => b.atMs - a.atMs);
}

interface TagEntry {
  readonly storeId: string;
  readonly serial: string | null;
  readonly quantity: number;
  readonly fromLocation: string;
  readonly fromState: StockState;
  readonly toLocation: string;
  readonly toState: StockState;
  readonly atMs: number;
  readonly body: string;
}

/** What was posted of a product because of what was told of a tag, settlement's part too. */
async function readTagEntries(
  connection: SqlConnection,
  epc: string,
  gtin: string,
): Promise<TagEntry[]> {
  const rows = await connection.all<TagEntry>(
    `SELECT e.store_id AS storeId, e.serial, e.quantity, e.from_location AS fromLocation,
            e.from_state AS fromState, e.to_location AS toLocation, e.to_state AS toState,
            e.placed_at_ms AS atMs, l.body
     FROM chain_heads h JOIN entries e ON e.store_id = h.store_id AND e.item = ?
     JOIN event_log l ON l.store_id = e.store_id AND l.edge_id = e.edge_id
      AND l.outbox_id = e.outbox_id AND l.sequence = e.sequence
     WHERE e.reason <> '${countDifference}' AND instr(l.body, ?) > 0`,
    ...[gtin, epc],
  );
  return rows.filter(({ body }) => JSON.parse(body).item?.epc === epc);
}

/** Where a serial is held: a store that sent it holds it on its way for good, which is over once a store has it later. */
async function readHeld(connection: SqlConnection, { gtin, serial }: Named): Promise<TagUnits[]> {
  const rows = await connection.all<{ storeId: string; atMs: number } & Place>(
    `SELECT store_id AS storeId, location, state, at_ms AS atMs FROM serials
     WHERE serial_key = ?
     ORDER BY at_ms DESC, CASE WHEN instr(location, '/@transit/') = 0 THEN 0 ELSE 1 END, store_id`,
    serialKey(gtin as Gtin, serial ?? ""),
  );
  const held = rows.filter((row, index) => index === 0 || !isTransit(row));
  return held.map(({ storeId, location, state, atMs }) => {
    return { storeId, place: { location, state }, quantity: 1, atMs, isNamed: true };
  });
}

function isTransit({ location }: Place): boolean {
  return transitNameOf(location) !== undefined;
}

/** Units without those on their way that another store was told to have received: by the tag as many came as left. */
function withoutArrived(units: readonly TagUnits[]): TagUnits[] {
  const onWay = new Map<string, number>();
  const keyOf = ({ location, state }: Place) => `${transitNameOf(location)} ${state}`;
  for (const { place, quantity } of units) {
    onWay.set(keyOf(place), (onWay.get(keyOf(place)) ?? 0) + quantity);
  }
  return units.filter(({ place }) => !isTransit(place) || (onWay.get(keyOf(place)) ?? 0) > 0);
}

/** Units without those on their way in transfers of which all stores together have none left there: what others told, as
    who received without serials or wrote off what is missing, took it from there. */
async function withoutSettled(
  connection: SqlConnection,
  gtin: string,
  units: readonly TagUnits[],
): Promise<readonly TagUnits[]> {
  const ways = units.flatMap(({ place }) =>
    isTransit(place) ? [[place.location, place.state, transitNameOf(place.location)]] : [],
  );
  if (ways.length === 0) return units;
  const rows = await connection.all<Place>(
    `SELECT k.value->>0 AS location, k.value->>1 AS state FROM json_each(?) k
     WHERE (SELECT coalesce(sum(b.quantity), 0) FROM chain_heads h
       JOIN balances b ON b.store_id = h.store_id AND b.item = ?
        AND b.location = h.store_id || (k.value->>2) AND b.state = k.value->>1) > 0`,
    ...[JSON.stringify(ways), gtin],
  );
  const left = new Set(rows.map(({ location, state }) => `${location} ${state}`));
  return units.filter(
    ({ place }) => !isTransit(place) || left.has(`${place.location} ${place.state}`),
  );
}

function unnamedUnits(rows: readonly TagEntry[]): TagUnits[] {
  const units = new Map<string, TagUnits>();
  const add = (storeId: string, place: Place, quantity: number, atMs: number) => {
    const key = `${storeId} ${place.location} ${place.state}`;
    const known = units.get(key) ?? { storeId, place, quantity: 0, atMs, isNamed: false };
    const latestAtMs = Math.max(known.atMs, atMs);
    units.set(key, { ...known, quantity: known.quantity + quantity, atMs: latestAtMs });
  };
  for (const { storeId, quantity, atMs, ...row } of rows) {
    add(storeId, { location: row.fromLocation, state: row.fromState }, -quantity, atMs);
    add(storeId, { location: row.toLocation, state: row.toState }, quantity, atMs);
  }
  return [...units.values()];
}

/** Says that a serial is another unit's, and where that is; undefined where no other unit or tag has it. */
export async function serialTaken(
  connection: SqlConnection,
  epc: string,
  { gtin, serial }: Named,
  from?: Named,
): Promise<string | undefined> {
  if (serial === undefined || (from?.gtin === gtin && from.serial === serial)) return undefined;
  const held = await readHeld(connection, { gtin, serial });
  const units = await withoutSettled(connection, gtin, held);
  const tags = await connection.all<{ epc: string }>(
    "SELECT epc FROM tag_names WHERE gtin = ? AND serial = ? AND epc <> ?",
    ...[gtin, serial, epc],
  );
  const unit = units.find(({ place }) => !isOutside(place.location));
  const where = unit?.place.location ?? (tags.length === 0 ? undefined : `tag ${tags[0]?.epc}`);
  if (where === undefined) return undefined;
  const advice = "give the serial that is on this unit, or none";
  return `${serialKey(gtin as Gtin, serial)} is at ${where}: ${advice}`;
}

/** Those of the units that stand at places of a store; refuses while one of them is on its way. */
export function standingUnits(
  units: readonly TagUnits[],
  { gtin }: Named,
  balances: ReadonlyMap<string, number>,
): TagUnits[] {
  return units.filter((unit) => {
    const { place, quantity, isNamed } = unit;
    if (isReal(place.location)) return true;
    // What others told of it, as a till of a sale without serial, may have taken it from there; of transfers that was asked.
    const isKnown = isNamed || isTransit(place);
    const isThere = quantity > 0 && (isKnown || (balances.get(accountOf(gtin, place)) ?? 0) > 0);
    if (!isThere) return false;
    const advice = "correct the name when it is received, brought back, sold or given up";
    throw new TagNotCorrectedError(`the unit is on its way, at ${place.location}: ${advice}`);
  });
}

/** Refuses where other facts took the units away under the wrong name: they would be missing there. */
export function requireStock(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): void {
  for (const [account, quantity] of after) {
    if (quantity >= 0 || quantity >= (before.get(account) ?? 0)) continue;
    const advice =
      "was it sold, or picked for an order? Count both products there, then correct the name";
    throw new TagNotCorrectedError(`${account} would stand at ${quantity}: ${advice}`);
  }
}

/** What books the units of a tag over from one name to another: a request for each store. */
export function correctionFacts(
  epc: string,
  units: readonly TagUnits[],
  [from, to]: readonly [Named, Named],
  { by, key }: Pick<Author, "by"> & { readonly key: string },
): FactRequest[] {
  // A serial is of one unit: of the one that had the old serial, else of the one that was seen last.
  const one = units.find(({ isNamed }) => isNamed) ?? units.find(({ quantity }) => quantity === 1);
  const itemOf = ({ gtin, serial }: Named, isOne: boolean) => ({
    ...factItem({ gtin: gtin as Gtin, serial: isOne ? serial : undefined }),
    epc: epc as EpcHex,
  });
  const byStore = new Map<string, Fact[]>();
  for (const unit of units) {
    const { storeId, place, quantity, atMs: occurredAtMs } = unit;
    const outside = { location: `${storeId}/@unknown`, state: place.state };
    const move = { kind: "move", occurredAtMs, quantity: Math.abs(quantity) } as const;
    const [taken, given] = quantity > 0 ? [place, outside] : [outside, place];
    byStore.set(storeId, [
      ...(byStore.get(storeId) ?? []),
      { ...move, item: itemOf(from, unit.isNamed), from: taken, to: given },
      { ...move, item: itemOf(to, unit === one), from: given, to: taken },
    ]);
  }
  const digest = createHash("sha256").update(key).digest("hex");
  return [...byStore].map(([storeId, facts]) => {
    return { storeId, sourceId: ownSourceIds.tags, key, digest, facts, by };
  });
}

/** Balances of the products at the places of units, by product and account. */
export async function readBalances(
  connection: SqlConnection,
  units: readonly TagUnits[],
  gtins: readonly string[],
): Promise<Map<string, number>> {
  const accounts = units.flatMap(({ storeId, place: { location, state } }) =>
    gtins.map((gtin) => [storeId, gtin, location, state]),
  );
  const rows = await connection.all<Place & { gtin: string; quantity: number }>(
    `SELECT b.item AS gtin, b.location, b.state, b.quantity
     FROM json_each(?) k JOIN balances b ON b.store_id = k.value->>0 AND b.item = k.value->>1
      AND b.location = k.value->>2 AND b.state = k.value->>3`,
    JSON.stringify(accounts),
  );
  return new Map(rows.map(({ gtin, quantity, ...place }) => [accountOf(gtin, place), quantity]));
}

function accountOf(gtin: string, { location, state }: Place): string {
  return `${gtin} at ${location} ${state}`;
}
