// The truth: what really moved in the simulated store, and when, in the ledger's own words (a piece that
// nothing senses until it is paid leaves its place then). What the ledger says is held against this.

import type { Place, Step } from "../../contract/event.ts";

/** One thing that really happened. It began and ended at the given times (a walk takes seconds). */
export interface Movement {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /** `opening` is what stood there before anybody counted. */
  readonly kind: Step | "opening";
  /** The device that can sense it. */
  readonly deviceId?: string;
  readonly gtin: string;
  readonly serial?: string;
  readonly quantity: number;
  readonly from: Place;
  readonly to: Place;
}

/** Balance by account: `location state gtin` -> units, accounts at zero left out. */
export type Balances = ReadonlyMap<string, number>;

/** Name of an account. */
export function accountKey(place: Place, gtin: string): string {
  return `${place.location} ${place.state} ${gtin}`;
}

/** The balances that all movements so far make. */
export class Truth {
  readonly #balances = new Map<string, number>();

  /** Takes down one movement. */
  add(movement: Movement): void {
    addTransfer(this.#balances, movement, movement.quantity);
  }

  get balances(): Balances {
    return this.#balances;
  }
}

/** Moves `quantity` units along a movement; accounts that reach zero disappear. */
export function addTransfer(
  balances: Map<string, number>,
  movement: Pick<Movement, "from" | "to" | "gtin">,
  quantity: number,
): void {
  for (const [place, change] of [
    [movement.from, -quantity],
    [movement.to, quantity],
  ] as const) {
    const key = accountKey(place, movement.gtin);
    const balance = (balances.get(key) ?? 0) + change;
    if (balance === 0) balances.delete(key);
    else balances.set(key, balance);
  }
}

/** What must be added to `have` to make `want`, by account. */
export function difference(want: Balances, have: Balances): Balances {
  const result = new Map<string, number>();
  for (const key of new Set([...want.keys(), ...have.keys()])) {
    const missing = (want.get(key) ?? 0) - (have.get(key) ?? 0);
    if (missing !== 0) result.set(key, missing);
  }
  return result;
}
