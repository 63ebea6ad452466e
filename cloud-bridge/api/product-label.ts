// What answers about stock and units say of the product beside its GTIN.

import type { z } from "zod";
import { catalogueProductSchema } from "../../contract/catalogue.ts";
import type { Ledger } from "../ledger/types.ts";

/** Name, class and price, as far as the catalogue has them. */
export const productLabelSchema = catalogueProductSchema.pick({
  ...{ name: true, class: true, price: true },
});
export type ProductLabel = z.infer<typeof productLabelSchema>;

/** Gives what goes beside a GTIN: `{product}`, or nothing where the catalogue does not have it. */
export async function productLabels(
  { catalogue }: Pick<Ledger, "catalogue">,
  gtins: readonly string[],
): Promise<(gtin: string) => { readonly product?: ProductLabel }> {
  const labels = new Map<string, ProductLabel>();
  for (const { product } of await catalogue.productsOf(gtins)) {
    const { gtin, name, class: className, price } = product;
    const more = { ...(className && { class: className }), ...(price && { price }) };
    labels.set(gtin, { name, ...more });
  }
  return (gtin) => {
    const product = labels.get(gtin);
    return product === undefined ? {} : { product };
  };
}
