// Options of kind `llrp`.

import { z } from "zod";
import { inputNamesSchema } from "../input-names.ts";

/** Impinj's search modes (Octane LLRP, ImpinjInventorySearchMode). */
export const searchModes = [
  "reader_selected",
  "single_target",
  "dual_target",
  "single_target_with_focus",
  "single_target_reset",
  "dual_target_with_select",
] as const;

export const llrpOptionsSchema = z
  .strictObject({
    /** Antennas that read. Empty: all that the reader has. */
    antennas: z.array(z.int().min(1).max(255)).max(64).default([]),
    /** Output power. Absent: what the reader is set to. The nearest step not above it is taken. */
    powerDbm: z.number().min(0).max(36).optional(),
    /** A mode identifier of the reader (`doctor` and the log list them). Absent: what it is set to. */
    modeId: z.int().min(0).max(65_535).optional(),
    /** Gen2 session. 1 for portals, 2 or 3 for shelves that are full. Absent: what the reader is set to. */
    session: z.int().min(0).max(3).optional(),
    /** How many tags are expected at once. */
    tagCount: z.int().min(1).max(65_535).default(32),
    /** Impinj only. */
    searchMode: z.enum(searchModes).optional(),
    /** Impinj only: each report carries the tag's TID. */
    hasTid: z.boolean().default(false),
    /** Reads that make a report. More spare the network and cost delay. */
    reportEveryReadCount: z.int().min(1).max(1000).default(1),
    /** Names of inputs and which level is active; inputs that are not listed are `gpi-1`, `gpi-2`, ... */
    inputs: inputNamesSchema,
    /** The reader says it is alive this often; after three times as long without a word it is asked. */
    keepaliveMs: z.int().min(500).max(60_000).default(5_000),
    /** How long the reader may take to answer. Readers with much to report are slow. */
    answerTimeoutMs: z.int().min(500).max(60_000).default(10_000),
    /** How long it may take from enabling the ROSpec until it reads. */
    startTimeoutMs: z.int().min(500).max(60_000).default(5_000),
    /** 1.1 is asked for only where it is named here: readers of 1.0.1 differ in how they refuse it. */
    protocolVersion: z.enum(["1.0.1", "1.1"]).default("1.0.1"),
  })
  .refine((options) => new Set(options.antennas).size === options.antennas.length, {
    path: ["antennas"],
    message: "an antenna is named twice",
  });
export type LlrpOptions = z.infer<typeof llrpOptionsSchema>;
