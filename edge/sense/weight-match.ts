// Which product, and how many of it, a change of weight was. A change of n units is normal around n times
// the unit's weight with variance n * unit variance + 2 * sensor variance (before and after).

import type { Gtin } from "../../contract/units.ts";

/** A product that may lie on a cell. */
export interface WeighedProduct {
  readonly gtin: Gtin;
  readonly unitWeightGrams: number;
  readonly unitWeightSdGrams: number;
  /** How likely it is beforehand, beside the others; 1 where it has its place. */
  readonly prior?: number;
  /** How much rarer one unit more is. */
  readonly moreShare?: number;
  /** Most units that it can be. */
  readonly quantityMax?: number;
}

/** How exact a cell is. */
export interface MatchSettings {
  /** Standard deviation of one stable weight. */
  readonly sensorSdGrams: number;
  /** A residual beyond this many standard deviations fits nothing. */
  readonly toleranceSigmas: number;
}

/** One explanation of a change. */
export interface Candidate {
  readonly product: WeighedProduct;
  readonly quantity: number;
  readonly residualGrams: number;
  /** Density of the change, had it been this. */
  readonly likelihood: number;
  /** The same, taking into account that few units are moved more often than many. */
  readonly plausibility: number;
}

/** What a change was. `confidence` is the best candidate's share against the others, and the unknown. */
export type Match =
  | { readonly kind: "fits"; readonly best: Candidate; readonly confidence: number }
  | { readonly kind: "ambiguous"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "none" };

/** A second candidate this near in plausibility is as good as the first. */
const ambiguousRatio = 5;
/** One unit more is so much rarer. */
const oneMoreShare = 0.6;
/** Chance per gram that something quite different (a bag, a hand, a foreign product) weighs just that. */
const unknownPerGram = 1e-4;
/** A cell's slope is off by about this much. */
const gainShare = 0.004;
/** Most units in one movement. */
const quantityMax = 1000;

/** Explains a change of `changeGrams` (its size, without sign). */
export function matchWeight(
  changeGrams: number,
  products: readonly WeighedProduct[],
  settings: MatchSettings,
): Match {
  const candidates = joined(
    products.flatMap((product) => candidatesOf(changeGrams, product, settings)),
  ).sort((one, other) => other.plausibility - one.plausibility);
  const [best, second] = candidates;
  if (best === undefined) return { kind: "none" };
  if (second !== undefined && second.plausibility * ambiguousRatio >= best.plausibility) {
    return { kind: "ambiguous", candidates };
  }
  const all = candidates.reduce((sum, one) => sum + one.plausibility, 0);
  const knownShare = best.likelihood / (best.likelihood + unknownPerGram);
  return { kind: "fits", best, confidence: (best.plausibility / all) * knownShare };
}

// The same product as many times is one explanation, however it is come by.
function joined(candidates: readonly Candidate[]): Candidate[] {
  const byWhat = new Map<string, Candidate>();
  for (const each of candidates) {
    const key = `${each.product.gtin}/${each.quantity}`;
    const other = byWhat.get(key);
    const [better = each, worse] = [each, other].sort(
      (one, two) => (two?.plausibility ?? 0) - (one?.plausibility ?? 0),
    );
    byWhat.set(key, { ...better, plausibility: better.plausibility + (worse?.plausibility ?? 0) });
  }
  return [...byWhat.values()];
}

function candidatesOf(
  changeGrams: number,
  product: WeighedProduct,
  { sensorSdGrams, toleranceSigmas }: MatchSettings,
): Candidate[] {
  const { unitWeightGrams, unitWeightSdGrams, prior = 1, moreShare = oneMoreShare } = product;
  const mostUnits = Math.min(product.quantityMax ?? quantityMax, quantityMax);
  const nearest = Math.round(changeGrams / unitWeightGrams);
  return [nearest - 1, nearest, nearest + 1].flatMap((quantity) => {
    if (quantity < 1 || quantity > mostUnits) return [];
    const residualGrams = changeGrams - quantity * unitWeightGrams;
    const sdGrams = Math.sqrt(
      quantity * unitWeightSdGrams ** 2 +
        2 * sensorSdGrams ** 2 +
        (quantity * unitWeightGrams * gainShare) ** 2,
    );
    const sigmas = residualGrams / sdGrams;
    if (Math.abs(sigmas) > toleranceSigmas) return [];
    const likelihood = Math.exp(-(sigmas ** 2) / 2) / (sdGrams * Math.sqrt(2 * Math.PI));
    const plausibility = prior * likelihood * moreShare ** (quantity - 1);
    return [{ product, quantity, residualGrams, likelihood, plausibility }];
  });
}
