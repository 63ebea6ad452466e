// What the routes of count plan, trust and refill answer: as of a moment.

import { z } from "zod";
import { atMsSchema, locationSchema } from "../../contract/units.ts";
import { problemKinds } from "../ledger/counting/count-plan.ts";
import { countPolicySchema } from "../ledger/counting/count-policy.ts";

const count = z.int().min(0);
const asOfMs = atMsSchema;
const account = { gtin: z.string(), location: locationSchema, quantity: z.int() };

/** How much is to be counted. */
export const countPlanAnswer = z.strictObject({
  asOfMs,
  /** Products by class. */
  classes: z.record(z.string(), count),
  dueCount: count,
  todayCount: count,
  problemCount: count,
});

/** Lines that are due. */
export const dueAnswer = z.strictObject({
  asOfMs,
  items: z.array(
    z.strictObject({
      ...account,
      className: z.string(),
      dueAtMs: atMsSchema,
      lastCountAtMs: atMsSchema.optional(),
    }),
  ),
});

/** Lines that something speaks against. */
export const problemsAnswer = z.strictObject({
  asOfMs,
  items: z.array(
    z.strictObject({
      ...account,
      kinds: z.array(z.enum(problemKinds)),
      /** Null without a price. */
      valueMinor: z.number().nullable(),
      evidence: z.record(z.string(), z.number()),
    }),
  ),
});

const trustEvidence = z.strictObject({
  ageMs: z.number().optional(),
  rotationMs: z.number(),
  differenceShare: z.number(),
  uncertainCount: count,
  blindMs: z.number(),
  isNegative: z.boolean(),
});

/** How far the book is trusted, by account and by product. */
export const trustAnswer = z.strictObject({
  asOfMs,
  ...countPolicySchema.shape.trust.unwrap().shape,
  items: z.array(z.strictObject({ ...account, score: z.number(), evidence: trustEvidence })),
  products: z.array(
    z.strictObject({ gtin: z.string(), score: z.number(), withheldPercent: z.number() }),
  ),
});

/** What the floor lacks. */
export const refillAnswer = z.strictObject({
  asOfMs,
  nextDeliveryAtMs: atMsSchema,
  items: z.array(
    z.strictObject({
      gtin: z.string(),
      location: locationSchema,
      shelfQuantity: z.int(),
      floorQuantity: z.int(),
      backQuantity: z.int(),
      salesPerDay: z.number(),
      lostUnits: z.number(),
      lostValueMinor: z.number(),
      refillQuantity: z.int(),
      from: z.string(),
    }),
  ),
});
