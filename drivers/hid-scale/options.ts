// Settings of a HID scale.

import { z } from "zod";

export const hidScaleOptionsSchema = z.strictObject({
  /** Leaves out what the scale measures while the load moves. */
  stableOnly: z.boolean().default(false),
  /** Asks for zero once at every start: only for a scale that is empty then. */
  zeroAtStart: z.boolean().default(false),
  /** Without a report for this time the scale counts as silent. Absent: models that report changes only. */
  reportTimeoutMs: z.int().min(500).max(3_600_000).optional(),
});
export type HidScaleOptions = z.infer<typeof hidScaleOptionsSchema>;
