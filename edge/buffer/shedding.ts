// How the outbox stays within its page cap. Evidence goes first, then acknowledged events, at the very
// last the oldest unacknowledged ones; always in blocks, in the same transaction as what needs the room.

import assert from "node:assert/strict";
import { type OutboxRecord, pageSizeBytes } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

/** Shares of the page cap from which on each kind gives way. */
export const shedShares = { evidence: 0.7, acknowledged: 0.8, unacknowledged: 0.9 } as const;

/** Rows that go at once: whole pages fall empty, and the retained tail does not shrink row by row. */
export const shedBlockCount = 100;

/** Bounds of one shedding. */
export interface Room {
  readonly pageCountMax: number;
  /** What is about to be written. */
  readonly needBytes: number;
  readonly retainedShareMax: number;
}

/** Makes room; `record` is moved on with what went. Resolves to whether new evidence still fits. */
export async function makeRoom(sql: Sql, record: OutboxRecord, room: Room): Promise<boolean> {
  const { pageCountMax, retainedShareMax } = room;
  // A quarter more for what b-tree pages leave free, and pages that every write touches.
  const needPages = Math.ceil((room.needBytes * 1.25) / pageSizeBytes) + 8;
  let usedPages = await usedPageCount(sql);
  const tooMany = (share: number) => usedPages + needPages > share * pageCountMax;
  const shedWhile = async (isDue: () => boolean, shed: () => Promise<boolean>) => {
    while (isDue() && (await shed())) usedPages = await usedPageCount(sql);
  };
  // Pages of the retained events by their share of all events; exact enough for a bound.
  const retainedPages = () => {
    const eventCount = record.lastSequence - record.baseSequence;
    return eventCount === 0 ? 0 : (usedPages * retainedCountOf(record)) / eventCount;
  };
  const dropAcknowledged = () => dropPrefix(sql, record, record.acknowledgedSequence);
  const dropOldest = () => dropPrefix(sql, record, record.lastSequence);

  await shedWhile(() => retainedPages() > retainedShareMax * pageCountMax, dropAcknowledged);
  await shedWhile(
    () => tooMany(shedShares.evidence),
    () => dropEvidence(sql, record),
  );
  await shedWhile(() => tooMany(shedShares.acknowledged), dropAcknowledged);
  await shedWhile(() => tooMany(shedShares.unacknowledged), dropOldest);
  return !tooMany(shedShares.evidence);
}

/** Drops acknowledged events that happened before `beforeMs`, in whole blocks. */
export async function dropExpired(sql: Sql, record: OutboxRecord, beforeMs: number): Promise<void> {
  while (retainedCountOf(record) >= shedBlockCount) {
    const newest = await sql.get<{ atMs: number }>(
      "SELECT max(occurred_at_ms) AS atMs FROM event WHERE sequence <= ?",
      record.baseSequence + shedBlockCount,
    );
    if (newest === undefined || newest.atMs >= beforeMs) return;
    await dropPrefix(sql, record, record.acknowledgedSequence);
  }
}

/** Acknowledged events that are still kept. */
export function retainedCountOf(record: OutboxRecord): number {
  return Math.max(0, record.acknowledgedSequence - record.baseSequence);
}

/** Pages in use. */
export async function usedPageCount(sql: Sql): Promise<number> {
  const row = await sql.get<{ count: number }>(
    "SELECT page_count - freelist_count AS count FROM pragma_page_count, pragma_freelist_count",
  );
  assert(row !== undefined);
  return row.count;
}

async function dropEvidence(sql: Sql, record: OutboxRecord): Promise<boolean> {
  const droppedCount = await sql.run(
    `DELETE FROM evidence WHERE sequence <= (SELECT max(sequence)
       FROM (SELECT sequence FROM evidence ORDER BY sequence LIMIT ?))`,
    shedBlockCount,
  );
  record.evidenceShedCount += droppedCount;
  return droppedCount > 0;
}

/** Drops the oldest block, at most through `limitSequence`; resolves to whether there was one. */
async function dropPrefix(sql: Sql, record: OutboxRecord, limitSequence: number): Promise<boolean> {
  const { baseSequence, acknowledgedSequence } = record;
  const throughSequence = Math.min(baseSequence + shedBlockCount, limitSequence);
  if (throughSequence <= baseSequence) return false;
  const ends = await sql.get<{ digest: string; firstAtMs: number; lastAtMs: number }>(
    `SELECT (SELECT digest FROM event WHERE sequence = ?1) AS digest,
       min(occurred_at_ms) FILTER (WHERE sequence > ?2) AS firstAtMs, max(occurred_at_ms) AS lastAtMs
     FROM event WHERE sequence <= ?1`,
    throughSequence,
    acknowledgedSequence,
  );
  assert(ends !== undefined && ends.digest !== null, "the outbox has no holes");
  await sql.run("DELETE FROM evidence WHERE sequence <= ?", throughSequence);
  await sql.run("DELETE FROM event WHERE sequence <= ?", throughSequence);
  const overflowedCount = Math.max(
    0,
    throughSequence - Math.max(baseSequence, acknowledgedSequence),
  );
  if (overflowedCount > 0) {
    const continues = record.overflowSequence > acknowledgedSequence;
    const firstAtMs = continues ? record.overflowFirstAtMs : undefined;
    record.overflowFirstAtMs = Math.min(firstAtMs ?? ends.firstAtMs, ends.firstAtMs);
    record.overflowSequence = throughSequence;
  }
  record.overflowedCount += overflowedCount;
  record.trimmedCount += throughSequence - baseSequence - overflowedCount;
  record.baseSequence = throughSequence;
  record.baseDigest = ends.digest;
  record.baseLastAtMs = Math.max(record.baseLastAtMs ?? 0, ends.lastAtMs);
  return true;
}
