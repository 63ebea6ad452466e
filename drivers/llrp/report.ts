// RO_ACCESS_REPORT: what was read (LLRP 14.1, 16.2.7.3). This is where the bytes of a busy portal go through,
// so it is read in one pass and without an object for each parameter.

import { custom, customType, tlv, tv, tvContentSizesBytes, u8, u16, u64 } from "./parameter.ts";
import { impinj } from "./tables.ts";

/** One TagReportData. What the reader did not tell is undefined. Times are microseconds. */
export interface TagRead {
  /** Upper-case hex; bits behind a whole byte are zeros. */
  readonly epc: string;
  readonly epcBitCount: number;
  readonly antenna: number | undefined;
  /** The finer value of Impinj (1/100 dB) where there is one. */
  readonly rssiDbm: number | undefined;
  /** From 1, in the reader's frequency table. */
  readonly channelIndex: number | undefined;
  readonly count: number | undefined;
  readonly firstSeenUtcUs: number | undefined;
  readonly lastSeenUtcUs: number | undefined;
  readonly firstSeenUptimeUs: number | undefined;
  readonly lastSeenUptimeUs: number | undefined;
  /** From 0 to under 360. */
  readonly phaseDeg: number | undefined;
  /** Upper-case hex. */
  readonly tid: string | undefined;
}

const tagReportDataType = 240;
const epcDataType = 241;
const epc96Type = 13;
/** TV types of a report (17.2.7.3). */
const tvs = {
  antenna: 1,
  firstSeenUtc: 2,
  firstSeenUptime: 3,
  lastSeenUtc: 4,
  lastSeenUptime: 5,
  peakRssi: 6,
  channelIndex: 7,
  count: 8,
} as const;
/** Steps of a turn in Impinj's phase. */
const phaseStepCount = 4096;

/**
 * The reads of a report's content, in order; undefined where a parameter's length runs past the end or a TV
 * type is unknown. Parameters that are not of a TagRead (access results, surveys, other vendors') are skipped.
 */
export function readReport(content: Uint8Array): TagRead[] | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const reads: TagRead[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = endOfTlv(bytes, at, bytes.length);
    if (end === 0) return undefined;
    if (bytes.readUInt16BE(at) === tagReportDataType) {
      const read = readTag(bytes, at + 4, end);
      if (read === undefined) return undefined;
      reads.push(read);
    }
    at = end;
  }
  return reads;
}

// Where the TLV that begins at `at` ends; 0 where it is none or runs past `limit`.
function endOfTlv(bytes: Buffer, at: number, limit: number): number {
  if (at + 4 > limit || bytes[at]! >= 0x80) return 0;
  const end = at + bytes.readUInt16BE(at + 2);
  return end < at + 4 || end > limit ? 0 : end;
}

function readTag(bytes: Buffer, from: number, to: number): TagRead | undefined {
  let epc = "";
  let epcBitCount = 0;
  let antenna: number | undefined;
  let rssiDbm: number | undefined;
  let fineRssiDbm: number | undefined;
  let channelIndex: number | undefined;
  let count: number | undefined;
  let firstSeenUtcUs: number | undefined;
  let lastSeenUtcUs: number | undefined;
  let firstSeenUptimeUs: number | undefined;
  let lastSeenUptimeUs: number | undefined;
  let phaseDeg: number | undefined;
  let tid: string | undefined;
  for (let at = from; at < to; ) {
    const head = bytes[at]!;
    if (head >= 0x80) {
      const type = head & 0x7f;
      const size = tvContentSizesBytes[type]!;
      const value = at + 1;
      if (size === 0 || value + size > to) return undefined;
      if (type === epc96Type) {
        epc = hexOf(bytes, value, value + size);
        epcBitCount = 96;
      } else if (type === tvs.antenna) antenna = bytes.readUInt16BE(value);
      else if (type === tvs.peakRssi) rssiDbm = bytes.readInt8(value);
      else if (type === tvs.firstSeenUtc) firstSeenUtcUs = readU64(bytes, value);
      else if (type === tvs.lastSeenUtc) lastSeenUtcUs = readU64(bytes, value);
      else if (type === tvs.count) count = bytes.readUInt16BE(value);
      else if (type === tvs.channelIndex) channelIndex = bytes.readUInt16BE(value);
      else if (type === tvs.firstSeenUptime) firstSeenUptimeUs = readU64(bytes, value);
      else if (type === tvs.lastSeenUptime) lastSeenUptimeUs = readU64(bytes, value);
      at = value + size;
      continue;
    }
    const end = endOfTlv(bytes, at, to);
    if (end === 0) return undefined;
    const type = bytes.readUInt16BE(at);
    if (type === epcDataType) {
      if (end < at + 6) return undefined;
      epcBitCount = bytes.readUInt16BE(at + 4);
      if (end !== at + 6 + Math.ceil(epcBitCount / 8)) return undefined;
      epc = hexOf(bytes, at + 6, end);
    } else if (type === customType && isImpinj(bytes, at, end)) {
      const subtype = bytes.readUInt32BE(at + 8);
      if (subtype === impinj.rfPhaseAngle && end === at + 14) {
        phaseDeg = ((bytes.readUInt16BE(at + 12) % phaseStepCount) * 360) / phaseStepCount;
      } else if (subtype === impinj.peakRssi && end === at + 14) {
        fineRssiDbm = bytes.readInt16BE(at + 12) / 100;
      } else if (subtype === impinj.serializedTid && end >= at + 14) {
        // A u16 count of words stands before them.
        tid = hexOf(bytes, at + 14, end);
      }
    }
    at = end;
  }
  return {
    epc,
    epcBitCount,
    antenna,
    rssiDbm: fineRssiDbm ?? rssiDbm,
    channelIndex,
    count,
    firstSeenUtcUs,
    lastSeenUtcUs,
    firstSeenUptimeUs,
    lastSeenUptimeUs,
    phaseDeg,
    tid,
  };
}

function isImpinj(bytes: Buffer, at: number, end: number): boolean {
  return end >= at + 12 && bytes.readUInt32BE(at + 4) === impinj.vendorId;
}

function hexOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString("hex", from, to).toUpperCase();
}

// Microseconds since 1970 stay below 2^53 until the year 2255.
function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** What a simulated reader reports of a read; RSSI and phase in Impinj's form too where `isImpinj`. */
export function encodeTagRead(
  read: Partial<TagRead> & { epc: string },
  isImpinj = false,
): Uint8Array {
  const epc = Buffer.from(read.epc, "hex");
  const bitCount = read.epcBitCount ?? epc.length * 8;
  const parts = [bitCount === 96 ? tv(epc96Type, epc) : tlv(epcDataType, u16(bitCount), epc)];
  const add = (value: number | undefined, encode: (value: number) => Uint8Array) => {
    if (value !== undefined) parts.push(encode(value));
  };
  add(read.antenna, (value) => tv(tvs.antenna, u16(value)));
  add(read.rssiDbm, (value) => tv(tvs.peakRssi, u8(Math.round(value) & 0xff)));
  add(read.channelIndex, (value) => tv(tvs.channelIndex, u16(value)));
  add(read.firstSeenUtcUs, (value) => tv(tvs.firstSeenUtc, u64(value)));
  add(read.firstSeenUptimeUs, (value) => tv(tvs.firstSeenUptime, u64(value)));
  add(read.lastSeenUtcUs, (value) => tv(tvs.lastSeenUtc, u64(value)));
  add(read.lastSeenUptimeUs, (value) => tv(tvs.lastSeenUptime, u64(value)));
  add(read.count, (value) => tv(tvs.count, u16(value)));
  if (isImpinj) {
    const own = (subtype: number, ...content: Uint8Array[]) =>
      custom(impinj.vendorId, subtype, ...content);
    add(read.phaseDeg, (value) =>
      own(impinj.rfPhaseAngle, u16(Math.round((value * phaseStepCount) / 360) % phaseStepCount)),
    );
    add(read.rssiDbm, (value) => own(impinj.peakRssi, u16(Math.round(value * 100) & 0xffff)));
    if (read.tid !== undefined) {
      const tid = Buffer.from(read.tid, "hex");
      parts.push(own(impinj.serializedTid, u16(tid.length / 2), tid));
    }
  }
  return tlv(tagReportDataType, ...parts);
}
