// Options of kind `door-contact`.

import { z } from "zod";

export const doorContactOptionsSchema = z.strictObject({
  /** Name of the input in its readings. */
  line: z.string().min(1).max(64).default("door"),
  /** How long the contact may take to answer. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(500),
  /** The contact repeats its state every 10 s; after this time without a line it is asked. */
  silenceMs: z.int().min(1000).max(600_000).default(30_000),
});
export type DoorContactOptions = z.infer<typeof doorContactOptionsSchema>;
