// Settings of a HID POS scanner.

import { z } from "zod";
import { reportSizeBytesDefault } from "./codec.ts";

export const hidScannerOptionsSchema = z.strictObject({
  /** Size of an input report with its id, as its descriptor says. */
  reportSizeBytes: z.int().min(16).max(1024).default(reportSizeBytesDefault),
  /** Bytes of data in one scan; a longer one is discarded whole. */
  dataLengthMax: z.int().min(1).max(4096).default(4096),
  /** The next report of a long scan comes within this time. */
  continuationTimeoutMs: z.int().min(20).max(5000).default(500),
  /** `honeywell`: asks for the revision (REVINF) to identify it. `none`: it is taken on trust. */
  commands: z.enum(["none", "honeywell"]).default("none"),
  /** For the answer to that question. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
});
export type HidScannerOptions = z.infer<typeof hidScannerOptionsSchema>;
