// The schemes of TDS 2.x (14.6): header, a bit that says whether further data follow, filter, then GS1
// keys as they are, with check digit and without a partition. They have no URN. The `++` schemes carry a
// hostname as well.

import type { Elements } from "./element-string.ts";
import { BitReader, BitWriter } from "./epc-bits.ts";
import { numberOf, readHostname, readText, writeText } from "./epc-text.ts";
import { epcDateAis } from "./epc-uri.ts";

/** A field: one key. */
interface PlusField {
  readonly ai: string;
  read(bits: BitReader): string;
  write(bits: BitWriter, value: string): void;
}

/** An EPC of one of these schemes. */
export interface PlusEpc {
  readonly scheme: string;
  readonly filter: number;
  readonly elements: Elements;
  /** In a `++` scheme. */
  readonly host?: string;
  /** Bits behind the EPC that carry further data (15.3), which are not decoded. */
  readonly aidcBitCount?: number;
}

type Result<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly reason: string };

/** Decimal digits of 4 bits each, one key. */
const digits = (ai: string, count: number): PlusField => ({
  ai,
  read: (bits) => readNibbles(bits, count),
  write: (bits, value) => writeNibbles(bits, value, count),
});

const text = (ai: string): PlusField => ({
  ai,
  read: (bits) => readText(bits, 5),
  write: (bits, value) => writeText(bits, value, 5),
});

/** A key of fixed digits with a text behind them. */
const digitsWithText = (ai: string, count: number): PlusField => ({
  ai,
  read: (bits) => readNibbles(bits, count) + readText(bits, 5),
  write: (bits, value) => {
    writeNibbles(bits, value.slice(0, count), count);
    writeText(bits, value.slice(count), 5);
  },
});

/** Digits, then 1111 for the end or 1110 for a text that follows (14.5.5). */
const delimited = (ai: string): PlusField => ({
  ai,
  read: (bits) => {
    let value = "";
    for (let digit = bits.number(4); bits.refusal === undefined; digit = bits.number(4)) {
      if (digit === 15) break;
      if (digit === 14) return value + readText(bits, 5);
      if (digit > 9) bits.refuse("a digit over 9");
      value += digit;
    }
    return value;
  },
  write: (bits, value) => {
    const [leading = ""] = /^\d*/.exec(value) ?? [];
    writeNibbles(bits, leading, leading.length);
    const isWhole = leading.length === value.length;
    bits.number(isWhole ? 15 : 14, 4);
    if (!isWhole) writeText(bits, value.slice(leading.length), 5);
  },
});

/** A number that says how many digits it has, in 4 bits; `prefix` digits of 4 bits before it. */
const counted = (ai: string, prefixCount: number, pattern: RegExp): PlusField => ({
  ai,
  read: (bits) => {
    const prefix = readNibbles(bits, prefixCount);
    const number = numberOf(bits.number(4)).read(bits)[0]!;
    if (!pattern.test(number)) bits.refuse(`"${number}" is no value of (${ai})`);
    return prefix + number;
  },
  write: (bits, value) => {
    const number = value.slice(prefixCount);
    if (!pattern.test(number)) bits.refuse(`"${number}" is no value of (${ai})`);
    writeNibbles(bits, value.slice(0, prefixCount), prefixCount);
    bits.number(number.length, 4);
    numberOf(number.length).write(bits, [number]);
  },
});

const scheme = (name: string, header: number, headerWithHost: number, fields: PlusField[]) => ({
  name,
  header,
  headerWithHost,
  fields,
});

const gtin = digits("01", 14);
const serial = text("21");
const extension = text("254");
const schemes = [
  scheme("CPI", 0xf0, 0xe6, [delimited("8010"), counted("8011", 0, /^(0|[1-9]\d{0,11})$/)]),
  scheme("GRAI", 0xf1, 0xeb, [digitsWithText("8003", 14)]),
  scheme("SGLN", 0xf2, 0xe9, [digits("414", 13), extension]),
  scheme("ITIP", 0xf3, 0xed, [digits("8006", 18), serial]),
  scheme("GSRN", 0xf4, 0xe7, [digits("8018", 18)]),
  scheme("GSRNP", 0xf5, 0xe8, [digits("8017", 18)]),
  scheme("GDTI", 0xf6, 0xea, [digitsWithText("253", 13)]),
  scheme("SGTIN", 0xf7, 0xfd, [gtin, serial]),
  scheme("SGCN", 0xf8, 0xec, [counted("255", 13, /^\d{1,12}$/)]),
  scheme("SSCC", 0xf9, 0xef, [digits("00", 18)]),
  scheme("GIAI", 0xfa, 0xee, [delimited("8004")]),
  scheme("DSGTIN", 0xfb, 0xfc, [gtin, serial]),
];
const byHeader = new Map(
  schemes.flatMap((each) =>
    [each.header, each.headerWithHost].map((header) => [header, each] as const),
  ),
);

/** Reads an EPC; undefined where its header is of no scheme in this file. */
export function readPlus(hex: string): Result<{ readonly epc: PlusEpc }> | undefined {
  const bits = new BitReader(hex);
  const header = bits.number(8);
  const found = byHeader.get(header);
  if (found === undefined) return undefined;
  const hasHost = header === found.headerWithHost;
  const scheme = `${found.name}${hasHost ? "++" : "+"}`;
  const hasAidc = bits.number(1) === 1;
  const filter = bits.number(3);
  const date = found.name === "DSGTIN" ? [readDate(bits)] : [];
  const keys = found.fields.map((field) => [field.ai, field.read(bits)] as const);
  const host = hasHost ? { host: readHostname(bits) } : {};
  if (bits.refusal !== undefined) return { ok: false, reason: `${scheme}: ${bits.refusal}` };
  const elements = [...keys.filter(isMeant), ...date];
  const aidc = hasAidc ? { aidcBitCount: bits.leftBitCount } : {};
  return { ok: true, epc: { scheme, filter, elements, ...host, ...aidc } };
}

/** Writes an EPC of a `+` scheme from its keys, or says why they do not fit. */
export function writePlus(
  epc: Pick<PlusEpc, "scheme" | "filter" | "elements">,
): Result<{ readonly hex: string }> {
  const found = schemes.find(({ name }) => `${name}+` === epc.scheme);
  if (found === undefined) return { ok: false, reason: `no scheme to write is ${epc.scheme}` };
  const values = new Map(epc.elements);
  const bits = new BitWriter();
  bits.number(found.header, 8);
  bits.number(0, 1);
  bits.number(epc.filter, 3);
  if (found.name === "DSGTIN") writeDate(bits, epc.elements);
  for (const { ai, write } of found.fields) {
    write(bits, values.get(ai) ?? (ai === "254" ? "0" : ""));
  }
  if (bits.refusal !== undefined) return { ok: false, reason: `${epc.scheme}: ${bits.refusal}` };
  return { ok: true, hex: bits.hex() };
}

// As in the older schemes an extension of 0 means that there is none.
function isMeant([ai, value]: readonly [string, string]): boolean {
  return !(ai === "254" && value === "0");
}

function readDate(bits: BitReader): readonly [string, string] {
  const ai = epcDateAis[bits.number(4)];
  const [year, month, day] = [bits.number(7), bits.number(4), bits.number(5)];
  if (ai === undefined) bits.refuse("a reserved type of date");
  if (year > 99 || month < 1 || month > 12) bits.refuse("no date");
  const value = [year, month, day].map((part) => String(part).padStart(2, "0")).join("");
  return [ai ?? "", value];
}

function writeDate(bits: BitWriter, elements: Elements): void {
  const [ai = "", value = ""] = elements.find(([ai]) => epcDateAis.includes(ai)) ?? [];
  if (!/^\d{6}$/.test(value)) bits.refuse("a date of YYMMDD is needed");
  bits.number(Math.max(0, epcDateAis.indexOf(ai)), 4);
  bits.decimal(value.slice(0, 2), 7);
  bits.decimal(value.slice(2, 4), 4);
  bits.decimal(value.slice(4), 5);
}

function readNibbles(bits: BitReader, count: number): string {
  const values = Array.from({ length: count }, () => bits.number(4));
  if (values.some((digit) => digit > 9)) bits.refuse("a digit over 9");
  return values.join("");
}

function writeNibbles(bits: BitWriter, value: string, count: number): void {
  if (value.length !== count) bits.refuse(`"${value}" has not ${count} digits`);
  for (const digit of value) bits.decimal(digit, 4);
}
