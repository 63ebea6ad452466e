// What the routes under /v1/epcis answer beside events and documents of them.

import { z } from "zod";
import { atMsSchema, idSchema, locationSchema } from "../../contract/units.ts";

const count = z.int().min(0);

/** How a capture went. */
export const captureJobAnswer = z.strictObject({
  captureID: z.string(),
  createdAt: z.string(),
  finishedAt: z.string(),
  running: z.literal(false),
  success: z.boolean(),
  captureErrorBehaviour: z.enum(["rollback", "proceed"]),
  errors: z.array(
    z.strictObject({
      type: z.string(),
      title: z.string(),
      detail: z.string(),
      /** Place in the document, from 0. */
      eventIndex: count.optional(),
    }),
  ),
  capturedEventCount: count,
  knownEventCount: count,
});

/** A line that a store expects. */
export const expectedReceiptItem = z.strictObject({
  storeId: idSchema,
  eventNumber: z.int(),
  line: z.int(),
  eventId: z.string(),
  shipment: z.string().optional(),
  location: locationSchema,
  item: z.string(),
  serial: z.string().optional(),
  lot: z.string().optional(),
  sscc: z.string().optional(),
  /** Units; 0 where it is measured. */
  quantity: z.number(),
  measure: z.string().optional(),
  shippedAtMs: atMsSchema,
});

/** Names that the repository knows. */
export const namesAnswer = z.strictObject({
  "@context": z.string(),
  type: z.literal("Collection"),
  member: z.array(z.string()),
});

/** Names of resources. */
export const rootAnswer = z.array(z.string());

/** A query that has a name, with the parameters of `GET /events`. */
export const namedQueryAnswer = z.strictObject({
  name: z.string(),
  query: z.record(
    z.string(),
    z.union([z.string(), z.array(z.string()), z.int(), z.boolean(), z.null()]),
  ),
});
