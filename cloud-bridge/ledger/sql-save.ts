// Writes what the posting of a group changed: one set-based statement for each table.

import type { Count } from "./anchors.ts";
import type { Book } from "./book.ts";
import type {
  Balance,
  ChainHead,
  Changes,
  LoggedEvent,
  OutboxKey,
  PlacedEntry,
  Position,
  QuarantineRow,
  SerialHolding,
} from "./changes.ts";
import { productKey } from "./changes.ts";
import type { SqlConnection, SqlValue } from "./database.ts";
import { flowKindOf } from "./flow.ts";
import { keepLotUnits, lotConflict, lotsOf, type NamedLot } from "./sql-lot-quantities.ts";
import { integerColumnsOf } from "./sql-tables.ts";

/** How a row fills the columns of a table. */
export type Columns<Row> = Record<string, (row: Row) => SqlValue>;

/**
 * Inserts rows with one statement; `conflict` says what becomes of those that exist. `jsonb_each` keeps the rows parsed:
 * SQLite would write each as text and read that again for every column, half of an insert's time.
 */
export async function insertRows<Row>(
  connection: SqlConnection,
  table: string,
  columns: Columns<Row>,
  rows: readonly Row[],
  conflict = "",
): Promise<void> {
  if (rows.length === 0) return;
  const names = Object.keys(columns);
  const integerNames = integerColumnsOf(table);
  const cells = Object.values(columns);
  const lines = rows.map((row) => cells.map((cell) => cell(row)));
  if (connection.insert !== undefined) {
    await connection.insert({ table, names, integerNames, rows: lines, conflict });
    return;
  }
  const values = names.map((name, index) =>
    integerNames.has(name) ? `CAST(value->>${index} AS INTEGER)` : `value->>${index}`,
  );
  await connection.run(
    `INSERT INTO ${table} (${names.join(", ")})
     SELECT ${values.join(", ")} FROM jsonb_each(?) WHERE true ${conflict}`,
    JSON.stringify(lines),
  );
}

export const outboxColumns: Columns<OutboxKey> = {
  store_id: (row) => row.storeId,
  edge_id: (row) => row.edgeId,
  outbox_id: (row) => row.outboxId,
};

const positionColumns: Columns<Position> = {
  ...outboxColumns,
  through_sequence: (row) => row.throughSequence,
  through_digest: (row) => row.throughDigest,
  frozen: (row) => Number(row.frozen),
  complete_through_at_ms: (row) => row.completeThroughAtMs,
  placed_at_ms: (row) => row.placedAtMs,
};

const eventColumns = (recordedAtMs: number): Columns<LoggedEvent> => ({
  ...outboxColumns,
  sequence: (row) => row.item.lastSequence,
  first_sequence: (row) => row.item.firstSequence,
  type: (row) => row.type,
  digest: (row) => row.item.digest,
  body: (row) => row.item.text,
  evidence: (row) => row.item.evidence,
  recorded_at_ms: () => recordedAtMs,
});

const quarantineColumns = (recordedAtMs: number): Columns<QuarantineRow> => ({
  ...outboxColumns,
  sequence: (row) => row.sequence,
  code: (row) => row.code,
  message: (row) => row.message,
  body: (row) => row.text,
  quarantined_at_ms: () => recordedAtMs,
});

const entryColumns: Columns<PlacedEntry> = {
  store_id: ({ entry }) => entry.storeId,
  entry_number: ({ entry }) => entry.entryNumber,
  item: ({ entry }) => entry.item,
  serial: ({ entry }) => entry.serial ?? null,
  lot: ({ entry }) => entry.lot ?? null,
  quantity: ({ entry }) => entry.quantity,
  from_location: ({ entry }) => entry.from.location,
  from_state: ({ entry }) => entry.from.state,
  to_location: ({ entry }) => entry.to.location,
  to_state: ({ entry }) => entry.to.state,
  reason: ({ entry }) => entry.reason,
  occurred_at_ms: ({ entry }) => entry.occurredAtMs,
  placed_at_ms: ({ placedAtMs }) => placedAtMs,
  recorded_at_ms: ({ entry }) => entry.recordedAtMs,
  edge_id: ({ entry }) => entry.edgeId,
  outbox_id: ({ entry }) => entry.outboxId,
  sequence: ({ entry }) => entry.sequence,
  device_id: ({ entry }) => entry.deviceId,
  actor: ({ entry }) => entry.by ?? null,
  unsynced_boot_id: ({ unsyncedBootId }) => unsyncedBootId,
  hash: ({ entry }) => entry.hash,
};

const balanceColumns: Columns<Balance> = {
  store_id: (row) => row.storeId,
  item: (row) => row.item,
  location: (row) => row.location,
  state: (row) => row.state,
  quantity: (row) => row.quantity,
  entry_number: (row) => row.entryNumber,
};

const headColumns: Columns<ChainHead> = {
  store_id: (row) => row.storeId,
  entry_number: (row) => row.entryNumber,
  hash: (row) => row.hash,
};

const serialColumns: Columns<SerialHolding> = {
  store_id: (row) => row.storeId,
  serial_key: (row) => row.serialKey,
  location: (row) => row.location,
  state: (row) => row.state,
  at_ms: (row) => row.atMs,
};

const countColumns: Columns<Count> = {
  ...outboxColumns,
  sequence: (row) => row.sequence,
  location: (row) => row.location,
  state: (row) => row.state,
  complete: (row) => Number(row.complete),
  at_ms: (row) => row.atMs,
  last_at_ms: (row) => Math.max(row.atMs, ...row.lines.map(({ atMs }) => atMs)),
};

const countLineColumns: Columns<OutboxKey & { sequence: number } & Count["lines"][number]> = {
  ...outboxColumns,
  sequence: (row) => row.sequence,
  item: (row) => row.item,
  quantity: (row) => row.quantity,
  at_ms: (row) => row.atMs,
};

const unsettledColumns: Columns<PlacedEntry> = {
  store_id: ({ entry }) => entry.storeId,
  item: ({ entry }) => entry.item,
  since_ms: ({ placedAtMs }) => placedAtMs,
  due_at_ms: () => 0,
};
const unsettledConflict = `ON CONFLICT (store_id, item) DO UPDATE SET
  since_ms = min(unsettled.since_ms, excluded.since_ms), due_at_ms = 0`;

/** The earliest movement of customers' goods of each item. */
function unsettledBy(entries: readonly PlacedEntry[]): PlacedEntry[] {
  const earliest = new Map<string, PlacedEntry>();
  for (const placed of entries) {
    if (flowKindOf(placed.entry) === undefined) continue;
    const key = productKey(placed.entry.storeId, placed.entry.item);
    const known = earliest.get(key);
    if (known === undefined || placed.placedAtMs < known.placedAtMs) earliest.set(key, placed);
  }
  return [...earliest.values()];
}

const lotColumns: Columns<NamedLot> = {
  store_id: (row) => row.storeId,
  item: (row) => row.item,
  lot: (row) => row.lot,
  expiry: (row) => row.expiry,
  quantity: (row) => row.quantity,
};

const positionConflict = `ON CONFLICT (store_id, edge_id, outbox_id) DO UPDATE SET
  through_sequence = excluded.through_sequence, through_digest = excluded.through_digest,
  frozen = excluded.frozen, complete_through_at_ms = excluded.complete_through_at_ms,
  placed_at_ms = excluded.placed_at_ms`;
const balanceConflict = `ON CONFLICT (store_id, item, location, state) DO UPDATE SET
  quantity = excluded.quantity, entry_number = excluded.entry_number`;
const headConflict = `ON CONFLICT (store_id) DO UPDATE SET
  entry_number = excluded.entry_number, hash = excluded.hash`;
const serialConflict = `ON CONFLICT (store_id, serial_key) DO UPDATE SET
  location = excluded.location, state = excluded.state, at_ms = excluded.at_ms
  WHERE excluded.at_ms >= serials.at_ms`;

/** Writes a group's changes; rows are made into text while the statement before them runs. */
export async function saveChanges(connection: SqlConnection, changes: Changes): Promise<void> {
  const { recordedAtMs, positions, events, quarantined, entries, balances, heads, serials } =
    changes;
  const lines = changes.counts.flatMap((count) =>
    count.lines.map(({ item, quantity, atMs }) => ({ ...count, item, quantity, atMs })),
  );
  await Promise.all([
    insertRows(connection, "event_log", eventColumns(recordedAtMs), events),
    insertRows(connection, "entries", entryColumns, entries),
    insertRows(connection, "positions", positionColumns, positions, positionConflict),
    insertRows(connection, "quarantine", quarantineColumns(recordedAtMs), quarantined),
    insertRows(connection, "balances", balanceColumns, balances, balanceConflict),
    insertRows(connection, "chain_heads", headColumns, heads, headConflict),
    insertRows(connection, "counts", countColumns, changes.counts),
    insertRows(connection, "count_lines", countLineColumns, lines),
    insertRows(connection, "unsettled", unsettledColumns, unsettledBy(entries), unsettledConflict),
    insertRows(connection, "serials", serialColumns, serials, serialConflict),
    insertRows(connection, "lots", lotColumns, lotsOf(entries), lotConflict),
  ]);
  await savePlacements(connection, changes);
  await keepLotUnits(connection, changes);
  await saveTasks(connection, changes);
}

/** Writes what the ledger itself posted in a book, by no event of an edge. */
export async function saveBook(
  connection: SqlConnection,
  book: Book,
  recordedAtMs: number,
): Promise<void> {
  const nothing = { positions: [], events: [], quarantined: [], placements: [] };
  await saveChanges(connection, { recordedAtMs, ...nothing, ...book.changes() });
}

async function savePlacements(connection: SqlConnection, { placements }: Changes): Promise<void> {
  for (const { storeId, edgeId, bootId, offsetMs } of placements) {
    // What moves in time may now lie before a count, or beside what it belongs to.
    await connection.run(
      `INSERT INTO unsettled (store_id, item, since_ms, due_at_ms)
       SELECT store_id, item, min(min(placed_at_ms, occurred_at_ms + ?)), 0 FROM entries
       WHERE store_id = ? AND edge_id = ? AND unsynced_boot_id = ? GROUP BY store_id, item
       ${unsettledConflict}`,
      ...[offsetMs, storeId, edgeId, bootId],
    );
    await connection.run(
      `UPDATE entries SET placed_at_ms = occurred_at_ms + ?
       WHERE store_id = ? AND edge_id = ? AND unsynced_boot_id = ?`,
      ...[offsetMs, storeId, edgeId, bootId],
    );
  }
}

async function saveTasks(connection: SqlConnection, changes: Changes): Promise<void> {
  const { recordedAtMs, taskClosings, countClosings, taskOpenings } = changes;
  if (taskClosings.length > 0) {
    await connection.run(
      `UPDATE tasks SET closed_at_ms = ? WHERE closed_at_ms IS NULL AND (store_id, task_key) IN
         (SELECT value->>0, value->>1 FROM json_each(?))`,
      recordedAtMs,
      JSON.stringify(taskClosings.map(({ storeId, key }) => [storeId, key])),
    );
  }
  for (const { storeId, location, state } of countClosings) {
    await connection.run(
      `UPDATE tasks SET closed_at_ms = ? WHERE closed_at_ms IS NULL AND store_id = ?
        AND (location = ? OR substr(location, 1, length(?) + 1) = ? || '/')
        AND (state IS NULL OR state = ?)`,
      ...[recordedAtMs, storeId, location, location, location, state],
    );
  }
  if (taskOpenings.length === 0) return;
  await connection.run(
    `INSERT INTO tasks
       (store_id, task_id, task_key, code, location, state, item, message, opened_at_ms)
     SELECT value->>0,
            key + 1 + (SELECT coalesce(max(task_id), 0) FROM tasks WHERE store_id = value->>0),
            value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
            CAST(value->>7 AS INTEGER)
     FROM json_each(?) WHERE true
     ON CONFLICT (store_id, task_key) WHERE closed_at_ms IS NULL DO NOTHING`,
    JSON.stringify(
      taskOpenings.map((task) => [
        ...[task.storeId, task.key, task.code, task.location, task.state ?? null],
        ...[task.item ?? null, task.message, task.openedAtMs],
      ]),
    ),
  );
}

/** Says that a quarantined event has been posted after all. */
export async function saveRepost(
  connection: SqlConnection,
  row: OutboxKey & { sequence: number; type: LoggedEvent["type"]; recordedAtMs: number },
): Promise<void> {
  const where = "store_id = ? AND edge_id = ? AND outbox_id = ? AND sequence = ?";
  const key = [row.storeId, row.edgeId, row.outboxId, row.sequence];
  const marked = `UPDATE quarantine SET reposted_at_ms = ? WHERE ${where}`;
  await connection.run(marked, row.recordedAtMs, ...key);
  await connection.run(`UPDATE event_log SET type = ? WHERE ${where}`, row.type, ...key);
}
