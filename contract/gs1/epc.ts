// The trade item that a tag stands for. Nearly all tags in shops are SGTIN-96 (TDS 14.6.1), which is read
// here on plain numbers: 96 bits as 52 + 44, both exact. Other schemes go the long way (`epc-content.ts`);
// a tag without a trade item is refused with the reason, and stays known by its EPC.

import type { EpcHex, Gtin } from "../units.ts";
import { hasCheckDigit } from "./check-digit.ts";
import { type EpcRefusalCode, readEpc } from "./epc-content.ts";

/**
 * What a tag says it is. `filter` is how the object is packed (1 is a point-of-sale item), not identity;
 * the schemes of TDS 2.x do not tell the length of the company prefix.
 */
export type EpcIdentity =
  | {
      readonly ok: true;
      readonly gtin: Gtin;
      readonly serial: string;
      readonly filter: number;
      readonly companyPrefixDigits?: number;
    }
  | { readonly ok: false; readonly code: NoItemCode; readonly reason: string };

/** Why a tag stands for no trade item; `other_key` is a good EPC of something else (a crate, a place). */
export type NoItemCode = EpcRefusalCode | "other_key";

/** What an SGTIN-96 is made from. */
export interface SgtinParts {
  readonly gtin: Gtin;
  /** Digits without leading zeros, at most 2^38 - 1. */
  readonly serial: string;
  /** 0 to 7; 1 is a point-of-sale item. */
  readonly filter?: number;
  /** Length of the GS1 company prefix, 6 to 12; a tag cannot be written without knowing it. */
  readonly companyPrefixDigits: number;
}

const headerSgtin96 = "30";
const hexLength = 24;
const serialMax = 2 ** 38 - 1;

/** TDS table 14-2 by partition value: bits of indicator with item reference, and powers of what is divided by. */
const partitions = [4, 7, 10, 14, 17, 20, 24].map((itemBits, partition) => ({
  itemBits,
  prefixDigits: 12 - partition,
  itemDigits: 1 + partition,
  itemRange: 2 ** itemBits,
  prefixLimit: 10 ** (12 - partition),
  itemLimit: 10 ** (1 + partition),
  /** Divides the indicator, which stands first in a GTIN, from the item reference, which stands last. */
  indicatorUnit: 10 ** partition,
}));

/** Decodes an EPC by the rules of TDS 14.4. Bits beyond the scheme's length are padding (step 3). */
export function decodeEpc(epc: EpcHex): EpcIdentity {
  if (!epc.startsWith(headerSgtin96)) return decodeOther(epc);
  if (epc.length < hexLength) return malformed("an SGTIN-96 needs 96 bits");
  const fields = Number.parseInt(epc.slice(2, 15), 16);
  const low = Number.parseInt(epc.slice(15, hexLength), 16);
  // Filter 3, partition 3, prefix and item 44, then the upper 2 of the serial's 38 bits.
  const partition = partitions[Math.floor(fields / 2 ** 46) % 8];
  if (partition === undefined) return malformed("partition 7 does not exist");
  const { itemRange, prefixLimit, itemLimit, indicatorUnit } = partition;
  const body = Math.floor(fields / 4) % 2 ** 44;
  const prefix = Math.floor(body / itemRange);
  const item = body % itemRange;
  if (prefix >= prefixLimit)
    return malformed(`company prefix over ${partition.prefixDigits} digits`);
  if (item >= itemLimit) return malformed(`item reference over ${partition.itemDigits} digits`);
  const indicator = Math.floor(item / indicatorUnit);
  return {
    ok: true,
    gtin: gtinOf(indicator * 1e12 + prefix * indicatorUnit + (item % indicatorUnit)),
    serial: digitsOf((fields % 4) * 2 ** 36 + low),
    filter: Math.floor(fields / 2 ** 49),
    companyPrefixDigits: partition.prefixDigits,
  };
}

// Digits are made six or seven at a time: a text of a small integer costs a fifth of one of a large number.

/** A GTIN of its 13 digits as a number, with the check digit behind them (as `check-digit.ts` does on text, which is slower). */
function gtinOf(digits: number): Gtin {
  const high = Math.floor(digits / 1e6);
  let sum = 0;
  let weight = 3;
  for (let rest = digits - high * 1e6, index = 0; index < 6; index += 1, weight = 4 - weight) {
    const next = (rest / 10) | 0;
    sum += weight * (rest - 10 * next);
    rest = next;
  }
  for (let rest = high; rest > 0; weight = 4 - weight) {
    const next = (rest / 10) | 0;
    sum += weight * (rest - 10 * next);
    rest = next;
  }
  const low = (digits - high * 1e6) * 10 + ((10 - (sum % 10)) % 10);
  return `${padded7(high)}${padded7(low)}` as Gtin;
}

function padded7(value: number): string {
  return value >= 1e6 ? `${value}` : `${value + 1e7}`.slice(1);
}

function digitsOf(value: number): string {
  if (value < 1e7) return `${value}`;
  const high = Math.floor(value / 1e7);
  return `${high}${padded7(value - high * 1e7)}`;
}

function decodeOther(epc: EpcHex): EpcIdentity {
  const reading = readEpc(epc);
  if (!reading.ok) return { ok: false, code: reading.code, reason: reading.reason };
  const { scheme, filter = 0, elements = [], parts } = reading;
  const { "01": gtin, "21": serial } = Object.fromEntries(elements);
  if (gtin === undefined || serial === undefined) {
    return { ok: false, code: "other_key", reason: `${scheme} names no trade item` };
  }
  if (!hasCheckDigit(gtin)) return malformed(`${scheme}: wrong check digit in ${gtin}`);
  const prefix = parts?.[0];
  return {
    ok: true,
    gtin: gtin as Gtin,
    serial,
    filter,
    ...(prefix === undefined ? {} : { companyPrefixDigits: prefix.length }),
  };
}

function malformed(reason: string): Extract<EpcIdentity, { ok: false }> {
  return { ok: false, code: "malformed", reason };
}

/** Encodes an SGTIN-96, or says why these parts do not fit into one. */
export function encodeSgtin96(
  parts: SgtinParts,
): { readonly ok: true; readonly epc: EpcHex } | { readonly ok: false; readonly reason: string } {
  const { gtin, serial, filter = 1, companyPrefixDigits } = parts;
  const partitionValue = 12 - companyPrefixDigits;
  const partition = partitions[partitionValue];
  if (partition === undefined) return refuse("a company prefix has 6 to 12 digits");
  if (gtin.length !== 14 || !hasCheckDigit(gtin)) return refuse("not a GTIN-14");
  if (!(Number.isInteger(filter) && filter >= 0 && filter <= 7)) return refuse("filter is 0 to 7");
  if (!/^(0|[1-9]\d{0,11})$/.test(serial) || Number(serial) > serialMax) {
    return refuse(`an SGTIN-96 serial is a number up to ${serialMax} without leading zeros`);
  }
  const prefix = Number(gtin.slice(1, 1 + companyPrefixDigits));
  const item = Number(gtin.slice(0, 1) + gtin.slice(1 + companyPrefixDigits, 13));
  const serialHigh = Math.floor(Number(serial) / 2 ** 36);
  const fields =
    (filter * 8 + partitionValue) * 2 ** 46 +
    (prefix * 2 ** partition.itemBits + item) * 4 +
    serialHigh;
  const high = fields.toString(16).padStart(13, "0");
  const low = (Number(serial) % 2 ** 36).toString(16).padStart(9, "0");
  return { ok: true, epc: `${headerSgtin96}${high}${low}`.toUpperCase() as EpcHex };
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
