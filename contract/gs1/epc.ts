// SGTIN-96 from and to the EPC bank of a tag (TDS 14.6.1), on plain numbers: 96 bits are read as 52 + 44,
// both exact. Every other tag is refused with the reason, and stays known by its EPC.

import type { EpcHex, Gtin } from "../units.ts";
import { checkDigitOf, hasCheckDigit } from "./check-digit.ts";

/** What a tag says it is. `filter` is how the object is packed (1 is a point-of-sale item), not identity. */
export type EpcIdentity =
  | {
      readonly ok: true;
      readonly gtin: Gtin;
      readonly serial: string;
      readonly filter: number;
      readonly companyPrefixDigits: number;
    }
  | { readonly ok: false; readonly reason: string };

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

/** TDS table 14-2 by partition value: bits and digits of prefix and of indicator with item reference. */
const partitions = [
  { prefixBits: 40, prefixDigits: 12, itemBits: 4, itemDigits: 1 },
  { prefixBits: 37, prefixDigits: 11, itemBits: 7, itemDigits: 2 },
  { prefixBits: 34, prefixDigits: 10, itemBits: 10, itemDigits: 3 },
  { prefixBits: 30, prefixDigits: 9, itemBits: 14, itemDigits: 4 },
  { prefixBits: 27, prefixDigits: 8, itemBits: 17, itemDigits: 5 },
  { prefixBits: 24, prefixDigits: 7, itemBits: 20, itemDigits: 6 },
  { prefixBits: 20, prefixDigits: 6, itemBits: 24, itemDigits: 7 },
] as const;

/** Decodes an EPC by the rules of TDS 14.4. Bits beyond the scheme's length are padding (step 3). */
export function decodeEpc(epc: EpcHex): EpcIdentity {
  const header = epc.slice(0, 2);
  if (header !== headerSgtin96) return refuse(`header ${header} is not SGTIN-96`);
  if (epc.length < hexLength) return refuse("an SGTIN-96 needs 96 bits");
  const fields = Number.parseInt(epc.slice(2, 15), 16);
  const low = Number.parseInt(epc.slice(15, hexLength), 16);
  // Filter 3, partition 3, prefix and item 44, then the upper 2 of the serial's 38 bits.
  const partition = partitions[Math.floor(fields / 2 ** 46) % 8];
  if (partition === undefined) return refuse("partition 7 does not exist");
  const { prefixBits, prefixDigits, itemBits, itemDigits } = partition;
  const body = Math.floor(fields / 4) % 2 ** (prefixBits + itemBits);
  const prefix = Math.floor(body / 2 ** itemBits);
  const item = body % 2 ** itemBits;
  if (prefix >= 10 ** prefixDigits) return refuse(`company prefix over ${prefixDigits} digits`);
  if (item >= 10 ** itemDigits) return refuse(`item reference over ${itemDigits} digits`);
  const itemText = String(item).padStart(itemDigits, "0");
  const digits = itemText[0] + String(prefix).padStart(prefixDigits, "0") + itemText.slice(1);
  return {
    ok: true,
    gtin: `${digits}${checkDigitOf(digits)}` as Gtin,
    serial: String((fields % 4) * 2 ** 36 + low),
    filter: Math.floor(fields / 2 ** 49),
    companyPrefixDigits: prefixDigits,
  };
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
