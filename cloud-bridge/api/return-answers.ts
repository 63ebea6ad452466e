// What the routes of sales and returns answer.

import { z } from "zod";
import { atMsSchema, idSchema, locationSchema } from "../../contract/units.ts";
import { dispositions, grades } from "../ledger/returns/return-case.ts";
import { pageSchema } from "./parameters.ts";

const count = z.int().min(0);

/** What a receipt or an order sold. */
export const salesAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      storeId: idSchema,
      item: z.string(),
      sold: count,
      returned: count,
      soldAtMs: atMsSchema,
    }),
  ),
});

/** One unit that came back. */
export const returnAnswer = z.strictObject({
  returnId: z.string(),
  storeId: idSchema,
  gtin: z.string(),
  serial: z.string().optional(),
  receiptId: z.string().optional(),
  /** Absent where no sale of it was found. */
  sale: z.strictObject({ storeId: idSchema, soldAtMs: atMsSchema }).optional(),
  location: locationSchema,
  state: z.enum(["received", "inspected", "disposed"]),
  receivedAtMs: atMsSchema,
  receivedBy: z.string(),
  inspectedAtMs: atMsSchema.optional(),
  inspectedBy: z.string().optional(),
  grade: z.enum(grades).optional(),
  reasons: z.array(z.string()).optional(),
  valueMinor: z.int().optional(),
  disposedAtMs: atMsSchema.optional(),
  disposedBy: z.string().optional(),
  disposition: z.enum(dispositions).optional(),
});

/** Returns of a store, and how they go. */
export const returnsAnswer = pageSchema(returnAnswer).extend({
  figures: z.strictObject({
    openCount: count,
    byDisposition: z.record(z.string(), count),
    resellableAfterMsP50: z.number().optional(),
  }),
});
