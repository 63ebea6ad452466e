// Values of an EPCIS event as its hash writes them (CBV 2.0, 8.9.2): times in UTC with three decimals, numbers without
// needless zeros, words and CURIEs as full URIs, names of things as canonical Digital Links.

import { canonicalKeyLink } from "../gs1/epc-urn.ts";

/** Prefixes and the namespaces they stand for. */
export type Namespaces = Readonly<Record<string, string>>;

/** How values are written. */
export interface Writing {
  readonly namespaces: Namespaces;
  /** The reference generator leaves `'` of a URN as it is, where a Digital Link has it as `%27`. */
  readonly hasPlainApostrophes: boolean;
}

const cbv = "https://ref.gs1.org/cbv/";
const voc = "https://gs1.org/voc/";

/** Prefixes that EPCIS's own context declares. */
export const standardNamespaces: Namespaces = {
  cbv,
  cbvmda: "urn:epcglobal:cbv:mda",
  epcis: "https://ref.gs1.org/epcis/",
  gs1: voc,
  rdfs: "http://www.w3.org/2000/01/rdf-schema#",
};

/** What stands before a bare word, by where the word stands. */
export const wordStems = {
  bizStep: `${cbv}BizStep-`,
  disposition: `${cbv}Disp-`,
  bizTransaction: `${cbv}BTT-`,
  sourceOrDestination: `${cbv}SDT-`,
  errorReason: `${cbv}ER-`,
  component: `${cbv}Comp-`,
  sensor: voc,
} as const;

const stemOfUrn: Readonly<Record<string, string>> = {
  bizstep: wordStems.bizStep,
  btt: wordStems.bizTransaction,
  disp: wordStems.disposition,
  er: wordStems.errorReason,
  sdt: wordStems.sourceOrDestination,
};

/** A value as the hash writes it. `stem` is given where bare words stand for URIs. */
export function canonicalValue(
  key: string,
  value: string | number | boolean,
  { namespaces, hasPlainApostrophes }: Writing,
  stem?: string,
): string {
  const text = typeof value === "number" ? decimalText(value) : String(value).trim();
  const name = key.toLowerCase();
  if (name.includes("time") && !name.includes("offset")) return canonicalTime(text) ?? text;
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return withoutZeros(text);
  if (stem !== undefined && /^\w+$/.test(text)) return stem + text;
  const [, vocabulary = "", word] = /^urn:epcglobal:cbv:([a-z]+):(\w+)$/.exec(text) ?? [];
  if (word !== undefined && Object.hasOwn(stemOfUrn, vocabulary)) {
    return stemOfUrn[vocabulary]! + word;
  }
  if (/^(urn:epc:|https?:|HTTPS?:)/.test(text)) {
    const link = canonicalKeyLink(text);
    if (!link.ok) return text;
    const isPlain = hasPlainApostrophes && text.startsWith("urn:");
    return isPlain ? link.uri.replaceAll("%27", "'") : link.uri;
  }
  return expanded(text, namespaces);
}

function expanded(text: string, namespaces: Namespaces): string {
  const [, prefix = "", name = ""] = /^([\w-]+):(\w[\w.-]*)$/.exec(text) ?? [];
  return Object.hasOwn(namespaces, prefix) ? namespaces[prefix]! + name : text;
}

// No exponent: a reader of the text may have no floating point.
function decimalText(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  return Math.abs(value) < 1 ? value.toFixed(20) : BigInt(Math.round(value)).toString();
}

function withoutZeros(text: string): string {
  const [, sign = "", whole = "", decimals = ""] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text)!;
  const digits = `${whole || "0"}${decimals === "" ? "" : `.${decimals}`}`;
  return sign === "-" && digits !== "0" ? `-${digits}` : digits;
}

const timePattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** A time in UTC, to the millisecond, half up; undefined where there is no time with a zone. */
export function canonicalTime(text: string): string | undefined {
  const [, seconds = "", decimals = "", zone = ""] = timePattern.exec(text) ?? [];
  const wholeMs = Date.parse(seconds + zone);
  if (Number.isNaN(wholeMs)) return undefined;
  // From the digits, not from a float: .1415 has none that is exact.
  const digits = decimals.padEnd(4, "0");
  const partMs = Number(digits.slice(0, 3)) + (digits[3]! >= "5" ? 1 : 0);
  return new Date(wholeMs + partMs).toISOString();
}
