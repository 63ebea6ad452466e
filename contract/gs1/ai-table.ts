// The application identifiers that are read (General Specifications 3.2), each with the form of its
// value. One line makes another one known.

import { text82 } from "./character-set.ts";

/** How the value of an application identifier is written. */
export interface AiForm {
  /** What the whole value must look like. */
  readonly pattern: RegExp;
  /** Length of the value where it is pre-defined, so that no separator need follow it. */
  readonly predefinedLength?: number;
}

const text = (lengthMax: number): AiForm => ({ pattern: text82(lengthMax) });
const digits = (lengthMax: number): AiForm => ({ pattern: new RegExp(`^\\d{1,${lengthMax}}$`) });
const fixed = (length: number): AiForm => ({
  pattern: new RegExp(`^\\d{${length}}$`),
  predefinedLength: length,
});

/** Known application identifiers. */
export const aiForms: ReadonlyMap<string, AiForm> = new Map([
  ["01", fixed(14)], // GTIN
  ["10", text(20)], // batch or lot
  ["11", fixed(6)], // production date
  ["13", fixed(6)], // packaging date
  ["15", fixed(6)], // best before
  ["16", fixed(6)], // sell by
  ["17", fixed(6)], // expiry
  ["21", text(20)], // serial
  ["30", digits(8)], // variable count
  ["37", digits(8)], // count of items contained
  ["90", text(30)], // agreed between partners
  ...Array.from({ length: 9 }, (_, index) => [`${91 + index}`, text(90)] as const), // internal
]);

/** Those whose value is a date, YYMMDD. */
export const dateAis: ReadonlySet<string> = new Set(["11", "13", "15", "16", "17"]);
