// The dialect of Chafon's UHFReader18 and UHFReader288 (CF-RU, CF-MU, RRU9816 and their like): `len addr cmd data crc`,
// where len counts the bytes after itself and the CRC is CRC-16/MCRF4XX, low byte first. The envelope only; what is
// inside is in codec.ts. "UHFReader18 User's Manual" 3, "UHFReader288 Demo Software User's Guide".

import assert from "node:assert/strict";
import { type Envelope, EnvelopeDecoder } from "../envelope-decoder.ts";

/** Shortest len: address, command, check. */
const lengthMin = 4;
const checkSizeBytes = 2;

/** Address that every reader listens to. */
export const broadcastAddress = 0xff;

/** A frame of either direction; an answer's data begins with its status. */
export interface Frame {
  readonly address: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** Puts a frame into its envelope. */
export function encodeFrame({ address, command, data }: Frame): Uint8Array {
  const length = data.length + lengthMin;
  assert(length <= 0xff, "a frame's len is one byte");
  const bytes = Uint8Array.of(length, address, command, ...data, 0, 0);
  const check = checkOf(bytes.subarray(0, -checkSizeBytes));
  bytes.set([check & 0xff, check >> 8], bytes.length - checkSizeBytes);
  return bytes;
}

const envelope: Envelope<Frame> = {
  // A reader sends a frame without pauses; 50 ms are hundreds of characters.
  idleMs: 50,
  lengthAt: (bytes, at) => (bytes[at]! < lengthMin ? 0 : 1 + bytes[at]!),
  open: (bytes) => {
    const check = bytes.at(-2)! | (bytes.at(-1)! << 8);
    if (check !== checkOf(bytes.subarray(0, -checkSizeBytes))) return undefined;
    return { address: bytes[1]!, command: bytes[2]!, data: bytes.slice(3, -checkSizeBytes) };
  },
};

/** Finds frames by length and check. */
export class FrameDecoder extends EnvelopeDecoder<Frame> {
  constructor() {
    super(envelope);
  }
}

/** CRC-16/MCRF4XX: polynomial 0x1021 reflected, all ones first. */
export function checkOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
  }
  return crc;
}
