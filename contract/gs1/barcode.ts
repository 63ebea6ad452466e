// What a scanner read becomes an item: a bare GTIN in any of its lengths, or a GS1 element string. The
// AIM identifier decides which; without one, length and check digit do.

import type { Gtin } from "../units.ts";
import { hasCheckDigit } from "./check-digit.ts";
import { groupSeparator, isoDateOf, parseElementString } from "./element-string.ts";
import { restrictedUse } from "./restricted.ts";

/** The item a label names, or why it names none. `expiry` is YYYY-MM-DD. */
export type BarcodeIdentity =
  | {
      readonly ok: true;
      readonly gtin: Gtin;
      readonly serial?: string;
      readonly lot?: string;
      readonly expiry?: string;
    }
  | { readonly ok: false; readonly reason: string };

/** AIM identifiers of bare numbers, with the lengths they come in. */
const numberLengths: ReadonlyMap<string, readonly number[]> = new Map([
  // Many scanners are set to send a UPC-A without its leading zero, under the same identifier.
  ["]E0", [13, 12]],
  ["]E4", [8]],
  ["]I0", [14]],
  ["]I1", [14]],
]);

/** AIM identifiers that say: this is a GS1 element string. */
const elementStrings: ReadonlySet<string> = new Set(["]C1", "]d2", "]Q3", "]e0", "]J1"]);

/** Reads a scan. `atMs` is when it was read: it gives two-digit years their century. */
export function parseBarcode(
  scan: { readonly data: string; readonly symbology?: string | undefined },
  atMs: number,
): BarcodeIdentity {
  const { data, symbology } = scan;
  if (symbology === undefined) return inferred(data, atMs);
  if (elementStrings.has(symbology)) return fromElements(data, atMs);
  // EAN with a 2- or 5-digit add-on, which is no part of the number.
  if (symbology === "]E3" && /^\d{15}(\d{3})?$/.test(data)) return fromNumber(data.slice(0, 13));
  const lengths = numberLengths.get(symbology);
  if (lengths === undefined) return refuse(`${symbology} carries no GTIN and no element string`);
  if (lengths.includes(data.length)) return fromNumber(data);
  return refuse(`${symbology} has ${lengths.join(" or ")} digits, not ${data.length} characters`);
}

function inferred(data: string, atMs: number): BarcodeIdentity {
  if (/^\d{8}$/.test(data) && /^[01]/.test(data)) {
    return refuse(
      "8 digits beginning with 0 or 1 may be EAN-8 or UPC-E: set the scanner to send AIM ids",
    );
  }
  if (/^(\d{8}|\d{12,14})$/.test(data)) return fromNumber(data);
  if (data.startsWith(groupSeparator) || /^01\d{14}/.test(data)) return fromElements(data, atMs);
  return refuse("neither a GTIN nor an element string");
}

function fromNumber(digits: string): BarcodeIdentity {
  if (!/^\d+$/.test(digits)) return refuse("a GTIN has digits only");
  if (!hasCheckDigit(digits)) return refuse("wrong check digit");
  return fromGtin(digits.padStart(14, "0") as Gtin);
}

function fromElements(data: string, atMs: number): BarcodeIdentity {
  const elements = parseElementString(data);
  if (!elements.ok) return elements;
  const gtin = elements.values.get("01");
  if (gtin === undefined) return refuse("the element string has no (01)");
  const identity = fromGtin(gtin as Gtin);
  const serial = elements.values.get("21");
  const lot = elements.values.get("10");
  const expiry = elements.values.get("17");
  if (!identity.ok) return identity;
  return {
    ...identity,
    ...(serial === undefined ? {} : { serial }),
    ...(lot === undefined ? {} : { lot }),
    ...(expiry === undefined ? {} : { expiry: isoDateOf(expiry, atMs) }),
  };
}

function fromGtin(gtin: Gtin): BarcodeIdentity {
  const reason = restrictedUse(gtin);
  return reason === undefined ? { ok: true, gtin } : refuse(reason);
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
