// The tables of the outbox file. A constant rather than a .sql file, so that source and dist/ run alike.

import { z } from "zod";
import { atMsSchema, digestSchema, randomIdSchema } from "../../contract/units.ts";

/** "Gond" in ASCII: marks the file as ours. */
export const applicationId = 0x476f6e64;
/** The tables' version, kept in `user_version`. */
export const tablesVersion = 2;
/** Bytes of a page. */
export const pageSizeBytes = 4096;

/** Marks the file, in its header. */
export const markFile = `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${tablesVersion};`;

/** Creates the tables. Evidence has its own, because only whole pages that fall empty make room. */
export const createTables = `
${markFile}
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  record TEXT NOT NULL
) STRICT;
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY,
  digest TEXT NOT NULL,
  occurred_at_ms INTEGER NOT NULL,
  body TEXT NOT NULL  -- canonical, without evidence; empty when the event was set aside
) STRICT;
CREATE TABLE evidence (
  sequence INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL  -- 16 digits of its check, then the value (stored.ts)
) STRICT, WITHOUT ROWID;
CREATE TABLE set_aside (
  id INTEGER PRIMARY KEY,
  outbox_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  evidence TEXT
) STRICT;
`;

const countSchema = z.int().min(0);

/** An outbox of this edge that another took the place of. */
export const predecessorSchema = z.strictObject({
  outboxId: randomIdSchema,
  reason: z.enum(["diverged", "corrupt"]),
  /** Events through this sequence were left behind because the ledger has them. */
  leftThroughSequence: countSchema,
  /** Events that were gone or cannot be read any more; `outbox_started` says so. */
  lostCount: countSchema,
});
/** Predecessors that are remembered; the oldest are forgotten. */
export const predecessorCountMax = 20;

/**
 * Where the outbox stands: one row, written with every commit. What is gone is always a prefix of the
 * sequence, so one base is enough to say it.
 */
export const outboxRecordSchema = z.strictObject({
  outboxId: randomIdSchema,
  createdAtMs: atMsSchema,
  /** The stored counter: last sequence given out. */
  lastSequence: countSchema,
  lastDigest: digestSchema,
  acknowledgedSequence: countSchema,
  acknowledgedDigest: digestSchema,
  ledgerEpoch: countSchema,
  /** Everything through this sequence is gone. */
  baseSequence: countSchema,
  baseDigest: digestSchema,
  baseLastAtMs: atMsSchema.optional(),
  /** Through this sequence events went unacknowledged; a gap from there on is called overflow. */
  overflowSequence: countSchema,
  overflowFirstAtMs: atMsSchema.optional(),
  /** Sensing was alive and everything before this time was decided; 0 when it never was. */
  aliveAtMs: atMsSchema,
  /** The clock at the last commit: never earlier than this, for a machine that boots without time. */
  wallAtMs: atMsSchema,
  evidenceShedCount: countSchema,
  trimmedCount: countSchema,
  overflowedCount: countSchema,
  setAsideCount: countSchema,
  /** The outboxes before this one, the oldest first; absent where it is the first. */
  predecessors: z.array(predecessorSchema).max(predecessorCountMax).optional(),
  /** Of the tables, also where the file's header does not say it any more. */
  tablesVersion: z.int().min(1).default(1),
  /** Grows by one with every commit. Files that are older do not have it. */
  commitSequence: countSchema.default(0),
});
export type Predecessor = z.infer<typeof predecessorSchema>;
export type OutboxRecord = z.infer<typeof outboxRecordSchema>;
