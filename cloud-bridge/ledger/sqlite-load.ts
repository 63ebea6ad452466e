// Reads what the posting of a group may look at: a few set-based selects, whatever the group's size.

import type { Rejection } from "../../contract/delivery.ts";
import type { StockEvent } from "../../contract/event.ts";
import type { BatchItem, PreparedBatch } from "./batch-items.ts";
import {
  type Balance,
  type ChainHead,
  eventKey,
  type OutboxKey,
  type Position,
  productKey,
  type View,
} from "./changes.ts";
import { type Facing, itemKeyOf } from "./settle.ts";
import type { SqlConnection } from "./sqlite.ts";

/** Reads the view of a group. */
export async function loadGroupView(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
): Promise<View> {
  const events = group.flatMap(({ storeId, items }) =>
    items.flatMap((item) => eventsOf(item).map((event) => ({ storeId, event }))),
  );
  const asked = group.flatMap((prepared) =>
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
  const [positions, digests, rejections, stores] = await Promise.all([
    loadPositions(connection, group),
    loadDigests(connection, asked),
    loadRejections(connection, ranges),
    loadStores(connection, events),
  ]);
  return { ...stores, positions, digests, rejections };
}

/** Reads the view that one event needs, positions left out. */
export async function loadEventView(
  connection: SqlConnection,
  storeId: string,
  event: StockEvent,
): Promise<View> {
  const stores = await loadStores(connection, [{ storeId, event }]);
  return { ...stores, positions: [], digests: new Map(), rejections: [] };
}

function eventsOf({ content }: BatchItem): StockEvent[] {
  return content.kind === "event" ? [content.event] : [];
}

function keyOf({ storeId, edgeId, batch }: PreparedBatch): [string, string, string] {
  return [storeId, edgeId, batch.outboxId];
}

/** Distinct keys as JSON, sorted: rows are always asked for, and on a larger database locked, in one order. */
function keysJson(keys: readonly (readonly (string | number)[])[]): string {
  return `[${[...new Set(keys.map((key) => JSON.stringify(key)))].sort().join(",")}]`;
}

async function loadPositions(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
): Promise<Position[]> {
  const rows = await connection.all<Omit<Position, "frozen"> & { frozen: number }>(
    `SELECT p.store_id AS storeId, p.edge_id AS edgeId, p.outbox_id AS outboxId,
            p.through_sequence AS throughSequence, p.through_digest AS throughDigest, p.frozen,
            p.complete_through_at_ms AS completeThroughAtMs,
            p.placed_at_ms AS placedAtMs
     FROM json_each(?) k
     JOIN positions p ON p.store_id = k.value->>0 AND p.edge_id = k.value->>1`,
    keysJson(group.map(({ storeId, edgeId }) => [storeId, edgeId])),
  );
  return rows.map((row) => ({ ...row, frozen: row.frozen === 1 }));
}

async function loadDigests(
  connection: SqlConnection,
  keys: readonly (readonly (string | number)[])[],
): Promise<Map<string, string>> {
  const rows = await connection.all<OutboxKey & { sequence: number; digest: string }>(
    `SELECT e.store_id AS storeId, e.edge_id AS edgeId, e.outbox_id AS outboxId, e.sequence, e.digest
     FROM json_each(?) k
     JOIN event_log e ON e.store_id = k.value->>0 AND e.edge_id = k.value->>1
      AND e.outbox_id = k.value->>2 AND e.sequence = k.value->>3`,
    keysJson(keys),
  );
  return new Map(rows.map((row) => [eventKey(row, row.sequence), row.digest]));
}

async function loadRejections(
  connection: SqlConnection,
  ranges: readonly (readonly (string | number)[])[],
): Promise<(OutboxKey & Rejection)[]> {
  return await connection.all(
    `SELECT DISTINCT q.store_id AS storeId, q.edge_id AS edgeId, q.outbox_id AS outboxId, q.sequence,
            q.code, q.message
     FROM json_each(?) k
     JOIN quarantine q ON q.store_id = k.value->>0 AND q.edge_id = k.value->>1
      AND q.outbox_id = k.value->>2 AND q.sequence BETWEEN k.value->>3 AND k.value->>4
     ORDER BY q.sequence`,
    keysJson(ranges),
  );
}

async function loadStores(
  connection: SqlConnection,
  events: readonly { storeId: string; event: StockEvent }[],
): Promise<Pick<View, "heads" | "balances" | "facings" | "stockrooms">> {
  const stores = keysJson(events.map(({ storeId }) => [storeId]));
  const items = keysJson(
    events.flatMap(({ storeId, event }) => itemsOf(event).map((item) => [storeId, item])),
  );
  const counts = events.flatMap(({ storeId, event }) =>
    event.type === "counted" ? [[storeId, event.location]] : [],
  );
  const [heads, stockrooms, balances, facings] = await Promise.all([
    connection.all<ChainHead>(
      `SELECT h.store_id AS storeId, h.entry_number AS entryNumber, h.hash
       FROM json_each(?) k JOIN chain_heads h ON h.store_id = k.value->>0`,
      stores,
    ),
    connection.all<{ storeId: string; stockroom: string }>(
      `SELECT p.store_id AS storeId, p.stockroom
       FROM json_each(?) k JOIN plans p ON p.store_id = k.value->>0 WHERE p.stockroom IS NOT NULL`,
      stores,
    ),
    loadBalances(connection, items, keysJson(counts)),
    loadFacings(connection, items),
  ]);
  const stockroomOf = new Map(stockrooms.map(({ storeId, stockroom }) => [storeId, stockroom]));
  return { heads, balances, facings, stockrooms: stockroomOf };
}

function itemsOf(event: StockEvent): string[] {
  if (event.type === "moved") return [itemKeyOf(event.item)];
  return event.type === "counted" ? event.lines.map((line) => line.gtin) : [];
}

async function loadBalances(
  connection: SqlConnection,
  items: string,
  counts: string,
): Promise<Balance[]> {
  const columns = `b.store_id AS storeId, b.item, b.location, b.state, b.quantity,
                   b.entry_number AS entryNumber`;
  const ofItems = await connection.all<Balance>(
    `SELECT ${columns} FROM json_each(?) k
     JOIN balances b ON b.store_id = k.value->>0 AND b.item = k.value->>1
     ORDER BY b.store_id, b.item, b.location, b.state`,
    items,
  );
  if (counts === "[]") return ofItems;
  // '0' is the character after '/': the range holds the location's subtree and nothing else.
  const counted = await connection.all<Balance>(
    `SELECT ${columns} FROM json_each(?) k
     JOIN balances b ON b.store_id = k.value->>0
      AND (b.location = k.value->>1
           OR (b.location > (k.value->>1) || '/' AND b.location < (k.value->>1) || '0'))
     ORDER BY b.store_id, b.item, b.location, b.state`,
    counts,
  );
  return [...ofItems, ...counted];
}

async function loadFacings(
  connection: SqlConnection,
  items: string,
): Promise<Map<string, Facing[]>> {
  const rows = await connection.all<{
    storeId: string;
    gtin: string;
    location: string;
    picksSensed: number;
  }>(
    `SELECT f.store_id AS storeId, f.gtin, f.location, f.picks_sensed AS picksSensed
     FROM json_each(?) k JOIN facings f ON f.store_id = k.value->>0 AND f.gtin = k.value->>1
     ORDER BY f.store_id, f.gtin, f.ordinal`,
    items,
  );
  const facings = new Map<string, Facing[]>();
  for (const { storeId, gtin, location, picksSensed } of rows) {
    const key = productKey(storeId, gtin);
    const facing = { location, picksSensed: picksSensed === 1 };
    facings.set(key, [...(facings.get(key) ?? []), facing]);
  }
  return facings;
}
