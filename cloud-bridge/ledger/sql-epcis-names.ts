// What an EPCIS repository knows by name: units, words and places of captured events and of entries, each once, in pages.
// Indexes lead through all of it, so a page costs about as much as it shows.

import { wordStems } from "../../contract/epcis/canonical-value.ts";
import { ownWords } from "../epcis/event-of-entry.ts";
import type { Places } from "../epcis/places.ts";
import type { SqlConnection } from "./database.ts";
import { addStores, type Condition, newCondition } from "./sql-events.ts";

export const nameKinds = ["epc", "bizStep", "disposition", "readPoint", "bizLocation"] as const;
/** What is named: a single unit, a word, or a place. */
export type NameKind = (typeof nameKinds)[number];

/** Where a page ended: names that captured events have and words come first, then store by store the places. */
export interface NameCursor {
  /** Empty until the places of stores are read. */
  readonly storeId: string;
  /** A name, or a location. */
  readonly after: string;
}

export interface NamePage {
  readonly names: readonly string[];
  /** Absent when there is nothing more. */
  readonly next?: NameCursor;
}

export interface NamesQuery {
  readonly kind: NameKind;
  /** What is known of these stores alone. */
  readonly storeIds?: readonly string[] | undefined;
  readonly places: Places;
  readonly after?: NameCursor;
  readonly countMax: number;
}

/** Stores that one page looks into. */
const storeCountMax = 25;
const unitStem = "https://id.gs1.org/";

/** A page of the names of a kind. A tag that is not GS1 is told of in events, and not listed here. */
export async function readNames(connection: SqlConnection, query: NamesQuery): Promise<NamePage> {
  const { kind, countMax, after = { storeId: "", after: "" } } = query;
  const names: string[] = [];
  if (after.storeId === "") {
    const lists =
      kind === "epc"
        ? [await capturedEpcs(connection, query), await ownUnits(connection, query)]
        : [await capturedNames(connection, { ...query, kind }), wordsOf(kind)];
    const found = lists.flat().filter((name) => compared(name, after.after) > 0);
    names.push(...[...new Set(found)].sort(compared).slice(0, countMax));
    const isEnd = names.length < countMax;
    if (!isEnd) return { names, next: { storeId: "", after: names.at(-1)! } };
  }
  if (kind !== "readPoint" && kind !== "bizLocation") return { names };
  return await withOwnPlaces(connection, { ...query, after, kind }, names);
}

// As both databases order text.
function compared(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function wordsOf(kind: NameKind): readonly string[] {
  return kind === "bizStep" || kind === "disposition" ? ownWords[kind] : [];
}

/** A word of CBV by itself, as events have it; any other name as it is. */
export function shownName(kind: NameKind, name: string): string {
  if (kind !== "bizStep" && kind !== "disposition") return name;
  const stem = wordStems[kind];
  return name.startsWith(stem) ? name.slice(stem.length) : name;
}

async function capturedEpcs(connection: SqlConnection, { after, storeIds, countMax }: NamesQuery) {
  const { condition, add } = newCondition();
  add("epc > ?", after?.after ?? "");
  addStores(add, storeIds);
  const rows = await connection.all<{ name: string }>(
    `SELECT DISTINCT epc AS name FROM captured_epcs
     WHERE ${condition.sql.join(" AND ")} AND role IN ('epc', 'parent', 'input', 'output')
     ORDER BY epc LIMIT ?`,
    ...[...condition.values, countMax],
  );
  return rows.map(({ name }) => name);
}

async function ownUnits(connection: SqlConnection, { after, storeIds, countMax }: NamesQuery) {
  const name = after?.after ?? "";
  if (name > unitStem && !name.startsWith(unitStem)) return [];
  const { condition, add } = newCondition();
  add("serial_key > ?", name.startsWith(unitStem) ? name.slice(unitStem.length) : "");
  addStores(add, storeIds);
  const rows = await connection.all<{ serialKey: string }>(
    `SELECT DISTINCT serial_key AS serialKey FROM serials
     WHERE ${condition.sql.join(" AND ")} ORDER BY serial_key LIMIT ?`,
    ...[...condition.values, countMax],
  );
  return rows.map(({ serialKey }) => unitStem + serialKey);
}

const columns = {
  ...{ bizStep: "biz_step", disposition: "disposition" },
  ...{ readPoint: "read_point", bizLocation: "biz_location" },
} as const;
type NamedField = keyof typeof columns;

/** The names that captured events have in a field: kept for all of them together, read of the events of some stores. */
function namesIn(kind: NamedField, storeIds: readonly string[] | undefined): Condition {
  if (storeIds === undefined)
    return { sql: ["SELECT name FROM captured_names WHERE kind = ?"], values: [kind] };
  const { condition, add } = newCondition();
  addStores(add, storeIds);
  const from = `SELECT ${columns[kind]} AS name FROM captured_events`;
  return { sql: [`${from} WHERE ${condition.sql.join(" AND ")}`], values: condition.values };
}

async function capturedNames(
  connection: SqlConnection,
  { kind, storeIds, after, countMax }: NamesQuery & { readonly kind: NamedField },
) {
  const { sql, values } = namesIn(kind, storeIds);
  const rows = await connection.all<{ name: string }>(
    `SELECT DISTINCT name FROM (${sql.join()}) n WHERE name > ? ORDER BY name LIMIT ?`,
    ...[...values, after?.after ?? "", countMax],
  );
  return rows.map(({ name }) => name);
}

async function withOwnPlaces(
  connection: SqlConnection,
  query: NamesQuery & { readonly kind: NamedField; readonly after: NameCursor },
  names: string[],
): Promise<NamePage> {
  const { kind, storeIds, places, after, countMax } = query;
  const { condition, add } = newCondition();
  add("store_id >= ?", after.storeId);
  addStores(add, storeIds);
  const stores = await connection.all<{ storeId: string }>(
    `SELECT store_id AS storeId FROM chain_heads WHERE ${condition.sql.join(" AND ")}
     ORDER BY store_id LIMIT ?`,
    ...[...condition.values, storeCountMax + 1],
  );
  const captured = namesIn(kind, storeIds);
  for (const [index, { storeId }] of stores.entries()) {
    const location = storeId === after.storeId ? after.after : "";
    const next = { storeId, after: location };
    if (index === storeCountMax || names.length >= countMax) return { names, next };
    const rest = countMax - names.length;
    const locations = await readLocations(connection, { storeId, after: location }, rest);
    const uris = locations.map((each) => places.uriOf(each));
    const told = await connection.all<{ name: string }>(
      `SELECT DISTINCT name FROM (${captured.sql.join()}) n
       WHERE name IN (SELECT value->>0 FROM json_each(?))`,
      ...[...captured.values, JSON.stringify(uris.map((uri) => [uri]))],
    );
    const known = new Set(told.map(({ name }) => name));
    names.push(...uris.filter((uri) => !known.has(uri)));
    if (locations.length === rest) {
      return { names, next: { storeId, after: locations.at(-1)! } };
    }
  }
  return { names };
}

// From one location to the next by the index: DISTINCT would read every balance. Virtual ones, of which there is one for
// each transfer, are left behind in one step: "A" comes after "@" and before every name.
async function readLocations(
  connection: SqlConnection,
  { storeId, after }: NameCursor,
  countMax: number,
): Promise<string[]> {
  const rows = await connection.all<{ location: string }>(
    `WITH RECURSIVE p(location) AS (
       SELECT min(location) FROM balances WHERE store_id = ? AND location > ?
       UNION ALL
       SELECT (SELECT min(b.location) FROM balances b WHERE b.store_id = ? AND b.location >
         CASE WHEN p.location LIKE '%/@%' THEN ? ELSE p.location END)
       FROM p WHERE p.location IS NOT NULL)
     SELECT location FROM p WHERE location IS NOT NULL AND location NOT LIKE '%/@%' LIMIT ?`,
    ...[storeId, after, storeId, `${storeId}/A`, countMax],
  );
  return rows.map(({ location }) => location);
}
