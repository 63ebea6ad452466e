// What the routes of traces and proofs answer.

import { z } from "zod";
import { epcisEventSchema } from "../../contract/epcis/event.ts";
import { placeSchema } from "../../contract/event.ts";
import { proofSchema } from "../../contract/proof.ts";
import { entrySchema } from "../../contract/stock.ts";
import { atMsSchema, digestSchema, idSchema } from "../../contract/units.ts";
import { productLabelSchema } from "./product-label.ts";

/** The life of one unit, by store, and what others told of it. */
export const lifeAnswer = z.strictObject({
  item: z.string(),
  serial: z.string().optional(),
  product: productLabelSchema.optional(),
  link: z.string().optional(),
  lastSeen: placeSchema.extend({ uri: z.string(), atMs: atMsSchema }).optional(),
  /** False where there is more, on other pages or not told. */
  isWhole: z.boolean(),
  /** Entries, or proofs where they were asked for. */
  stores: z.array(
    z.strictObject({
      storeId: idSchema,
      entries: z.array(entrySchema).optional(),
      proofs: z.array(proofSchema).optional(),
    }),
  ),
  events: z.array(epcisEventSchema),
  next: z.string().optional(),
});

/** The signed head of a store's history. */
export const headAnswer = z.strictObject({
  head: proofSchema.shape.head,
  signature: proofSchema.shape.signature,
  publicKey: proofSchema.shape.publicKey,
});

/** That one head continues another. */
export const consistencyAnswer = z.strictObject({
  storeId: idSchema,
  earlierSize: z.int().min(1),
  earlierRootHash: digestSchema,
  treeSize: z.int().min(1),
  rootHash: digestSchema,
  path: z.array(digestSchema),
});
