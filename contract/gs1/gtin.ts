// GTINs in all their lengths (General Specifications 1.4 and 5.2): 14 digits everywhere inside, the shortest form for
// people; and the zero-suppressed UPC-E.

import type { Gtin } from "../units.ts";
import { checkDigitOf, hasCheckDigit } from "./check-digit.ts";

/** Lengths a GTIN is written in. */
export const gtinLengths = [8, 12, 13, 14] as const;
export type GtinLength = (typeof gtinLengths)[number];

/** A GTIN of 8, 12, 13 or 14 digits as 14; undefined for another length or a wrong check digit. */
export function gtin14Of(digits: string): Gtin | undefined {
  if (!gtinLengths.some((length) => length === digits.length)) return undefined;
  return hasCheckDigit(digits) ? (digits.padStart(14, "0") as Gtin) : undefined;
}

/** The same GTIN in so many digits; undefined where it does not fit into them. */
export function gtinOfLength(gtin: Gtin, length: GtinLength): string | undefined {
  const zeros = gtin.slice(0, gtin.length - length);
  return /^0*$/.test(zeros) ? gtin.slice(-length) : undefined;
}

/** The shortest form of a GTIN. A GTIN-8 is one whose first six digits are zeros. */
export function shortGtin(gtin: Gtin): string {
  return gtinLengths.map((length) => gtinOfLength(gtin, length)).find(Boolean) ?? gtin;
}

/**
 * A UPC-E of eight digits, or of six or seven without its check digit, as the UPC-A it stands for; undefined where it
 * is none. The last of the six digits in its middle says which zeros were left out (5.2.2.4.3).
 */
export function upcAOf(upcE: string): string | undefined {
  const full = upcE.length === 6 ? `0${upcE}` : upcE;
  if (!/^[01]\d{6,7}$/.test(full)) return undefined;
  const [system, a, b, c, d, e, last] = full;
  const body =
    last === "0" || last === "1" || last === "2"
      ? `${a}${b}${last}0000${c}${d}${e}`
      : last === "3"
        ? `${a}${b}${c}00000${d}${e}`
        : last === "4"
          ? `${a}${b}${c}${d}00000${e}`
          : `${a}${b}${c}${d}${e}0000${last}`;
  const upcA = `${system}${body}${checkDigitOf(`${system}${body}`)}`;
  return full.length === 7 || upcA.endsWith(full[7]!) ? upcA : undefined;
}

/** The UPC-E of eight digits of a UPC-A; undefined where it has none. */
export function upcEOf(upcA: string): string | undefined {
  const found = /^([01])(\d{5})(\d{5})(\d)$/.exec(upcA);
  if (found === null || !hasCheckDigit(upcA)) return undefined;
  const [, system, maker, item, check] = found as unknown as [
    string,
    string,
    string,
    string,
    string,
  ];
  const middle = middleOf(maker, item);
  return middle === undefined ? undefined : `${system}${middle}${check}`;
}

function middleOf(maker: string, item: string): string | undefined {
  if (/^\d\d[012]00$/.test(maker) && item.startsWith("00")) {
    return `${maker.slice(0, 2)}${item.slice(2)}${maker[2]}`;
  }
  if (maker.endsWith("00") && item.startsWith("000"))
    return `${maker.slice(0, 3)}${item.slice(3)}3`;
  if (maker.endsWith("0") && item.startsWith("0000"))
    return `${maker.slice(0, 4)}${item.slice(4)}4`;
  return /^0000[5-9]$/.test(item) ? `${maker}${item[4]}` : undefined;
}
