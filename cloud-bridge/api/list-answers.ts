// What lists about edges and their events answer: notices, count tasks, positions, quarantine.

import { z } from "zod";
import { severities } from "../../contract/event.ts";
import {
  atMsSchema,
  digestSchema,
  idSchema,
  locationSchema,
  stockStateSchema,
} from "../../contract/units.ts";

/** Where something stands in the outbox of an edge. */
const outbox = { storeId: idSchema, edgeId: idSchema, outboxId: z.string() };

/** What an edge noticed. */
export const noticeItem = z.strictObject({
  ...outbox,
  sequence: z.int(),
  code: z.string(),
  severity: z.enum(severities),
  deviceId: idSchema,
  occurredAtMs: atMsSchema,
  /** When the ledger took it. */
  recordedAtMs: atMsSchema,
  detail: z.record(z.string(), z.unknown()),
});

/** A request to count. */
export const taskItem = z.strictObject({
  storeId: idSchema,
  taskId: z.int(),
  code: z.enum(["negative_balance", "second_outbox", "declared_loss"]),
  location: locationSchema,
  state: stockStateSchema.optional(),
  item: z.string().optional(),
  message: z.string(),
  openedAtMs: atMsSchema,
});

/** How far an outbox was read. */
export const positionItem = z.strictObject({
  ...outbox,
  throughSequence: z.int(),
  throughDigest: digestSchema,
  frozen: z.boolean(),
  completeThroughAtMs: z.int(),
});

/** An event that could not be posted, with its text as it came. */
export const quarantineItem = z.strictObject({
  /** `{store}/{edge}/{outbox}/{sequence}` */
  id: z.string(),
  ...outbox,
  sequence: z.int(),
  code: z.string(),
  message: z.string(),
  text: z.string(),
  quarantinedAtMs: atMsSchema,
});
