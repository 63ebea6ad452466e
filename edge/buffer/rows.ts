// Events on their way into the tables: checked when they are appended, given sequence and digest when
// they are stored, and written set-based. Everything here works inside somebody else's transaction.

import { z } from "zod";
import { canonicalJson, genesisDigest, nextDigest } from "../../contract/digest.ts";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import {
  type EventDraft,
  eventDraftSchema,
  eventSizeBytesMax,
  type NoticedConclusion,
} from "../../contract/event.ts";
import { idSchema } from "../../contract/units.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

/** Bytes that a draft gains when it is stored: the largest sequence, and the key of the evidence. */
const addedSizeBytes = `,"sequence":${Number.MAX_SAFE_INTEGER},"evidence":`.length;

/** The clock's stamp on an event. */
export type EventStamp = Pick<EventDraft, "bootId" | "uptimeMs" | "clockSynced">;

/** An event that fits its schema, as text: only its sequence is missing, between the two halves. */
export interface CheckedEvent {
  readonly head: string;
  readonly tail: string;
  readonly evidence: string | null;
  readonly occurredAtMs: number;
  readonly sizeBytes: number;
}

/** Checks a draft: GatewayError EVENT_INVALID or EVENT_TOO_LARGE. */
export function checkDraft(draft: EventDraft): CheckedEvent {
  const { evidence: rawEvidence, ...rest } = draft;
  const result = eventDraftSchema.safeParse(rest);
  if (!result.success) throw new GatewayError("EVENT_INVALID", z.prettifyError(result.error));
  const evidence = evidenceText(rawEvidence);
  const { head, tail } = canonicalHalves(result.data);
  const sizeBytes = addedSizeBytes + Buffer.byteLength(head + tail) + byteLengthOf(evidence);
  if (sizeBytes > eventSizeBytesMax) {
    const message = `an event of type ${rest.type} has ${sizeBytes} bytes; ${eventSizeBytesMax} are allowed`;
    throw new GatewayError("EVENT_TOO_LARGE", message);
  }
  return { head, tail, evidence, occurredAtMs: rest.occurredAtMs, sizeBytes };
}

// Writing it as JSON is the check, several times faster than walking it by a schema.
function evidenceText(evidence: unknown): string | null {
  if (evidence === undefined) return null;
  try {
    const text = JSON.stringify(evidence);
    if (text.startsWith("{")) return text;
  } catch (error) {
    throw new GatewayError("EVENT_INVALID", `evidence: ${errorMessageOf(error)}`, { cause: error });
  }
  throw new GatewayError("EVENT_INVALID", "evidence: it is not a JSON object");
}

// `canonicalEvent` cut where the sequence will stand, so that most of the work is done before the
// commit. The schema knows every key of the top level; none needs escaping.
function canonicalHalves(event: EventDraft): { head: string; tail: string } {
  let head = "";
  let tail = "";
  for (const key of Object.keys(event).sort() as (keyof EventDraft)[]) {
    if (event[key] === undefined) continue;
    const member = `"${key}":${canonicalJson(event[key])}`;
    if (key < "sequence") head += `${member},`;
    else tail += `,${member}`;
  }
  return { head: `{${head}"sequence":`, tail: `${tail}}` };
}

function byteLengthOf(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

/** What takes the place of a draft that was refused: the ledger learns that something is missing. */
export function refusalNotice(
  draft: EventDraft,
  error: GatewayError,
  by: { edgeId: string; stamp: EventStamp; nowMs: number },
): CheckedEvent {
  const detail = { type: String(draft.type).slice(0, 40), message: error.message.slice(0, 500) };
  const conclusion: NoticedConclusion = {
    type: "noticed",
    occurredAtMs: by.nowMs,
    deviceId: idSchema.safeParse(draft.deviceId).data ?? by.edgeId,
    code: error.code.toLowerCase(),
    severity: "warning",
    detail,
  };
  return checkDraft({ ...conclusion, ...by.stamp });
}

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

const insertEvent = `INSERT INTO event (sequence, digest, occurred_at_ms, body)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`;
const insertEvidence = `INSERT INTO evidence (sequence, body)
  SELECT value ->> 0, value ->> 1 FROM json_each(?)`;

/** Writes rows, evidence in its own table. */
export async function insertRows(sql: Sql, rows: readonly EventRow[]): Promise<void> {
  if (rows.length === 0) return;
  const events = rows.map((row) => [row.sequence, row.digest, row.occurredAtMs, row.body]);
  await sql.run(insertEvent, JSON.stringify(events));
  const evidence = rows
    .filter((row) => row.evidence !== null)
    .map((row) => [row.sequence, row.evidence]);
  if (evidence.length > 0) await sql.run(insertEvidence, JSON.stringify(evidence));
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
  await sql.run("DELETE FROM evidence WHERE sequence = ?", sequence);
  const trim = "DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?";
  await sql.run(trim, setAsideCountMax);
  return movedCount;
}

const upsertState = `INSERT INTO state (key, value)
  SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
const deleteState = "DELETE FROM state WHERE key IN (SELECT value FROM json_each(?))";

/** Writes the last value of each key; `null` deletes it. */
export async function writeState(
  sql: Sql,
  changes: ReadonlyMap<string, string | null>,
): Promise<void> {
  const kept = [...changes].filter(([, value]) => value !== null);
  const gone = [...changes].filter(([, value]) => value === null).map(([key]) => key);
  if (kept.length > 0) await sql.run(upsertState, JSON.stringify(kept));
  if (gone.length > 0) await sql.run(deleteState, JSON.stringify(gone));
}
