// The fields of the EPC schemes up to TDS 1.13, each read from and written to bits (TDS 14.3, 14.4). A
// field gives the parts of the scheme's URI that it holds: a partitioned one gives two, a reserved one none.

import { hasOnly82 } from "./character-set.ts";
import type { BitReader, BitWriter } from "./epc-bits.ts";

/** One field of a scheme. */
export interface EpcField {
  /** Number of URI parts in it. */
  readonly partCount: 0 | 1 | 2;
  read(bits: BitReader): string[];
  write(bits: BitWriter, parts: readonly string[]): void;
}

/** A number without leading zeros, of so many digits at most where the bits have room for more. */
export function integer(bitCount: number, digitCountMax = Number.POSITIVE_INFINITY): EpcField {
  return {
    partCount: 1,
    read: (bits) => {
      const text = bits.decimal(bitCount);
      if (text.length > digitCountMax) bits.refuse(`${text} has more than ${digitCountMax} digits`);
      return [text];
    },
    write: (bits, [text = ""]) => {
      if (!/^(0|[1-9]\d*)$/.test(text)) bits.refuse(`"${text}" is no number without leading zeros`);
      bits.decimal(text, bitCount);
    },
  };
}

/** A number of a fixed count of digits; with none its bits are zero and its part is empty (14.4.3). */
export function digits(bitCount: number, digitCount: number): EpcField {
  return {
    partCount: 1,
    read: (bits) => {
      const text = bits.decimal(bitCount);
      if (digitCount === 0 && text === "0") return [""];
      if (text.length > digitCount) bits.refuse(`${text} has more than ${digitCount} digits`);
      return [text.padStart(digitCount, "0")];
    },
    write: (bits, [text = ""]) => {
      if (text.length !== digitCount) bits.refuse(`"${text}" has not ${digitCount} digits`);
      bits.decimal(text === "" ? "0" : text, bitCount);
    },
  };
}

/** Digits whose leading zeros count: written behind a 1 (14.3.7, "Numeric String"). */
export function numericString(bitCount: number): EpcField {
  return {
    partCount: 1,
    read: (bits) => {
      const text = bits.decimal(bitCount);
      if (!text.startsWith("1")) bits.refuse("a numeric string does not begin with 1");
      return [text.slice(1)];
    },
    write: (bits, [text = ""]) => bits.decimal(`1${text}`, bitCount),
  };
}

/** Characters of 7 bits, filled with zeros (14.4.2). */
export function string7(bitCount: number): EpcField {
  const lengthMax = Math.floor(bitCount / 7);
  return {
    partCount: 1,
    read: (bits) => {
      const codes = bits.take(bitCount).match(/.{7}/g) ?? [];
      const text = String.fromCharCode(...codes.map((code) => Number.parseInt(code, 2)));
      const value = text.replace(/\0+$/, "");
      if (value === "") bits.refuse("an empty text");
      if (!hasOnly82(value)) bits.refuse("characters outside the set of 82");
      return [value];
    },
    write: (bits, [text = ""]) => {
      if (text === "" || text.length > lengthMax || !hasOnly82(text)) {
        bits.refuse(`"${text}" is not 1 to ${lengthMax} characters of the set of 82`);
      }
      for (const character of text) bits.number(character.charCodeAt(0), 7);
      bits.decimal("0", bitCount - 7 * text.length);
    },
  };
}

// Table G-1: the low six bits of the ASCII code; letters lie above, digits and signs below 64.
const character6 = (code: number) => String.fromCharCode(code < 32 ? code + 64 : code);
const code6 = (character: string) => character.charCodeAt(0) % 64;

/** Characters of 6 bits behind which six zero bits stand (14.3.10, 14.3.12). */
export function string6(pattern: RegExp): EpcField {
  return {
    partCount: 1,
    read: (bits) => {
      let text = "";
      for (let code = bits.number(6); code !== 0; code = bits.number(6)) text += character6(code);
      if (!pattern.test(text)) bits.refuse(`"${text}" is not of its character set or length`);
      return [text];
    },
    write: (bits, [text = ""]) => {
      if (!pattern.test(text)) bits.refuse(`"${text}" is not of its character set or length`);
      for (const character of text) bits.number(code6(character), 6);
      bits.number(0, 6);
    },
  };
}

/** A CAGE code or DoDAAC: six characters of `bitsEach`; a shorter one has a space before it (14.3.9, 14.3.12). */
export function cage(bitsEach: 6 | 8): EpcField {
  const pattern = /^[0-9A-HJ-NP-Z]{5,6}$/;
  return {
    partCount: 1,
    read: (bits) => {
      const codes = Array.from({ length: 6 }, () => bits.number(bitsEach));
      const text = codes.map((code) =>
        bitsEach === 6 ? character6(code) : String.fromCharCode(code),
      );
      const value = text.join("").replace(/^ /, "");
      if (!pattern.test(value)) bits.refuse(`"${value}" is no CAGE code`);
      return [value];
    },
    write: (bits, [text = ""]) => {
      if (!pattern.test(text)) bits.refuse(`"${text}" is no CAGE code`);
      for (const character of text.padStart(6)) {
        bits.number(bitsEach === 6 ? code6(character) : character.charCodeAt(0), bitsEach);
      }
    },
  };
}

/** Bits that must be zero. */
export function reserved(bitCount: number): EpcField {
  return {
    partCount: 0,
    read: (bits) => {
      if (bits.take(bitCount).includes("1")) bits.refuse("reserved bits are not zero");
      return [];
    },
    write: (bits) => bits.number(0, bitCount),
  };
}

/** Bits of the company prefix by partition value (tables 14-2 to 14-16). */
export const prefixBitCounts = [40, 37, 34, 30, 27, 24, 20];

/** Partition, company prefix and what follows it, which `other` makes for each partition value (14.3.3). */
export function partitioned(other: (partition: number) => EpcField): EpcField {
  return {
    partCount: 2,
    read: (bits) => {
      const partition = bits.number(3);
      const prefixBitCount = prefixBitCounts[partition];
      if (prefixBitCount === undefined) bits.refuse("partition 7 does not exist");
      if (bits.refusal !== undefined || prefixBitCount === undefined) return ["", ""];
      const [prefix] = digits(prefixBitCount, 12 - partition).read(bits);
      return [prefix!, ...other(partition).read(bits)];
    },
    write: (bits, [prefix = "", ...rest]) => {
      const partition = 12 - prefix.length;
      const prefixBitCount = prefixBitCounts[partition];
      if (prefixBitCount === undefined) return bits.refuse("a company prefix has 6 to 12 digits");
      bits.number(partition, 3);
      digits(prefixBitCount, prefix.length).write(bits, [prefix]);
      other(partition).write(bits, rest);
    },
  };
}
