// A new outbox in the place of one whose chain the ledger does not continue (a card that was cloned or
// set back): `outbox_started` first, then the events that the ledger lacks, renumbered, in one
// transaction. Every row moves down or stays, so that the file needs no room for a second copy.

import { canonicalEvent } from "../../contract/digest.ts";
import { type Beginning, emptyRecord, outboxStarted } from "./outbox-file.ts";
import {
  chainBody,
  chainEvent,
  digestAfter,
  insertRows,
  isIntact,
  selectRowsFrom,
  setRowAside,
} from "./rows.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

const blockCount = 500;

/** Moves the events after `afterSequence` into a new outbox; resolves to its record. */
export async function moveEvents(
  sql: Sql,
  old: Readonly<OutboxRecord>,
  afterSequence: number,
  beginning: Beginning,
): Promise<OutboxRecord> {
  // The first event of the old outbox is its own outbox_started, which is not moved.
  const firstMoved = Math.max(afterSequence, old.baseSequence, 1) + 1;
  let oldDigest = (await digestAfter(sql, old, firstMoved - 1)) ?? "";
  await deleteRange(sql, 0, firstMoved - 1);
  const { outboxId, lastSequence } = old;
  const lostCount = Math.max(0, old.baseSequence - afterSequence);
  const left = { outboxId, leftThroughSequence: afterSequence, lostCount };
  const record = emptyRecord(beginning, old, { ...left, reason: "diverged" });
  const previous = { outboxId, lastSequence, lostCount };
  const started = outboxStarted(beginning, "diverged", previous);
  await insertRows(sql, [chainEvent(record, started)]);
  for (let first = firstMoved; first <= old.lastSequence; first += blockCount) {
    const moved = [];
    for (const row of await selectRowsFrom(sql, first, blockCount)) {
      if (isIntact(oldDigest, row)) {
        const event = { ...JSON.parse(row.body), sequence: record.lastSequence + 1 };
        moved.push(chainBody(record, canonicalEvent(event), row.occurredAtMs, row.evidence));
      } else {
        const { nowMs } = beginning;
        record.setAsideCount += await setRowAside(sql, { outboxId, sequence: row.sequence, nowMs });
        moved.push(chainBody(record, "", row.occurredAtMs, null));
      }
      oldDigest = row.digest;
    }
    await deleteRange(sql, first, first + blockCount - 1);
    await insertRows(sql, moved);
  }
  return record;
}

async function deleteRange(sql: Sql, first: number, last: number): Promise<void> {
  await sql.run("DELETE FROM event WHERE sequence BETWEEN ? AND ?", first, last);
  await sql.run("DELETE FROM evidence WHERE sequence BETWEEN ? AND ?", first, last);
}
