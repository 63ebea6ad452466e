// What a scanner read becomes an item: a bare GTIN in any of its lengths, a GS1 element string or a Digital Link. The
// AIM identifier decides which; without one, length and check digit do.

import type { Gtin } from "../units.ts";
import { type AimContent, aimContentOf } from "./aim.ts";
import { hasCheckDigit } from "./check-digit.ts";
import { parseDigitalLink } from "./digital-link.ts";
import { type Elements, groupSeparator, parseElementString } from "./element-string.ts";
import { isoDateOf } from "./element-value.ts";
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
  | { readonly ok: false; readonly code: BarcodeRefusal; readonly reason: string };

/** Why a label names no item, to be counted by. */
export const barcodeRefusals = [
  /** A number or element string that is malformed. */
  "malformed",
  /** Eight digits that may be two things. */
  "ambiguous",
  /** Text, or a symbology that GS1 has no meaning for. */
  "not_gs1",
  /** A GS1 label of something that is no trade item. */
  "other_key",
  /** A number that means something in one store or chain only. */
  "restricted",
] as const;
export type BarcodeRefusal = (typeof barcodeRefusals)[number];

/** What a label says before it is asked for an item. */
export type BarcodeContent =
  | { readonly kind: "number"; readonly digits: string }
  | { readonly kind: "elements"; readonly elements: Elements }
  | { readonly kind: "refused"; readonly code: BarcodeRefusal; readonly reason: string };

interface Scan {
  readonly data: string;
  readonly symbology?: string | undefined;
}

/** Reads a scan. `atMs` is when it was read: it gives two-digit years their century. */
export function parseBarcode(scan: Scan, atMs: number): BarcodeIdentity {
  return itemOf(readBarcode(scan), atMs);
}

/** The item that a label's content names. */
export function itemOf(content: BarcodeContent, atMs: number): BarcodeIdentity {
  if (content.kind === "refused") return refuse(content.code, content.reason);
  if (content.kind === "number") return fromGtin(content.digits.padStart(14, "0") as Gtin);
  return fromElements(content.elements, atMs);
}

/** Reads a scan as far as the label goes. */
export function readBarcode({ data, symbology }: Scan): BarcodeContent {
  if (symbology === undefined) return inferred(data);
  // A composite: the linear symbol, and behind the bar what is beside it.
  const [linear = "", component] = data.split("|]e0");
  const content = aimContentOf(symbology);
  if (content.kind === "number" && component !== undefined) {
    return withComponent(numberOf(linear, symbology, content), component);
  }
  switch (content.kind) {
    case "number":
      return numberOf(data, symbology, content);
    case "elements":
      return elementsIn(data);
    case "text":
      return linkIn(data);
    case "other":
      return refused(
        "not_gs1",
        `${symbology} is ${content.name}: it carries no GTIN and no element string`,
      );
  }
}

function inferred(data: string): BarcodeContent {
  if (/^\d{8}$/.test(data) && /^[01]/.test(data)) {
    return refused(
      "ambiguous",
      "8 digits beginning with 0 or 1 may be EAN-8 or UPC-E: set the scanner to send AIM ids",
    );
  }
  if (/^(\d{8}|\d{12,14})$/.test(data)) return checkedNumber(data);
  if (data.startsWith(groupSeparator) || /^0[13]\d{14}|^00\d{18}/.test(data))
    return elementsIn(data);
  if (isAddress(data)) return linkIn(data);
  return refused("not_gs1", "neither a GTIN, nor an element string, nor a Digital Link");
}

function numberOf(
  data: string,
  symbology: string,
  { lengths, addOnLengths = [0] }: AimContent & { kind: "number" },
): BarcodeContent {
  for (const length of lengths) {
    if (addOnLengths.some((addOn) => data.length === length + addOn)) {
      return checkedNumber(data.slice(0, length));
    }
  }
  return refused(
    "malformed",
    `${symbology} has ${lengths.join(" or ")} digits, not ${data.length} characters`,
  );
}

function checkedNumber(digits: string): BarcodeContent {
  if (!/^\d+$/.test(digits)) return refused("malformed", "a GTIN has digits only");
  return hasCheckDigit(digits)
    ? { kind: "number", digits }
    : refused("malformed", "wrong check digit");
}

function withComponent(number: BarcodeContent, component: string): BarcodeContent {
  if (number.kind !== "number") return number;
  const more = elementsIn(component);
  if (more.kind !== "elements") return more;
  return {
    kind: "elements",
    elements: [["01", number.digits.padStart(14, "0")], ...more.elements],
  };
}

function elementsIn(data: string): BarcodeContent {
  const parsed = parseElementString(data);
  if (parsed.ok) return { kind: "elements", elements: parsed.elements };
  // Some printers put a link where an element string is announced.
  const link = isAddress(data) ? linkIn(data) : undefined;
  return link?.kind === "elements" ? link : refused("malformed", parsed.reason);
}

// A link's scheme is in lower or in upper case, not in both.
function isAddress(data: string): boolean {
  return /^(https?|HTTPS?):/.test(data);
}

function linkIn(data: string): BarcodeContent {
  if (!isAddress(data)) return refused("not_gs1", "a text with no GTIN");
  const link = parseDigitalLink(data, { hasShortGtins: true, hasNames: true });
  return link.ok
    ? { kind: "elements", elements: link.elements }
    : refused("not_gs1", `a web address with no GTIN: ${link.reason}`);
}

function fromElements(elements: Elements, atMs: number): BarcodeIdentity {
  const values = new Map(elements);
  const gtin = values.get("01");
  if (gtin === undefined) return refuse("other_key", `${whatElse(values)}no (01)`);
  const identity = fromGtin(gtin as Gtin);
  const serial = values.get("21");
  const lot = values.get("10");
  const expiry = values.get("17");
  if (!identity.ok) return identity;
  return {
    ...identity,
    ...(serial === undefined ? {} : { serial }),
    ...(lot === undefined ? {} : { lot }),
    ...(expiry === undefined ? {} : { expiry: isoDateOf(expiry, atMs) }),
  };
}

/** Keys of other things than trade items, in words. */
const others: readonly (readonly [ai: string, name: string])[] = [
  ["00", "a logistic unit (SSCC)"],
  ["02", "the content of a logistic unit"],
  ["03", "an item made to order"],
  ["8006", "a piece of an item"],
  ["8003", "a returnable asset"],
  ["8004", "an asset"],
  ["414", "a place"],
  ["255", "a coupon"],
];

function whatElse(values: ReadonlyMap<string, string>): string {
  const found = others.find(([ai]) => values.has(ai));
  return found === undefined ? "the element string has " : `the label names ${found[1]}: `;
}

function fromGtin(gtin: Gtin): BarcodeIdentity {
  const reason = restrictedUse(gtin);
  return reason === undefined ? { ok: true, gtin } : refuse("restricted", reason);
}

function refused(code: BarcodeRefusal, reason: string): BarcodeContent {
  return { kind: "refused", code, reason };
}

function refuse(code: BarcodeRefusal, reason: string): BarcodeIdentity {
  return { ok: false, code, reason };
}
