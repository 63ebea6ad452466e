// The outbox's settings, with their ranges and defaults.

import { z } from "zod";
import { durationMsSchema } from "../../contract/units.ts";

const kib = 1024;
const mib = 1024 * kib;

/** What of the outbox can be set. */
export const outboxSettingsSchema = z.strictObject({
  /** Everything that arrives within this time goes into one transaction, with one sync of the disk. */
  commitDelayMs: durationMsSchema.max(1000).default(10),
  /** The page cap: the database never grows past it. Keep it at 60-70 % of its partition at most. */
  sizeBytesMax: z
    .int()
    .min(512 * kib)
    .max(65_536 * mib)
    .default(256 * mib),
  /** A file of this size is deleted first when the disk is full, so that the outbox can go on. */
  ballastSizeBytes: z
    .int()
    .min(0)
    .max(1024 * mib)
    .default(16 * mib),
  /** Acknowledged events are kept this long, for a ledger that comes back from a backup. */
  retentionMs: durationMsSchema.default(7 * 24 * 3_600_000),
  /** Acknowledged events take no more than this share of the page cap. */
  retainedShareMax: z.number().min(0).max(0.9).default(0.25),
  /** Events that may wait for a commit; more are refused with OUTBOX_QUEUE_FULL. */
  queuedEventCountMax: z.int().min(1).max(1_000_000).default(10_000),
  /** Their size, states included. */
  queuedSizeBytesMax: z
    .int()
    .min(64 * kib)
    .max(1024 * mib)
    .default(16 * mib),
  /** How often an edge without events writes down that it was alive. */
  aliveFlushMs: durationMsSchema.min(1000).default(300_000),
  /** How long an acknowledgement may wait for the next commit. Lost at a crash, it is asked for again. */
  acknowledgeFlushMs: durationMsSchema.max(60_000).default(1000),
});
export type OutboxSettings = z.infer<typeof outboxSettingsSchema>;
