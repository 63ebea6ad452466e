// Events: what the edge concluded from readings. A fact, never an order: the ledger settles it.
// Its identity is (outboxId, sequence), given when it is stored, before anything is sent.

import { z } from "zod";
import {
  atMsSchema,
  confidenceSchema,
  digestSchema,
  durationMsSchema,
  epcHexSchema,
  gtinSchema,
  idSchema,
  locationSchema,
  randomIdSchema,
  sequenceSchema,
  stockStateSchema,
} from "./units.ts";

/** The largest event, as stored and sent, evidence included. */
export const eventSizeBytesMax = 16 * 1024;

export const steps = [
  "receiving",
  "stocking",
  "customer_pick",
  "customer_putback",
  "retail_selling",
  "returning",
  "shipping",
  "arriving",
  "departing",
  "relocating",
  "first_seen",
] as const;
export const stepSchema = z.enum(steps);
export type Step = z.infer<typeof stepSchema>;

/** A serial, or a lot: in GS1 character set 82 (General Specifications 7.11). */
export const serialOrLotSchema = z
  .string()
  .min(1)
  .max(20)
  .regex(/^[!-"%-?A-Z_a-z]+$/);

/** What moved: a GTIN (with serial, lot, expiry where known), or a tag that is not GS1, by its EPC alone. */
export const itemSchema = z
  .strictObject({
    gtin: gtinSchema.optional(),
    serial: serialOrLotSchema.optional(),
    epc: epcHexSchema.optional(),
    lot: serialOrLotSchema.optional(),
    /** YYYY-MM-DD */
    expiry: z.iso.date().optional(),
  })
  .refine((item) => item.gtin !== undefined || item.epc !== undefined, "an item needs gtin or epc");
export type Item = z.infer<typeof itemSchema>;

/** A location and the state of stock there. */
export const placeSchema = z.strictObject({ location: locationSchema, state: stockStateSchema });
export type Place = z.infer<typeof placeSchema>;

/** When and by which clock: set by the edge when it stores the event. */
const stamp = {
  bootId: randomIdSchema,
  /** Time since that boot when the event was decided; no jump of the clock moves it. */
  uptimeMs: durationMsSchema,
  /** False while the edge has not learned the time since boot. */
  clockSynced: z.boolean(),
};

const common = {
  occurredAtMs: atMsSchema,
  deviceId: idSchema,
  confidence: confidenceSchema.optional(),
  /** Why the edge concluded this. Never part of the digest; the first thing shed when space is short. */
  evidence: z.record(z.string(), z.json()).optional(),
};

const movedFields = {
  type: z.literal("moved"),
  ...common,
  step: stepSchema,
  item: itemSchema,
  quantity: z.int().min(1).max(1_000_000),
  from: placeSchema.optional(),
  to: placeSchema.optional(),
  readPoint: locationSchema.optional(),
  reference: z
    .strictObject({ type: z.string().min(1).max(40), id: z.string().min(1).max(100) })
    .optional(),
};

export const countedLineSchema = z.strictObject({
  gtin: gtinSchema,
  lot: serialOrLotSchema.optional(),
  quantity: z.int().min(0).max(10_000_000),
  observedAtMs: atMsSchema,
});

const countedFields = {
  type: z.literal("counted"),
  ...common,
  location: locationSchema,
  state: stockStateSchema,
  /** Whether a product that is not listed was seen to be absent. */
  complete: z.boolean(),
  lines: z.array(countedLineSchema).max(1000),
  serials: z
    .array(z.strictObject({ key: z.string().min(1).max(100), observedAtMs: atMsSchema }))
    .max(5000)
    .optional(),
};

export const severities = ["info", "warning", "alarm"] as const;

const noticedFields = {
  type: z.literal("noticed"),
  ...common,
  code: z.string().regex(/^[a-z][a-z0-9_]{2,63}$/),
  severity: z.enum(severities),
  detail: z.record(z.string(), z.json()),
};

/** What sensing concluded, before it is stamped and stored. */
export const conclusionSchema = z.discriminatedUnion("type", [
  z.strictObject(movedFields),
  z.strictObject(countedFields),
  z.strictObject(noticedFields),
]);
export type Conclusion = z.infer<typeof conclusionSchema>;
export type MovedConclusion = Extract<Conclusion, { type: "moved" }>;
export type CountedConclusion = Extract<Conclusion, { type: "counted" }>;
export type NoticedConclusion = Extract<Conclusion, { type: "noticed" }>;

/** A conclusion with the stamp of the clock: what the outbox takes. */
export const eventDraftSchema = z.discriminatedUnion("type", [
  z.strictObject({ ...movedFields, ...stamp }),
  z.strictObject({ ...countedFields, ...stamp }),
  z.strictObject({ ...noticedFields, ...stamp }),
]);
export type EventDraft = z.infer<typeof eventDraftSchema>;

const sequence = { sequence: sequenceSchema };

/** A stored event. */
export const stockEventSchema = z.discriminatedUnion("type", [
  z.strictObject({ ...movedFields, ...stamp, ...sequence }),
  z.strictObject({ ...countedFields, ...stamp, ...sequence }),
  z.strictObject({ ...noticedFields, ...stamp, ...sequence }),
]);
export type StockEvent = z.infer<typeof stockEventSchema>;
export type MovedEvent = Extract<StockEvent, { type: "moved" }>;
export type CountedEvent = Extract<StockEvent, { type: "counted" }>;
export type NoticedEvent = Extract<StockEvent, { type: "noticed" }>;

export const gapReasons = ["overflow", "trimmed", "unreadable"] as const;

/** Says what is gone: it takes the place of the sequences it names. `digest` is that of the last one. */
export const gapSchema = z
  .strictObject({
    type: z.literal("gap"),
    firstSequence: sequenceSchema,
    lastSequence: sequenceSchema,
    reason: z.enum(gapReasons),
    digest: digestSchema,
    firstAtMs: atMsSchema.optional(),
    lastAtMs: atMsSchema.optional(),
  })
  .refine((gap) => gap.firstSequence <= gap.lastSequence, "a gap ends where it begins or later");
export type Gap = z.infer<typeof gapSchema>;

/** Codes of `noticed` events that the delivery and the ledger themselves act on. */
export const noticeCodes = {
  outboxStarted: "outbox_started",
  /** The last transactions before a crash are lost: the edge's disk did not keep them. */
  bufferSetBack: "buffer_set_back",
  sensingGap: "sensing_gap",
  clockSet: "clock_set",
} as const;
