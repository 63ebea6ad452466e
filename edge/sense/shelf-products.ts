// What the plan says may lie on a cell of a weight shelf.

import type { Plan } from "../../contract/plan.ts";
import { type Gtin, isWithin } from "../../contract/units.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** Between units of a product whose plan does not say (the 90th percentile of real goods is 5.5 %). */
const unitSdShareDefault = 0.02;

/** Products with a weight that have their place at a cell; what faces the whole gondola may lie on any of its cells. */
export function productsAt(plan: Plan, location: string): WeighedProduct[] {
  const facings = plan.facings.filter((facing) => isWithin(location, facing.location));
  const gtins = new Set(facings.map(({ gtin }) => gtin));
  return plan.products.flatMap(({ gtin, unitWeightGrams, unitWeightSdGrams }) => {
    if (!gtins.has(gtin) || unitWeightGrams === undefined) return [];
    const sdGrams = unitWeightSdGrams ?? unitWeightGrams * unitSdShareDefault;
    return [{ gtin, unitWeightGrams, unitWeightSdGrams: sdGrams }];
  });
}

/** The products themselves. */
export function gtinsOf(products: readonly WeighedProduct[]): ReadonlySet<Gtin> {
  return new Set(products.map(({ gtin }) => gtin));
}
