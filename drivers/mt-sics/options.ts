// Settings of an MT-SICS scale.

import { z } from "zod";

export const mtSicsOptionsSchema = z.strictObject({
  /** How long a scale may be silent while it repeats its weight. */
  sampleTimeoutMs: z.int().min(100).max(60_000).default(2000),
  /** How long it may take to answer a question. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
});
export type MtSicsOptions = z.infer<typeof mtSicsOptionsSchema>;
