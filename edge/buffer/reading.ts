// Rows as they are sent: the event's text with its evidence, or a gap in the place of what is gone.

import type { Gap } from "../../contract/event.ts";
import { digestSchema } from "../../contract/units.ts";
import type { OutboxRow } from "./outbox-types.ts";
import { digestAfter, type EventRow, isIntact, selectRowsFrom } from "./rows.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

/** Rows from a sequence on, and where reading stopped because a row is not what was stored. */
export interface RowsRead {
  readonly rows: OutboxRow[];
  readonly damagedSequence?: number;
}

/** Reads rows; at least one where there is one, then no more than the limits allow. */
export async function readRows(
  sql: Sql,
  record: Readonly<OutboxRecord>,
  fromSequence: number,
  limits: { countMax: number; sizeBytesMax: number },
): Promise<RowsRead> {
  const rows: OutboxRow[] = [];
  let sizeBytes = 0;
  const fits = (row: OutboxRow) => {
    sizeBytes += Buffer.byteLength(row.text);
    if (rows.length > 0 && sizeBytes > limits.sizeBytesMax) return false;
    return rows.push(row) < limits.countMax;
  };
  if (fromSequence <= record.baseSequence && !fits(lostRow(record, fromSequence))) return { rows };
  const firstSequence = Math.max(fromSequence, record.baseSequence + 1);
  let digest = (await digestAfter(sql, record, firstSequence - 1)) ?? "";
  for (const row of await selectRowsFrom(sql, firstSequence, limits.countMax - rows.length)) {
    const isRight = row.body === "" ? isDigest(row.digest) : isIntact(digest, row);
    if (!isRight) return { rows, damagedSequence: row.sequence };
    digest = row.digest;
    if (!fits(row.body === "" ? setAsideRow(row) : eventRow(row))) break;
  }
  return { rows };
}

function isDigest(text: string): boolean {
  return digestSchema.safeParse(text).success;
}

function isEvidence(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function eventRow({ sequence, digest, body, evidence }: EventRow): OutboxRow {
  // Evidence has no digest: what rotted is left out, so that the event itself is posted.
  const isGood = evidence !== null && isEvidence(evidence);
  const text = isGood ? `${body.slice(0, -1)},"evidence":${evidence}}` : body;
  return { firstSequence: sequence, lastSequence: sequence, text, digest };
}

function setAsideRow({ sequence, digest, occurredAtMs }: EventRow): OutboxRow {
  return gapRow({
    type: "gap",
    firstSequence: sequence,
    lastSequence: sequence,
    reason: "unreadable",
    digest,
    firstAtMs: occurredAtMs,
    lastAtMs: occurredAtMs,
  });
}

function lostRow(record: Readonly<OutboxRecord>, firstSequence: number): OutboxRow {
  const { baseSequence, baseDigest, baseLastAtMs, overflowSequence, overflowFirstAtMs } = record;
  const isOverflow = firstSequence <= overflowSequence;
  return gapRow({
    type: "gap",
    firstSequence,
    lastSequence: baseSequence,
    reason: isOverflow ? "overflow" : "trimmed",
    digest: baseDigest,
    ...(isOverflow && overflowFirstAtMs !== undefined ? { firstAtMs: overflowFirstAtMs } : {}),
    ...(baseLastAtMs === undefined ? {} : { lastAtMs: baseLastAtMs }),
  });
}

function gapRow(gap: Gap): OutboxRow {
  const { firstSequence, lastSequence, digest } = gap;
  return { firstSequence, lastSequence, text: JSON.stringify(gap), digest };
}
