// What may lie on one cell, each possibility with its weight: a change that could have been this or that makes two of
// one, what is impossible afterwards (more was taken than lay there) drops out, and the weight of the whole decides.

import type { Gtin } from "../../contract/units.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** Units that lie where they have no place, as they were weighed. */
export interface Stranger {
  readonly gtin: Gtin;
  readonly unitGrams: number;
  readonly quantity: number;
}

/** One possibility. */
export interface Belief {
  /** Of the one product that has its place there; undefined until it was counted as a whole. */
  readonly count: number | undefined;
  readonly strangers: readonly Stranger[];
  readonly weight: number;
}

/** What a change may have been: parts of one product each, negative for what was taken. */
export interface ChangeOption {
  readonly parts: readonly {
    readonly gtin: Gtin;
    readonly quantity: number;
    readonly grams: number;
  }[];
  readonly plausibility: number;
}

/** Possibilities that are kept of one cell. */
export const beliefCountMax = 24;
/** Strangers that are remembered on a cell. */
const strangerCountMax = 20;
/** How often a stranger was a mistake; and how many of them may be, at most. */
const mistakeShare = 0.1;
const doubtedCountMax = 5;
/** How often the count of the cell's own product was wrong. */
const miscountShare = 0.1;
/** A weight further off than this holds something that nobody knows of. */
const sigmasMax = 3;
/** Uncertainty of a cell's slope. */
const gainShare = 0.004;

/** The possibilities after a change that was one of `options`; those before it where it can have been none. */
export function afterChange(
  beliefs: readonly Belief[],
  options: readonly ChangeOption[],
  homes: ReadonlySet<Gtin>,
): readonly Belief[] {
  const found = beliefs.flatMap((belief) =>
    options.flatMap((option) => changed(belief, option, homes) ?? []),
  );
  return found.length === 0 ? beliefs : foremost(found);
}

/** The possibilities in the light of what the whole cell weighs above its tare; none where nothing fits. */
export function byWholeWeight(
  beliefs: readonly Belief[],
  loadGrams: number,
  product: WeighedProduct,
  sdGrams: number,
): readonly Belief[] {
  return foremost(
    beliefs.flatMap((belief) =>
      doubted(belief).flatMap((one) => weighed(belief, one, { loadGrams, product, sdGrams })),
    ),
  );
}

/** Whether two say the same of what lies there. */
export function keyOf({ count, strangers }: Pick<Belief, "count" | "strangers">): string {
  const byGtin = new Map<Gtin, number>();
  for (const { gtin, quantity } of strangers) {
    byGtin.set(gtin, (byGtin.get(gtin) ?? 0) + quantity);
  }
  return `${count}|${[...byGtin].map((one) => one.join("*")).sort()}`;
}

/** What lies there after a change; undefined where more was taken than lay there. */
export function changed(
  { count, strangers, weight }: Belief,
  { parts, plausibility }: ChangeOption,
  homes: ReadonlySet<Gtin>,
): Belief | undefined {
  let own = count;
  let others = strangers;
  for (const { gtin, quantity, grams } of parts) {
    if (homes.has(gtin)) {
      own = own === undefined ? undefined : own + quantity;
      if (own !== undefined && own < 0) return undefined;
    } else if (quantity > 0) {
      const added = { gtin, quantity, unitGrams: grams / quantity };
      others = [...others, added].slice(-strangerCountMax);
    } else {
      const left = without(others, gtin, -quantity);
      if (left === undefined) return undefined;
      others = left;
    }
  }
  return { count: own, strangers: others, weight: weight * plausibility };
}

function without(
  strangers: readonly Stranger[],
  gtin: Gtin,
  quantity: number,
): readonly Stranger[] | undefined {
  let left = quantity;
  const rest = strangers.flatMap((stranger) => {
    if (stranger.gtin !== gtin || left === 0) return [stranger];
    const some = Math.min(left, stranger.quantity);
    left -= some;
    return some === stranger.quantity ? [] : [{ ...stranger, quantity: stranger.quantity - some }];
  });
  return left === 0 ? rest : undefined;
}

// Each of the newest strangers may never have been one.
function doubted({ strangers, weight }: Belief) {
  const newest = strangers.slice(-doubtedCountMax);
  const trusted = strangers.slice(0, -doubtedCountMax);
  return Array.from({ length: 1 << newest.length }, (_, mask) => {
    const kept = newest.filter((_one, at) => (mask >> at) & 1);
    const mistakes = newest.length - kept.length;
    return { strangers: [...trusted, ...kept], weight: weight * mistakeShare ** mistakes };
  });
}

function weighed(
  { count }: Belief,
  { strangers, weight }: Omit<Belief, "count">,
  whole: { readonly loadGrams: number; readonly product: WeighedProduct; readonly sdGrams: number },
): Belief[] {
  const { loadGrams, product, sdGrams } = whole;
  const ownGrams = strangers.reduce(
    (grams, { unitGrams, quantity }) => grams - unitGrams * quantity,
    loadGrams,
  );
  const nearest = Math.round(ownGrams / product.unitWeightGrams);
  return [nearest - 1, nearest, nearest + 1].flatMap((quantity) => {
    if (quantity < 0) return [];
    const ofUnits = Math.sqrt(quantity) * product.unitWeightSdGrams;
    const sd = Math.hypot(ofUnits, sdGrams, loadGrams * gainShare);
    const sigmas = (ownGrams - quantity * product.unitWeightGrams) / sd;
    if (Math.abs(sigmas) > sigmasMax) return [];
    const miscount = count === undefined || count === quantity ? 1 : miscountShare;
    const likelihood = Math.exp(-(sigmas ** 2) / 2) / sd;
    return [{ count: quantity, strangers, weight: weight * miscount * likelihood }];
  });
}

// The same in several ways is one; weights add up to 1, the heaviest first.
function foremost(beliefs: readonly Belief[]): readonly Belief[] {
  const byKey = new Map<string, Belief>();
  for (const belief of beliefs) {
    const key = keyOf(belief);
    const other = byKey.get(key);
    const heavier = other === undefined || other.weight < belief.weight ? belief : other;
    byKey.set(key, { ...heavier, weight: belief.weight + (other?.weight ?? 0) });
  }
  const sorted = [...byKey.values()].sort((one, other) => other.weight - one.weight);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  return sorted.slice(0, beliefCountMax).map((one) => ({ ...one, weight: one.weight / total }));
}
