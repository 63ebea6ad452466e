// Book numbers: an ISBN of 13 digits is a GTIN with prefix 978 or 979; one of 10 has a check digit modulo 11.

import { checkDigitOf, hasCheckDigit } from "./check-digit.ts";

/** Hyphens and blanks are for people. */
const bare = (text: string) => text.replace(/[- ]/g, "");

/** Whether a text is an ISBN of ten digits, the last of which may be X. */
export function isIsbn10(text: string): boolean {
  const digits = bare(text);
  return /^\d{9}[\dX]$/.test(digits) && check10Of(digits) === digits[9];
}

/** Whether a text is an ISBN of thirteen digits. */
export function isIsbn13(text: string): boolean {
  const digits = bare(text);
  return /^97[89]\d{10}$/.test(digits) && hasCheckDigit(digits);
}

/** The thirteen digits of a book; undefined for a text that is no ISBN. */
export function isbn13Of(text: string): string | undefined {
  if (isIsbn13(text)) return bare(text);
  if (!isIsbn10(text)) return undefined;
  const digits = `978${bare(text).slice(0, 9)}`;
  return `${digits}${checkDigitOf(digits)}`;
}

/** The ten digits of a book; undefined for one that has none, as all with 979. */
export function isbn10Of(text: string): string | undefined {
  if (isIsbn10(text)) return bare(text);
  const digits = bare(text);
  if (!isIsbn13(text) || !digits.startsWith("978")) return undefined;
  const body = digits.slice(3, 12);
  return `${body}${check10Of(body)}`;
}

// Weights 10 to 2; the whole is a multiple of 11.
function check10Of(digits: string): string {
  let sum = 0;
  for (let index = 0; index < 9; index += 1) sum += (10 - index) * Number(digits[index]);
  const check = (11 - (sum % 11)) % 11;
  return check === 10 ? "X" : String(check);
}
