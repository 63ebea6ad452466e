// URNs and the GS1 keys they stand for, both ways: EPCs (TDS 6.3), classes of them (`urn:epc:class:lgtin`, 6.4) and
// patterns whose serial is left open (`urn:epc:idpat:...*`, TDS 8). A URN says how long the company prefix is; keys do
// not, so on the way back it must be given.

import { canonicalLink, parseDigitalLink } from "./digital-link.ts";
import type { Elements } from "./element-string.ts";
import { type EpcFamily, elementsOf, parsePureIdentityUri, pureIdentityUri } from "./epc-uri.ts";

/** GS1 keys, or why there are none. */
export type KeysOfUrn =
  | { readonly ok: true; readonly elements: Elements }
  | { readonly ok: false; readonly reason: string };

/** A URN, or why these keys make none. */
export type UrnOfKeys =
  | { readonly ok: true; readonly uri: string }
  | { readonly ok: false; readonly reason: string };

/** Families whose serial may be left open; of some it is part of the key's own value. */
const serialOf: Partial<Record<EpcFamily, "element" | "suffix">> = {
  sgtin: "element",
  itip: "element",
  upui: "element",
  cpi: "element",
  grai: "suffix",
  gdti: "suffix",
  sgcn: "suffix",
};
/** A serial that every family allows. */
const anySerial = "1";

/** The GS1 keys of a URN of any of the three kinds. */
export function keysOfUrn(uri: string): KeysOfUrn {
  const [, kind, body = ""] = /^urn:epc:(class:lgtin|idpat|id):(.*)$/.exec(uri) ?? [];
  if (kind === "class:lgtin") {
    const unit = keysOfId(`urn:epc:id:sgtin:${body}`);
    if (!unit.ok) return unit;
    return {
      ok: true,
      elements: unit.elements.map(([ai, value]) => [ai === "21" ? "10" : ai, value]),
    };
  }
  if (kind !== "idpat") return keysOfId(uri);
  const [, family = "", pattern] = /^([a-z]+):(.*)\.\*$/.exec(body) ?? [];
  const serial = Object.hasOwn(serialOf, family) ? serialOf[family as EpcFamily] : undefined;
  if (serial === undefined || pattern === undefined)
    return refuse(`${uri} is no pattern that is known`);
  const unit = keysOfId(`urn:epc:id:${family}:${pattern}.${anySerial}`);
  if (!unit.ok) return unit;
  const [[ai, value]] = unit.elements as [readonly [string, string]];
  const key = serial === "element" ? value : value.slice(0, -anySerial.length);
  return { ok: true, elements: [[ai, key]] };
}

function keysOfId(uri: string): KeysOfUrn {
  const parsed = parsePureIdentityUri(uri);
  if (!parsed.ok) return parsed;
  const elements = elementsOf(parsed.family, parsed.parts);
  return elements === undefined
    ? refuse(`${parsed.family} is no key of GS1`)
    : { ok: true, elements };
}

/** What a key's URN is made of: the family, and its value's parts before the company prefix and behind it. */
type Split = (value: string, prefixLength: number) => readonly string[];

// A GTIN's indicator stands before the item reference in a URN, as an SSCC's extension does before the serial.
const indicated: Split = (value, length) => [
  value.slice(1, 1 + length),
  `${value[0]}${value.slice(1 + length, -1)}`,
];
const plain: Split = (value, length) => [value.slice(0, length), value.slice(length)];
const withCheck: Split = (value, length) => plain(value.slice(0, -1), length);
const withSerial =
  (keyLength: number): Split =>
  (value, length) => [...withCheck(value.slice(0, keyLength), length), value.slice(keyLength)];

const splits: Readonly<Record<string, readonly [EpcFamily, Split]>> = {
  "00": ["sscc", indicated],
  "01": ["sgtin", indicated],
  "253": ["gdti", withSerial(13)],
  "255": ["sgcn", withSerial(13)],
  "401": ["ginc", plain],
  "402": ["gsin", withCheck],
  "414": ["sgln", withCheck],
  "417": ["pgln", withCheck],
  "8003": ["grai", (value, length) => withSerial(13)(value.slice(1), length)],
  "8004": ["giai", plain],
  "8006": [
    "itip",
    (value, length) => [
      ...indicated(value.slice(0, 14), length),
      value.slice(14, 16),
      value.slice(16),
    ],
  ],
  "8010": ["cpi", plain],
  "8017": ["gsrnp", withCheck],
  "8018": ["gsrn", withCheck],
};

/**
 * The URN of a key and what makes it finer: an EPC where there is a serial, a class where there is a lot, else a
 * pattern. `companyPrefixLength`: digits that GS1 gave to the company, 6 to 12.
 */
export function urnOfKeys(elements: Elements, companyPrefixLength: number): UrnOfKeys {
  const [[ai, value] = ["", ""], [finerAi, finer] = [undefined, undefined]] = elements;
  const [known, split] = Object.hasOwn(splits, ai) ? splits[ai]! : [];
  if (known === undefined || split === undefined) return refuse(`(${ai}) has no URN`);
  if (!Number.isInteger(companyPrefixLength) || companyPrefixLength < 6 || companyPrefixLength > 12)
    return refuse(`a company prefix has 6 to 12 digits, not ${companyPrefixLength}`);
  const family = finerAi === "235" ? "upui" : known;
  const parts = split(value, companyPrefixLength);
  const serialKind = serialOf[family];
  // An extension of 0 means that there is none (6.3.3).
  const serial = family === "sgln" ? (finer ?? "0") : serialKind === "element" ? finer : undefined;
  const all = serial === undefined ? parts : [...parts, serial];
  const isOpen =
    serialKind === "suffix" ? all.at(-1) === "" : serialKind !== undefined && serial === undefined;
  const closed = serialKind === "suffix" && isOpen ? all.slice(0, -1) : all;
  const uri = pureIdentityUri(family, isOpen ? [...closed, anySerial] : closed);
  const checked = parsePureIdentityUri(uri);
  if (!checked.ok) return checked;
  if (isOpen) return { ok: true, uri: uri.replace(/:id:(.*)\.1$/, ":idpat:$1.*") };
  return { ok: true, uri: finerAi === "10" ? uri.replace(":id:sgtin:", ":class:lgtin:") : uri };
}

/** Qualifiers by which an item is named, the finest first. */
const finest = ["21", "235", "10"];

/**
 * The canonical link of what an event names (the reference way of the EPCIS event hash): of any URN or Digital Link
 * the key and its finest qualifier alone, on GS1's own domain; short GTINs and names of the first version are taken.
 */
export function canonicalKeyLink(uri: string): UrnOfKeys {
  const keys = uri.startsWith("urn:")
    ? keysOfUrn(uri)
    : parseDigitalLink(uri, { hasShortGtins: true, hasNames: true });
  if (!keys.ok) return keys;
  const [key, ...others] = keys.elements as [readonly [string, string], ...Elements];
  const place = others.filter(([ai]) => ai === "254" || ai === "8011");
  const qualifier = finest.flatMap((ai) => others.filter(([other]) => other === ai)).slice(0, 1);
  return canonicalLink([key, ...(place.length > 0 ? place : qualifier)]);
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
