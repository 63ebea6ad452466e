// A ledger that went back to an earlier state: by a backup, or because its storage lost the end. What edges sent since they
// send again; everything else that was posted, claimed, counted or told to consumers since is gone, and is said to be.

import type { Alert } from "../../contract/stock.ts";
import type { MissingEnd } from "./commit-counter.ts";
import type { SqlConnection } from "./database.ts";
import { saveAlerts } from "./sql-alerts.ts";
import { raisePlanVersions } from "./sql-plan.ts";

/** How it is known, and the likely cause: the command `restore`, or what was found at a start. */
export type SetBackCause = "restored" | "wal_gone" | "wal_damaged" | "file_older";

/** One time that the ledger went back. */
export interface SetBack {
  /** The epoch that began by it. */
  readonly ledgerEpoch: number;
  readonly atMs: number;
  readonly cause: SetBackCause;
  /** Transactions that are gone; where that can be told. */
  readonly lostCommitCount?: number;
  /** What was recorded later than this is gone; absent where nothing is left. */
  readonly lastRecordedAtMs?: number;
}

/** In `meta`: what the revisions of levels are above the numbers of their entries. */
export const revisionBaseName = "revision_base";

export const setBackTables = `
CREATE TABLE IF NOT EXISTS set_backs (
  epoch INTEGER NOT NULL PRIMARY KEY,
  at_ms INTEGER NOT NULL, cause TEXT NOT NULL,
  lost_commit_count INTEGER, last_recorded_at_ms INTEGER
);
`;

/** Begins a new epoch, which makes edges send again; plans get versions above those that edges have; every store is told. */
export async function saveSetBack(
  connection: SqlConnection,
  { cause, lostCommitCount }: MissingEnd,
  { nowMs, epoch }: { nowMs: number; epoch: number },
): Promise<void> {
  await raiseRevisions(connection, epoch);
  await connection.run("UPDATE meta SET value = ? WHERE name = 'epoch'", epoch);
  await raisePlanVersions(connection, nowMs);
  const ends = await connection.all<StoreEnd>(
    `SELECT s.store_id AS storeId, coalesce(h.entry_number, 0) AS lastEntryNumber,
            (SELECT e.recorded_at_ms FROM entries e
             WHERE e.store_id = h.store_id AND e.entry_number = h.entry_number) AS lastRecordedAtMs
     FROM (SELECT store_id FROM positions UNION SELECT store_id FROM chain_heads) s
     LEFT JOIN chain_heads h ON h.store_id = s.store_id ORDER BY 1`,
  );
  const recordedAtMs = ends.flatMap(({ lastRecordedAtMs }) => lastRecordedAtMs ?? []);
  const latestAtMs =
    recordedAtMs.length === 0 ? null : recordedAtMs.reduce((a, b) => Math.max(a, b));
  await connection.run(
    "INSERT INTO set_backs VALUES (?, ?, ?, ?, ?)",
    ...[epoch, nowMs, cause, lostCommitCount ?? null, latestAtMs],
  );
  const detail = { cause, ledgerEpoch: epoch, ...(lostCommitCount && { lostCommitCount }) };
  await saveAlerts(
    connection,
    ends.map((end) => setBackAlert(end, detail, nowMs)),
    nowMs,
  );
}

/**
 * Entry numbers begin again lower, and consumers ignore a level whose revision is lower than one that they have seen. How
 * far the lost end went nobody knows; no store posts an entry each millisecond, so the time since is more than that.
 */
async function raiseRevisions(connection: SqlConnection, epoch: number): Promise<void> {
  await connection.run(
    `INSERT INTO meta (name, value)
     SELECT '${revisionBaseName}', CAST(? AS INTEGER) - value FROM meta WHERE name = 'epoch'
     ON CONFLICT (name) DO UPDATE SET value = meta.value + excluded.value`,
    epoch,
  );
}

interface StoreEnd {
  readonly storeId: string;
  readonly lastEntryNumber: number;
  readonly lastRecordedAtMs: number | null;
}

function setBackAlert(
  { storeId, lastEntryNumber, lastRecordedAtMs }: StoreEnd,
  detail: Alert["detail"],
  nowMs: number,
): Alert {
  const where =
    lastRecordedAtMs === null
      ? "before its first entry"
      : `to ${new Date(lastRecordedAtMs).toISOString()}, entry ${lastEntryNumber}`;
  return {
    ...{ storeId, code: "ledger_set_back", severity: "alarm", atMs: nowMs },
    message: `the ledger went back ${where}: edges send again what came after it; facts, counts and claims over HTTP are gone`,
    detail: {
      ...{ ...detail, lastEntryNumber },
      ...(lastRecordedAtMs === null ? {} : { lastRecordedAtMs }),
    },
  };
}

/** Every time that the ledger went back, the latest first. */
export async function readSetBacks(connection: SqlConnection): Promise<SetBack[]> {
  const rows = await connection.all<Record<string, unknown>>(
    `SELECT epoch AS ledgerEpoch, at_ms AS atMs, cause, lost_commit_count AS lostCommitCount,
            last_recorded_at_ms AS lastRecordedAtMs FROM set_backs ORDER BY epoch DESC`,
  );
  return rows.map((row) => {
    const known = Object.entries(row).filter(([, value]) => value !== null);
    return Object.fromEntries(known) as unknown as SetBack;
  });
}
