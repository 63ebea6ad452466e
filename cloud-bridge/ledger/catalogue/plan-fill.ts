// What a plan leaves out the catalogue says: names and weights of its products. Pure.

import type { CatalogueProduct } from "../../../contract/catalogue.ts";
import { canonicalJson } from "../../../contract/digest.ts";
import type { GivenPlan, Plan } from "../../../contract/plan.ts";

/** A store's plan as it was given, and as it is. */
export interface StoredPlan {
  readonly given: GivenPlan;
  readonly plan: Plan;
}

/** What a plan may leave to the catalogue. */
export const filledFields = ["name", "unitWeightGrams", "unitWeightSdGrams"] as const;

/** Products of which a plan leaves something to the catalogue. */
export function leftToCatalogue({ products }: GivenPlan): string[] {
  const gtins = products.flatMap(({ gtin, name, unitWeightGrams }) =>
    name === undefined || unitWeightGrams === undefined ? gtin : [],
  );
  return [...new Set(gtins)];
}

/** The plan with what it leaves out; a product that nobody names is called by its GTIN. */
export function filledPlan(
  plan: GivenPlan,
  catalogue: ReadonlyMap<string, CatalogueProduct>,
): Plan {
  const products = plan.products.map((product) => {
    const known = catalogue.get(product.gtin);
    const { unitWeightGrams, unitWeightSdGrams } = known ?? {};
    // A deviation belongs to its weight: that of another weight says nothing.
    const isWeightKnown = product.unitWeightGrams === undefined && unitWeightGrams !== undefined;
    return {
      ...(isWeightKnown && { unitWeightGrams }),
      ...(isWeightKnown && unitWeightSdGrams !== undefined && { unitWeightSdGrams }),
      ...product,
      name: product.name ?? known?.name ?? product.gtin,
    };
  });
  return { ...plan, products };
}

/** A plan that was read, changed and comes back: what was filled in is still the catalogue's, where it came back as it was. */
export function withoutFilled(plan: GivenPlan, stored: StoredPlan): GivenPlan {
  const [givenOf, filledOf] = [stored.given, stored.plan].map(
    ({ products }) => new Map(products.map((product) => [product.gtin, product])),
  );
  const products = plan.products.map((product) => {
    const [before, shown] = [givenOf!.get(product.gtin), filledOf!.get(product.gtin)];
    if (before === undefined || shown === undefined) return product;
    const own = { ...product };
    for (const field of filledFields) {
      if (before[field] === undefined && own[field] === shown[field]) delete own[field];
    }
    return own;
  });
  return { ...plan, products };
}

/** Whether a plan is the one that is stored: as it was given, or as it is. */
export function isSamePlan({ given, plan }: StoredPlan, other: GivenPlan): boolean {
  const body = canonicalJson(other);
  return canonicalJson(given) === body || canonicalJson(plan) === body;
}
