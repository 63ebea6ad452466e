// Parameters that several routes take.

import { z } from "zod";
import { gtinSchema } from "../../contract/units.ts";
import { ProblemError } from "./problem.ts";

/** Which stores the bridge knows. */
export interface Stores {
  has(storeId: string): Promise<boolean>;
}

/** A GTIN-8, -12, -13 or -14 as its 14 digits. */
export const gtinParameter = z
  .string()
  .regex(/^(\d{8}|\d{12,14})$/, "a GTIN has 8, 12, 13 or 14 digits")
  .transform((digits) => digits.padStart(14, "0"))
  .pipe(gtinSchema);

/** A problem for a store that nobody heard of. */
export async function requireStore(stores: Stores, storeId: string): Promise<void> {
  if (await stores.has(storeId)) return;
  const detail = `store ${storeId} has neither a plan nor an edge that reported`;
  throw new ProblemError("store_unknown", detail);
}
