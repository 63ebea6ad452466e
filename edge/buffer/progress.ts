// How far the outbox has come, as the file beside it says (`contract/commit-progress.ts`).

import { z } from "zod";
import { randomIdSchema } from "../../contract/units.ts";
import type { OutboxRecord } from "./schema.ts";

/** What was committed at least. */
export const progressSchema = z.strictObject({
  outboxId: randomIdSchema,
  commitSequence: z.int().min(0),
  lastSequence: z.int().min(0),
});
export type Progress = z.infer<typeof progressSchema>;

/** What the file says of a record. */
export function progressOf({ outboxId, commitSequence, lastSequence }: OutboxRecord): Progress {
  return { outboxId, commitSequence, lastSequence };
}

/** How many commits of a file are missing, says its progress; 0 where it speaks of another outbox. */
export function lostCommitCount(record: OutboxRecord, progress: Progress | undefined): number {
  if (progress?.outboxId !== record.outboxId) return 0;
  return Math.max(0, progress.commitSequence - record.commitSequence);
}
