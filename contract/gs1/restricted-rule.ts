// Restricted circulation numbers that a store prints itself (General Specifications 2.1.11): labels of the scale and
// of the meat counter, whose number holds a price, a weight or a count. What the digits mean is a rule of the country
// or the chain, so it is configured: the first rule that fits is taken.

import { z } from "zod";
import type { Gtin } from "../units.ts";
import { checkDigitOf, hasCheckDigit, measureCheckDigitOf } from "./check-digit.ts";

/** Digits of a number before its check digit. */
const bodyLength = 12;

/** How numbers of one beginning are read: `prefix item [check of the measure] measure`, and the check digit. */
export const restrictedRuleSchema = z
  .strictObject({
    /** First digits of the thirteen. */
    prefix: z.string().regex(/^(0[24]|2)\d{0,4}$/, "numbers of a store begin with 02, 04 or 2"),
    /** What the last digits say; absent: nothing, the number is an item's of the store. */
    measure: z
      .strictObject({
        kind: z.enum(["weight", "price", "count"]),
        /** Digits of the measure, 4 or 5. */
        digitCount: z.int().min(4).max(5),
        /** How many of them are behind the point: of kilograms, or of the currency. */
        decimalCount: z.int().min(0).max(4).default(0),
        /** A check digit of the measure stands before it. */
        hasCheckDigit: z.boolean().default(false),
      })
      .optional(),
  })
  .refine(({ prefix, measure }) => measure === undefined || itemLength(prefix, measure) > 0, {
    message: "prefix and measure leave no digit for the item",
    path: ["prefix"],
  });
export type RestrictedRule = z.infer<typeof restrictedRuleSchema>;
type Measure = NonNullable<RestrictedRule["measure"]>;

/** What a store's own number says. */
export type RestrictedContent =
  | {
      readonly ok: true;
      /** Names the item in its chain: the number with its measure zeroed, as 14 digits. No global GTIN. */
      readonly gtin: Gtin;
      readonly weightGrams?: number;
      /** In the currency of the store, like `2.39`. */
      readonly price?: string;
      readonly count?: number;
    }
  | { readonly ok: false; readonly reason: string };

/** Countries whose rules are known here. */
export const restrictedCountries = [
  "baltics",
  "denmark",
  "finland",
  "germany",
  "great_britain",
  "norway",
  "sweden",
] as const;
type Country = (typeof restrictedCountries)[number];

/** Rules of countries that have one for all (as their GS1 organisations publish them). */
export const restrictedRulesOf: Readonly<Record<Country, readonly RestrictedRule[]>> = {
  baltics: weights(["23", "24", "25"], 4),
  denmark: [
    ...["21", "22", "23", "24"].map((prefix) => rule(prefix, "price", 5, 2)),
    ...["26", "27", "28"].map((prefix) => rule(prefix, "weight", 5, 3)),
  ],
  finland: weights(["23", "24", "25"], 4),
  germany: [
    ...["22", "23"].map((prefix) => rule(prefix, "price", 5, 2, true)),
    ...["25", "26"].map((prefix) => rule(prefix, "count", 5, 0, true)),
    ...["28", "29"].map((prefix) => rule(prefix, "weight", 5, 3, true)),
  ],
  great_britain: [rule("20", "price", 4, 2, true)],
  norway: [
    rule("20", "price", 4, 2),
    rule("21", "price", 4, 1),
    rule("22", "price", 4, 0),
    ...weights(["23", "24", "25"], 4),
  ],
  sweden: [
    rule("20", "price", 4, 2),
    rule("21", "price", 4, 1),
    rule("22", "price", 4, 0),
    ...weights(["23", "24", "25"], 4),
  ],
};

function rule(
  prefix: string,
  kind: Measure["kind"],
  digitCount: number,
  decimalCount: number,
  hasCheck = false,
): RestrictedRule {
  return { prefix, measure: { kind, digitCount, decimalCount, hasCheckDigit: hasCheck } };
}

/** Grams with three, two and one decimals of a kilogram, one prefix each. */
function weights(prefixes: readonly string[], digitCount: number): RestrictedRule[] {
  return prefixes.map((prefix, index) => rule(prefix, "weight", digitCount, 3 - index));
}

/** Reads a number by the first rule that fits; undefined where none does. Takes 8, 12, 13 or 14 digits. */
export function readRestricted(
  digits: string,
  rules: readonly RestrictedRule[],
): RestrictedContent | undefined {
  const thirteen = digits.length === 14 ? digits.slice(1) : digits.padStart(bodyLength + 1, "0");
  const found = rules.find(({ prefix }) => thirteen.startsWith(prefix));
  if (found === undefined) return undefined;
  if (!hasCheckDigit(thirteen)) return { ok: false, reason: "wrong check digit" };
  const { measure, prefix } = found;
  if (measure === undefined) return { ok: true, gtin: `0${thirteen}` as Gtin };
  const itemEnd = prefix.length + itemLength(prefix, measure);
  const field = thirteen.slice(bodyLength - measure.digitCount, bodyLength);
  const expected = measureCheckDigitOf(field);
  if (measure.hasCheckDigit && Number(thirteen[itemEnd]) !== expected) {
    const reason = `check digit of the measure: ${thirteen[itemEnd]} given, ${expected} expected`;
    return { ok: false, reason };
  }
  const body = thirteen.slice(0, itemEnd).padEnd(bodyLength, "0");
  const gtin = `0${body}${checkDigitOf(body)}` as Gtin;
  return { ok: true, gtin, ...measured(field, measure) };
}

function itemLength(
  prefix: string,
  measure: { readonly digitCount: number; readonly hasCheckDigit: boolean },
): number {
  return bodyLength - prefix.length - measure.digitCount - (measure.hasCheckDigit ? 1 : 0);
}

function measured(field: string, { kind, decimalCount }: Measure) {
  const number = Number(field);
  if (kind === "count") return { count: number };
  if (kind === "weight") return { weightGrams: Math.round(number * 10 ** (3 - decimalCount)) };
  return { price: (number / 10 ** decimalCount).toFixed(decimalCount) };
}
