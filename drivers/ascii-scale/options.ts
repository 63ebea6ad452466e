// Settings of a scale that prints lines.

import { z } from "zod";

export const asciiScaleOptionsSchema = z.strictObject({
  /** What is sent to get a line, without its end: `Q` (A&D), `IP` or `P` (Ohaus, Adam). Absent: the scale prints by itself. */
  poll: z
    .string()
    .regex(/^[ -~]{1,20}$/, "a command is 1 to 20 printable characters")
    .optional(),
  /** How often it is sent. */
  pollPeriodMs: z.int().min(20).max(60_000).default(200),
  /** Unit of lines that carry none (many indicators print the number alone). Absent: such a line is no weight. */
  unit: z.enum(["g", "kg", "lb", "oz"]).optional(),
  /** How long the scale may be silent. */
  sampleTimeoutMs: z.int().min(100).max(600_000).default(3000),
});
export type AsciiScaleOptions = z.infer<typeof asciiScaleOptionsSchema>;
