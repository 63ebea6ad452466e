// What the routes of claims answer.

import { z } from "zod";
import { stockLevelSchema } from "../../contract/stock.ts";
import { atMsSchema, idSchema, locationSchema } from "../../contract/units.ts";
import { claimStates } from "../ledger/claims.ts";

const count = z.int().min(0);

/** A claim. */
export const claimAnswer = z.strictObject({
  claimId: z.string(),
  storeId: idSchema,
  owner: z.string(),
  channel: z.string(),
  state: z.enum(claimStates),
  expiresAtMs: atMsSchema,
  createdAtMs: atMsSchema,
  changedAtMs: atMsSchema,
  changedBy: z.string(),
  lines: z.array(
    z.strictObject({
      gtin: z.string(),
      quantity: z.int().min(1),
      /** Where units were set aside. */
      places: z.array(z.strictObject({ location: locationSchema, quantity: z.int() })),
    }),
  ),
});

/** What one store can promise of a GTIN to a channel, and what it is less by. */
const storeAvailability = z.strictObject({
  storeId: idSchema,
  onHand: z.int(),
  reserved: count,
  soldUnseen: count,
  safetyStock: count,
  channelLimit: count,
  distrusted: count,
  available: stockLevelSchema.shape.available,
});

/** What can be promised, by store and in all. */
export const availabilityAnswer = z.strictObject({
  gtin: z.string(),
  channel: z.string(),
  asOfMs: atMsSchema,
  available: count,
  items: z.array(storeAvailability),
});

/** What a store withholds, and who said so last. */
export const withheldItem = z.strictObject({
  storeId: idSchema,
  gtin: z.string(),
  channel: z.string(),
  quantity: count,
  changedAtMs: atMsSchema.optional(),
  changedBy: z.string().optional(),
});
