// What a store's book, counts, sales and sensors say, as count plan, trust and refill look at it. Pure.

import { isWithin } from "../../../contract/units.ts";
import type { OrderPlace } from "../place-roles.ts";
import type { CountItem, CountPolicy } from "./count-policy.ts";

/** Sellable stock of a product at a real place. */
export interface Account {
  readonly gtin: string;
  readonly location: string;
  readonly quantity: number;
}

/** What was sold of a product since the beginning of the turnover time; returns are taken off. */
export interface Sold {
  readonly quantity: number;
  readonly saleCount: number;
  readonly lastAtMs: number;
}

/** A difference that a count posted, as the account at the place gained or lost it. */
export interface Difference extends Account {
  readonly atMs: number;
}

/** Everything that is known of a store at a time. */
export interface StoreFacts {
  readonly storeId: string;
  readonly nowMs: number;
  readonly policy: CountPolicy;
  readonly items: ReadonlyMap<string, CountItem>;
  readonly accounts: readonly Account[];
  /** The last count of each product at each counted place, and of how many there. */
  readonly counts: readonly {
    readonly gtin: string;
    readonly location: string;
    readonly atMs: number;
    readonly count: number;
  }[];
  /** The last complete count of each place. */
  readonly completeCounts: readonly { readonly location: string; readonly atMs: number }[];
  /** Since the beginning of the turnover time. */
  readonly differences: readonly Difference[];
  readonly sales: ReadonlyMap<string, Sold>;
  /** Of products with stock here: those that no store sold since then. */
  readonly unsold: ReadonlySet<string>;
  /** The store's first entry. */
  readonly firstAtMs: number;
  /** Where products have their place on the floor. */
  readonly facings: readonly { readonly gtin: string; readonly location: string }[];
  /** Places that shelves are filled from. */
  readonly backRooms: readonly string[];
  /** Places for orders alone: no customer takes from them, and no shelf is filled from them. */
  readonly orderPlaces: readonly OrderPlace[];
  /** Times in which devices were blind. */
  readonly gaps: readonly { readonly fromAtMs: number; readonly toAtMs: number }[];
  /** Passages that nobody was sure of, by product. */
  readonly uncertain: ReadonlyMap<string, readonly number[]>;
}

/** When, and how often, an account was counted. */
export interface Counted {
  readonly atMs: number;
  readonly count: number;
}

/** Looks up counts of accounts: by a line, or by a complete count of a place that holds it. */
export class CountIndex {
  readonly #lines = new Map<string, StoreFacts["counts"][number][]>();
  readonly #complete: StoreFacts["completeCounts"];

  constructor({ counts, completeCounts }: Pick<StoreFacts, "counts" | "completeCounts">) {
    this.#complete = completeCounts;
    for (const line of counts) {
      const known = this.#lines.get(line.gtin);
      if (known === undefined) this.#lines.set(line.gtin, [line]);
      else known.push(line);
    }
  }

  /** The last count of an account; undefined where it was never counted. */
  of({ gtin, location }: Omit<Account, "quantity">): Counted | undefined {
    const lines = (this.#lines.get(gtin) ?? []).filter((line) => isWithin(location, line.location));
    const complete = this.#complete.filter((count) => isWithin(location, count.location));
    const times = [...lines, ...complete].map(({ atMs }) => atMs);
    if (times.length === 0) return undefined;
    const count = lines.reduce((sum, line) => sum + line.count, 0);
    return { atMs: Math.max(...times), count: Math.max(1, count) };
  }
}

/** Units of a product that are sold in a day, as far as the store has been watched. */
export function salesPerDay(facts: StoreFacts, gtin: string): number {
  const { policy, nowMs, firstAtMs, sales } = facts;
  const dayMs = 86_400_000;
  const watchedMs = Math.min(policy.turnoverMs, Math.max(dayMs, nowMs - firstAtMs));
  return (Math.max(0, sales.get(gtin)?.quantity ?? 0) * dayMs) / watchedMs;
}
