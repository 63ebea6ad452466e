// Reads as readings: units, the reader's time, and the frequency behind a channel's index. Pure.

import type { TagReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { rssiUnknownDbm } from "../rssi.ts";
import type { TagRead } from "./report.ts";

/** What a read is seen with. */
export interface ReadContext {
  readonly deviceId: string;
  readonly receivedAtMs: number;
  /** Frequencies by channel index from 1. */
  readonly channelsMhz: readonly number[];
  /** When the reader's uptime was zero, by our clock; undefined where it was not told. */
  readonly bootAtMs: number | undefined;
}

const rssiDbmMax = 50;
const epcWordCountMax = 31;
/** The last time a reading can have. */
const atMsMax = 8_640_000_000_000;

/** A reading of a read; undefined where the tag has no EPC, or none of whole words. */
export function tagReading(read: TagRead, context: ReadContext): TagReading | undefined {
  const { epc, epcBitCount, count, phaseDeg, tid } = read;
  if (epcBitCount === 0 || epcBitCount > 16 * epcWordCountMax) return undefined;
  // Bits behind the last whole byte are zeros; a word that is begun is filled with zeros too.
  const words = epc.length % 4 === 0 ? epc : epc.padEnd(epc.length + 4 - (epc.length % 4), "0");
  const channelMhz = context.channelsMhz[(read.channelIndex ?? 0) - 1];
  const readerAtMs = readerTimeMs(read, context);
  const isTid = tid !== undefined && tid.length > 0 && tid.length % 4 === 0;
  return {
    kind: "tag",
    deviceId: context.deviceId,
    // A reader with one antenna may leave its number out.
    antenna: Math.min(255, Math.max(1, read.antenna ?? 1)),
    epc: words as EpcHex,
    ...(isTid && tid.length <= 4 * epcWordCountMax ? { tid: tid as EpcHex } : {}),
    rssiDbm: Math.min(rssiDbmMax, read.rssiDbm ?? rssiUnknownDbm),
    ...(phaseDeg === undefined ? {} : { phaseDeg }),
    ...(channelMhz === undefined ? {} : { channelMhz }),
    ...(count === undefined || count === 0 ? {} : { count }),
    ...(readerAtMs === undefined ? {} : { readerAtMs }),
    receivedAtMs: context.receivedAtMs,
  };
}

// The newest time the read tells. Uptime counts from the reader's boot, which the connection told.
function readerTimeMs(read: TagRead, { bootAtMs }: ReadContext): number | undefined {
  const utcUs = read.lastSeenUtcUs ?? read.firstSeenUtcUs;
  const uptimeUs = read.lastSeenUptimeUs ?? read.firstSeenUptimeUs;
  const atMs =
    utcUs !== undefined
      ? Math.floor(utcUs / 1000)
      : uptimeUs !== undefined && bootAtMs !== undefined
        ? bootAtMs + Math.floor(uptimeUs / 1000)
        : undefined;
  return atMs === undefined || atMs < 0 || atMs > atMsMax ? undefined : atMs;
}
