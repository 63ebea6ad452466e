// Settings of an M100 module.

import { z } from "zod";

export const m100OptionsSchema = z.strictObject({
  /** The module has one antenna; readings carry this number, so that several modules can make a portal. */
  antennaNumber: z.int().min(1).max(255).default(1),
  /** Absent: what the module has stored. */
  powerDbm: z.number().min(0).max(33).multipleOf(0.01).optional(),
  /** Absent: what the module has stored. */
  region: z.enum(["chn", "fcc", "etsi", "chn_800", "kor"]).optional(),
  /** How long the module may take to answer a command. */
  answerTimeoutMs: z.int().min(50).max(10_000).default(500),
  /** How long polling may be silent: every poll is answered, also one that finds no tag. */
  pollTimeoutMs: z.int().min(100).max(60_000).default(1000),
});
export type M100Options = z.infer<typeof m100OptionsSchema>;
