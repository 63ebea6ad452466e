// Reads what the posting of a group may look at: one statement, whatever the group's size. Each further
// statement would wait for its turn of the event loop, which ingest keeps busy with the next batches.

import type { Rejection } from "../../contract/delivery.ts";
import type { CountedEvent, StockEvent } from "../../contract/event.ts";
import type { Anchor, Count, PastEntry } from "./anchors.ts";
import type { PreparedBatch } from "./batch-items.ts";
import {
  type Balance,
  type ChainHead,
  eventKey,
  type OutboxKey,
  type Position,
  productKey,
  type View,
} from "./changes.ts";
import { storedPolicy } from "./counting/sql-policy.ts";
import type { SqlConnection } from "./database.ts";
import { type Facing, itemKeyOf } from "./settle.ts";

type Keys = readonly (readonly (string | number)[])[];

/** What a view is asked by. */
interface Asked {
  readonly edges: Keys;
  /** Sequences whose digests are wanted. */
  readonly digests: Keys;
  /** First and last sequence of each batch. */
  readonly ranges: Keys;
  readonly stores: Keys;
  /** Items, each with the time from which on its counts and entries matter. */
  readonly items: Keys;
  /** Counted locations and the time of the earliest line. */
  readonly counts: Keys;
}

/** Reads the view of a group. */
export function loadGroupView(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
): Promise<View> {
  const asked = new AskedItems();
  for (const { storeId, items } of group) {
    for (const { content } of items)
      if (content.kind === "event") asked.add(storeId, content.event);
  }
  const digests = group.flatMap((prepared) =>
    [
      prepared.items.at(-1)?.lastSequence ?? prepared.firstSequence - 1,
      prepared.batch.probe?.sequence,
    ].flatMap((sequence) =>
      sequence === undefined ? [] : [[...keyOf(prepared), sequence] as const],
    ),
  );
  const ranges = group.flatMap((prepared) => {
    const last = prepared.items.at(-1)?.lastSequence;
    return last === undefined ? [] : [[...keyOf(prepared), prepared.firstSequence, last] as const];
  });
  const edges = group.map(({ storeId, edgeId }) => [storeId, edgeId] as const);
  return loadView(connection, { edges, digests, ranges, ...asked.keys() });
}

/** Reads the view that one event needs, positions left out. */
export function loadEventView(
  connection: SqlConnection,
  storeId: string,
  event: StockEvent,
): Promise<View> {
  const asked = new AskedItems();
  asked.add(storeId, event);
  return loadView(connection, { edges: [], digests: [], ranges: [], ...asked.keys() });
}

function keyOf({ storeId, edgeId, batch }: PreparedBatch): [string, string, string] {
  return [storeId, edgeId, batch.outboxId];
}

/** Distinct keys as JSON, sorted: rows are always asked for, and on a larger database locked, in one order. */
function keysJson(keys: Keys): string {
  return `[${[...new Set(keys.map((key) => JSON.stringify(key)))].sort().join(",")}]`;
}

const outboxFields = (table: string) =>
  `'storeId', ${table}.store_id, 'edgeId', ${table}.edge_id, 'outboxId', ${table}.outbox_id`;
const balanceRows = `json_group_array(json_object('storeId', b.store_id, 'item', b.item,
  'location', b.location, 'state', b.state, 'quantity', b.quantity, 'entryNumber', b.entry_number)
  ORDER BY b.store_id, b.item, b.location, b.state)`;

// Parameters: 1 edges, 2 digests, 3 ranges, 4 stores, 5 items and their earliest fact, 6 counted locations
// and the earliest line of each.
const viewSelect = `WITH
 -- '0' is the character after '/': the range holds the location's subtree and nothing else.
 asked (store_id, item, at_ms) AS (
  SELECT value->>0, value->>1, CAST(value->>2 AS INTEGER) FROM json_each(?5)
  UNION ALL SELECT b.store_id, b.item, CAST(k.value->>2 AS INTEGER)
  FROM json_each(?6) k JOIN balances b ON b.store_id = k.value->>0
   AND (b.location = k.value->>1
        OR (b.location > (k.value->>1) || '/' AND b.location < (k.value->>1) || '0'))),
 items AS MATERIALIZED (
  SELECT store_id, item, min(at_ms) AS at_ms FROM asked GROUP BY store_id, item),
 -- Those about whose time a count speaks.
 anchored AS MATERIALIZED (
  SELECT i.* FROM items i
  WHERE EXISTS (SELECT 1 FROM counts c WHERE c.store_id = i.store_id AND c.last_at_ms >= i.at_ms)
     OR EXISTS (SELECT 1 FROM json_each(?6) k WHERE k.value->>0 = i.store_id))
 SELECT
 (SELECT json_group_array(json_object(${outboxFields("p")}, 'frozen', p.frozen,
    'throughSequence', p.through_sequence, 'throughDigest', p.through_digest,
    'completeThroughAtMs', p.complete_through_at_ms, 'placedAtMs', p.placed_at_ms))
  FROM json_each(?1) k
  JOIN positions p ON p.store_id = k.value->>0 AND p.edge_id = k.value->>1) AS positions,
 (SELECT json_group_array(json_object(${outboxFields("e")}, 'sequence', e.sequence, 'digest', e.digest))
  FROM json_each(?2) k
  JOIN event_log e ON e.store_id = k.value->>0 AND e.edge_id = k.value->>1
   AND e.outbox_id = k.value->>2 AND e.sequence = CAST(k.value->>3 AS INTEGER)) AS digests,
 (SELECT json_group_array(DISTINCT json_object(${outboxFields("q")}, 'sequence', q.sequence,
    'code', q.code, 'message', q.message))
  FROM json_each(?3) k
  JOIN quarantine q ON q.store_id = k.value->>0 AND q.edge_id = k.value->>1
   AND q.outbox_id = k.value->>2 AND q.sequence BETWEEN CAST(k.value->>3 AS INTEGER)
    AND CAST(k.value->>4 AS INTEGER)) AS rejections,
 (SELECT json_group_array(json_object('storeId', h.store_id, 'entryNumber', h.entry_number, 'hash', h.hash))
  FROM json_each(?4) k JOIN chain_heads h ON h.store_id = k.value->>0) AS heads,
 (SELECT json_group_array(json_array(p.store_id, p.stockroom))
  FROM json_each(?4) k JOIN plans p ON p.store_id = k.value->>0
  WHERE p.stockroom IS NOT NULL) AS stockrooms,
 -- '*' sorts before every store, whose own word comes over it.
 (SELECT json_group_array(json_array(k.value->>0, p.body) ORDER BY p.store_id)
  FROM json_each(?4) k JOIN count_policies p ON p.store_id IN (k.value->>0, '*')
  WHERE EXISTS (SELECT 1 FROM json_each(?6))) AS policies,
 (SELECT ${balanceRows}
  FROM items i JOIN balances b ON b.store_id = i.store_id AND b.item = i.item) AS balances,
 (SELECT json_group_array(json_object('storeId', i.store_id, 'item', i.item, 'location', c.location,
    'state', c.state, 'quantity', coalesce(l.quantity, 0), 'atMs', coalesce(l.at_ms, c.at_ms),
    'outboxId', c.outbox_id, 'sequence', c.sequence))
  FROM anchored i JOIN counts c ON c.store_id = i.store_id AND c.last_at_ms >= i.at_ms
  LEFT JOIN count_lines l ON l.store_id = c.store_id AND l.edge_id = c.edge_id
   AND l.outbox_id = c.outbox_id AND l.sequence = c.sequence AND l.item = i.item
  WHERE (l.item IS NOT NULL OR (c.complete = 1 AND i.item < 'e'))
   AND coalesce(l.at_ms, c.at_ms) >= i.at_ms) AS anchors,
 (SELECT json_group_array(json_object('storeId', e.store_id, 'item', e.item, 'quantity', e.quantity,
    'from', json_object('location', e.from_location, 'state', e.from_state),
    'to', json_object('location', e.to_location, 'state', e.to_state),
    'reason', e.reason, 'placedAtMs', e.placed_at_ms))
  FROM anchored i JOIN entries e ON e.store_id = i.store_id AND e.item = i.item
   AND e.placed_at_ms >= i.at_ms) AS history,
 (SELECT json_group_array(json_object('storeId', f.store_id, 'gtin', f.gtin, 'location', f.location,
    'picksSensed', f.picks_sensed) ORDER BY f.store_id, f.gtin, f.ordinal)
  FROM items i JOIN facings f ON f.store_id = i.store_id AND f.gtin = i.item) AS facings`;

/** Reads the view of items for what the ledger itself posts from a time on. */
export function loadItemsView(
  connection: SqlConnection,
  items: readonly { storeId: string; item: string; sinceMs: number }[],
): Promise<View> {
  return loadView(connection, {
    ...{ edges: [], digests: [], ranges: [], counts: [] },
    stores: items.map(({ storeId }) => [storeId]),
    items: items.map(({ storeId, item, sinceMs }) => [storeId, item, sinceMs]),
  });
}

/** Reads the view that counts of the ledger's own need: of their lines, and of all that a complete one covers. */
export function loadCountView(connection: SqlConnection, counts: readonly Count[]): Promise<View> {
  const since = ({ atMs, lines }: Count) => Math.min(atMs, ...lines.map((line) => line.atMs));
  return loadView(connection, {
    ...{ edges: [], digests: [], ranges: [] },
    stores: counts.map(({ storeId }) => [storeId]),
    items: counts.flatMap((count) =>
      count.lines.map(({ item }) => [count.storeId, item, since(count)] as const),
    ),
    // Without a name no place is below it.
    counts: counts.map((each) => [each.storeId, each.complete ? each.location : "", since(each)]),
  });
}

/** What events ask for: each store once, each of its items once and from its earliest time on. */
class AskedItems {
  readonly #stores = new Set<string>();
  readonly #items = new Map<string, [storeId: string, item: string, atMs: number]>();
  readonly #counts: [storeId: string, location: string, atMs: number][] = [];

  add(storeId: string, event: StockEvent): void {
    this.#stores.add(storeId);
    if (event.type === "moved") this.#addItem(storeId, itemKeyOf(event.item), event.occurredAtMs);
    if (event.type !== "counted") return;
    const atMs = earliest(event);
    for (const { gtin } of event.lines) this.#addItem(storeId, gtin, atMs);
    this.#counts.push([storeId, event.location, atMs]);
  }

  keys(): Pick<Asked, "stores" | "items" | "counts"> {
    const stores = [...this.#stores].map((storeId) => [storeId]);
    return { stores, items: [...this.#items.values()], counts: this.#counts };
  }

  #addItem(storeId: string, item: string, atMs: number): void {
    const key = productKey(storeId, item);
    const known = this.#items.get(key);
    if (known === undefined) this.#items.set(key, [storeId, item, atMs]);
    else if (atMs < known[2]) known[2] = atMs;
  }
}

async function loadView(connection: SqlConnection, asked: Asked): Promise<View> {
  const { edges, digests, ranges, stores, items, counts } = asked;
  const [row] = await connection.all<Record<string, string>>(
    viewSelect,
    ...[edges, digests, ranges, stores, items, counts].map(keysJson),
  );
  const part = <Row>(name: string): Row[] => JSON.parse(row![name]!) as Row[];
  const rejections = part<OutboxKey & Rejection>("rejections");
  return {
    positions: part<Omit<Position, "frozen"> & { frozen: number }>("positions").map((position) => ({
      ...position,
      frozen: position.frozen === 1,
    })),
    digests: new Map(
      part<OutboxKey & { sequence: number; digest: string }>("digests").map((each) => [
        eventKey(each, each.sequence),
        each.digest,
      ]),
    ),
    rejections: rejections.sort((a, b) => a.sequence - b.sequence),
    heads: part<ChainHead>("heads"),
    stockrooms: new Map(part<[string, string]>("stockrooms")),
    countPolicies: new Map(
      part<[string, string]>("policies").map(([storeId, body]) => [storeId, storedPolicy(body)]),
    ),
    balances: part<Balance>("balances"),
    anchors: part<Anchor>("anchors"),
    history: part<PastEntry>("history"),
    facings: facingsOf(part("facings")),
  };
}

function earliest({ occurredAtMs, lines }: CountedEvent): number {
  return Math.min(occurredAtMs, ...lines.map(({ observedAtMs }) => observedAtMs));
}

interface FacingRow {
  readonly storeId: string;
  readonly gtin: string;
  readonly location: string;
  readonly picksSensed: number;
}

function facingsOf(rows: readonly FacingRow[]): Map<string, Facing[]> {
  const facings = new Map<string, Facing[]>();
  for (const { storeId, gtin, location, picksSensed } of rows) {
    const key = productKey(storeId, gtin);
    const facing = { location, picksSensed: picksSensed === 1 };
    const known = facings.get(key);
    if (known === undefined) facings.set(key, [facing]);
    else known.push(facing);
  }
  return facings;
}
