// Control messages that several simulated devices understand.

import { z } from "zod";
import { scanReadingSchema } from "../contract/reading.ts";
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
