// Options of kind `zebra-iot`.

import { z } from "zod";
import { inputNamesSchema } from "../input-names.ts";

export const zebraIotOptionsSchema = z.strictObject({
  inputs: inputNamesSchema,
  /** An input or a sensor starts its inventory: while its radio is inactive nothing is wrong. */
  isTriggered: z.boolean().default(false),
  /** So long without a message is an end: longer than its heartbeats. Absent: silence is no failure. */
  silenceTimeoutMs: z.int().min(1_000).max(3_600_000).optional(),
});
export type ZebraIotOptions = z.infer<typeof zebraIotOptionsSchema>;
