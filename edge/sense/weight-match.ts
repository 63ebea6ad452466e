// Which product, and how many of it, a change of weight was, or which two. A change of n units is normal around n
// times the unit's weight with variance n * unit variance + 2 * sensor variance (before and after).

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
  /** Somebody who took it holds it. */
  readonly isHeld?: boolean;
}

/** How exact a cell is. */
export interface MatchSettings {
  /** Standard deviation of one stable weight. */
  readonly sensorSdGrams: number;
  /** A residual beyond this many standard deviations fits nothing. */
  readonly toleranceSigmas: number;
  /** Two products at once are looked for among those that are at least this likely; 1 by default. */
  readonly pairPriorMin?: number;
  /** How long somebody was at it who put something down; absent: that says nothing. */
  readonly putMs?: number;
}

/** So many of a product. */
export interface Part {
  readonly product: WeighedProduct;
  readonly quantity: number;
}

/** One explanation of a change. */
export interface Candidate extends Part {
  /** Another product that was moved with it. */
  readonly also?: Part;
  readonly residualGrams: number;
  /** Density of the change, had it been this. */
  readonly likelihood: number;
  /** The same, taking into account that few units are moved more often than many. */
  readonly plausibility: number;
}

/** What a change was. `confidence` is the best candidate's share against the others, and the unknown. */
export type Match =
  | {
      readonly kind: "fits";
      readonly best: Candidate;
      readonly confidence: number;
      /** All that fit, the best first. */
      readonly candidates: readonly Candidate[];
    }
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
/** How often two products that stand on one cell are moved at once, and of how many one looks for such pairs. */
const pairShare = 0.05;
const pairedProductCountMax = 12;
/** Most units of each of two. */
const pairQuantityMax = 3;

/** Whoever puts down so many is at it for so long, or shorter; longer is rarer by the second, but never out of question. */
const putMsFirst = 1_500;
const putMsEach = 1_000;
const slowShareMin = 0.03;
/** Faster than this from each to the next, they were on a tray. */
const putMsEachMin = 400;
const trayShare = 0.1;

/** Explains a change of `changeGrams` (its size, without sign). */
export function matchWeight(
  changeGrams: number,
  products: readonly WeighedProduct[],
  settings: MatchSettings,
): Match {
  const candidates = joined([
    ...products.flatMap((product) => candidatesOf(changeGrams, product, settings)),
    ...pairsOf(changeGrams, products, settings),
  ]).sort((one, other) => other.plausibility - one.plausibility);
  const [best, second] = candidates;
  if (best === undefined) return { kind: "none" };
  if (second !== undefined && second.plausibility * ambiguousRatio >= best.plausibility) {
    return { kind: "ambiguous", candidates };
  }
  const all = candidates.reduce((sum, one) => sum + one.plausibility, 0);
  const knownShare = best.likelihood / (best.likelihood + unknownPerGram);
  const confidence = (best.plausibility / all) * knownShare;
  return { kind: "fits", best, confidence, candidates };
}

// The same product as many times is one explanation, however it is come by.
function joined(candidates: readonly Candidate[]): Candidate[] {
  const byWhat = new Map<string, Candidate>();
  for (const each of candidates) {
    const key = partsOf(each)
      .map(({ product, quantity }) => `${product.gtin}/${quantity}`)
      .sort()
      .join();
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
  settings: MatchSettings,
): Candidate[] {
  const mostUnits = Math.min(product.quantityMax ?? quantityMax, quantityMax);
  const nearest = Math.round(changeGrams / product.unitWeightGrams);
  return [nearest - 1, nearest, nearest + 1].flatMap((quantity) => {
    if (quantity < 1 || quantity > mostUnits) return [];
    return candidateOf(changeGrams, [{ product, quantity }], settings) ?? [];
  });
}

/** Two products at once, of those that are to be expected there. */
function pairsOf(
  changeGrams: number,
  products: readonly WeighedProduct[],
  settings: MatchSettings,
): Candidate[] {
  const { pairPriorMin = 1 } = settings;
  const expected = products.filter(({ prior = 1 }) => prior >= pairPriorMin);
  if (expected.length > pairedProductCountMax) return [];
  return expected.flatMap((product, index) =>
    expected.slice(index + 1).flatMap((other) => {
      if (other.gtin === product.gtin) return [];
      const found: Candidate[] = [];
      for (let quantity = 1; quantity <= mostOf(product); quantity += 1) {
        const restGrams = changeGrams - quantity * product.unitWeightGrams;
        const otherQuantity = Math.round(restGrams / other.unitWeightGrams);
        if (otherQuantity < 1 || otherQuantity > mostOf(other)) continue;
        const parts: [Part, Part] = [
          { product, quantity },
          { product: other, quantity: otherQuantity },
        ];
        found.push(...(candidateOf(changeGrams, parts, settings) ?? []));
      }
      return found;
    }),
  );
}

function mostOf(product: WeighedProduct): number {
  return Math.min(product.quantityMax ?? pairQuantityMax, pairQuantityMax);
}

function candidateOf(
  changeGrams: number,
  [first, also]: readonly [Part, Part?],
  { sensorSdGrams, toleranceSigmas, putMs = 0 }: MatchSettings,
): [Candidate] | undefined {
  let grams = 0;
  let variance = 2 * sensorSdGrams ** 2;
  let rareness = also === undefined ? 1 : pairShare;
  for (const { product, quantity } of also === undefined ? [first] : [first, also]) {
    grams += quantity * product.unitWeightGrams;
    variance += quantity * product.unitWeightSdGrams ** 2;
    rareness *= (product.prior ?? 1) * (product.moreShare ?? oneMoreShare) ** (quantity - 1);
  }
  const unitCount = first.quantity + (also?.quantity ?? 0);
  if (putMs > 0 && putMs < (unitCount - 1) * putMsEachMin) rareness *= trayShare;
  const putMsMax = putMsFirst + putMsEach * unitCount;
  if (putMs > putMsMax) rareness *= Math.max(Math.exp((putMsMax - putMs) / 1000), slowShareMin);
  const residualGrams = changeGrams - grams;
  const sdGrams = Math.sqrt(variance + (grams * gainShare) ** 2);
  const sigmas = residualGrams / sdGrams;
  if (Math.abs(sigmas) > toleranceSigmas) return undefined;
  const likelihood = Math.exp(-(sigmas ** 2) / 2) / (sdGrams * Math.sqrt(2 * Math.PI));
  const pair = also === undefined ? {} : { also };
  return [{ ...first, ...pair, residualGrams, likelihood, plausibility: rareness * likelihood }];
}

/** What was moved: of one product, or of two. */
export function partsOf({ product, quantity, also }: Candidate): readonly Part[] {
  const first = { product, quantity };
  return also === undefined ? [first] : [first, also];
}

/** A part's share of what a change was heavier or lighter than it should have been: by weight. */
export function residualOf(candidate: Candidate, part: Part): number {
  const gramsOf = ({ product, quantity }: Part) => quantity * product.unitWeightGrams;
  const grams = partsOf(candidate).reduce((sum, each) => sum + gramsOf(each), 0);
  return (candidate.residualGrams * gramsOf(part)) / grams;
}
