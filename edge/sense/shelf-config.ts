// Settings of a weight shelf.

import { z } from "zod";
import { cellSchema } from "../../contract/reading.ts";
import { durationMsSchema, idSchema, locationSchema } from "../../contract/units.ts";

/** A shelf of weighing cells behind one device. */
export const shelfConfigSchema = z
  .strictObject({
    deviceId: idSchema,
    cells: z
      .array(
        z.strictObject({
          cell: cellSchema,
          location: locationSchema,
          /** What its samples are multiplied by: the slope of its calibration. */
          gain: z.number().min(0.5).max(2).default(1),
          /** What the cell shows when it is empty (with its slope). With it, what lies there is counted as a whole too. */
          tareGrams: z.number().min(-1e5).max(1e5).optional(),
        }),
      )
      .min(1)
      .max(255),
    /** The weight stands still when it keeps within `stableSpreadGrams` for this long ... */
    stableMs: durationMsSchema.min(100).max(60_000).default(800),
    /** ... with at least so many samples. */
    stableSampleCountMin: z.int().min(2).max(1000).default(5),
    stableSpreadGrams: z.number().min(0.1).max(10_000).default(6),
    /** A change that nothing explains well is looked at again after this long: a hand may lie on it. */
    reconsiderMs: durationMsSchema.max(60_000).default(3_000),
    /** What was taken may be put back elsewhere for this long. */
    inHandMs: durationMsSchema.min(1000).max(3_600_000).default(600_000),
    /** A cell that stood still for this long after a change is counted as a whole, where its tare is known. */
    recountAfterMs: durationMsSchema.min(1000).max(3_600_000).default(20_000),
    /** Each cell whose tare is known is counted this often, whether or not anything changed. */
    countEveryMs: durationMsSchema.min(60_000).max(604_800_000).optional(),
    /** Smaller changes are drift or noise. */
    eventGramsMin: z.number().min(0.1).max(10_000).default(10),
    /** Standard deviation of one stable weight. */
    sensorSdGrams: z.number().min(0.01).max(1000).default(2),
    /** A change may miss a whole number of units by so many standard deviations. */
    toleranceSigmas: z.number().min(1).max(10).default(4),
    /** Samples further apart are not of one phase. */
    sampleGapMsMax: durationMsSchema.min(100).max(60_000).default(2_000),
    /** A movement that takes longer is placed this long before its end. */
    movementMsMax: durationMsSchema.min(1000).max(600_000).default(60_000),
    /** Drift is followed no faster than this, and only while the weight stands still. */
    driftGramsPerMinuteMax: z.number().min(0).max(100).default(2),
    /** The stored weight follows the drift at most this often, ... */
    driftSaveIntervalMs: durationMsSchema.min(1000).max(86_400_000).default(300_000),
    /** ... and only when it is further off than this. */
    driftSaveGramsMin: z.number().min(0.1).max(1000).default(3),
    /** A cell without a usable sample for this long, its device being online, is reported. */
    blindAfterMs: durationMsSchema.min(1000).max(86_400_000).default(60_000),
    /** What it is when something is put on the shelf. */
    positiveStep: z.enum(["customer_putback", "stocking"]).default("customer_putback"),
    /** Where it comes from when staff stock this shelf. */
    stockroom: locationSchema.optional(),
  })
  .refine((config) => new Set(config.cells.map(({ cell }) => cell)).size === config.cells.length, {
    message: "a cell is listed twice",
    path: ["cells"],
  })
  .refine((config) => config.eventGramsMin >= config.stableSpreadGrams, {
    message: "eventGramsMin is at least stableSpreadGrams, or noise would be events",
    path: ["eventGramsMin"],
  })
  .refine((config) => config.positiveStep !== "stocking" || config.stockroom !== undefined, {
    message: "positiveStep stocking needs the stockroom it comes from",
    path: ["stockroom"],
  });
export type ShelfConfig = z.infer<typeof shelfConfigSchema>;
