// What the routes of deliveries and transfers answer.

import { z } from "zod";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import { consignmentKinds, consignmentStates } from "../ledger/receiving/consignment.ts";

const count = z.int().min(0);
const lots = z.array(z.strictObject({ lot: z.string(), quantity: count }));

/** A delivery or transfer as it was announced. */
export const consignmentItem = z.strictObject({
  consignmentId: z.string(),
  kind: z.enum(consignmentKinds),
  /** Where it goes. */
  storeId: idSchema,
  /** A supplier, or the store that it comes from. */
  from: z.string(),
  expectedAtMs: atMsSchema.optional(),
  lines: z.array(
    z.strictObject({
      ...{ item: z.string(), quantity: z.number() },
      lot: z.string().optional(),
      serials: z.array(z.string()).optional(),
    }),
  ),
  /** Of a captured shipment: `withdrawn` by who sent it, `expired` where nobody ended it; when and why stand below. */
  state: z.enum(consignmentStates),
  openedAtMs: atMsSchema,
  openedBy: z.string(),
  closedAtMs: atMsSchema.optional(),
  closedBy: z.string().optional(),
  reason: z.string().optional(),
  /** Of a transfer: what counts as lost; what comes late takes it back. */
  writtenOff: z.array(z.strictObject({ item: z.string(), quantity: count })).optional(),
});

/** The same beside what came. */
export const consignmentAnswer = consignmentItem.extend({
  report: z.array(
    z.strictObject({
      item: z.string(),
      expected: count,
      /** Of a transfer: what left the other store. */
      sent: count.optional(),
      received: count,
      missing: count,
      extra: count,
      isUnlisted: z.literal(true).optional(),
      /** Serials that were to come and did not, and that came where others were to come. */
      missingUnits: z.array(z.string()).optional(),
      unknownUnits: z.array(z.string()).optional(),
      /** Lots of which less came than was to come, and that came where others were to come. */
      missingLots: lots.optional(),
      unknownLots: lots.optional(),
    }),
  ),
  /** Other stores that the sender sends something to under this name. */
  alsoTo: z.array(idSchema).optional(),
});
