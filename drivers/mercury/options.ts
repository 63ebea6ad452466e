// Settings of a module that speaks Mercury.

import { z } from "zod";
import { regionNames } from "./tables.ts";

export const mercuryOptionsSchema = z
  .strictObject({
    /** `stream`: tags as they are read (M6e, M7e). `silion`: the same by Silion's command. `poll`: search, then fetch what was found (M5e, older Silion). */
    mode: z.enum(["stream", "silion", "poll"]).default("stream"),
    /** Whose radio rules count. Absent: what the module has stored, if it has any. */
    region: z.enum(regionNames).optional(),
    /** Antennas that read, in turn. */
    antennas: z.array(z.int().min(1).max(16)).min(1).max(16).default([1]),
    /** Output power. Absent: what the module is set to. */
    powerDbm: z.number().min(0).max(33).multipleOf(0.01).optional(),
    /** Gen2 session. Absent: what the module is set to. */
    session: z.int().min(0).max(3).optional(),
    /** How long a search lasts (poll). */
    searchMs: z.int().min(50).max(10_000).default(500),
    /** A stream without a word for so long is broken: the module says every second that it is there. */
    aliveTimeoutMs: z.int().min(1_500).max(60_000).default(4_000),
    /** How long the module may take to answer a command. */
    answerTimeoutMs: z.int().min(50).max(10_000).default(1_000),
  })
  .refine((options) => new Set(options.antennas).size === options.antennas.length, {
    path: ["antennas"],
    message: "an antenna is named twice",
  });
export type MercuryOptions = z.infer<typeof mercuryOptionsSchema>;
