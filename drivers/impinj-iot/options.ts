// Options of kind `impinj-iot`.

import { z } from "zod";
import { inputNamesSchema } from "../input-names.ts";

export const impinjIotOptionsSchema = z.strictObject({
  /** A preset of the reader that is started where it is idle. Absent: the reader is left as it is. */
  preset: z
    .string()
    .regex(/^[^\s/]{1,128}$/)
    .optional(),
  /** Names of inputs and which level is active; inputs that are not listed are `gpi-1`, `gpi-2`, ... */
  inputs: inputNamesSchema,
  /** A reader on HTTP that is quiet for this long is asked for its state. */
  quietMs: z.int().min(500).max(3_600_000).default(10_000),
  /** How long it may take to answer. */
  answerTimeoutMs: z.int().min(500).max(60_000).default(5_000),
  /** On MQTT it cannot be asked: so long without an event is an end. Absent: silence is no failure. */
  silenceTimeoutMs: z.int().min(1_000).max(3_600_000).optional(),
});
export type ImpinjIotOptions = z.infer<typeof impinjIotOptionsSchema>;
