// Records of tags: the metadata that their flags name, then the EPC between its PC word and its CRC.

import { gen2, metadata } from "./tables.ts";

/** A tag in an answer. */
export interface Tag {
  /** Upper-case hex. */
  readonly epc: string;
  readonly readCount: number;
  readonly rssiDbm: number | undefined;
  readonly antenna: number;
  readonly frequencyKhz: number | undefined;
  /** Since the search began. */
  readonly searchMs: number | undefined;
  /** 0 to 180. */
  readonly phaseDeg: number | undefined;
}

/** The record at `from`, and where it ends; undefined where a length in it contradicts the data's. */
export function recordAt(
  data: Uint8Array,
  from: number,
  flags: number,
): { tag: Tag; end: number } | undefined {
  let at = from;
  const take = (flag: number, sizeBytes: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    at += sizeBytes;
    return data.subarray(at - sizeBytes, at).reduce((sum, byte) => sum * 256 + byte, 0);
  };
  const readCount = take(metadata.readCount, 1) ?? 1;
  const rssi = take(metadata.rssi, 1);
  const antennas = take(metadata.antenna, 1);
  const frequencyKhz = take(metadata.frequency, 3);
  const searchMs = take(metadata.timestamp, 4);
  const phase = take(metadata.phase, 2);
  take(metadata.protocol, 1);
  const dataBitCount = take(metadata.data, 2);
  at += Math.ceil((dataBitCount ?? 0) / 8);
  take(metadata.gpio, 1);
  // Bits in two bytes; Silion modules count bytes in one. With 4 to 66 bytes the first of two is below 4.
  const isInBytes = data[at]! >= 4;
  const epcSizeBytes = isInBytes ? data[at]! : ((data[at]! << 8) | data[at + 1]!) >> 3;
  at += isInBytes ? 1 : 2;
  const end = at + epcSizeBytes;
  // PC and CRC stand around the EPC. A length of nothing, or beyond the end, is no record.
  if (!(epcSizeBytes >= 4) || end > data.length) return undefined;
  const tag = {
    epc: Buffer.from(data.subarray(at + 2, end - 2))
      .toString("hex")
      .toUpperCase(),
    readCount,
    rssiDbm: rssi === undefined ? undefined : rssi > 127 ? rssi - 256 : rssi,
    // The high nibble sends, the low one hears; 0 is the sixteenth. Without the pair it is a plain number.
    antenna: antennas === undefined ? 1 : antennas >> 4 || antennas || 16,
    frequencyKhz,
    searchMs,
    phaseDeg: phase === undefined || phase > 360 ? undefined : phase,
  };
  return { tag, end };
}

/** A record of the stream or the buffer, with all its metadata. */
export function recordBytes(tag: Tag): number[] {
  const { epc, phaseDeg = 0 } = tag;
  const length = u16((epc.length / 2 + 4) * 8);
  // Protocol, no embedded data, inputs.
  return [...seenBytes(tag), ...u16(phaseDeg), gen2, 0, 0, 0, ...length, ...epcBankBytes(epc)];
}

/** A record of Silion's stream. */
export function silionRecordBytes(tag: Tag): number[] {
  return [...seenBytes(tag), gen2, tag.epc.length / 2 + 4, ...epcBankBytes(tag.epc)];
}

// Count, RSSI, antennas, frequency and time.
function seenBytes(tag: Tag): number[] {
  const { readCount, rssiDbm = 0, antenna, frequencyKhz = 0, searchMs = 0 } = tag;
  const nibble = antenna & 0xf;
  const time = [searchMs >>> 24, (searchMs >> 16) & 0xff, ...u16(searchMs & 0xffff)];
  return [
    ...[readCount, rssiDbm & 0xff, (nibble << 4) | nibble],
    ...[frequencyKhz >> 16, ...u16(frequencyKhz & 0xffff)],
    ...time,
  ];
}

// PC, EPC and CRC; the tag's own CRC is checked by the module.
function epcBankBytes(epc: string): number[] {
  return [...u16((epc.length >> 2) << 11), ...Buffer.from(epc, "hex"), 0, 0];
}

/** Two bytes, the high one first. */
export const u16 = (value: number) => [value >> 8, value & 0xff];
