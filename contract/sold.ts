// What the ledger has settled as sold: retained, for the edges at the exits. Only what may still be on its way out.

import { z } from "zod";
import { atMsSchema, gtinSchema, idSchema } from "./units.ts";

export const soldSchema = z.strictObject({
  schemaVersion: z.literal(1),
  storeId: idSchema,
  /**
   * Everything that tills sold until then is in it. Published anew while nothing is sold. It goes back where a till went
   * offline: what that one sells is not known from then on.
   */
  asOfAtMs: atMsSchema,
  /** All entries of the store through this one are in it: one that goes less far is older, and ignored. Absent from bridges of before. */
  through: z.strictObject({ ledgerEpoch: z.int().min(1), entryNumber: z.int().min(0) }).optional(),
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

/** Whether a list goes less far than one that was taken, by their `through`. One that does not say is taken. */
export function goesLessFar(list: Sold["through"], taken: Sold["through"]): boolean {
  if (list === undefined || taken === undefined) return false;
  if (list.ledgerEpoch !== taken.ledgerEpoch) return list.ledgerEpoch < taken.ledgerEpoch;
  return list.entryNumber < taken.entryNumber;
}
