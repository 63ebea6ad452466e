// Text of variable length in the schemes of TDS 2.x: how it is written stands before it, then its
// length, then its characters (14.5.6); and the hostname of the `++` schemes (14.5.16).

import { hasOnly82 } from "./character-set.ts";
import type { BitReader, BitWriter } from "./epc-bits.ts";
import { digits, type EpcField } from "./epc-field.ts";
import { hostnamePieces } from "./epc-hostname-table.ts";

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const code40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789";

interface Method {
  readonly fits: RegExp;
  bitCount(length: number): number;
  read(bits: BitReader, length: number): string;
  write(bits: BitWriter, text: string): void;
}

function numberBitCount(digitCount: number): number {
  return Math.ceil(digitCount * Math.log2(10));
}

/** Digits whose leading zeros count, as a number of so many bits that all numbers of that length fit. */
export function numberOf(digitCount: number): EpcField {
  return digits(numberBitCount(digitCount), digitCount);
}

const characters = (bitsEach: number, fits: RegExp, alphabet: string): Method => ({
  fits,
  bitCount: (length) => bitsEach * length,
  read: (bits, length) => {
    const codes = Array.from({ length }, () => bits.number(bitsEach));
    return codes.map((code) => alphabet[code]).join("");
  },
  write: (bits, text) => {
    for (const character of text) bits.number(alphabet.indexOf(character), bitsEach);
  },
});

const ascii = String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code));

/** Encoding indicators 0 to 5; 6 and 7 are reserved. */
const methods: readonly Method[] = [
  {
    fits: /^\d+$/,
    bitCount: numberBitCount,
    read: (bits, length) => numberOf(length).read(bits)[0]!,
    write: (bits, text) => numberOf(text.length).write(bits, [text]),
  },
  characters(4, /^[0-9A-F]+$/, "0123456789ABCDEF"),
  characters(4, /^[0-9a-f]+$/, "0123456789abcdef"),
  characters(6, /^[-0-9A-Z_a-z]+$/, base64),
  characters(7, /^[!-"%-?A-Z_a-z]+$/, ascii),
  {
    fits: /^[-.0-9:A-Z]+$/,
    bitCount: (length) => 16 * Math.ceil(length / 3),
    read: readCode40,
    write: writeCode40,
  },
];

function readCode40(bits: BitReader, length: number): string {
  let text = "";
  for (let index = 0; index < length; index += 3) {
    const code = bits.number(16) - 1;
    if (code < 0 || code >= 64_000) bits.refuse("no group of URN code 40");
    for (const divisor of [1600, 40, 1]) text += code40[Math.floor(code / divisor) % 40] ?? "\0";
  }
  if (/[^\0]/.test(text.slice(length))) bits.refuse("URN code 40 goes on behind its length");
  return text.slice(0, length);
}

function writeCode40(bits: BitWriter, text: string): void {
  for (let index = 0; index < text.length; index += 3) {
    const group = text.slice(index, index + 3).padEnd(3, "\0");
    const [a = 0, b = 0, c = 0] = Array.from(group, (character) => code40.indexOf(character));
    bits.number(1600 * a + 40 * b + c + 1, 16);
  }
}

/** Reads an indicator, a length of `lengthBitCount` bits, and so many characters. */
export function readText(bits: BitReader, lengthBitCount: number): string {
  const method = methods[bits.number(3)];
  const length = bits.number(lengthBitCount);
  if (method === undefined) bits.refuse("encoding indicators 6 and 7 are reserved");
  if (length === 0) bits.refuse("an empty text");
  if (method === undefined || bits.refusal !== undefined) return "";
  const text = method.read(bits, length);
  if (!method.fits.test(text) || !hasOnly82(text)) {
    bits.refuse("characters outside the set of 82");
  }
  return text;
}

/** Writes a text the shortest way; the lowest indicator where two are equally short. */
export function writeText(bits: BitWriter, text: string, lengthBitCount: number): void {
  const fitting = methods.filter((method) => method.fits.test(text));
  const [best] = fitting.sort((a, b) => a.bitCount(text.length) - b.bitCount(text.length));
  if (best === undefined || text.length >= 2 ** lengthBitCount) {
    bits.refuse(`"${text}" is empty, too long or has characters outside the set of 82`);
    return;
  }
  bits.number(methods.indexOf(best), 3);
  bits.number(text.length, lengthBitCount);
  best.write(bits, text);
}

/** Reads a hostname: one bit says code 40 or optimised ASCII, six the number of characters or codes. */
export function readHostname(bits: BitReader): string {
  const isAscii = bits.number(1) === 1;
  const length = bits.number(6);
  const text = isAscii ? readPieces(bits, length) : readCode40(bits, length);
  const host = text.toLowerCase();
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host)) bits.refuse(`"${host}" is no hostname`);
  return host;
}

function readPieces(bits: BitReader, length: number): string {
  let host = "";
  for (let index = 0; index < length && bits.refusal === undefined; index += 1) {
    let code = bits.take(7);
    // Four rows of the table have a second code behind the first.
    if (code.startsWith("00000")) code += bits.take(7);
    host += hostnamePieces.get(code) ?? "\0";
  }
  return host;
}
