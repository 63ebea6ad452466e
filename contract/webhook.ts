// What a webhook receives. The body is signed: `Gondola-Signature: t={unix seconds},v1={hex}`, where hex is HMAC-SHA256
// with the subscription's secret over `{t}.{body}`. A delivery comes at least once; the same one has the same
// `deliveryId`, and of a store and kind they come in order.

import { z } from "zod";
import { epcisEventSchema } from "./epcis/event.ts";
import { alertSchema, entrySchema, stockLevelSchema } from "./stock.ts";
import { idSchema } from "./units.ts";

/** What can be subscribed to. */
export const webhookKinds = ["entries", "alerts", "stock", "epcis"] as const;
export const webhookKindSchema = z.enum(webhookKinds, {
  error: `must be of ${webhookKinds.join(", ")}`,
});
export type WebhookKind = z.infer<typeof webhookKindSchema>;

/** Items of one delivery. */
export const deliveredItemCountMax = 100;

const head = {
  schemaVersion: z.literal(1),
  /** `{webhookId}/{storeId}/{kind}/{first}-{last}`: by it a repetition is known. */
  deliveryId: z.string(),
  webhookId: z.string(),
  storeId: idSchema,
  /** Numbers of the entries, or of the alerts, that it covers; alerts may be merged, so that one is missing. */
  firstNumber: z.int().min(1),
  lastNumber: z.int().min(1),
};
const items = <Item extends z.ZodType>(item: Item) => z.array(item).max(deliveredItemCountMax);

/** An alert as it is stored when it is told; what it says may grow. */
export const storedAlertSchema = alertSchema.extend({
  alertId: z.int().min(1),
  cause: z.string(),
  firstAtMs: z.int(),
  count: z.int().min(1),
  expiresAtMs: z.int(),
  closedAtMs: z.int().optional(),
  acknowledgedBy: z.string().optional(),
  mutedUntilMs: z.int().optional(),
  mutedBy: z.string().optional(),
});

/** The body of a delivery. */
export const webhookDeliverySchema = z.discriminatedUnion("kind", [
  z.strictObject({ ...head, kind: z.literal("entries"), items: items(entrySchema) }),
  z.strictObject({ ...head, kind: z.literal("alerts"), items: items(storedAlertSchema) }),
  /** Levels, as they are now, of what the entries moved. */
  z.strictObject({ ...head, kind: z.literal("stock"), items: items(stockLevelSchema) }),
  z.strictObject({ ...head, kind: z.literal("epcis"), items: items(epcisEventSchema) }),
]);
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;
