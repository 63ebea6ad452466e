// The Merkle tree over a store's entries, kept as it grows, so that a proof reads a few rows however long the store's
// history is. Subtrees of 64 leaves and more are stored; smaller ones are made of the entries.

import { GatewayError } from "../../contract/errors.ts";
import type { Entry } from "../../contract/stock.ts";
import { rootOf } from "../trace/merkle.ts";
import { leafOf, type ProofParts } from "../trace/proof.ts";
import {
  consistencyRanges,
  inclusionRanges,
  partsOf,
  rootOfParts,
  TreeGrowth,
  type TreePart,
  type TreeRange,
  waitingParts,
} from "../trace/tree-parts.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { advanceFollower, followerLags, followerPosition } from "./sql-followers.ts";
import { readEntries } from "./sql-read.ts";

export const treeTables = `
CREATE TABLE IF NOT EXISTS merkle_nodes (
  store_id TEXT NOT NULL, level INTEGER NOT NULL, node_index INTEGER NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (store_id, level, node_index)
) WITHOUT ROWID;
`;

/** Smallest subtree that is stored, as a power of two. */
const baseLevel = 6;
const baseSize = 2 ** baseLevel;
/** Subtrees of the base level that one step makes. */
const stepCount = 100;
const follower = "merkle";

/** A store's tree at a time. */
export interface TreeSnapshot {
  readonly storeId: string;
  readonly treeSize: number;
  readonly rootHash: string;
}

/** An entry as part of a store's history. */
export interface UnitHistory {
  readonly storeId: string;
  readonly entries: readonly Entry[];
}

/** The last entry of a page of histories. */
export type HistoryCursor = readonly [placedAtMs: number, storeId: string, entryNumber: number];

/** Which entries of a unit's histories are asked for. */
export interface HistoryPage {
  /** Without: of all stores. */
  readonly storeIds?: readonly string[] | undefined;
  readonly after?: HistoryCursor | undefined;
  readonly countMax: number;
}

interface HistoryRow {
  readonly storeId: string;
  readonly entryNumber: number;
  readonly placedAtMs: number;
}

/** The trees of all stores. */
export class SqlTree {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Grows a store's tree by a piece; gives how many entries it took. */
  async grow(): Promise<number> {
    const [lag] = await followerLags(this.#database.reader, follower, 1, baseSize);
    return lag === undefined ? 0 : await this.#growStore(lag.storeId, lag.head);
  }

  /** The tree over all entries of a store; undefined where there are none. */
  async snapshot(storeId: string): Promise<TreeSnapshot | undefined> {
    const treeSize = await this.#caughtUp(storeId);
    if (treeSize === 0) return undefined;
    const [rootHash] = await this.#roots(storeId, [{ start: 0, end: treeSize }]);
    return { storeId, treeSize, rootHash: rootHash! };
  }

  /** What proofs of entries against a tree are made of. */
  async proofParts(
    tree: TreeSnapshot,
    entries: readonly Entry[],
    earlierSize?: number,
  ): Promise<ProofParts[]> {
    const { storeId, treeSize, rootHash } = tree;
    const paths = entries.map(({ entryNumber }) => inclusionRanges(entryNumber - 1, treeSize));
    const earlier = earlierSize === undefined ? [] : consistencyRanges(earlierSize, treeSize);
    const roots = await this.#roots(storeId, [...paths.flat(), ...earlier]);
    const consistency =
      earlierSize === undefined
        ? {}
        : { consistency: { earlierSize, path: roots.slice(roots.length - earlier.length) } };
    let at = 0;
    return entries.map((entry, index) => {
      const inclusionPath = roots.slice(at, at + paths[index]!.length);
      at += inclusionPath.length;
      return { entry, treeSize, rootHash, inclusionPath, ...consistency };
    });
  }

  /** That a tree of one size continues one of an earlier size. */
  async consistency(storeId: string, earlierSize: number, treeSize: number) {
    const ranges = consistencyRanges(earlierSize, treeSize);
    const whole = [earlierSize, treeSize].map((end) => ({ start: 0, end }));
    const roots = await this.#roots(storeId, [...whole, ...ranges]);
    const [earlierRootHash, rootHash, ...path] = roots;
    const ends = { earlierRootHash: earlierRootHash!, rootHash: rootHash! };
    return { storeId, earlierSize, treeSize, ...ends, path };
  }

  async entry(storeId: string, entryNumber: number): Promise<Entry | undefined> {
    const query = { storeId, afterEntryNumber: entryNumber - 1, countMax: 1 };
    const [entry] = await readEntries(this.#database.reader, query);
    return entry?.entryNumber === entryNumber ? entry : undefined;
  }

  /** A page of the entries that name a unit, in order of time, store by store; a tag that is not GS1 has no serial. */
  async historyOf(
    { item, serial = null }: { readonly item: string; readonly serial?: string | null },
    { storeIds, after, countMax }: HistoryPage,
  ): Promise<{ histories: UnitHistory[]; next?: HistoryCursor }> {
    const [afterMs, afterStoreId, afterNumber] = after ?? [-1, "", 0];
    const rows = await this.#database.reader.all<HistoryRow>(
      `SELECT e.store_id AS storeId, e.entry_number AS entryNumber, e.placed_at_ms AS placedAtMs
       FROM chain_heads h CROSS JOIN entries e WHERE e.store_id = h.store_id
        AND e.item = ? AND ${serial === null ? "" : "e.serial = ? AND "}
        (? = 0 OR h.store_id IN (SELECT value->>0 FROM json_each(?)))
        AND (e.placed_at_ms > ? OR (e.placed_at_ms = ?
          AND (e.store_id > ? OR (e.store_id = ? AND e.entry_number > ?))))
       ORDER BY e.placed_at_ms, e.store_id, e.entry_number LIMIT ?`,
      ...[item, ...(serial === null ? [] : [serial]), storeIds === undefined ? 0 : 1],
      ...[JSON.stringify((storeIds ?? []).map((id) => [id])), afterMs, afterMs],
      ...[afterStoreId, afterStoreId, afterNumber, countMax + 1],
    );
    const told = rows.slice(0, countMax);
    const byStore = new Map<string, Entry[]>();
    for (const { storeId, entryNumber } of told) {
      const entry = await this.entry(storeId, entryNumber);
      if (entry === undefined) continue;
      const list = byStore.get(storeId);
      if (list === undefined) byStore.set(storeId, [entry]);
      else list.push(entry);
    }
    const histories = [...byStore].map(([storeId, entries]) => ({ storeId, entries }));
    const last = told.at(-1);
    if (last === undefined || rows.length <= countMax) return { histories };
    return { histories, next: [last.placedAtMs, last.storeId, last.entryNumber] };
  }

  // The entries of a store, with all its full subtrees stored.
  async #caughtUp(storeId: string): Promise<number> {
    const [row] = await this.#database.reader.all<{ head: number }>(
      "SELECT entry_number AS head FROM chain_heads WHERE store_id = ?",
      storeId,
    );
    const head = row?.head ?? 0;
    while ((await this.#growStore(storeId, head)) > 0);
    return head;
  }

  async #growStore(storeId: string, head: number): Promise<number> {
    const { reader } = this.#database;
    const position = await followerPosition(reader, follower, storeId);
    const count = Math.min(stepCount, Math.floor((head - position) / baseSize));
    if (count <= 0) return 0;
    const waiting = await nodesOf(reader, storeId, waitingParts(baseLevel, position / baseSize));
    const growth = new TreeGrowth(baseLevel, position / baseSize, waiting);
    const range = { start: position, end: position + count * baseSize };
    const leaves = await leavesOf(reader, storeId, [range]);
    const made = Array.from({ length: count }, (_, block) => {
      const from = position + block * baseSize;
      const block64 = Array.from(
        { length: baseSize },
        (_each, offset) => leaves.get(from + offset)!,
      );
      return growth.add(rootOf(block64));
    }).flat();
    await this.#database.write(async (connection) => {
      // Who grew it meanwhile made the same nodes.
      await connection.run(
        `INSERT INTO merkle_nodes
         SELECT ?, CAST(value->>0 AS INTEGER), CAST(value->>1 AS INTEGER), value->>2
         FROM json_each(?) WHERE true
         ON CONFLICT (store_id, level, node_index) DO NOTHING`,
        ...[storeId, JSON.stringify(made.map(({ level, index, hash }) => [level, index, hash]))],
      );
      await advanceFollower(connection, follower, storeId, range.end);
    });
    return range.end - range.start;
  }

  async #roots(storeId: string, ranges: readonly TreeRange[]): Promise<string[]> {
    const { reader } = this.#database;
    const parts = ranges.map(partsOf);
    const stored = parts.flat().filter(({ level }) => level >= baseLevel);
    const small = parts.flat().filter(({ level }) => level < baseLevel);
    const hashes = new Map<string, string>();
    const found = await nodesOf(reader, storeId, stored);
    for (const [place, part] of stored.entries()) {
      const hash = found[place];
      if (hash === undefined) {
        const message = `store ${storeId}: tree node ${nameOf(part)} is missing`;
        throw new GatewayError("LEDGER_CORRUPT", message);
      }
      hashes.set(nameOf(part), hash);
    }
    const leaves = await leavesOf(reader, storeId, small.map(rangeOf));
    for (const part of small) {
      const { start, end } = rangeOf(part);
      const own = Array.from({ length: end - start }, (_, offset) => leaves.get(start + offset)!);
      hashes.set(nameOf(part), rootOf(own));
    }
    return parts.map((each) => rootOfParts(each.map((part) => hashes.get(nameOf(part))!)));
  }
}

function nameOf({ level, index }: TreePart): string {
  return `${level}/${index}`;
}

function rangeOf({ level, index }: TreePart): TreeRange {
  const size = 2 ** level;
  return { start: index * size, end: (index + 1) * size };
}

// CROSS JOIN has SQLite go from what is asked for to the rows, and not through all rows of the store.
async function nodesOf(
  connection: SqlConnection,
  storeId: string,
  parts: readonly TreePart[],
): Promise<string[]> {
  if (parts.length === 0) return [];
  const rows = await connection.all<{ level: number; index: number; hash: string }>(
    `SELECT n.level, n.node_index AS "index", n.hash FROM json_each(?) k
     CROSS JOIN merkle_nodes n WHERE n.store_id = ? AND n.level = CAST(k.value->>0 AS INTEGER) AND n.node_index = CAST(k.value->>1 AS INTEGER)`,
    ...[JSON.stringify(parts.map(({ level, index }) => [level, index])), storeId],
  );
  const hashOf = new Map(rows.map((row) => [nameOf(row), row.hash]));
  return parts.map((part) => hashOf.get(nameOf(part))!);
}

/** Hashes of leaves by their place, from 0. */
async function leavesOf(
  connection: SqlConnection,
  storeId: string,
  ranges: readonly TreeRange[],
): Promise<Map<number, string>> {
  if (ranges.length === 0) return new Map();
  const rows = await connection.all<{ number: number; hash: string }>(
    `SELECT e.entry_number AS number, e.hash FROM json_each(?) k
     CROSS JOIN entries e
     WHERE e.store_id = ? AND e.entry_number > CAST(k.value->>0 AS INTEGER) AND e.entry_number <= CAST(k.value->>1 AS INTEGER)`,
    ...[JSON.stringify(ranges.map(({ start, end }) => [start, end])), storeId],
  );
  return new Map(rows.map(({ number, hash }) => [number - 1, leafOf(hash)]));
}

/** Stored nodes of a store that are not what its entries make, or that there should be. */
export async function treeProblems(
  connection: SqlConnection,
  storeId: string,
): Promise<{ where: string; message: string }[]> {
  const position = await followerPosition(connection, follower, storeId);
  const growth = new TreeGrowth(baseLevel);
  const problems: { where: string; message: string }[] = [];
  for (let start = 0; start < position; start += baseSize) {
    const leaves = await leavesOf(connection, storeId, [{ start, end: start + baseSize }]);
    const hashes = [...leaves].sort(([one], [other]) => one - other).map(([, hash]) => hash);
    const made = growth.add(rootOf(hashes));
    const stored = await nodesOf(connection, storeId, made);
    for (const [place, part] of made.entries()) {
      if (stored[place] === part.hash) continue;
      const where = `tree node ${nameOf(part)}`;
      problems.push({ where, message: "is not the root of the entries below it" });
    }
  }
  return problems;
}
