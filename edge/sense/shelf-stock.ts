// What lies on one cell as far as is known: how many of the product that has its place there, and strangers that were
// put down among them. What was told of it is one of the possibilities, not always the likeliest: a count of the whole,
// where the tare is known, tells when another one has become sure.

import { z } from "zod";
import { type Gtin, gtinSchema } from "../../contract/units.ts";
import {
  afterChange,
  type Belief,
  byWholeWeight,
  type ChangeOption,
  changed,
  keyOf,
  type Stranger,
} from "./shelf-belief.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** A stranger is taken so much more rarely than what has its place there. */
const strangerPrior = 0.3;
/** A count from the weight alone is taken where it is at least this sure. */
const sureShare = 0.52;
/** From here on, what the weight says replaces what was believed; before, the next one is held against the same again. */
const settledShare = 0.98;
/** What was told stays unless something else is so much likelier. */
const doubtRatio = 4;
/** A cell's slope is learned from at least so many units, this much at a time, and is no further off. */
const slopeUnitCountMin = 4;
const slopeLearningShare = 0.15;
const slopeShareMax = 0.03;
/** Possibilities that outlive a restart, and what is too unlikely to be looked for. */
const storedBeliefCountMax = 6;
const weightMin = 0.002;

const strangersSchema = z.array(z.tuple([gtinSchema, z.number(), z.int().min(1)])).max(100);

const possibilitySchema = z.tuple([z.number().min(0), z.int().nullable(), strangersSchema]);

export const shelfStockSchema = z.strictObject({
  count: z.int().optional(),
  strangers: strangersSchema.optional(),
  /** What the cell's own product weighs here, beside what the plan says: the cell's slope, and how today's goods are. */
  slopeShare: z.number().min(0.9).max(1.1).optional(),
  /** Weight, count and strangers of each, where they are not just what was told. */
  possibilities: z.array(possibilitySchema).max(100).optional(),
});
export type StoredStock = z.infer<typeof shelfStockSchema>;

/** What a weight says as a whole. */
export interface WholeCount {
  readonly gtin: Gtin;
  readonly quantity: number;
  readonly strangers: readonly { readonly gtin: Gtin; readonly quantity: number }[];
  readonly confidence: number;
  /** It differs from what was told. */
  readonly isNews: boolean;
}

const nothing: Belief = { count: undefined, strangers: [], weight: 1 };

/** The stock of one cell. */
export class ShelfStock {
  /** As it was told, move by move and count by count. */
  #told: Belief = nothing;
  #beliefs: readonly Belief[] = [nothing];
  #slopeShare = 1;

  get stored(): StoredStock {
    const { count, strangers } = this.#told;
    const slopeShare = Math.round(this.#slopeShare * 1e4) / 1e4;
    const isPlain = this.#beliefs.length === 1 && keyOf(this.#beliefs[0]!) === keyOf(this.#told);
    const possibilities = this.#beliefs
      .slice(0, storedBeliefCountMax)
      .map((one): [number, number | null, StoredStranger[]] => [
        Number(one.weight.toPrecision(3)),
        one.count ?? null,
        rowsOf(one.strangers),
      ]);
    return {
      ...(count === undefined ? {} : { count }),
      ...(strangers.length === 0 ? {} : { strangers: rowsOf(strangers) }),
      ...(slopeShare === 1 ? {} : { slopeShare }),
      ...(isPlain ? {} : { possibilities }),
    };
  }

  restore({ count, strangers = [], slopeShare = 1, possibilities }: StoredStock): void {
    this.#slopeShare = slopeShare;
    this.#told = { count, strangers: strangersOf(strangers), weight: 1 };
    this.#beliefs = possibilities?.map(([weight, own, others]) => ({
      ...{ weight, count: own ?? undefined, strangers: strangersOf(others) },
    })) ?? [this.#told];
  }

  /** Most units of the cell's own product that may be taken; undefined while that is not known. */
  get ownCountMax(): number | undefined {
    let most = 0;
    for (const { count } of this.#beliefs) {
      if (count === undefined) return undefined;
      most = Math.max(most, count);
    }
    return most;
  }

  /** Strangers as products that may be taken, as likely as they lie there. */
  candidates(sdGrams: number): WeighedProduct[] {
    const found = new Map<string, { stranger: Stranger; weight: number }>();
    for (const { strangers, weight } of this.#beliefs) {
      for (const stranger of weight < weightMin ? [] : strangers) {
        const key = `${stranger.gtin}/${Math.round(stranger.unitGrams)}/${stranger.quantity}`;
        found.set(key, { stranger, weight: weight + (found.get(key)?.weight ?? 0) });
      }
    }
    return [...found.values()].map(({ stranger: { gtin, unitGrams, quantity }, weight }) => ({
      gtin,
      unitWeightGrams: unitGrams,
      unitWeightSdGrams: sdGrams,
      prior: strangerPrior * Math.min(weight, 1),
      quantityMax: quantity,
    }));
  }

  /** A change that was one of `options`, `told` as what (undefined: as nothing). `homes` have their place there. */
  change(
    told: ChangeOption | undefined,
    options: readonly ChangeOption[],
    homes: ReadonlySet<Gtin>,
  ): void {
    this.#beliefs = afterChange(this.#beliefs, options, homes);
    if (told === undefined) return;
    const next = changed(this.#told, { ...told, plausibility: 1 }, homes);
    // Told against what was told before: the count is then known to be wrong, and the next whole one is news.
    this.#told = next ?? { ...this.#told, count: undefined };
  }

  /**
   * Counts the whole cell: `loadGrams` above its tare, by its own product and the strangers, each of which may be
   * there or have been a mistake. Undefined where it is not sure.
   */
  recount(loadGrams: number, product: WeighedProduct, sdGrams: number): WholeCount | undefined {
    const trueGrams = loadGrams / this.#slopeShare;
    const beliefs = byWholeWeight(this.#beliefs, trueGrams, product, sdGrams);
    const [best] = beliefs;
    if (best?.count === undefined || best.weight < sureShare) return undefined;
    const toldKey = keyOf(this.#told);
    const told = beliefs.find((one) => keyOf(one) === toldKey);
    const isNews = best !== told;
    // What was told stays while it is nearly as good.
    if (told !== undefined && isNews && told.weight * doubtRatio > best.weight) return undefined;
    this.#told = { ...best, weight: 1 };
    if (best.weight >= settledShare) {
      this.#beliefs = beliefs;
      this.#learnSlope(best, loadGrams, product);
    }
    const byGtin = new Map<Gtin, number>();
    for (const { gtin, quantity } of best.strangers) {
      byGtin.set(gtin, (byGtin.get(gtin) ?? 0) + quantity);
    }
    const strangers = [...byGtin].map(([gtin, quantity]) => ({ gtin, quantity }));
    const { count: quantity, weight: confidence } = best;
    return { gtin: product.gtin, quantity, strangers, confidence, isNews };
  }

  // Of enough units, so that it is not theirs alone; slowly, so that one mistake is not learned.
  #learnSlope({ count = 0, strangers }: Belief, loadGrams: number, product: WeighedProduct): void {
    if (count < slopeUnitCountMin || strangers.length > 0) return;
    const share = loadGrams / (count * product.unitWeightGrams);
    const next = this.#slopeShare + slopeLearningShare * (share - this.#slopeShare);
    this.#slopeShare = Math.max(1 - slopeShareMax, Math.min(next, 1 + slopeShareMax));
  }
}

type StoredStranger = [Gtin, number, number];

function rowsOf(strangers: readonly Stranger[]): StoredStranger[] {
  return strangers.map(({ gtin, unitGrams, quantity }) => [
    gtin,
    Math.round(unitGrams * 10) / 10,
    quantity,
  ]);
}

function strangersOf(rows: readonly StoredStranger[]): Stranger[] {
  return rows.map(([gtin, unitGrams, quantity]) => ({ gtin, unitGrams, quantity }));
}
