// Questions to the ledger, on a connection of their own: each is one statement and so one snapshot.

import { GatewayError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Entry } from "../../contract/stock.ts";
import type { StockState } from "../../contract/units.ts";
import type { Position } from "./changes.ts";
import type { SqlConnection } from "./database.ts";
import { genesisHash } from "./entry-hash.ts";
import {
  type CountTask,
  type DeclaredLoss,
  type Notice,
  type NoticesQuery,
  type OutboxStanding,
  type QuarantinedEvent,
  quarantineCountMax,
  type SaleRow,
} from "./types.ts";

/** Columns of an entry, as `entryOf` takes them. */
export const entryColumns = `store_id AS storeId, entry_number AS entryNumber, item, serial, lot, quantity,
            from_location AS fromLocation, from_state AS fromState,
            to_location AS toLocation, to_state AS toState, reason,
            occurred_at_ms AS occurredAtMs, recorded_at_ms AS recordedAtMs, edge_id AS edgeId,
            outbox_id AS outboxId, sequence, device_id AS deviceId, actor AS by, hash`;

export interface EntryRow
  extends Omit<Entry, "from" | "to" | "serial" | "lot" | "by" | "previousHash"> {
  serial: string | null;
  lot: string | null;
  by: string | null;
  fromLocation: string;
  fromState: StockState;
  toLocation: string;
  toState: StockState;
}

/** Entries after a number, in order. */
export async function readEntries(
  connection: SqlConnection,
  query: { storeId: string; afterEntryNumber: number; countMax: number },
): Promise<Entry[]> {
  const { storeId, afterEntryNumber, countMax } = query;
  // The entry before is read too: its hash is the first one's previous hash.
  const rows = await connection.all<EntryRow>(
    `SELECT ${entryColumns}
     FROM entries WHERE store_id = ? AND entry_number >= ? ORDER BY entry_number LIMIT ?`,
    ...[storeId, afterEntryNumber, countMax + 1],
  );
  let previousHash = genesisHash(storeId);
  const entries: Entry[] = [];
  for (const row of rows) {
    if (row.entryNumber > afterEntryNumber) entries.push(entryOf(row, previousHash));
    previousHash = row.hash;
  }
  return entries.slice(0, countMax);
}

/** An entry from its row; the hash before it stands in another one. */
export function entryOf(row: EntryRow, previousHash: string): Entry {
  const { serial, lot, by, fromLocation, fromState, toLocation, toState, hash, ...rest } = row;
  return {
    ...rest,
    ...(serial === null ? {} : { serial }),
    ...(lot === null ? {} : { lot }),
    ...(by === null ? {} : { by }),
    from: { location: fromLocation, state: fromState },
    to: { location: toLocation, state: toState },
    previousHash,
    hash,
  };
}

/** Sales and returns since a time, the newest first. */
export async function readSales(
  connection: SqlConnection,
  { storeId, sinceMs, countMax }: { storeId: string; sinceMs: number; countMax: number },
): Promise<SaleRow[]> {
  const rows = await connection.all<Record<string, unknown> & { reason: string }>(
    `SELECT item AS gtin, serial, quantity, placed_at_ms AS atMs, edge_id AS edgeId, reason
     FROM entries WHERE store_id = ? AND placed_at_ms >= ? AND item < 'e'
      AND reason IN ('retail_selling', 'returning', 'claim_hand_over')
     ORDER BY placed_at_ms DESC LIMIT ?`,
    ...[storeId, sinceMs, countMax],
  );
  return rows.map(({ reason, ...row }) => ({
    ...(withoutNulls(row) as unknown as SaleRow),
    isReturn: reason === "returning",
  }));
}

export async function readPositions(connection: SqlConnection): Promise<OutboxStanding[]> {
  const rows = await connection.all<Omit<Position, "frozen"> & { frozen: number }>(
    `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId,
            through_sequence AS throughSequence, through_digest AS throughDigest, frozen,
            complete_through_at_ms AS completeThroughAtMs
     FROM positions ORDER BY store_id, edge_id, outbox_id`,
  );
  return rows.map((row) => ({ ...row, frozen: row.frozen === 1 }));
}

export async function readTasks(connection: SqlConnection, storeId?: string): Promise<CountTask[]> {
  const rows = await connection.all<Record<string, unknown>>(
    `SELECT store_id AS storeId, task_id AS taskId, code, location, state, item, message,
            opened_at_ms AS openedAtMs
     FROM tasks WHERE closed_at_ms IS NULL AND store_id = coalesce(?, store_id)
     ORDER BY store_id, task_id`,
    storeId ?? null,
  );
  return rows.map((row) => withoutNulls(row) as unknown as CountTask);
}

export async function readNotices(
  connection: SqlConnection,
  { storeId, code, before, countMax }: NoticesQuery,
): Promise<Notice[]> {
  const rows = await connection.all<Record<string, unknown> & { body: string }>(
    `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId, sequence,
            recorded_at_ms AS recordedAtMs, body
     FROM event_log WHERE store_id = ? AND type = 'noticed' AND coalesce(?, body->>'code') = body->>'code'
      AND (recorded_at_ms, sequence, edge_id, outbox_id) < (?, ?, ?, ?)
     ORDER BY recorded_at_ms DESC, sequence DESC, edge_id DESC, outbox_id DESC LIMIT ?`,
    ...[storeId, code ?? null, ...(before ?? [Number.MAX_SAFE_INTEGER, 0, "", ""]), countMax],
  );
  return rows.map(({ body, ...identity }) => {
    const event = JSON.parse(body);
    const { severity, deviceId, occurredAtMs, detail } = event;
    return { ...identity, code: event.code, severity, deviceId, occurredAtMs, detail } as Notice;
  });
}

export async function readDeclaredLosses(
  connection: SqlConnection,
  storeId?: string,
): Promise<DeclaredLoss[]> {
  return await connection.all(
    `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId,
            first_sequence AS firstSequence, sequence AS lastSequence, body->>'reason' AS reason
     FROM event_log WHERE type = 'gap' AND store_id = coalesce(?, store_id)
     ORDER BY store_id, edge_id, outbox_id, sequence`,
    storeId ?? null,
  );
}

/** What waits in quarantine, of some stores; `id` for one of it. */
export async function readQuarantine(
  connection: SqlConnection,
  { id, storeIds }: { readonly id?: string; readonly storeIds?: readonly string[] } = {},
): Promise<QuarantinedEvent[]> {
  const key = id?.split("/") ?? [];
  return await connection.all(
    `SELECT store_id || '/' || edge_id || '/' || outbox_id || '/' || sequence AS id,
            store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId, sequence, code, message,
            body AS text, quarantined_at_ms AS quarantinedAtMs
     FROM quarantine WHERE reposted_at_ms IS NULL AND store_id = coalesce(?, store_id)
      AND edge_id = coalesce(?, edge_id) AND outbox_id = coalesce(?, outbox_id)
      AND sequence = coalesce(?, sequence)
      AND (? = 0 OR store_id IN (SELECT value->>0 FROM json_each(?)))
     ORDER BY quarantined_at_ms, store_id, edge_id, outbox_id, sequence LIMIT ${quarantineCountMax}`,
    ...[
      key[0] ?? null,
      key[1] ?? null,
      key[2] ?? null,
      key[3] === undefined ? null : Number(key[3]),
    ],
    ...[storeIds === undefined ? 0 : 1, JSON.stringify((storeIds ?? []).map((one) => [one]))],
  );
}

/** How many of an edge wait in quarantine. */
export async function readQuarantineCounts(
  connection: SqlConnection,
): Promise<{ storeId: string; edgeId: string; count: number }[]> {
  return await connection.all(
    `SELECT store_id AS storeId, edge_id AS edgeId, count(*) AS count FROM quarantine
     WHERE reposted_at_ms IS NULL GROUP BY store_id, edge_id`,
  );
}

export async function readPlan(
  connection: SqlConnection,
  storeId: string,
): Promise<Plan | undefined> {
  const [row] = await connection.all<{ body: string }>(
    "SELECT body FROM plans WHERE store_id = ?",
    storeId,
  );
  return row === undefined ? undefined : (JSON.parse(row.body) as Plan);
}

/** The epoch of a ledger: when it was created or last restored, Unix ms. */
export async function readEpoch(connection: SqlConnection): Promise<number> {
  const [row] = await connection.all<{ value: number }>(
    "SELECT value FROM meta WHERE name = 'epoch'",
  );
  if (row === undefined) throw new GatewayError("LEDGER_CORRUPT", "the ledger has no epoch");
  return row.value;
}

function withoutNulls(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
