// LLRP parameters, of which messages are made (17.2): TLV with a 10-bit type and u16 length, or TV with bit 7
// set, a 7-bit type and a length fixed by it. A parameter that is not known is stepped over by its length.

import assert from "node:assert/strict";

/** One parameter; the content is a view of the message's bytes. */
export interface Parameter {
  readonly type: number;
  readonly content: Uint8Array;
}

/** Type of a vendor's parameter: u32 vendor, u32 subtype, data. */
export const customType = 1023;
const tlvHeadSizeBytes = 4;

/** Content lengths of the TV parameters, by type; 0 where there is none (17.2.1.2; 1.1 adds 19 and 20). */
export const tvContentSizesBytes: readonly number[] = (() => {
  const sizes = new Array<number>(128).fill(0);
  const known: Readonly<Record<number, number>> = {
    1: 2, // AntennaID
    2: 8, // FirstSeenTimestampUTC
    3: 8, // FirstSeenTimestampUptime
    4: 8, // LastSeenTimestampUTC
    5: 8, // LastSeenTimestampUptime
    6: 1, // PeakRSSI
    7: 2, // ChannelIndex
    8: 2, // TagSeenCount
    9: 4, // ROSpecID
    10: 2, // InventoryParameterSpecID
    11: 2, // C1G2CRC
    12: 2, // C1G2PC
    13: 12, // EPC-96
    14: 2, // SpecIndex
    15: 2, // ClientRequestOpSpecResult
    16: 4, // AccessSpecID
    17: 2, // OpSpecID
    18: 4, // C1G2SingulationDetails
    19: 2, // C1G2XPCW1
    20: 2, // C1G2XPCW2
  };
  for (const [type, size] of Object.entries(known)) sizes[Number(type)] = size;
  return sizes;
})();

/** The parameters in some bytes, in order; undefined where a length runs past the end or a TV type is unknown. */
export function parametersOf(bytes: Uint8Array): Parameter[] | undefined {
  const found: Parameter[] = [];
  for (let at = 0; at < bytes.length; ) {
    const parameter = parameterAt(bytes, at);
    if (parameter === undefined) return undefined;
    found.push(parameter);
    at = parameter.content.byteOffset - bytes.byteOffset + parameter.content.length;
  }
  return found;
}

/** The first parameter of a type. */
export function findParameter(list: readonly Parameter[], type: number): Uint8Array | undefined {
  return list.find((parameter) => parameter.type === type)?.content;
}

/** The content of a vendor's parameter behind its subtype; undefined for any other parameter. */
export function customContent(
  parameter: Parameter,
  vendorId: number,
  subtype: number,
): Uint8Array | undefined {
  const { type, content } = parameter;
  if (type !== customType || content.length < 8) return undefined;
  const view = viewOf(content);
  if (view.getUint32(0) !== vendorId || view.getUint32(4) !== subtype) return undefined;
  return content.subarray(8);
}

/** A TLV parameter of its parts, one behind the other. */
export function tlv(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, tlvHeadSizeBytes);
  assert(length <= 0xffff, "a parameter's length has 16 bits");
  return Buffer.concat([u16(type), u16(length), ...parts]);
}

/** A TV parameter. */
export function tv(type: number, content: Uint8Array): Uint8Array {
  assert(tvContentSizesBytes[type] === content.length, "a TV parameter has its type's length");
  return Buffer.concat([u8(0x80 | type), content]);
}

/** A vendor's parameter. */
export function custom(vendorId: number, subtype: number, ...parts: Uint8Array[]): Uint8Array {
  return tlv(customType, u32(vendorId), u32(subtype), ...parts);
}

/** Numbers as the wire has them: big-endian. */
export const u8 = (value: number): Uint8Array => Uint8Array.of(value);
export const u16 = (value: number): Uint8Array => Uint8Array.of((value >> 8) & 0xff, value & 0xff);
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, BigInt(value));
  return bytes;
}

/** A text with its u16 length before it. */
export function lengthAndText(text: string): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** The text at `at` with its length before it; undefined where it runs past the end. */
export function textAt(bytes: Uint8Array, at: number): string | undefined {
  if (bytes.length < at + 2) return undefined;
  const end = at + 2 + viewOf(bytes).getUint16(at);
  if (bytes.length < end) return undefined;
  return Buffer.from(bytes.subarray(at + 2, end)).toString("utf8");
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function parameterAt(bytes: Uint8Array, at: number): Parameter | undefined {
  const head = bytes[at]!;
  if (head >= 0x80) {
    const size = tvContentSizesBytes[head & 0x7f]!;
    if (size === 0 || at + 1 + size > bytes.length) return undefined;
    return { type: head & 0x7f, content: bytes.subarray(at + 1, at + 1 + size) };
  }
  if (at + tlvHeadSizeBytes > bytes.length) return undefined;
  const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (length < tlvHeadSizeBytes || at + length > bytes.length) return undefined;
  const type = ((head & 3) << 8) | bytes[at + 1]!;
  return { type, content: bytes.subarray(at + tlvHeadSizeBytes, at + length) };
}
