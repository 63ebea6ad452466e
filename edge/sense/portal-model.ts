// The model that says what a passage was: multinomial logistic regression over the figures of
// passage-features.ts. `out` is `in` with the sides exchanged. Weights: portal-weights.ts.

import { z } from "zod";
import { oddNames, type PassageFeatures } from "./passage-features.ts";
import { portalWeights } from "./portal-weights.ts";

/** What a tag may have done. A turn-back moved nothing; neither did what only stood there. */
export const passageClasses = ["in", "out", "pass_by", "turn_back", "static"] as const;
export type PassageClass = (typeof passageClasses)[number];

const scoreRange = 8;
const orderIndex = oddNames.indexOf("order");

const weightSchema = z.number().min(-1000).max(1000);
const listSchema = z.array(weightSchema).min(1).max(200).readonly();

/** Weights by figure; `in` is from side A to side B. Also as a file, of a portal that was fitted by its own walks. */
export const portalWeightsSchema = z
  .strictObject({
    movedBias: weightSchema,
    movedOdd: listSchema,
    movedEven: listSchema,
    /** For `pass_by`, `turn_back` and `static`, in this order; the moved have none to be held against. */
    stayed: z
      .array(z.strictObject({ bias: weightSchema, even: listSchema }).readonly())
      .length(3)
      .readonly(),
  })
  .refine(({ movedEven, stayed }) => stayed.every(({ even }) => even.length === movedEven.length), {
    message: "every class has as many weights",
    path: ["stayed"],
  })
  .readonly();
export type PortalWeights = z.infer<typeof portalWeightsSchema>;

/** A probability for each class; they add up to 1. */
export type PassageChances = Readonly<Record<PassageClass, number>>;

/** Log-odds of each class, in the order of `passageClasses`, up to a constant: their mean is 0. */
export function scoresOf(
  { odd, even }: Pick<PassageFeatures, "odd" | "even">,
  weights: PortalWeights = portalWeights,
): readonly number[] {
  const moved = weights.movedBias + dot(weights.movedEven, even);
  const way = dot(weights.movedOdd, odd);
  const stayed = weights.stayed.map((one) => one.bias + dot(one.even, even));
  const scores = [moved + way, moved - way, ...stayed];
  // No single figure, however strange, is worth more than this.
  const highest = Math.max(...scores);
  const bounded = scores.map((score) => Math.max(score - highest, -scoreRange));
  const mean = bounded.reduce((sum, score) => sum + score, 0) / bounded.length;
  return bounded.map((score) => score - mean);
}

/**
 * The same for a reader that does not report strength: the order of reads alone, and what few reads on
 * the weaker side leave to chance.
 */
export function orderScoresOf({ odd, reads }: PassageFeatures): readonly number[] {
  const order = odd[orderIndex]!;
  const clear = Math.max(0, Math.min(1, (Math.abs(order) - 0.15) / 0.6));
  const chance = clear * (1 - 2 ** -(2 + Math.min(reads.a, reads.b)));
  const moved = Math.log(Math.max(chance, 1e-3) / (1 - chance));
  return order >= 0
    ? [moved, -scoreRange, 0, -scoreRange, -scoreRange]
    : [-scoreRange, moved, 0, -scoreRange, -scoreRange];
}

/** How likely each class is, by its scores. */
export function chancesOf(scores: readonly number[]): PassageChances {
  const powers = scores.map((score) => Math.exp(score));
  const sum = powers.reduce((total, power) => total + power, 0);
  const [first, second, third, fourth, fifth] = powers.map((power) => power / sum);
  return { in: first!, out: second!, pass_by: third!, turn_back: fourth!, static: fifth! };
}

function dot(weights: readonly number[], values: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index += 1) sum += weights[index]! * values[index]!;
  return sum;
}
