// What a chain knows of a product wherever it is sold: the catalogue, of which a store's plan takes its part.

import { z } from "zod";
import { productSchema } from "./plan.ts";
import { shortTextSchema } from "./units.ts";

/** A class of products: of the count plan (A, B, C), or of the assortment. */
export const productClassSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "a class is 1-32 of letters, digits, _ and -");

/** Money in the currency's smallest unit. */
export const priceSchema = z.strictObject({
  amountMinor: z.int().min(0).max(1_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/, "a currency is three capitals (ISO 4217)"),
});

export const catalogueProductSchema = productSchema.extend({
  class: productClassSchema.optional(),
  price: priceSchema.optional(),
  /** Whose goods they are, where they are not the chain's: goods on consignment. */
  owner: shortTextSchema.optional(),
});
export type CatalogueProduct = z.infer<typeof catalogueProductSchema>;
