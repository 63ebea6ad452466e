// GS1 element strings: application identifiers with their values, one behind the other, as a GS1-128,
// DataMatrix, QR or DataBar symbol carries them (General Specifications 7.8).

import { aiForms, dateAis } from "./ai-table.ts";
import { hasCheckDigit } from "./check-digit.ts";

/** Stands behind every value whose length is not pre-defined, unless it is the last. */
export const groupSeparator = "\u001d";

/** Values by application identifier, or why the text is no element string. */
export type ElementString =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly reason: string };

/** Splits and checks an element string. Superfluous separators are tolerated (7.8.5). */
export function parseElementString(data: string): ElementString {
  const values = new Map<string, string>();
  for (let rest = data; rest !== ""; ) {
    if (rest.startsWith(groupSeparator)) {
      rest = rest.slice(1);
      continue;
    }
    const ai = rest.slice(0, 2);
    const form = aiForms.get(ai);
    if (form === undefined) return { ok: false, reason: `unknown application identifier ${ai}` };
    const length = form.predefinedLength ?? rest.slice(2).split(groupSeparator, 1)[0]?.length ?? 0;
    const value = rest.slice(2, 2 + length);
    rest = rest.slice(2 + length);
    if (!form.pattern.test(value))
      return { ok: false, reason: `the value of (${ai}) is malformed` };
    if (ai === "01" && !hasCheckDigit(value))
      return { ok: false, reason: "wrong check digit in (01)" };
    if (dateAis.has(ai) && !isDate(value)) return { ok: false, reason: `(${ai}) is no date` };
    if ((values.get(ai) ?? value) !== value) return { ok: false, reason: `(${ai}) has two values` };
    values.set(ai, value);
  }
  if (values.size === 0) return { ok: false, reason: "an empty element string" };
  return { ok: true, values };
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

// The century is not known here, so 29 February is taken in every year that has one in this century.
function isDate(yymmdd: string): boolean {
  const year = 2000 + Number(yymmdd.slice(0, 2));
  const month = Number(yymmdd.slice(2, 4));
  return month >= 1 && month <= 12 && Number(yymmdd.slice(4)) <= daysIn(year, month);
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
