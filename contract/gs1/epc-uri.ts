// EPC URIs (TDS 6 and 12) and the GS1 keys they stand for (TDS 7): what the parts of each family are.

import { text82 } from "./character-set.ts";
import { checkDigitOf } from "./check-digit.ts";
import type { Elements } from "./element-string.ts";

/** The families of pure identity URIs. */
export type EpcFamily =
  | "adi"
  | "bic"
  | "cpi"
  | "gdti"
  | "giai"
  | "gid"
  | "ginc"
  | "grai"
  | "gsin"
  | "gsrn"
  | "gsrnp"
  | "imovn"
  | "itip"
  | "pgln"
  | "sgcn"
  | "sgln"
  | "sgtin"
  | "sscc"
  | "upui"
  | "usdod";

interface Family {
  /** Digits of company prefix and reference together; undefined where the family has no such pair. */
  readonly pairDigitCount?: number;
  /** Most characters of company prefix and reference together. */
  readonly pairLengthMax?: number;
  /** What each part, unescaped, must look like. */
  readonly parts: readonly RegExp[];
  /** Largest value of each part that is a number. */
  readonly partMax?: readonly number[];
  /** The GS1 keys; absent where the family is none of GS1. */
  readonly elements?: (...parts: string[]) => Elements;
}

const prefix = /^\d{6,12}$/;
const reference = /^\d*$/;
const number = /^(0|[1-9]\d*)$/;
const checked = (value: string) => `${value}${checkDigitOf(value)}`;
const gtin14 = (company: string, itemReference: string) =>
  checked(`${itemReference.slice(0, 1)}${company}${itemReference.slice(1)}`);
const key18 = (company: string, serial: string) =>
  checked(`${serial.slice(0, 1)}${company}${serial.slice(1)}`);

const families: Readonly<Record<EpcFamily, Family>> = {
  sgtin: {
    pairDigitCount: 13,
    parts: [prefix, reference, text82(20)],
    elements: (company, reference, serial) => [
      ["01", gtin14(company!, reference!)],
      ["21", serial!],
    ],
  },
  sscc: {
    pairDigitCount: 17,
    parts: [prefix, reference],
    elements: (company, serial) => [["00", key18(company!, serial!)]],
  },
  sgln: {
    pairDigitCount: 12,
    parts: [prefix, reference, text82(20)],
    // An extension of 0 means that there is none (6.3.3).
    elements: (company, place, extension) => [
      ["414", checked(`${company}${place}`)],
      ...(extension === "0" ? [] : [["254", extension!] as const]),
    ],
  },
  grai: {
    pairDigitCount: 12,
    parts: [prefix, reference, text82(16)],
    elements: (company, asset, serial) => [["8003", `0${checked(`${company}${asset}`)}${serial}`]],
  },
  giai: {
    pairLengthMax: 30,
    parts: [prefix, text82(24)],
    elements: (company, asset) => [["8004", `${company}${asset}`]],
  },
  gsrn: {
    pairDigitCount: 17,
    parts: [prefix, reference],
    elements: (company, serial) => [["8018", checked(`${company}${serial}`)]],
  },
  gsrnp: {
    pairDigitCount: 17,
    parts: [prefix, reference],
    elements: (company, serial) => [["8017", checked(`${company}${serial}`)]],
  },
  gdti: {
    pairDigitCount: 12,
    parts: [prefix, reference, text82(17)],
    elements: (company, type, serial) => [["253", `${checked(`${company}${type}`)}${serial}`]],
  },
  sgcn: {
    pairDigitCount: 12,
    parts: [prefix, reference, /^\d{1,12}$/],
    elements: (company, type, serial) => [["255", `${checked(`${company}${type}`)}${serial}`]],
  },
  cpi: {
    parts: [prefix, /^[-#/0-9A-Z]{1,24}$/, /^(0|[1-9]\d{0,11})$/],
    elements: (company, component, serial) => [
      ["8010", `${company}${component}`],
      ["8011", serial!],
    ],
  },
  itip: {
    pairDigitCount: 13,
    parts: [prefix, reference, /^\d{2}$/, /^\d{2}$/, text82(20)],
    elements: (company, reference, piece, total, serial) => [
      ["8006", `${gtin14(company!, reference!)}${piece}${total}`],
      ["21", serial!],
    ],
  },
  ginc: {
    pairLengthMax: 30,
    parts: [prefix, text82(24)],
    elements: (company, consignment) => [["401", `${company}${consignment}`]],
  },
  gsin: {
    pairDigitCount: 16,
    parts: [prefix, reference],
    elements: (company, shipper) => [["402", checked(`${company}${shipper}`)]],
  },
  pgln: {
    pairDigitCount: 12,
    parts: [prefix, reference],
    elements: (company, party) => [["417", checked(`${company}${party}`)]],
  },
  upui: {
    pairDigitCount: 13,
    parts: [prefix, reference, text82(28)],
    elements: (company, reference, extension) => [
      ["01", gtin14(company!, reference!)],
      ["235", extension!],
    ],
  },
  bic: { parts: [/^[A-Z]{3}[JUZ]\d{7}$/] },
  imovn: { parts: [/^\d{7}$/] },
  gid: {
    parts: [number, number, number],
    partMax: [2 ** 28 - 1, 2 ** 24 - 1, 2 ** 36 - 1],
  },
  usdod: {
    parts: [/^[0-9A-HJ-NP-Z]{5,6}$/, number],
    partMax: [Number.POSITIVE_INFINITY, 2 ** 36 - 1],
  },
  adi: { parts: [/^[0-9A-HJ-NP-Z]{5,6}$/, /^[-/0-9A-Z]{0,32}$/, /^#?[-/0-9A-Z]{1,30}$/] },
};

const escapes: ReadonlyMap<string, string> = new Map(
  Array.from('"#%&/<>?', (character) => [
    character,
    `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  ]),
);

function escaped(part: string): string {
  return part.replace(/["#%&/<>?]/g, (character) => escapes.get(character) ?? character);
}

/** `urn:epc:id:...` of parts as a scheme gave them. */
export function pureIdentityUri(family: EpcFamily, parts: readonly string[]): string {
  return `urn:epc:id:${family}:${parts.map(escaped).join(".")}`;
}

/** `urn:epc:tag:...`: scheme and filter as well. */
export function tagUri(
  scheme: string,
  filter: number | undefined,
  parts: readonly string[],
): string {
  const all = filter === undefined ? parts : [String(filter), ...parts];
  return `urn:epc:tag:${scheme.toLowerCase()}:${all.map(escaped).join(".")}`;
}

/** `urn:epc:raw:...` of a tag that is no EPC (TDS 12.4); `afi` where the toggle bit says that there is one. */
export function rawUri(hex: string, afi?: string): string {
  return `urn:epc:raw:${hex.length * 4}.${afi === undefined ? "" : `x${afi}.`}x${hex}`;
}

/** What a URI says, or why it is none. */
export type ParsedUri =
  | { readonly ok: true; readonly family: EpcFamily; readonly parts: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** Takes a pure identity URI apart and checks every part (TDS 6.3). */
export function parsePureIdentityUri(uri: string): ParsedUri {
  const [, name = "", body = ""] = /^urn:epc:id:([a-z]+):(.*)$/.exec(uri) ?? [];
  if (!Object.hasOwn(families, name)) return refuse(`${uri} is no pure identity URI of an EPC`);
  const family = name as EpcFamily;
  return checkParts(family, splitParts(body, families[family].parts.length));
}

/** A tag URI: the scheme it names, its filter, its parts. */
export function parseTagUri(
  uri: string,
):
  | (Extract<ParsedUri, { ok: true }> & { readonly scheme: string; readonly filter?: number })
  | Extract<ParsedUri, { ok: false }> {
  const match = /^urn:epc:tag:(([a-z]+)-(?:\d+|var)):(.*)$/.exec(uri);
  const [, scheme = "", name = "", body = ""] = match ?? [];
  if (!Object.hasOwn(families, name)) return refuse(`${uri} is no tag URI of an EPC`);
  const family = name as EpcFamily;
  const filterCount = family === "gid" ? 0 : 1;
  const all = splitParts(body, families[family].parts.length + filterCount);
  const checkedParts = checkParts(family, all.slice(filterCount));
  if (!checkedParts.ok) return checkedParts;
  if (filterCount === 0) return { ...checkedParts, scheme };
  const filter = Number(all[0]);
  if (!/^\d{1,2}$/.test(all[0] ?? "")) return refuse(`"${all[0]}" is no filter value`);
  return { ...checkedParts, scheme, filter };
}

// A serial may have dots of its own: the last part takes what is left.
function splitParts(body: string, count: number): string[] {
  const parts = body.split(".");
  return parts.length <= count
    ? parts
    : [...parts.slice(0, count - 1), parts.slice(count - 1).join(".")];
}

function checkParts(family: EpcFamily, raw: readonly string[]): ParsedUri {
  const { parts: patterns, partMax } = families[family];
  if (raw.length !== patterns.length) return refuse(`${family} has ${patterns.length} parts`);
  const parts: string[] = [];
  for (const [index, part] of raw.entries()) {
    // What must be escaped may not stand there as itself; anything that need not be may be escaped.
    if (/["#&/<>?]|%(?![0-9A-Fa-f]{2})/.test(part)) return refuse(`"${part}" is not escaped`);
    const value = part.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    const isTooLarge = partMax !== undefined && Number(value) > partMax[index]!;
    if (!patterns[index]!.test(value) || isTooLarge) {
      return refuse(`"${part}" is no part ${index + 1} of ${family}`);
    }
    parts.push(value);
  }
  const reason = pairProblem(family, `${parts[0]}${parts[1]}`.length);
  return reason === undefined ? { ok: true, family, parts } : refuse(reason);
}

function pairProblem(family: EpcFamily, length: number): string | undefined {
  const { pairDigitCount, pairLengthMax } = families[family];
  if (pairDigitCount !== undefined && length !== pairDigitCount) {
    return `company prefix and reference have ${pairDigitCount} digits, not ${length}`;
  }
  if (pairLengthMax === undefined || length <= pairLengthMax) return undefined;
  return `company prefix and reference have ${pairLengthMax} characters at most, not ${length}`;
}

/** The GS1 keys of an EPC; undefined for a family that is not GS1's. */
export function elementsOf(family: EpcFamily, parts: readonly string[]): Elements | undefined {
  return families[family].elements?.(...parts);
}

/** Dates that an EPC can carry, in the order of the types of a DSGTIN (table 14-4). */
export const epcDateAis: readonly string[] = ["11", "13", "15", "16", "17", "7006", "7007"];

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
