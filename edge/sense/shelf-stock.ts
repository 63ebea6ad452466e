// What lies on one cell as far as is known: how many of the product that has its place there, and strangers that were
// put down among them. Counted by changes, and as a whole from the weight where the tare is known.

import { z } from "zod";
import { type Gtin, gtinSchema } from "../../contract/units.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** Strangers that are remembered on a cell. */
const strangerCountMax = 20;
/** A stranger is taken so much more rarely than what has its place there. */
const strangerPrior = 0.3;
/** A count from the weight alone is taken where it is at least this sure. */
const sureShare = 0.98;
/** How often a stranger was a mistake; and how many of them may be, at most. */
const mistakeShare = 0.1;
const doubtedCountMax = 6;
/** A weight further off than this holds something that nobody knows of. */
const sigmasMax = 3;
/** Uncertainty of a cell's slope. */
const gainShare = 0.004;

export const shelfStockSchema = z.strictObject({
  count: z.int().optional(),
  strangers: z.array(z.tuple([gtinSchema, z.number(), z.int().min(1)])).optional(),
});
export type StoredStock = z.infer<typeof shelfStockSchema>;

/** What a weight says as a whole. */
export interface WholeCount {
  readonly gtin: Gtin;
  readonly quantity: number;
  readonly strangers: readonly { readonly gtin: Gtin; readonly quantity: number }[];
  readonly confidence: number;
  /** It differs from what was known. */
  readonly isNews: boolean;
}

/** The stock of one cell. */
export class ShelfStock {
  /** Of the one product that has its place there; undefined until it was counted as a whole. */
  #count: number | undefined;
  #strangers: { readonly gtin: Gtin; readonly unitGrams: number; quantity: number }[] = [];

  get stored(): StoredStock {
    const strangers = this.#strangers.map(
      ({ gtin, unitGrams, quantity }) =>
        [gtin, Math.round(unitGrams * 10) / 10, quantity] as [Gtin, number, number],
    );
    return {
      ...(this.#count === undefined ? {} : { count: this.#count }),
      ...(strangers.length === 0 ? {} : { strangers }),
    };
  }

  restore({ count, strangers = [] }: StoredStock): void {
    this.#count = count;
    this.#strangers = strangers.map(([gtin, unitGrams, quantity]) => ({
      gtin,
      unitGrams,
      quantity,
    }));
  }

  /** Strangers as products that may be taken. */
  candidates(sdGrams: number): WeighedProduct[] {
    return this.#strangers.map(({ gtin, unitGrams, quantity }) => ({
      gtin,
      unitWeightGrams: unitGrams,
      unitWeightSdGrams: sdGrams,
      prior: strangerPrior,
      quantityMax: quantity,
    }));
  }

  /** A change: negative for what was taken. `isAtHome`: the product has its place there. */
  change(gtin: Gtin, quantity: number, weightGrams: number, isAtHome: boolean): void {
    if (isAtHome) {
      if (this.#count !== undefined) this.#count += quantity;
      return;
    }
    if (quantity > 0) {
      const unitGrams = weightGrams / quantity;
      this.#strangers = [...this.#strangers, { gtin, unitGrams, quantity }].slice(
        -strangerCountMax,
      );
      return;
    }
    let left = -quantity;
    for (const stranger of this.#strangers.filter((each) => each.gtin === gtin)) {
      const some = Math.min(left, stranger.quantity);
      stranger.quantity -= some;
      left -= some;
    }
    this.#strangers = this.#strangers.filter((each) => each.quantity > 0);
  }

  /**
   * Counts the whole cell: `loadGrams` above its tare, by its own product and the strangers, each of which may be
   * there or have been a mistake. Undefined where it is not sure.
   */
  recount(loadGrams: number, product: WeighedProduct, sdGrams: number): WholeCount | undefined {
    const explanations = this.#explanations(loadGrams, product, sdGrams);
    const [best] = explanations;
    const total = explanations.reduce((sum, { weight }) => sum + weight, 0);
    if (best === undefined || best.weight / total < sureShare) return undefined;
    const { quantity, strangers } = best;
    const isKnown = this.#count === quantity && strangers.length === this.#strangers.length;
    this.#count = quantity;
    this.#strangers = [...strangers];
    const byGtin = new Map<Gtin, number>();
    for (const each of strangers) {
      byGtin.set(each.gtin, (byGtin.get(each.gtin) ?? 0) + each.quantity);
    }
    const others = [...byGtin].map(([gtin, count]) => ({ gtin, quantity: count }));
    const confidence = best.weight / total;
    return { gtin: product.gtin, quantity, strangers: others, confidence, isNews: !isKnown };
  }

  // What may lie there, the most plausible first. Of many strangers only the newest are doubted.
  #explanations(loadGrams: number, product: WeighedProduct, sdGrams: number) {
    const doubted = this.#strangers.slice(-doubtedCountMax);
    const trusted = this.#strangers.slice(0, -doubtedCountMax);
    const explanations = [];
    for (let mask = 0; mask < 1 << doubted.length; mask += 1) {
      const strangers = [...trusted, ...doubted.filter((_, at) => (mask >> at) & 1)];
      const strangerGrams = strangers.reduce(
        (sum, each) => sum + each.unitGrams * each.quantity,
        0,
      );
      const ownGrams = loadGrams - strangerGrams;
      const nearest = Math.round(ownGrams / product.unitWeightGrams);
      for (const quantity of [nearest - 1, nearest, nearest + 1]) {
        if (quantity < 0) continue;
        const variance = quantity * product.unitWeightSdGrams ** 2;
        const sd = Math.hypot(Math.sqrt(variance), sdGrams, loadGrams * gainShare);
        const sigmas = (ownGrams - quantity * product.unitWeightGrams) / sd;
        if (Math.abs(sigmas) > sigmasMax) continue;
        const mistakes = this.#strangers.length - strangers.length;
        const weight = (Math.exp(-(sigmas ** 2) / 2) / sd) * mistakeShare ** mistakes;
        explanations.push({ quantity, strangers, weight });
      }
    }
    return explanations.sort((one, other) => other.weight - one.weight);
  }
}
