// Settings of a Chafon reader.

import { z } from "zod";
import { families } from "./codec.ts";

export const chafonOptionsSchema = z
  .strictObject({
    /** `reader18` has one antenna and tells no signal; `reader288` has up to eight and does. */
    family: z.enum(families).default("reader288"),
    /** Address of the reader; 255 reaches any. */
    address: z.int().min(0).max(255).default(255),
    /** Antennas that read, in turn. */
    antennas: z.array(z.int().min(1).max(8)).min(1).max(8).default([1]),
    /** Gen2 session of an inventory (reader288). */
    session: z.int().min(0).max(3).default(0),
    /** How many tags are expected: 2 to the power of the Q that is asked for (reader288). */
    tagCount: z.int().min(1).max(32_768).default(16),
    /** How long an inventory may look for tags. */
    scanTimeMs: z.int().min(300).max(25_500).multipleOf(100).default(500),
    /** Output power. Absent: what the reader has stored. */
    powerDbm: z.int().min(0).max(33).optional(),
    /** What is subtracted from the raw signal byte; no document gives it, this one fits other readers of the chip. */
    rssiOffsetDb: z.int().min(0).max(255).default(129),
    /** How long the reader may take to answer a command. */
    answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
  })
  .refine((options) => new Set(options.antennas).size === options.antennas.length, {
    path: ["antennas"],
    message: "an antenna is named twice",
  })
  .refine(({ antennas, family }) => family === "reader288" || antennas.length === 1, {
    path: ["antennas"],
    message: "a reader18 has one antenna",
  });
export type ChafonOptions = z.infer<typeof chafonOptionsSchema>;
