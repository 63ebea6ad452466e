// Documents of EPCIS 2.0 in JSON: events as they are captured, and as a query returns them.

import { z } from "zod";
import { epcisEventSchema } from "./event.ts";

/** Events that one document may have. */
export const eventCountMax = 10_000;

const time = z.iso.datetime({ offset: true });
const contextPart = z.url().or(z.record(z.string(), z.unknown()));
const events = z.array(epcisEventSchema).max(eventCountMax);
const head = {
  "@context": contextPart.or(z.array(contextPart).min(1)),
  schemaVersion: z.string().regex(/^2(\.\d+){1,2}$/),
  creationDate: time,
};

/** A document of events. Fields beside the standard's are left to the sender. */
export const epcisDocumentSchema = z.looseObject({
  ...head,
  type: z.literal("EPCISDocument"),
  epcisBody: z.looseObject({ eventList: events }),
});
export type EpcisDocument = z.infer<typeof epcisDocumentSchema>;

/** A document as it comes: its events are still to be checked, one by one. */
export const epcisEnvelopeSchema = epcisDocumentSchema.extend({
  epcisBody: z.looseObject({ eventList: z.array(z.unknown()).max(eventCountMax) }),
});

/** What a query answers. */
export const epcisQueryDocumentSchema = z.looseObject({
  ...head,
  type: z.literal("EPCISQueryDocument"),
  epcisBody: z.looseObject({
    queryResults: z.looseObject({
      queryName: z.string(),
      subscriptionID: z.string().optional(),
      resultsBody: z.looseObject({ eventList: events }),
    }),
  }),
});
export type EpcisQueryDocument = z.infer<typeof epcisQueryDocumentSchema>;

/** Either kind. */
export const anyDocumentSchema = z.discriminatedUnion("type", [
  epcisDocumentSchema,
  epcisQueryDocumentSchema,
]);
