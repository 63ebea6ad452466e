// Control messages that several simulated devices understand.

import { z } from "zod";
import { scanReadingSchema } from "../contract/reading.ts";
import { epcHexSchema } from "../contract/units.ts";
import { faultMessageSchema } from "./device.ts";

/** A scanner scans this. */
export const scanMessageSchema = z.strictObject({
  type: z.literal("scan"),
  data: scanReadingSchema.shape.data,
  symbology: scanReadingSchema.shape.symbology,
});

/** Faults of a line without checksums: bytes altered one by one would be another, valid message. */
export const uncheckedFaultSchema = faultMessageSchema.extend({
  fault: faultMessageSchema.shape.fault.exclude(["badChecksum"]),
});

/** What lies on a scale. */
export const loadMessageSchema = z.strictObject({
  type: z.literal("load"),
  weightGrams: z.number().min(-1e6).max(1e7),
});

/** Somebody pressed a scale's unit key. */
export const unitMessageSchema = z.strictObject({
  type: z.literal("unit"),
  unit: z.string().min(1).max(5),
});

/** It answers after this time. */
export const delayMessageSchema = z.strictObject({
  type: z.literal("delay"),
  answerDelayMs: z.number().min(0).max(10_000),
});

/** A tag in the field of one of a reader's antennas. */
export const fieldTagSchema = z.strictObject({
  epc: epcHexSchema,
  antenna: z.int().min(1).max(32),
  rssiDbm: z.number().min(-120).max(0),
});
export type FieldTag = z.infer<typeof fieldTagSchema>;

/** All tags in the field of all antennas; a tag may be named once for each antenna. */
export const fieldMessageSchema = z.strictObject({
  type: z.literal("field"),
  tags: z.array(fieldTagSchema).max(10_000),
});

/** Somebody plugs an antenna in, or pulls it. */
export const antennaMessageSchema = z.strictObject({
  type: z.literal("antenna"),
  antenna: z.int().min(1).max(32),
  connected: z.boolean(),
});
