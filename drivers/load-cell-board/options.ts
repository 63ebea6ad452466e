// Settings of a load-cell board.

import { z } from "zod";
import { cellCountMax } from "./codec.ts";

export const loadCellBoardOptionsSchema = z.strictObject({
  /** Cells the board must say it has. Absent: any number. */
  cellCount: z.int().min(1).max(cellCountMax).optional(),
  /** `required` discards samples that carry none. */
  checksum: z.enum(["optional", "required"]).default("optional"),
  /** How long the board may be silent before it is asked whether it is there. */
  sampleTimeoutMs: z.int().min(100).max(60_000).default(2000),
  /** How long it may take to answer. Arduino-type boards restart when the port is opened: about 2 s. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(1500),
});
export type LoadCellBoardOptions = z.infer<typeof loadCellBoardOptionsSchema>;
