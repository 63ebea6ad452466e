// What travels between an edge and the ledger beside the events themselves.

import { z } from "zod";
import { outputCommandSchema } from "./actuation.ts";
import { antennaSchema, cellSchema, deviceStates } from "./reading.ts";
import {
  atMsSchema,
  confidenceSchema,
  digestSchema,
  durationMsSchema,
  gtinSchema,
  idSchema,
  locationSchema,
  randomIdSchema,
  sequenceSchema,
} from "./units.ts";

/** The wire's version. The bridge accepts this one and the one before it. */
export const schemaVersion = 1;
/** Most events in a batch. */
export const batchEventCountMax = 500;
/** Largest batch, inflated. */
export const batchSizeBytesMax = 256 * 1024;
/** Batches above this size are sent as gzip. */
export const batchGzipAboveBytes = 1024;

const throughSequenceSchema = z.int().min(0);

/**
 * A batch. `events` are looked at one by one, so that one bad event does not take the others with it;
 * each covers its own sequence, a gap all that it names, and together they are contiguous from
 * `firstSequence`. A batch without events is a hello and has `oldestSequence` and `lastSequence`.
 */
export const batchSchema = z
  .strictObject({
    schemaVersion: z.literal(schemaVersion),
    storeId: idSchema,
    edgeId: idSchema,
    outboxId: randomIdSchema,
    firstSequence: sequenceSchema,
    /** The chain's digest before `firstSequence`. */
    previousDigest: digestSchema,
    /** Everything that happened up to this time is in the outbox up to this batch's end. */
    completeThroughAtMs: atMsSchema,
    sentAtMs: atMsSchema,
    /** Names this message; an answer repeats it. */
    nonce: randomIdSchema,
    events: z.array(z.unknown()).max(batchEventCountMax),
    /** Hello only: the oldest sequence that can still be sent (last + 1 when none is kept). */
    oldestSequence: sequenceSchema.optional(),
    /** Hello only: the last sequence given out, 0 before the first. */
    lastSequence: throughSequenceSchema.optional(),
    /** Hello only: asks whether the ledger has this digest at this sequence (to find where a cloned or set-back buffer parted). */
    probe: z.strictObject({ sequence: sequenceSchema, digest: digestSchema }).optional(),
  })
  .refine(
    ({ events, oldestSequence, lastSequence }) =>
      events.length > 0 || (oldestSequence !== undefined && lastSequence !== undefined),
    "a hello needs oldestSequence and lastSequence",
  );
export type Batch = z.infer<typeof batchSchema>;

/** An event the ledger could not post: it lies in quarantine under this code. */
export const rejectionSchema = z.strictObject({
  sequence: sequenceSchema,
  code: z.string().max(64),
  message: z.string().max(500),
});
export type Rejection = z.infer<typeof rejectionSchema>;

/** The most rejections that one acknowledgement lists (a batch has no more events). */
export const rejectionCountMax = batchEventCountMax;

/**
 * The ledger's word on an outbox: everything through `throughSequence` is committed. `code`
 * OUTBOX_HOLE: the batch began too far on. OUTBOX_DIVERGED: the chain does not fit, the outbox is frozen.
 */
export const acknowledgementSchema = z.strictObject({
  outboxId: randomIdSchema,
  /** Grows when a ledger is restored from a backup. */
  ledgerEpoch: z.int().min(1),
  throughSequence: throughSequenceSchema,
  throughDigest: digestSchema,
  nonce: randomIdSchema.optional(),
  code: z.enum(["OUTBOX_HOLE", "OUTBOX_DIVERGED"]).optional(),
  rejected: z.array(rejectionSchema).max(rejectionCountMax),
  /** Answer to a hello's probe. */
  probeMatches: z.boolean().optional(),
});
export type Acknowledgement = z.infer<typeof acknowledgementSchema>;

/** The answer to a batch that could not be read or is of a foreign version: nothing moved. */
export const refusalSchema = z.strictObject({
  code: z.enum(["BATCH_UNREADABLE", "BATCH_TOO_LARGE", "VERSION_UNSUPPORTED"]),
  message: z.string().max(500),
  /** SHA-256 of the payload as received: the edge takes the refusal only for bytes it did send. */
  payloadDigest: digestSchema,
});
export type Refusal = z.infer<typeof refusalSchema>;

/** What may come on an `ack` topic. */
export const answerSchema = z.union([acknowledgementSchema, refusalSchema]);
export type Answer = z.infer<typeof answerSchema>;

/** Retained on `status`; the broker publishes the offline form as last will. */
export const edgeStatusSchema = z.strictObject({
  storeId: idSchema,
  edgeId: idSchema,
  state: z.enum(["online", "offline"]),
  /** `stopped` when said on purpose, `lost` when the broker says it for the edge. */
  reason: z.enum(["started", "stopped", "lost"]),
  bootId: randomIdSchema,
  outboxId: randomIdSchema,
  softwareVersion: z.string().max(40),
  sinceAtMs: atMsSchema,
});
export type EdgeStatus = z.infer<typeof edgeStatusSchema>;

/** Antennas of one device that a health report tells of. */
export const antennaCountMax = 64;

/** How one device does. */
export const deviceHealthSchema = z.strictObject({
  deviceId: idSchema,
  kind: z.string().max(40),
  state: z.enum(deviceStates),
  reason: z.string().max(500).optional(),
  readingCount: z.int().min(0),
  lastReadingAtMs: atMsSchema.optional(),
  restartCount: z.int().min(0),
  /** Of readings that came by an antenna: how many by each. */
  antennas: z
    .array(z.strictObject({ antenna: antennaSchema, readingCount: z.int().min(0) }))
    .max(antennaCountMax)
    .optional(),
});

export type DeviceHealth = z.infer<typeof deviceHealthSchema>;

/** Which configuration an edge works by: the file it was started with, or one that was sent to it. */
export const runningConfigSchema = z.strictObject({
  /** SHA-256 of its text. */
  digest: digestSchema,
  /** `trial`: sent, and not yet shown to be good; `applied`: sent and good. */
  origin: z.enum(["file", "trial", "applied"]),
  /** The one sent last did not do well, and what ran before it runs again. */
  returned: z
    .strictObject({ digest: digestSchema, reason: z.string().max(500), atMs: atMsSchema })
    .optional(),
});
export type RunningConfig = z.infer<typeof runningConfigSchema>;

/** Every 30 s on `health`. */
export const healthSchema = z.strictObject({
  /** Those of the topic; absent from edges of before. */
  storeId: idSchema.optional(),
  edgeId: idSchema.optional(),
  atMs: atMsSchema,
  uptimeMs: durationMsSchema,
  bootId: randomIdSchema,
  clockSynced: z.boolean(),
  outboxId: randomIdSchema,
  lastSequence: throughSequenceSchema,
  acknowledgedSequence: throughSequenceSchema,
  waitingCount: z.int().min(0),
  oldestWaitingAtMs: atMsSchema.optional(),
  /** Since the ledger last answered, by the clock that never jumps; absent until it did. */
  sinceAcknowledgementMs: durationMsSchema.optional(),
  bufferUsedShare: confidenceSchema,
  linkState: z.enum(["offline", "connecting", "online", "held"]),
  /** Absent from edges of before. */
  config: runningConfigSchema.optional(),
  /** Of the plan that it works by; absent without one, and from edges of before. */
  planVersion: z.int().min(1).optional(),
  rssBytes: z.int().min(0),
  eventLoopDelayMsP99: z.number().min(0),
  devices: z.array(deviceHealthSchema).max(256),
  /** Counters since the start, by name. */
  counters: z.record(z.string(), z.number()),
});
export type Health = z.infer<typeof healthSchema>;

/** Largest configuration in a command, measured as JSON: the message around it has 64 KiB. */
export const configSizeBytesMax = 60 * 1024;
/** To an edge. */
/** What a scanner's scans mean. */
export const workflows = [
  "sell",
  "receive",
  "return",
  "count",
  "transfer_out",
  "transfer_in",
  "look_up",
] as const;
export type Workflow = (typeof workflows)[number];

/** Products of one delivery: what a command message and a closing notice have room for. */
export const expectedLineCountMax = 500;
/** The number of a transfer or a delivery, as a barcode and a location can carry it. */
export const referenceIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, "a reference is 1-64 of A-Z, a-z, 0-9 and -");

export const commandSchema = z.discriminatedUnion("command", [
  z.strictObject({ id: randomIdSchema, command: z.literal("hello_request") }),
  /** Asks how the edge does; the reply has its health. */
  z.strictObject({ id: randomIdSchema, command: z.literal("status") }),
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("workflow"),
    deviceId: idSchema,
    workflow: z.enum(workflows),
    /** Where the workflow works; absent for the device's configured place. */
    location: z.string().max(200).optional(),
    /** Of the transfer or the delivery: transfers need one. */
    referenceId: referenceIdSchema.optional(),
    /** What a delivery should bring: what is missing, too much or not on the list is told at its end. */
    expected: z
      .array(z.strictObject({ gtin: gtinSchema, quantity: z.int().min(1).max(1_000_000) }))
      .min(1)
      .max(expectedLineCountMax)
      .optional(),
  }),
  /** Counts now what stands at a location and below it: RFID zones, and shelves whose tare is known. */
  z.strictObject({ id: randomIdSchema, command: z.literal("count"), location: locationSchema }),
  /** Switches an output of a device: a lamp, a buzzer. */
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("actuate"),
    deviceId: idSchema,
    ...outputCommandSchema.shape,
  }),
  /** Takes what a weight shelf's cells show now, with nothing on them, as their tare: one cell, or all of them. */
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("tare"),
    deviceId: idSchema,
    cell: cellSchema.optional(),
  }),
  /** Asks for events that the ledger has acknowledged once more; it posts each once anyway. */
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("rewind"),
    fromSequence: sequenceSchema,
  }),
  /** A whole configuration (YAML) to work by: on trial first, and left again by the edge itself if it does not do well. */
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("apply_config"),
    config: z
      .string()
      .min(1)
      .max(configSizeBytesMax)
      .refine((text) => Buffer.byteLength(JSON.stringify(text)) <= configSizeBytesMax, {
        error: `a configuration is at most ${configSizeBytesMax} bytes as JSON`,
      }),
  }),
  /** A later certificate of the edge's own key, as PEM: shown from the next connection on. */
  z.strictObject({
    id: randomIdSchema,
    command: z.literal("renew_certificate"),
    certificate: z
      .string()
      .max(16_384)
      .regex(/^-----BEGIN CERTIFICATE-----/, "a certificate as PEM"),
  }),
]);
export type Command = z.infer<typeof commandSchema>;

/** The edge's answer to a command. */
export const replySchema = z.strictObject({
  id: randomIdSchema,
  ok: z.boolean(),
  code: z.string().max(64).optional(),
  message: z.string().max(500).optional(),
  /** Answer to `status`. */
  health: healthSchema.optional(),
});
export type Reply = z.infer<typeof replySchema>;
