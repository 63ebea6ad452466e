// What a scanner sends of a symbol (General Specifications 5.1.2 and 5.10; ISO/IEC 15424): the symbology identifier,
// then the data; FNC1 within is the group separator. The other way round is barcode.ts.

import { aiDefinitions } from "./ai-table.ts";
import { checkDigitOf, hasCheckDigit } from "./check-digit.ts";
import { groupSeparator, parseElementString } from "./element-string.ts";

/** Symbols that carry GS1 data. Those of EAN/UPC carry a number alone. */
export const symbologies = [
  "QR",
  "DM",
  "DotCode",
  "GS1_128",
  "DataBarExpanded",
  "DataBarOmni",
  "DataBarLimited",
  "EAN13",
  "EAN8",
  "UPCA",
  "UPCE",
] as const;
export type Symbology = (typeof symbologies)[number];

/** What a symbol was made with. */
export interface SymbolContent {
  /** A text, an element string without its leading FNC1, or the digits of a number. */
  readonly data: string;
  /** Whether FNC1 stands in front: an element string. */
  readonly isGs1: boolean;
  /** Element string of a two-dimensional part above. */
  readonly composite?: string | undefined;
}

/** What is sent, with its identifier; undefined where the symbol cannot carry it. */
export function scanDataOf(symbology: Symbology, content: SymbolContent): string | undefined {
  const { data, isGs1, composite } = content;
  switch (symbology) {
    case "QR":
      return isGs1 ? `]Q3${data}` : `]Q1${data}`;
    case "DM":
      return isGs1 ? `]d2${data}` : `]d1${data}`;
    case "DotCode":
      return isGs1 ? `]J1${data}` : `]J0${data}`;
    case "GS1_128":
      if (!isGs1) return undefined;
      return composite === undefined ? `]C1${data}` : `]e0${joined(data, composite)}`;
    case "DataBarExpanded":
      return isGs1 ? `]e0${joined(data, composite)}` : undefined;
    case "DataBarOmni":
    case "DataBarLimited": {
      const gtin = numberOf(content, 14);
      // A limited one begins with 0 or 1 (5.5.2.4).
      if (gtin === undefined || (symbology === "DataBarLimited" && gtin > "2")) return undefined;
      return `]e0${joined(`01${gtin}`, composite)}`;
    }
    case "EAN8":
      return eanData("]E4", numberOf(content, 8), composite);
    case "EAN13":
      return eanData("]E0", numberOf(content, 13), composite);
    case "UPCA":
    case "UPCE":
      // A UPC is sent as an EAN-13 with a zero before it, a UPC-E with its zeros back.
      return eanData("]E0", numberOf(content, 12)?.padStart(13, "0"), composite);
  }
}

// No separator is needed behind an element whose length everybody knows (7.8.5).
function joined(data: string, composite: string | undefined): string {
  if (composite === undefined) return data;
  const parsed = parseElementString(data);
  const [lastAi = ""] = parsed.ok ? (parsed.elements.at(-1) ?? []) : [];
  const needsNone = aiDefinitions.get(lastAi)?.isPredefined === true;
  return data + (needsNone ? "" : groupSeparator) + composite;
}

function eanData(identifier: string, digits: string | undefined, composite: string | undefined) {
  if (digits === undefined) return undefined;
  return composite === undefined ? identifier + digits : `${identifier}${digits}|]e0${composite}`;
}

// A number of so many digits, of an element (01) too; its check digit may be left to us.
function numberOf({ data, isGs1 }: SymbolContent, digitCount: number): string | undefined {
  const digits = isGs1 ? /^01(\d{14})$/.exec(data)?.[1] : data;
  if (digits === undefined || !/^\d+$/.test(digits)) return undefined;
  const number = digits.slice(Math.max(0, digits.length - digitCount));
  if (/[1-9]/.test(digits.slice(0, -digitCount))) return undefined;
  if (number.length === digitCount) return hasCheckDigit(number) ? number : undefined;
  return number.length === digitCount - 1 ? number + checkDigitOf(number) : undefined;
}
