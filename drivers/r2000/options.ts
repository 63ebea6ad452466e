// Settings of an R2000 reader.

import { z } from "zod";

export const r2000OptionsSchema = z
  .strictObject({
    /** Address on an RS-485 line; 255 reaches any reader. */
    address: z.int().min(0).max(255).default(255),
    /** Antenna ports in the order they are read. */
    antennas: z.array(z.int().min(1).max(8)).min(1).max(8).default([1]),
    /** `fast_switch` lets the reader change between up to four antennas by itself. */
    mode: z.enum(["real_time", "fast_switch"]).default("real_time"),
    /** Inventory rounds per command (255: one as short as possible). */
    roundCount: z.int().min(1).max(255).default(1),
    /** Rest between two commands, to spare other readers and the power supply. */
    restMs: z.int().min(0).max(60_000).default(0),
    /** Output power of all antennas. Absent: what the reader has stored. */
    powerDbm: z.int().min(0).max(33).optional(),
    /** Absent: what the reader has stored. */
    region: z.enum(["fcc", "etsi", "chn"]).optional(),
    /** How long the reader may take to answer a command. */
    answerTimeoutMs: z.int().min(50).max(10_000).default(1000),
    /** How long an inventory may be silent: longer than its longest round without a tag. */
    roundTimeoutMs: z.int().min(100).max(60_000).default(3000),
  })
  .refine((options) => new Set(options.antennas).size === options.antennas.length, {
    path: ["antennas"],
    message: "an antenna is named twice",
  })
  .refine(
    (options) => options.mode === "real_time" || options.antennas.every((antenna) => antenna <= 4),
    { path: ["antennas"], message: "fast_switch serves antennas 1 to 4; use real_time" },
  );
export type R2000Options = z.infer<typeof r2000OptionsSchema>;
