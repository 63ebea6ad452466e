// Settings of a scanner that speaks Zebra's SSI.

import { z } from "zod";

export const ssiScannerOptionsSchema = z.strictObject({
  answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
  /** A quiet scanner is asked for its revision this often, to see that it lives. */
  pollIntervalMs: z.int().min(1000).max(3_600_000).default(300_000),
  /** `aim`: the scanner is set to put AIM identifiers before the data, which say more than code types. */
  prefix: z.enum(["none", "aim"]).default("none"),
  /** Bytes of one scan in several packets; a longer one is discarded whole. */
  dataLengthMax: z.int().min(1).max(4096).default(4096),
});
export type SsiScannerOptions = z.infer<typeof ssiScannerOptionsSchema>;
