// What the routes of webhooks answer.

import { z } from "zod";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import { webhookKindSchema } from "../../contract/webhook.ts";
import { pageSchema } from "./parameters.ts";

const stream = { webhookId: z.string(), storeId: idSchema, kind: webhookKindSchema };

const webhookItem = z.strictObject({
  webhookId: z.string(),
  url: z.string(),
  kinds: z.array(webhookKindSchema),
  /** None: all stores. */
  stores: z.array(idSchema),
  /** File of the bridge's machine that its secret is in. */
  secretFile: z.string().optional(),
  createdAtMs: atMsSchema,
});

/** A webhook that was added, with what its deliveries are signed with. */
export const addedWebhook = webhookItem.extend({ secret: z.string() });

/** All webhooks, and those that fail. */
export const webhooksAnswer = z.strictObject({
  items: z.array(webhookItem),
  failing: z.array(
    z.strictObject({
      ...stream,
      position: z.int(),
      attemptCount: z.int(),
      lastError: z.string().optional(),
    }),
  ),
});

/** What was given up. */
export const deadAnswer = pageSchema(
  z.strictObject({
    ...stream,
    firstNumber: z.int(),
    lastNumber: z.int(),
    attemptCount: z.int(),
    error: z.string(),
    deadAtMs: atMsSchema,
  }),
);
