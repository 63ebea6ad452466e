// Rows of the tables, given sequence and digest when they are stored, and written set-based.
// Everything here works inside somebody else's job.

import { genesisDigest, nextDigest } from "../../contract/digest.ts";
import type { CheckedEvent } from "./draft.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

/** A row of the tables `event` and `evidence`. An empty body stands for an event that was set aside. */
export interface EventRow {
  readonly sequence: number;
  readonly digest: string;
  readonly occurredAtMs: number;
  readonly body: string;
  readonly evidence: string | null;
}

/** The end of a chain, moved on by every event. */
export type Chain = Pick<OutboxRecord, "lastSequence" | "lastDigest">;

/** Puts an event at the end of a chain. */
export function chainEvent(chain: Chain, event: CheckedEvent, keepsEvidence = true): EventRow {
  const body = `${event.head}${chain.lastSequence + 1}${event.tail}`;
  return chainBody(chain, body, event.occurredAtMs, keepsEvidence ? event.evidence : null);
}

/** Puts a body, as it will be stored, at the end of a chain. */
export function chainBody(
  chain: Chain,
  body: string,
  occurredAtMs: number,
  evidence: string | null,
): EventRow {
  chain.lastSequence += 1;
  chain.lastDigest = nextDigest(chain.lastDigest, body);
  const { lastSequence: sequence, lastDigest: digest } = chain;
  return { sequence, digest, occurredAtMs, body, evidence };
}

// The texts travel beside the JSON, as one blob: they need not be escaped, parsed and unescaped again.
const insertEvent = `INSERT INTO event (sequence, digest, occurred_at_ms, body)
  SELECT value ->> 0, value ->> 1, value ->> 2, CAST(substr(?2, value ->> 3, value ->> 4) AS TEXT)
  FROM json_each(?1)`;
const insertEvidence = `INSERT INTO evidence (sequence, body)
  SELECT value ->> 0, CAST(substr(?2, value ->> 1, value ->> 2) AS TEXT) FROM json_each(?1)`;

/** Writes rows, evidence in its own table. */
export async function insertRows(sql: Sql, rows: readonly EventRow[]): Promise<void> {
  const bodies = new TextBlob();
  const events = rows.map((row) => {
    const { sequence, digest, occurredAtMs, body } = row;
    return `[${sequence},"${digest}",${occurredAtMs},${bodies.add(body)}]`;
  });
  if (events.length > 0) await sql.run(insertEvent, `[${events.join()}]`, bodies.bytes());
  const details = new TextBlob();
  const evidence: string[] = [];
  for (const row of rows) {
    if (row.evidence !== null) evidence.push(`[${row.sequence},${details.add(row.evidence)}]`);
  }
  if (evidence.length > 0) await sql.run(insertEvidence, `[${evidence.join()}]`, details.bytes());
}

/** Texts one after the other, as UTF-8. */
class TextBlob {
  readonly #texts: string[] = [];
  #sizeBytes = 0;

  /** Adds a text; returns `position,length` for SQL's `substr`, which counts from 1. */
  add(text: string): string {
    const lengthBytes = Buffer.byteLength(text);
    const place = `${this.#sizeBytes + 1},${lengthBytes}`;
    this.#texts.push(text);
    this.#sizeBytes += lengthBytes;
    return place;
  }

  bytes(): Buffer {
    return Buffer.from(this.#texts.join(""));
  }
}

const selectRows = `SELECT event.sequence, event.digest, event.occurred_at_ms AS occurredAtMs,
    event.body, evidence.body AS evidence
  FROM event LEFT JOIN evidence ON evidence.sequence = event.sequence
  WHERE event.sequence >= ? ORDER BY event.sequence LIMIT ?`;

/** Rows from a sequence on, in order. */
export function selectRowsFrom(sql: Sql, sequence: number, countMax: number): Promise<EventRow[]> {
  return sql.all<EventRow>(selectRows, sequence, countMax);
}

/** Whether a row is what was stored after `previousDigest`: disks flip bits that no check of pages sees. */
export function isIntact(previousDigest: string, row: EventRow): boolean {
  return row.body !== "" && nextDigest(previousDigest, row.body) === row.digest;
}

/** The chain's digest after `sequence`; undefined when it is gone or not yet given out. */
export async function digestAfter(
  sql: Sql,
  record: OutboxRecord,
  sequence: number,
): Promise<string | undefined> {
  if (sequence === 0) return genesisDigest(record.outboxId);
  if (sequence === record.baseSequence) return record.baseDigest;
  const select = "SELECT digest FROM event WHERE sequence = ?";
  return (await sql.get<{ digest: string }>(select, sequence))?.digest;
}

/**
 * Where a row does not continue the chain because a digest's own bits flipped, and not those of an event, its neighbours
 * tell the right one: of the row itself, or of the one before it. Resolves to whether that was so; it is mended then.
 */
export async function mendDigest(
  sql: Sql,
  record: OutboxRecord,
  damagedSequence: number,
): Promise<boolean> {
  for (const sequence of [damagedSequence, damagedSequence - 1]) {
    if (sequence <= record.baseSequence) continue;
    const [row, next] = await selectRowsFrom(sql, sequence, 2);
    if (row === undefined || row.body === "") continue;
    const digest = nextDigest((await digestAfter(sql, record, sequence - 1)) ?? "", row.body);
    const isLast = sequence === record.lastSequence;
    const isRight = isLast
      ? digest === record.lastDigest
      : next !== undefined && isIntact(digest, next);
    if (!isRight || digest === row.digest) continue;
    await sql.run("UPDATE event SET digest = ? WHERE sequence = ?", digest, sequence);
    return true;
  }
  return false;
}

/** Most events that the table of set-aside ones holds; beyond it the oldest go. */
const setAsideCountMax = 1000;

/**
 * Copies an event that nobody can read into a table of its own and empties its row, which from then
 * on stands for a gap. Resolves to 0 when it was set aside before.
 */
export async function setRowAside(
  sql: Sql,
  { outboxId, sequence, nowMs }: { outboxId: string; sequence: number; nowMs: number },
): Promise<number> {
  const movedCount = await sql.run(
    `INSERT INTO set_aside (outbox_id, sequence, at_ms, body, evidence)
     SELECT ?, event.sequence, ?, event.body, evidence.body
     FROM event LEFT JOIN evidence ON evidence.sequence = event.sequence
     WHERE event.sequence = ? AND event.body <> ''`,
    outboxId,
    nowMs,
    sequence,
  );
  await sql.run("UPDATE event SET body = '' WHERE sequence = ?", sequence);
  // A digest that is none, beside an event that is none: any will do, as both sides take the gap's word for it.
  const mend = "UPDATE event SET digest = ? WHERE sequence = ? AND digest GLOB '*[^0-9a-f]*'";
  await sql.run(mend, genesisDigest(`${outboxId} ${sequence}`), sequence);
  await sql.run("DELETE FROM evidence WHERE sequence = ?", sequence);
  const trim = "DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?";
  await sql.run(trim, setAsideCountMax);
  return movedCount;
}
