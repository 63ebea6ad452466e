// What the ledger has settled as sold: retained, for the edges at the exits. Only what may still be on its way out.

import { z } from "zod";
import { atMsSchema, gtinSchema, idSchema } from "./units.ts";

export const soldSchema = z.strictObject({
  schemaVersion: z.literal(1),
  storeId: idSchema,
  /** Everything that tills reported until then is in it. Published anew while nothing is sold; an older one is ignored. */
  asOfAtMs: atMsSchema,
  /** Units by their key, `01/{gtin14}/21/{serial}`. */
  serials: z
    .array(z.strictObject({ key: z.string().min(1).max(100), soldAtMs: atMsSchema }))
    .max(50_000),
  /** Units that tills know by their GTIN alone. */
  units: z
    .array(
      z.strictObject({
        gtin: gtinSchema,
        quantity: z.int().min(1).max(1_000_000),
        soldAtMs: atMsSchema,
      }),
    )
    .max(50_000),
});
export type Sold = z.infer<typeof soldSchema>;
