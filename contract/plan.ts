// The plan of a store: what the ledger tells the edges about products and places. Retained, versioned.

import { z } from "zod";
import { readForward } from "./read-forward.ts";
import { type Gtin, gtinSchema, idSchema, isExit, isWithin, locationSchema } from "./units.ts";

export const productSchema = z.strictObject({
  gtin: gtinSchema,
  name: z.string().min(1).max(120),
  /** Weight of one unit as sold; absent where no weight shelf sells it. Zero is refused. */
  unitWeightGrams: z.number().min(0.1).max(1e6).optional(),
  /** Standard deviation of that weight between units. */
  unitWeightSdGrams: z.number().min(0).max(1e5).optional(),
});
export type Product = z.infer<typeof productSchema>;

/** What a place is for; what that means for stock is said in `cloud-bridge/ledger/place-roles.ts`. */
export const locationRoles = [
  "floor",
  "stockroom",
  "dock",
  // At `{store}/@exit`, or in it: by this name the ledger knows what has left.
  "exit",
  "till",
  "shelf",
  // Where orders that were picked wait for their customers.
  "collection_point",
  // Without customers: it serves web orders.
  "dark_store",
] as const;
export type LocationRole = (typeof locationRoles)[number];

export const planLocationSchema = z.strictObject({
  location: locationSchema,
  role: z.enum(locationRoles),
  /** True where sensors report every pick, so that what is sold stands in the basket already. */
  picksSensed: z.boolean().default(false),
});

/** Where a product has its place. */
export const facingSchema = z.strictObject({ location: locationSchema, gtin: gtinSchema });

/** What the edges get. */
export const planSchema = planSchemaOf(productSchema);
export type Plan = z.infer<typeof planSchema>;

/** What the ledger is given: what a product leaves out (name, weight) the catalogue says. */
export const givenPlanSchema = planSchemaOf(productSchema.partial({ name: true })).superRefine(
  // Of a plan that was kept before this was asked for it is not: it is read as it is.
  ({ storeId, locations }, context) => {
    for (const [index, { location, role }] of locations.entries()) {
      if (role !== "exit" || isExit(location)) continue;
      const message = `${location} has the role exit, and the ledger would sell from it: name it ${storeId}/@exit, or ${storeId}/@exit/${location.split("/").at(-1)} where the store has several, here and where its portal is configured`;
      context.addIssue({ code: "custom", path: ["locations", index, "location"], message });
    }
  },
);
export type GivenPlan = z.infer<typeof givenPlanSchema>;

/**
 * A plan that a later version may have written. A place of a role that this version does not know is one on the floor: an
 * edge acts on no other role than `exit`.
 */
export function readPlan(value: unknown): z.ZodSafeParseResult<Plan> {
  const given = z.looseObject({ locations: z.array(z.looseObject({ role: z.string() })) });
  const plan = given.safeParse(value).data;
  if (plan === undefined) return readForward(planSchema, value);
  const isKnown = (role: string) => (locationRoles as readonly string[]).includes(role);
  const locations = plan.locations.map((place) =>
    isKnown(place.role) ? place : { ...place, role: "floor" },
  );
  return readForward(planSchema, { ...plan, locations });
}

function planSchemaOf<P extends z.ZodType<{ gtin: Gtin }>>(product: P) {
  return z
    .strictObject({
      schemaVersion: z.literal(1),
      storeId: idSchema,
      /** Grows with every change; an edge ignores a lower one. */
      version: z.int().min(1),
      products: z.array(product).max(200_000),
      locations: z.array(planLocationSchema).max(20_000),
      facings: z.array(facingSchema).max(200_000),
    })
    .superRefine((plan, context) => {
      const known = new Set(plan.locations.map((place) => place.location));
      const gtins = new Set(plan.products.map((product) => product.gtin));
      for (const [index, place] of plan.locations.entries()) {
        if (isWithin(place.location, plan.storeId)) continue;
        const message = `${place.location} lies outside store ${plan.storeId}`;
        context.addIssue({ code: "custom", path: ["locations", index, "location"], message });
      }
      for (const [index, facing] of plan.facings.entries()) {
        const path = ["facings", index];
        if (!known.has(facing.location)) {
          const message = `${facing.location} is not among the plan's locations`;
          context.addIssue({ code: "custom", path: [...path, "location"], message });
        }
        if (!gtins.has(facing.gtin)) {
          const message = `${facing.gtin} is not among the plan's products`;
          context.addIssue({ code: "custom", path: [...path, "gtin"], message });
        }
      }
    });
}
