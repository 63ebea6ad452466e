// Settings of a scale that speaks a Toledo protocol.

import { z } from "zod";

export const toledoOptionsSchema = z.strictObject({
  /** `8217` is asked with `W`; `continuous` prints by itself. */
  protocol: z.enum(["8217", "continuous"]).default("8217"),
  /** What the scale's display shows. 8217 does not say it and gives no weight without; continuous must agree with it. */
  unit: z.enum(["g", "kg", "t", "oz", "lb"]).optional(),
  /** Whether continuous frames end with a checksum. */
  checksum: z.enum(["required", "none"]).default("required"),
  /** How often an 8217 scale is asked. */
  pollPeriodMs: z.int().min(20).max(60_000).default(200),
  /** How long an 8217 scale may take to answer. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
  /** How long a continuous scale may be silent. */
  sampleTimeoutMs: z.int().min(100).max(60_000).default(3000),
});
export type ToledoOptions = z.infer<typeof toledoOptionsSchema>;
