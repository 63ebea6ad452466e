// What an outbox says of itself, to the health report and to a technician at the command line.

import { type OutboxRecord, pageSizeBytes } from "./schema.ts";
import { usedPageCount } from "./shedding.ts";
import type { Sql } from "./sqlite.ts";

/** Facts that the file itself holds. */
export interface OutboxFacts {
  readonly outboxId: string;
  readonly createdAtMs: number;
  readonly lastSequence: number;
  readonly acknowledgedSequence: number;
  /** Events that the ledger has not acknowledged, as far as they are kept. */
  readonly waitingCount: number;
  readonly oldestWaitingAtMs: number | undefined;
  readonly usedSizeBytes: number;
  readonly lastAliveAtMs: number | undefined;
  readonly lastCommitAtMs: number;
  readonly evidenceShedCount: number;
  readonly trimmedCount: number;
  readonly overflowedCount: number;
  readonly setAsideCount: number;
}

/** Gathers them. */
export async function readFacts(sql: Sql, record: Readonly<OutboxRecord>): Promise<OutboxFacts> {
  const { lastSequence, acknowledgedSequence, baseSequence } = record;
  const doneSequence = Math.max(acknowledgedSequence, baseSequence);
  const oldest = await sql.get<{ atMs: number }>(
    "SELECT occurred_at_ms AS atMs FROM event WHERE sequence = ?",
    doneSequence + 1,
  );
  return {
    outboxId: record.outboxId,
    createdAtMs: record.createdAtMs,
    lastSequence,
    acknowledgedSequence,
    waitingCount: lastSequence - doneSequence,
    oldestWaitingAtMs: oldest?.atMs,
    usedSizeBytes: (await usedPageCount(sql)) * pageSizeBytes,
    lastAliveAtMs: record.aliveAtMs || undefined,
    lastCommitAtMs: record.wallAtMs,
    evidenceShedCount: record.evidenceShedCount,
    trimmedCount: record.trimmedCount,
    overflowedCount: record.overflowedCount,
    setAsideCount: record.setAsideCount,
  };
}
