// The envelope of M100, YRM100 and R200 modules: `BB type command length(2) parameters check 7E`, where the
// check is the low byte of the sum from type to the last parameter. "Communication User Protocol" V2.1, 3.

import assert from "node:assert/strict";
import { type Envelope, EnvelopeDecoder } from "../envelope-decoder.ts";

const head = 0xbb;
const end = 0x7e;
/** Head, type, command, length, check, end. */
const wrapperByteCount = 7;
/** Longest parameters we take: a tag notice has 5 and its EPC of 62 at most, a read of a bank some more. */
const parameterByteCountMax = 512;

/** Types of frames. */
export const frameTypes = { command: 0, response: 1, notice: 2 } as const;

/** A frame of either direction, unwrapped. */
export interface Frame {
  readonly type: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** Wraps a frame. */
export function encodeFrame({ type, command, data }: Frame): Uint8Array {
  assert(data.length <= parameterByteCountMax, "parameters are longer than any of this dialect");
  const bytes = Uint8Array.of(head, type, command, data.length >> 8, data.length, ...data, 0, end);
  bytes[bytes.length - 2] = checkOf(bytes);
  return bytes;
}

const envelope: Envelope<Frame> = {
  // The module sends a frame without pauses; 50 ms are hundreds of characters.
  idleMs: 50,
  lengthAt: (bytes, at) => {
    if (bytes[at] !== head || (bytes[at + 1] ?? 0) > frameTypes.notice) return 0;
    const [high, low] = [bytes[at + 3], bytes[at + 4]];
    if (high === undefined || low === undefined) return undefined;
    const length = (high << 8) | low;
    return length > parameterByteCountMax ? 0 : wrapperByteCount + length;
  },
  open: (bytes) => {
    if (bytes.at(-1) !== end || bytes.at(-2) !== checkOf(bytes)) return undefined;
    return { type: bytes[1]!, command: bytes[2]!, data: bytes.slice(5, -2) };
  },
};

/** Finds frames by length, check and end. */
export class FrameDecoder extends EnvelopeDecoder<Frame> {
  constructor() {
    super(envelope);
  }
}

function checkOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes.subarray(1, -2)) sum += byte;
  return sum & 0xff;
}
