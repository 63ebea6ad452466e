// Stocktakes in the ledger's database: the sheet, and what the book says of its lines.

import type { StockState } from "../../../contract/units.ts";
import { isWithin } from "../../../contract/units.ts";
import { countDifference } from "../anchors.ts";
import { claimEdgeId } from "../claims.ts";
import type { SqlConnection } from "../database.ts";
import { insertRows } from "../sql-save.ts";
import type { CountPolicy } from "./count-policy.ts";
import { itemOf, readItems } from "./sql-policy.ts";
import {
  type LineKey,
  lineKey,
  type Observation,
  type Stocktake,
  type StocktakeLine,
  type StocktakeView,
} from "./stocktake.ts";

type HeadRow = Omit<Stocktake, "lines" | "submittedAtMs"> & { submittedAtMs: number | null };
type LineRow = Omit<
  StocktakeLine,
  "observations" | "isOutdated" | "reason" | "cause" | "approvedBy"
> & {
  readonly observations: string;
  readonly isOutdated: number;
};

const headSelect = `SELECT count_id AS countId, digest, store_id AS storeId, kind, location, state, phase,
  opened_at_ms AS openedAtMs, opened_by AS openedBy, changed_at_ms AS changedAtMs,
  changed_by AS changedBy, submitted_at_ms AS submittedAtMs, posting_count AS postingCount,
  population_count AS populationCount FROM stocktakes`;

/** How the table says that nobody knows a value. */
const unknownValue = -1;

/** A stocktake with its lines. */
export async function readStocktake(
  connection: SqlConnection,
  storeId: string,
  countId: string,
): Promise<Stocktake | undefined> {
  const [head] = await connection.all<HeadRow>(
    `${headSelect} WHERE store_id = ? AND count_id = ?`,
    ...[storeId, countId],
  );
  if (head === undefined) return undefined;
  const lines = await connection.all<LineRow>(
    `SELECT gtin, location, status, observations, value_minor AS valueMinor, is_outdated AS isOutdated,
            reason, cause, approved_by AS approvedBy
     FROM stocktake_lines WHERE store_id = ? AND count_id = ? ORDER BY gtin, location`,
    ...[storeId, countId],
  );
  return {
    ...withoutNulls(head),
    lines: lines.map(({ observations, isOutdated, valueMinor, ...line }) => ({
      ...withoutNulls(line),
      valueMinor: valueMinor === unknownValue ? null : valueMinor,
      isOutdated: isOutdated === 1,
      observations: JSON.parse(observations) as Observation[],
    })),
  } as Stocktake;
}

/** Stocktakes of a store without their lines, the newest first. */
export async function readStocktakes(
  connection: SqlConnection,
  query: {
    storeId: string;
    isOpen: boolean;
    /** Time and id of the last one of the page before. */
    before?: readonly [openedAtMs: number, countId: string] | undefined;
    countMax: number;
  },
): Promise<(Omit<Stocktake, "lines"> & { lineCounts: Record<string, number> })[]> {
  const { storeId, isOpen, before = [Number.MAX_SAFE_INTEGER, ""], countMax } = query;
  const [beforeMs, beforeId] = before;
  const rows = await connection.all<HeadRow>(
    `${headSelect} WHERE store_id = ? AND opened_at_ms <= ? AND (opened_at_ms < ? OR count_id > ?)
      AND (? = 0 OR phase IN ('counting', 'review'))
     ORDER BY opened_at_ms DESC, count_id LIMIT ?`,
    ...[storeId, beforeMs, beforeMs, beforeId, Number(isOpen), countMax],
  );
  const counts = await connection.all<{ countId: string; status: string; count: number }>(
    `SELECT count_id AS countId, status, count(*) AS count FROM stocktake_lines
     WHERE store_id = ? AND count_id IN (SELECT value FROM json_each(?))
     GROUP BY count_id, status ORDER BY count_id, status`,
    ...[storeId, JSON.stringify(rows.map(({ countId }) => countId))],
  );
  return rows.map((row) => {
    const own = counts.filter(({ countId }) => countId === row.countId);
    const lineCounts = Object.fromEntries(own.map(({ status, count }) => [status, count]));
    return { ...(withoutNulls(row) as unknown as Omit<Stocktake, "lines">), lineCounts };
  });
}

export async function readOpenCount(connection: SqlConnection, storeId: string): Promise<number> {
  const [row] = await connection.all<{ count: number }>(
    "SELECT count(*) AS count FROM stocktakes WHERE store_id = ? AND phase IN ('counting', 'review')",
    storeId,
  );
  return row!.count;
}

/** Writes a stocktake and those of its lines that are not the same object as before. */
export async function saveStocktake(
  connection: SqlConnection,
  stocktake: Stocktake,
  before?: Stocktake,
): Promise<void> {
  const { storeId, countId } = stocktake;
  await insertRows<Stocktake>(
    connection,
    "stocktakes",
    {
      store_id: (row) => row.storeId,
      count_id: (row) => row.countId,
      digest: (row) => row.digest,
      kind: (row) => row.kind,
      location: (row) => row.location,
      state: (row) => row.state,
      phase: (row) => row.phase,
      opened_at_ms: (row) => row.openedAtMs,
      opened_by: (row) => row.openedBy,
      changed_at_ms: (row) => row.changedAtMs,
      changed_by: (row) => row.changedBy,
      submitted_at_ms: (row) => row.submittedAtMs ?? null,
      posting_count: (row) => row.postingCount,
      population_count: (row) => row.populationCount,
    },
    [stocktake],
    `ON CONFLICT (store_id, count_id) DO UPDATE SET phase = excluded.phase,
       changed_at_ms = excluded.changed_at_ms, changed_by = excluded.changed_by,
       submitted_at_ms = excluded.submitted_at_ms, posting_count = excluded.posting_count`,
  );
  const known = new Set(before?.lines);
  await insertRows<StocktakeLine>(
    connection,
    "stocktake_lines",
    {
      store_id: () => storeId,
      count_id: () => countId,
      gtin: (row) => row.gtin,
      location: (row) => row.location,
      status: (row) => row.status,
      observations: (row) => JSON.stringify(row.observations),
      value_minor: (row) => row.valueMinor ?? unknownValue,
      is_outdated: (row) => Number(row.isOutdated),
      reason: (row) => row.reason ?? null,
      cause: (row) => row.cause ?? null,
      approved_by: (row) => row.approvedBy ?? null,
      posted_quantity: ({ status, observations }) =>
        status === "posted" ? observations.at(-1)!.quantity : null,
    },
    stocktake.lines.filter((line) => !known.has(line)),
    `ON CONFLICT (store_id, count_id, gtin, location) DO UPDATE SET status = excluded.status,
       observations = excluded.observations, value_minor = excluded.value_minor,
       is_outdated = excluded.is_outdated, reason = excluded.reason, cause = excluded.cause,
       approved_by = excluded.approved_by, posted_quantity = excluded.posted_quantity`,
  );
}

/** Products that stand in a place or below, each as a line of the place itself. */
export async function readCandidates(
  connection: SqlConnection,
  place: { storeId: string; location: string; state: StockState },
): Promise<LineKey[]> {
  const { storeId, location, state } = place;
  const rows = await connection.all<{ gtin: string }>(
    `SELECT item AS gtin FROM balances WHERE store_id = ? AND state = ? AND item < 'e'
      AND (location = ? OR (location > ? AND location < ?)) AND location NOT LIKE '%/@%'
      AND quantity <> 0 GROUP BY item ORDER BY item`,
    ...[storeId, state, location, `${location}/`, `${location}0`],
  );
  return rows.map(({ gtin }) => ({ gtin, location }));
}

/** A line and the times of which the book is asked. */
export interface AskedLine extends LineKey {
  readonly atMs: number;
}

/** What a step needs: the book of `asked`, and what moved since the observations of `observed`. */
export async function loadStocktakeView(
  connection: SqlConnection,
  about: { storeId: string; state: StockState; policy: CountPolicy; nowMs: number },
  asked: readonly AskedLine[],
  observed: readonly StocktakeLine[] = [],
): Promise<StocktakeView> {
  const { storeId, state, policy, nowMs } = about;
  const gtins = [...new Set([...asked, ...observed].map(({ gtin }) => gtin))];
  const items = await readItems(connection, storeId, gtins);
  const books = await readBooks(connection, { storeId, state }, asked);
  const moves = await readMoves(connection, storeId, observed);
  const [head] = await connection.all<{ entryNumber: number }>(
    "SELECT entry_number AS entryNumber FROM chain_heads WHERE store_id = ?",
    storeId,
  );
  const isHere = ({ location }: LineKey, place: string, of: string) =>
    of === state && isWithin(place, location);
  return {
    ...{ nowMs, policy, entryNumber: head?.entryNumber ?? 0 },
    itemOf: (gtin) => itemOf(items, gtin),
    bookAt: (line, atMs) => {
      const book = books.get(`${lineKey(line)} ${atMs}`);
      if (book === undefined) throw new Error(`the book of ${lineKey(line)} was not read`);
      return book;
    },
    hasMoved: (line, entryNumber) =>
      (moves.get(line.gtin) ?? []).some(
        (move) =>
          move.entryNumber > entryNumber &&
          (isHere(line, move.fromLocation, move.fromState) ||
            isHere(line, move.toLocation, move.toState)),
      ),
  };
}

/** What the book says of lines at a time: what stands there now, less what happened since. */
async function readBooks(
  connection: SqlConnection,
  { storeId, state }: { storeId: string; state: StockState },
  asked: readonly AskedLine[],
): Promise<Map<string, number>> {
  if (asked.length === 0) return new Map();
  const inside = (column: string) =>
    `(${column} = k.value->>1 OR (${column} > (k.value->>1) || '/' AND ${column} < (k.value->>1) || '0'))
     AND ${column} NOT LIKE '%/@%'`;
  const rows = await connection.all<{ line: number; book: number }>(
    `SELECT k.key AS line,
      (SELECT coalesce(sum(b.quantity), 0) FROM balances b WHERE b.store_id = ? AND b.item = k.value->>0
        AND b.state = ? AND ${inside("b.location")})
      - (SELECT coalesce(sum(e.quantity * (
           (CASE WHEN e.to_state = ? AND ${inside("e.to_location")} THEN 1 ELSE 0 END)
           - (CASE WHEN e.from_state = ? AND ${inside("e.from_location")} THEN 1 ELSE 0 END))), 0)
         FROM entries e WHERE e.store_id = ? AND e.item = k.value->>0
          AND e.placed_at_ms > CAST(k.value->>2 AS INTEGER)) AS book
     FROM json_each(?) k`,
    ...[storeId, state, state, state, storeId],
    JSON.stringify(asked.map(({ gtin, location, atMs }) => [gtin, location, atMs])),
  );
  return new Map(
    rows.map(({ line, book }) => [`${lineKey(asked[line]!)} ${asked[line]!.atMs}`, book]),
  );
}

interface Move {
  readonly item: string;
  readonly fromLocation: string;
  readonly fromState: string;
  readonly toLocation: string;
  readonly toState: string;
  readonly entryNumber: number;
}

/** Between which accounts products moved since they were counted; what counts themselves posted aside. */
async function readMoves(
  connection: SqlConnection,
  storeId: string,
  observed: readonly StocktakeLine[],
): Promise<Map<string, Move[]>> {
  const last = observed.flatMap(({ observations }) => observations.slice(-1));
  if (last.length === 0) return new Map();
  const since = Math.min(...last.map(({ entryNumber }) => entryNumber));
  const rows = await connection.all<Move>(
    `SELECT item, from_location AS fromLocation, from_state AS fromState, to_location AS toLocation,
            to_state AS toState, max(entry_number) AS entryNumber
     FROM entries WHERE store_id = ? AND entry_number > ? AND reason <> '${countDifference}'
     GROUP BY item, from_location, from_state, to_location, to_state`,
    ...[storeId, since],
  );
  const moves = new Map<string, Move[]>();
  for (const row of rows) moves.set(row.item, [...(moves.get(row.item) ?? []), row]);
  return moves;
}

/**
 * What edges counted of the very places of these lines since a time. They have anchored already, so the book
 * of their time is theirs: what it was before is that less the differences that were posted there and then.
 */
export async function readEventCounts(
  connection: SqlConnection,
  { storeId, state }: { storeId: string; state: StockState },
  lines: readonly LineKey[],
  sinceMs: number,
): Promise<(LineKey & { by: string; quantity: number; observedAtMs: number; book: number })[]> {
  const counted =
    "CASE WHEN e.to_location LIKE '%/@variance' THEN e.from_location ELSE e.to_location END";
  return await connection.all(
    `SELECT l.item AS gtin, c.location, c.edge_id AS "by", l.quantity, l.at_ms AS observedAtMs,
       l.quantity - (SELECT coalesce(sum(CASE WHEN e.to_location LIKE '%/@variance' THEN -e.quantity
           ELSE e.quantity END), 0)
         FROM entries e WHERE e.store_id = l.store_id AND e.item = l.item AND e.placed_at_ms = l.at_ms
          AND e.reason = '${countDifference}'
          AND (${counted} = c.location OR ${counted} LIKE c.location || '/%')) AS book
     FROM json_each(?) k JOIN count_lines l ON l.store_id = ? AND l.item = k.value->>0
      AND l.at_ms >= ? AND l.edge_id <> '${claimEdgeId}'
     JOIN counts c ON c.store_id = l.store_id AND c.edge_id = l.edge_id
      AND c.outbox_id = l.outbox_id AND c.sequence = l.sequence
      AND c.location = k.value->>1 AND c.state = ?
     ORDER BY l.at_ms`,
    JSON.stringify(lines.map(({ gtin, location }) => [gtin, location])),
    ...[storeId, sinceMs, state],
  );
}

function withoutNulls<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
