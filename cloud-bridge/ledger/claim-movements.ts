// What the steps of a claim move: off sale at a pick, to the customer or back on sale after it.

import type { ClaimLine } from "./claims.ts";
import type { Movement } from "./settle.ts";

export type MovingStep = "pick" | "hand_over" | "release";

/** The movements of a line, one a place where its units stand. */
export function lineMovements(
  storeId: string,
  { gtin: item, places }: ClaimLine,
  step: MovingStep,
  occurredAtMs: number,
): Movement[] {
  return places.map(({ location, quantity }) => {
    const shelf = { location, state: "sellable" } as const;
    const aside = { location, state: "set_aside" } as const;
    const customer = { location: `${storeId}/@customer`, state: "sellable" } as const;
    const from = step === "pick" ? shelf : aside;
    const to = step === "pick" ? aside : step === "release" ? shelf : customer;
    return { item, quantity, from, to, reason: `claim_${step}`, occurredAtMs };
  });
}
