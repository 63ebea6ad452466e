// Settings of a serial scanner: how it frames a scan, and how it is recognised.

import { z } from "zod";
import { scanFormatSchema } from "./codec.ts";

export const serialScannerOptionsSchema = scanFormatSchema.extend({
  /** A command and a text of its answer, from the scanner's manual. Absent: it is taken on trust. */
  identify: z
    .strictObject({
      send: z.string().min(1).max(128),
      expect: z.string().min(1).max(128),
      answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
    })
    .optional(),
});
export type SerialScannerOptions = z.infer<typeof serialScannerOptionsSchema>;
