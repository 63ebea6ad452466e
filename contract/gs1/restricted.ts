// Numbers that look like a GTIN and are none: meaningful in one store, company or country only, or no
// trade item at all (General Specifications 1.4 and 2.1; TDS 7.3.3 to 7.3.7).

import type { Gtin } from "../units.ts";

/** Matched on the 13 digits behind the indicator; a GTIN-8 has five zeros before it there. */
const restricted: readonly (readonly [RegExp, string])[] = [
  [/^00000[02]/, "restricted circulation number (RCN-8): internal to a company or store"],
  [/^000[1-7]/, "restricted circulation number (prefix 0001-0007): internal to a company"],
  [
    /^(02|2)/,
    "restricted circulation number (prefix 02 or 20-29): variable measure or store-local",
  ],
  [/^04/, "restricted circulation number (prefix 04): internal to a company"],
  [/^(98[0-4]|99)/, "a refund receipt or coupon (prefix 980-984 or 99), not a trade item"],
];

/** Why a well-formed number names no product everywhere; undefined for a real GTIN. */
export function restrictedUse(gtin: Gtin): string | undefined {
  const digits = gtin.slice(1);
  return restricted.find(([pattern]) => pattern.test(digits))?.[1];
}
