// What the routes of counts answer.

import { z } from "zod";
import { atMsSchema, idSchema, locationSchema, stockStateSchema } from "../../contract/units.ts";
import {
  adjustmentReasons,
  lineStatuses,
  stocktakeKinds,
  stocktakePhases,
} from "../ledger/counting/stocktake.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(1);

/** What somebody saw of one line. Before the review what the book says is left out. */
const observation = z.strictObject({
  by: z.string(),
  quantity: count,
  observedAtMs: atMsSchema,
  confidence: share.optional(),
  book: z.int().optional(),
  /** The store's last entry when it was recorded. */
  entryNumber: count.optional(),
  isImplied: z.boolean().optional(),
  isAnchored: z.boolean().optional(),
});
const line = z.strictObject({
  gtin: z.string(),
  location: locationSchema,
  status: z.enum(lineStatuses),
  observations: z.array(observation),
  valueMinor: z.number().nullable().optional(),
  isOutdated: z.boolean(),
  reason: z.enum(adjustmentReasons).optional(),
  cause: z.string().optional(),
  approvedBy: z.string().optional(),
});

/** A count as it is listed. */
export const countHead = z.strictObject({
  countId: z.string(),
  storeId: idSchema,
  kind: z.enum(stocktakeKinds),
  location: locationSchema,
  state: stockStateSchema,
  phase: z.enum(stocktakePhases),
  openedAtMs: atMsSchema,
  openedBy: z.string(),
  changedAtMs: atMsSchema,
  changedBy: z.string(),
  submittedAtMs: atMsSchema.optional(),
  postingCount: count,
  populationCount: count,
  /** By status. */
  lineCounts: z.record(z.string(), count),
});

/** A count and a page of its lines; `next` goes back as `cursor`. */
export const countAnswer = countHead.extend({
  accuracy: z
    .strictObject({
      countedLineCount: count,
      exactLineCount: count,
      withinLineCount: count,
      unitShare: share,
      interval: z.strictObject({ low: z.number(), high: z.number() }),
    })
    .optional(),
  lines: z.array(line),
  next: z.string().optional(),
});

/** What a count of tags found. */
export const rfidReport = z.strictObject({
  storeId: idSchema,
  edgeId: idSchema,
  outboxId: z.string(),
  sequence: z.int(),
  atMs: atMsSchema,
  location: locationSchema,
  state: stockStateSchema,
  expectedCount: count,
  seenCount: count,
  missingCount: count,
  missing: z.array(z.string()),
  unexpectedCount: count,
  unexpected: z.array(z.strictObject({ key: z.string(), from: z.string().optional() })),
  foundCount: count,
  found: z.array(z.strictObject({ key: z.string(), from: z.string() })),
  completenessShare: share,
});

/** What was made of passes with a hand reader. */
export const tagsAnswer = rfidReport.partial().extend({
  /** Tags that are not of items. */
  foreignCount: count,
});
