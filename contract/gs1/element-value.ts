// Whether a value is what its application identifier says, and what it means: dates, measures, amounts.

import { daysIn } from "./ai-linters.ts";
import type { AiDefinition, CharacterSet, Component } from "./ai-table.ts";
import { currencies } from "./iso-codes.ts";

/** Bits of the character sets that each ASCII character belongs to (General Specifications 7.11). */
const setBits: Readonly<Record<CharacterSet, number>> = { N: 1, X: 2, Y: 4, Z: 8 };
const bitsOfCharacter: Uint8Array = (() => {
  const bits = new Uint8Array(128);
  const add = (pattern: RegExp, set: CharacterSet) => {
    for (let code = 0; code < 128; code += 1) {
      if (pattern.test(String.fromCharCode(code))) bits[code] = bits[code]! | setBits[set];
    }
  };
  add(/\d/, "N");
  add(/[!-"%-?A-Z_a-z]/, "X");
  add(/[-#/0-9A-Z]/, "Y");
  add(/[-0-9A-Z_a-z=]/, "Z");
  return bits;
})();

/** What is wrong with a value; undefined where nothing is. */
export function valueFault(definition: AiDefinition, value: string): string | undefined {
  const { ai, components, lengthMax, lengthMin } = definition;
  if (value.length < lengthMin) return `(${ai}) is too short: ${lengthText(definition)}`;
  if (value.length > lengthMax) return `(${ai}) is too long: ${lengthText(definition)}`;
  let at = 0;
  for (const component of components) {
    const left = value.length - at;
    if (left === 0 && component.isOptional) break;
    if (left < component.lengthMin) return `(${ai}) ends within one of its parts`;
    const end = at + Math.min(left, component.lengthMax);
    if (!hasOnly(component.characters, value, at, end)) {
      return `(${ai}) has characters that are not allowed there`;
    }
    const fault = partFault(component, value.slice(at, end));
    if (fault !== undefined) return `(${ai}) ${fault}`;
    at = end;
  }
  return undefined;
}

function partFault({ characters, linters }: Component, part: string): string | undefined {
  if (characters === "Z" && !isPadded(part)) return "has wrong padding";
  for (const linter of linters) {
    const fault = linter(part);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

// Base64url (RFC 4648 4 and 3.5): where padding is written it fills the last four, and the bits it leaves are zero.
function isPadded(text: string): boolean {
  const paddingCount = text.length - text.replace(/=+$/, "").length;
  if (!text.includes("=")) return true;
  const bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".indexOf(
    text.at(-paddingCount - 1) ?? "",
  );
  const isWhole = text.length % 4 === 0 && /^[^=]+={1,2}$/.test(text);
  return isWhole && bits % 4 ** paddingCount === 0;
}

function hasOnly(characters: CharacterSet, value: string, from: number, to: number): boolean {
  const bit = setBits[characters];
  for (let at = from; at < to; at += 1) {
    const code = value.charCodeAt(at);
    if (code >= 128 || (bitsOfCharacter[code]! & bit) === 0) return false;
  }
  return true;
}

function lengthText({ lengthMin, lengthMax }: AiDefinition): string {
  return lengthMin === lengthMax
    ? `${lengthMin} characters`
    : `${lengthMin} to ${lengthMax} characters`;
}

/** The identifiers whose value begins with a date of six digits. */
const dateAis: ReadonlySet<string> = new Set(
  "11 12 13 15 16 17 4324 4325 4326 7003 7006 7007 7011 8008".split(" "),
);

/** A value's date, and its time of day where it has one. */
export interface DateValue {
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** `HH:MM:SS`, of no time zone. */
  readonly time?: string;
}

/** The date in a valid value; undefined where the identifier has none. `atMs` gives the year its century. */
export function dateOf(ai: string, value: string, atMs: number): DateValue | undefined {
  if (!dateAis.has(ai)) return undefined;
  const date = isoDateOf(value.slice(0, 6), atMs);
  const digits = value.slice(6);
  // 7007 is a span of two dates; 9999 says that no time was given (4324, 4325).
  if (digits === "" || digits === "9999" || ai === "7007") return { date };
  const padded = digits.padEnd(6, "0");
  return { date, time: `${padded.slice(0, 2)}:${padded.slice(2, 4)}:${padded.slice(4, 6)}` };
}

/**
 * YYMMDD as `YYYY-MM-DD`; day 00 is the last of the month. The century is the one that puts the year
 * from 49 years before to 50 years after the year of `atMs` (General Specifications 7.12).
 */
export function isoDateOf(yymmdd: string, atMs: number): string {
  const thisYear = new Date(atMs).getUTCFullYear();
  const century = thisYear - (thisYear % 100);
  let year = century + Number(yymmdd.slice(0, 2));
  if (year - thisYear > 50) year -= 100;
  else if (year - thisYear < -49) year += 100;
  const month = Number(yymmdd.slice(2, 4));
  const day = Number(yymmdd.slice(4)) || daysIn(year, month);
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);
}

/** A number with the decimals that its identifier says; its currency, in letters, where it has one. */
export interface DecimalValue {
  /** Like `1.250`, as many decimals as there are. */
  readonly decimal: string;
  readonly currency?: string;
}

/** The number in a valid value: measures (31nn to 36nn) and amounts (390n to 395n); undefined for others. */
export function decimalOf(ai: string, value: string): DecimalValue | undefined {
  if (!/^(3[1-6]\d\d|39[0-5]\d)$/.test(ai)) return undefined;
  const hasCurrency = ai.startsWith("391") || ai.startsWith("393");
  const digits = hasCurrency ? value.slice(3) : value;
  const decimals = Number(ai[3]);
  const whole = digits.slice(0, -decimals || undefined).replace(/^0+(?=\d)/, "") || "0";
  const padded = digits.slice(digits.length - decimals).padStart(decimals, "0");
  const decimal = decimals === 0 ? whole : `${whole}.${padded}`;
  return hasCurrency ? { decimal, currency: currencies.get(value.slice(0, 3))! } : { decimal };
}

/** Net weight in grams that a label states (310n kilograms, 320n pounds); undefined for other identifiers. */
export function netWeightGramsOf(ai: string, value: string): number | undefined {
  const gramsPerUnit = ai.startsWith("310") ? 1000 : ai.startsWith("320") ? 453.592_37 : undefined;
  const number = gramsPerUnit === undefined ? undefined : decimalOf(ai, value);
  return number === undefined ? undefined : Number(number.decimal) * gramsPerUnit!;
}
