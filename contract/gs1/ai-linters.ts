// What the parts of values must be beyond their characters (General Specifications 3, 7.9 and 7.12). A linter gives
// what is wrong, undefined where nothing is.

import { hasCheckDigit, hasCheckPair } from "./check-digit.ts";
import { couponFault, paperlessCouponFault } from "./coupon.ts";
import { ibanFault } from "./iban.ts";
import { countryLetters, countryNumbers, currencies } from "./iso-codes.ts";

/** Gives what is wrong with a part of a value. */
export type Linter = (part: string) => string | undefined;

const unless = (isRight: (part: string) => boolean, fault: string): Linter => {
  return (part) => (isRight(part) ? undefined : fault);
};
const digitsBelow = (limit: number, fault: string) => unless((part) => Number(part) < limit, fault);
const date = (hasDayZero: boolean): Linter =>
  unless(
    (part) => isDate(2000 + Number(part.slice(0, 2)), part.slice(2), hasDayZero),
    "is no date",
  );
/** Shortest company prefix of GS1. */
const prefixLengthMin = 4;
const hasPrefixAt = (at: number) =>
  unless(
    (part) => new RegExp(`^.{${at}}\\d{${prefixLengthMin}}`).test(part),
    "has no company prefix",
  );
const degrees = (limit: number) =>
  digitsBelow(limit * 10_000_000 + 1, `is more than ${limit} degrees`);
const isTime = (part: string) => Number(part.slice(0, 2)) < 24 && Number(part.slice(2)) < 60;

/** By the names that `ai-rows.ts` uses. */
export const linters: Readonly<Record<string, Linter>> = {
  birthPosition: unless((part) => {
    const [, position, total] = /^([1-9])\/([1-9])$/.exec(part) ?? [];
    return position !== undefined && Number(position) <= Number(total);
  }, "is no position in a sequence, like 1/2"),
  check: unless(hasCheckDigit, "has a wrong check digit"),
  checkPair: unless(hasCheckPair, "has a wrong pair of check characters"),
  country: unless((part) => countryNumbers.has(part), "is no country of ISO 3166"),
  country2: unless((part) => countryLetters.has(part), "is no country of ISO 3166"),
  countryOr999: unless(
    (part) => part === "999" || countryNumbers.has(part),
    "is no country of ISO 3166",
  ),
  coupon: couponFault,
  currency: unless((part) => currencies.has(part), "is no currency of ISO 4217"),
  date: date(false),
  date0: date(true),
  flag: unless((part) => part === "0" || part === "1", "is neither 0 nor 1"),
  hour: digitsBelow(24, "is no hour"),
  iban: ibanFault,
  importer: unless((part) => /^[-0-9A-Z_a-z]$/.test(part), "is no importer index"),
  latitude: degrees(180),
  longDate: unless((part) => isDate(Number(part.slice(0, 4)), part.slice(4), false), "is no date"),
  longitude: degrees(360),
  medium: unless((part) => (part >= "01" && part <= "10") || part >= "80", "is no kind of carrier"),
  minus: unless((part) => part === "-", "is no minus"),
  minute: digitsBelow(60, "is no minute"),
  noZeroFirst: unless((part) => part === "0" || !part.startsWith("0"), "begins with 0"),
  nonDigit: unless((part) => /\D/.test(part), "has digits only"),
  nonZero: unless((part) => /[^0]/.test(part), "is zero"),
  paperlessCoupon: paperlessCouponFault,
  percent: unless((part) => !/%(?![0-9A-Fa-f]{2})/.test(part), "has a wrong percent sequence"),
  piece: unless((part) => {
    const [piece, total] = [Number(part.slice(0, 2)), Number(part.slice(2))];
    return piece > 0 && total > 0 && piece <= total;
  }, "is no piece of a total"),
  prefix1: hasPrefixAt(0),
  // An indicator or extension digit stands before it.
  prefix2: hasPrefixAt(1),
  second: digitsBelow(60, "is no second"),
  sex: unless((part) => "0129".includes(part), "is no code of ISO 5218"),
  time: unless(isTime, "is no time"),
  timeOrNone: unless((part) => part === "9999" || isTime(part), "is no time"),
  winding: unless((part) => "019".includes(part), "is no winding direction"),
  zero: unless((part) => part === "0", "is not 0"),
};

// The century of a short year is not known here, so 29 February is taken where this century has one.
function isDate(year: number, monthAndDay: string, hasDayZero: boolean): boolean {
  const [month, day] = [Number(monthAndDay.slice(0, 2)), Number(monthAndDay.slice(2))];
  return month >= 1 && month <= 12 && day >= (hasDayZero ? 0 : 1) && day <= daysIn(year, month);
}

/** Days of a month. */
export function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
