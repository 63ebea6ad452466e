// Readings: what a device said, from the drivers to the edge. A recording is these and the steps of the
// clock they are told by, one JSON object a line. LLRP words where LLRP has them.

import { z } from "zod";
import { atMsSchema, epcHexSchema, idSchema } from "./units.ts";

/** The number of an antenna of a device. */
export const antennaSchema = z.int().min(1).max(255);
/** A weighing cell of a device. */
export const cellSchema = z.int().min(1).max(255);

const common = { deviceId: idSchema, receivedAtMs: atMsSchema };

export const tagReadingSchema = z.strictObject({
  kind: z.literal("tag"),
  ...common,
  antenna: antennaSchema,
  epc: epcHexSchema,
  tid: epcHexSchema.optional(),
  rssiDbm: z.number().min(-150).max(50),
  phaseDeg: z.number().min(0).max(360).optional(),
  channelMhz: z.number().min(1).max(6000).optional(),
  count: z.int().min(1).optional(),
  readerAtMs: atMsSchema.optional(),
});

export const weightStatuses = ["ok", "overload", "underload", "fault"] as const;
export const weightReadingSchema = z.strictObject({
  kind: z.literal("weight"),
  ...common,
  cell: cellSchema,
  weightGrams: z.number().min(-1e7).max(1e7),
  status: z.enum(weightStatuses),
});

export const scanReadingSchema = z.strictObject({
  kind: z.literal("scan"),
  ...common,
  /** AIM identifier with its bracket, like `]d2`, longer only of a system expansion (`]Y`); absent where the scanner sends none. */
  symbology: z
    .string()
    .regex(/^\](?:[A-Za-z][0-9A-Za-z]|Y[1-9].{1,9})$/s)
    .optional(),
  data: z.string().min(1).max(4096),
});

export const inputReadingSchema = z.strictObject({
  kind: z.literal("input"),
  ...common,
  line: z.string().min(1).max(64),
  active: z.boolean(),
  /** When the line first moved, before it was debounced; absent for the level found at the start. */
  edgeAtMs: atMsSchema.optional(),
});

export const deviceStates = ["online", "offline", "degraded"] as const;
export const deviceReadingSchema = z.strictObject({
  kind: z.literal("device"),
  ...common,
  state: z.enum(deviceStates),
  reason: z.string().max(500).optional(),
});

/** What a device said: one read of a tag, one sample of a cell, one scan, one edge of a line, one change of a device's state. */
export const readingSchema = z.discriminatedUnion("kind", [
  tagReadingSchema,
  weightReadingSchema,
  scanReadingSchema,
  inputReadingSchema,
  deviceReadingSchema,
]);

/** The wall clock that `receivedAtMs` is told by was set: by how much, and what it shows now. */
export const clockStepSchema = z.strictObject({
  kind: z.literal("clock"),
  receivedAtMs: atMsSchema,
  stepMs: z.int(),
});

/** A line of a recording. */
export const recordedSchema = z.discriminatedUnion("kind", [
  ...readingSchema.options,
  clockStepSchema,
]);

export type ClockStep = z.infer<typeof clockStepSchema>;
export type Recorded = z.infer<typeof recordedSchema>;
export type TagReading = z.infer<typeof tagReadingSchema>;
export type WeightReading = z.infer<typeof weightReadingSchema>;
export type ScanReading = z.infer<typeof scanReadingSchema>;
export type InputReading = z.infer<typeof inputReadingSchema>;
export type DeviceReading = z.infer<typeof deviceReadingSchema>;
export type Reading = z.infer<typeof readingSchema>;
