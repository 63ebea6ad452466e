// What consumers (web shop, ERP, tills, staff) read: stock levels, posted entries, alerts.

import { z } from "zod";
import { placeSchema, severities } from "./event.ts";
import {
  atMsSchema,
  digestSchema,
  gtinSchema,
  idSchema,
  locationSchema,
  randomIdSchema,
  sequenceSchema,
  stockStateSchema,
} from "./units.ts";

/** Retained on `stock/{gtin}`. A consumer ignores a revision lower than one it has seen. */
export const stockLevelSchema = z.strictObject({
  storeId: idSchema,
  gtin: gtinSchema,
  /** Number of the store's last entry that is contained; what is reserved or withheld changes without a new one. */
  revision: z.int().min(0),
  /** As of when: that entry's time. */
  atMs: atMsSchema,
  /** What a web order can be promised now; other channels, and why: `/v1/availability`. */
  available: z.int().min(0),
  /** Units that orders wait for and nobody picked yet. */
  reserved: z.int().min(0),
  /** Units at the store's real (not `@`) locations, in whichever state. */
  onHand: z.int(),
  /** Units that customers carry, as far as a shelf or a till said so. */
  inBasket: z.int(),
  /** Sellable units at the store's real (not `@`) locations, those that wait at collection points left out. */
  sellable: z.int(),
  /** Every account of the store with a balance, the `@` ones included. */
  balances: z.array(
    z.strictObject({ location: locationSchema, state: stockStateSchema, quantity: z.int() }),
  ),
});
export type StockLevel = z.infer<typeof stockLevelSchema>;

/** One posted transfer between two accounts. `item` is a GTIN, or `epc/HEX` for a tag that is not GS1. */
export const entrySchema = z.strictObject({
  storeId: idSchema,
  entryNumber: z.int().min(1),
  item: z.string().regex(/^(\d{14}|epc\/[0-9A-F]+)$/),
  serial: z.string().optional(),
  lot: z.string().optional(),
  quantity: z.int().min(1),
  from: placeSchema,
  to: placeSchema,
  /** The event's step, or why the ledger itself posted: `count_difference`, `correction`. */
  reason: z.string().max(40),
  occurredAtMs: atMsSchema,
  recordedAtMs: atMsSchema,
  edgeId: idSchema,
  outboxId: randomIdSchema,
  sequence: sequenceSchema,
  deviceId: idSchema,
  /**
   * Who did it by a call over HTTP or at the command line, as the token is named or as `by` said. Absent of what edges told
   * and of what settlement found by itself.
   */
  by: z.string().min(1).max(100).optional(),
  previousHash: digestSchema,
  hash: digestSchema,
});
export type Entry = z.infer<typeof entrySchema>;

/** Something a person should look at. */
export const alertSchema = z.strictObject({
  /** On the topic: grows with every message of a store, with holes; one that is not above the last seen is a repeat. */
  number: z.int().min(1).optional(),
  /** Which one it is, over HTTP; raised again while it is open, it is the same one. */
  alertId: z.int().min(1).optional(),
  storeId: idSchema,
  edgeId: idSchema.optional(),
  code: z.string().max(64),
  severity: z.enum(severities),
  atMs: atMsSchema,
  message: z.string().max(500),
  detail: z.record(z.string(), z.json()),
});
export type Alert = z.infer<typeof alertSchema>;
