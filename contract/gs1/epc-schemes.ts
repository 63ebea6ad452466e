// The EPC schemes up to TDS 1.13 (TDS 14.6): header, filter, fields. A scheme's URI has the parts of its
// fields in the same order, so one line says both.

import { BitReader, BitWriter } from "./epc-bits.ts";
import {
  cage,
  digits,
  type EpcField,
  integer,
  numericString,
  partitioned,
  prefixBitCounts,
  reserved,
  string6,
  string7,
} from "./epc-field.ts";
import type { EpcFamily } from "./epc-uri.ts";

interface Scheme {
  readonly name: string;
  readonly header: number;
  readonly family: EpcFamily;
  readonly filterBitCount: number;
  readonly fields: readonly EpcField[];
}

/** An EPC of one of these schemes. */
export interface SchemeEpc {
  readonly scheme: string;
  readonly family: EpcFamily;
  /** Absent where the scheme has none. */
  readonly filter?: number;
  /** As in the URI, unescaped: company prefix, reference, serial. */
  readonly parts: readonly string[];
}

// Bits of the field behind the company prefix, by partition value (tables 14-2 to 14-16).
const itemBits = [4, 7, 10, 14, 17, 20, 24];
const serialBits = [18, 21, 24, 28, 31, 34, 38];
const placeBits = [1, 4, 7, 11, 14, 17, 21];
const componentBits = [11, 14, 17, 21, 24, 27, 31];

const item = partitioned((partition) => digits(itemBits[partition]!, 1 + partition));
const serial = partitioned((partition) => digits(serialBits[partition]!, 5 + partition));
const place = partitioned((partition) => digits(placeBits[partition]!, partition));
const asset = partitioned((partition) => digits(itemBits[partition]!, partition));
const individualAsset = partitioned((partition) => integer(82 - prefixBitCounts[partition]!));
const individualAssetText = partitioned((partition) =>
  // Whole characters; what is left over is padding (table 14-11).
  string7(188 - prefixBitCounts[partition]!),
);
const component = partitioned((partition) => integer(componentBits[partition]!));
const componentText = partitioned(() => string6(/^[-#/0-9A-Z]{1,24}$/));

const scheme = (
  name: string,
  header: number,
  fields: readonly EpcField[],
  filterBitCount = 3,
): Scheme => ({
  name,
  header,
  family: name.toLowerCase().split("-")[0] as EpcFamily,
  filterBitCount,
  fields,
});

const schemes: readonly Scheme[] = [
  scheme("GDTI-96", 0x2c, [place, integer(41)]),
  scheme("GSRN-96", 0x2d, [serial, reserved(24)]),
  scheme("GSRNP-96", 0x2e, [serial, reserved(24)]),
  scheme("USDOD-96", 0x2f, [cage(8), integer(36)], 4),
  scheme("SGTIN-96", 0x30, [item, integer(38)]),
  scheme("SSCC-96", 0x31, [serial, reserved(24)]),
  scheme("SGLN-96", 0x32, [place, integer(41)]),
  scheme("GRAI-96", 0x33, [asset, integer(38)]),
  scheme("GIAI-96", 0x34, [individualAsset]),
  scheme("GID-96", 0x35, [integer(28), integer(24), integer(36)], 0),
  scheme("SGTIN-198", 0x36, [item, string7(140)]),
  scheme("GRAI-170", 0x37, [asset, string7(112)]),
  scheme("GIAI-202", 0x38, [individualAssetText]),
  scheme("SGLN-195", 0x39, [place, string7(140)]),
  scheme("GDTI-113", 0x3a, [place, numericString(58)]),
  scheme(
    "ADI-var",
    0x3b,
    [cage(6), string6(/^[-/0-9A-Z]{0,32}$/), string6(/^#?[-/0-9A-Z]{1,30}$/)],
    6,
  ),
  scheme("CPI-96", 0x3c, [component, integer(31)]),
  scheme("CPI-var", 0x3d, [componentText, integer(40, 12)]),
  scheme("GDTI-174", 0x3e, [place, string7(119)]),
  scheme("SGCN-96", 0x3f, [place, numericString(41)]),
  scheme("ITIP-110", 0x40, [item, digits(7, 2), digits(7, 2), integer(38)]),
  scheme("ITIP-212", 0x41, [item, digits(7, 2), digits(7, 2), string7(140)]),
];
const byHeader = new Map(schemes.map((each) => [each.header, each]));
const byName = new Map(schemes.map((each) => [each.name.toLowerCase(), each]));

/** Reads an EPC; undefined where its header is of no scheme in this file. Bits behind the scheme's are padding (14.4 step 3). */
export function readScheme(
  hex: string,
):
  | { readonly ok: true; readonly epc: SchemeEpc }
  | { readonly ok: false; readonly reason: string }
  | undefined {
  const bits = new BitReader(hex);
  const found = byHeader.get(bits.number(8));
  if (found === undefined) return undefined;
  const { name, family, filterBitCount, fields } = found;
  const filter = filterBitCount === 0 ? {} : { filter: bits.number(filterBitCount) };
  const parts = fields.flatMap((field) => field.read(bits));
  if (bits.refusal !== undefined) return { ok: false, reason: `${name}: ${bits.refusal}` };
  return { ok: true, epc: { scheme: name, family, ...filter, parts } };
}

/** Writes an EPC as hex words, or says why its parts do not fit into the scheme. */
export function writeScheme(
  epc: Omit<SchemeEpc, "family">,
): { readonly ok: true; readonly hex: string } | { readonly ok: false; readonly reason: string } {
  const found = byName.get(epc.scheme.toLowerCase());
  if (found === undefined) return { ok: false, reason: `no scheme is called ${epc.scheme}` };
  const { name, header, filterBitCount, fields } = found;
  const bits = new BitWriter();
  bits.number(header, 8);
  bits.number(epc.filter ?? 0, filterBitCount);
  let at = 0;
  for (const field of fields) {
    field.write(bits, epc.parts.slice(at, at + field.partCount));
    at += field.partCount;
  }
  if (at !== epc.parts.length) bits.refuse(`${at} parts are needed, not ${epc.parts.length}`);
  if (bits.refusal !== undefined) return { ok: false, reason: `${name}: ${bits.refusal}` };
  return { ok: true, hex: bits.hex() };
}
