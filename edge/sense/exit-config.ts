// Settings of what watches the exits.

import { z } from "zod";
import { durationMsSchema } from "../../contract/units.ts";
import { signalSchema } from "./machine.ts";

export const exitConfigSchema = z.strictObject({
  /** The store has tills that are not this edge's: then nothing is unpaid while the ledger's list is old. */
  hasOtherTills: z.boolean().default(false),
  /** A list of what is sold that is older than this may lack what was paid just now. */
  listAgeMsMax: durationMsSchema.min(1_000).max(3_600_000).default(120_000),
  /** A unit that a till knows by its GTIN alone leaves within this time. */
  unitWindowMs: durationMsSchema.min(60_000).max(86_400_000).default(7_200_000),
  /** A unit that was sold by its serial may leave, come back and leave for this long. */
  serialWindowMs: durationMsSchema.min(60_000).max(604_800_000).default(86_400_000),
  /** What rings when an unpaid unit leaves. */
  alarms: z.array(signalSchema).max(8).default([]),
});
export type ExitConfig = z.infer<typeof exitConfigSchema>;
