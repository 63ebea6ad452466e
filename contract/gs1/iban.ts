// International bank account numbers (ISO 13616), as payment slips carry them.

import { countryLetters } from "./iso-codes.ts";

const lengthMin = 10;

/** What is wrong with an IBAN; undefined where nothing is. */
export function ibanFault(iban: string): string | undefined {
  if (iban.length < lengthMin) return "is too short for an IBAN";
  if (!/^[0-9A-Z]+$/.test(iban)) return "has characters that an IBAN has not";
  if (!countryLetters.has(iban.slice(0, 2))) return "has no country of ISO 3166 first";
  return isRemainderOne(iban) ? undefined : "has a wrong checksum";
}

// Letters count from A = 10, the first four characters stand last, and the number modulo 97 is 1.
function isRemainderOne(iban: string): boolean {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value < 10 ? 10 : 100) + value) % 97;
  }
  return remainder === 1;
}
