// The "A0" dialect of Impinj R2000 readers (Rodinbell, Invelion, Yanpodo): `A0 len addr cmd data ck`,
// where len counts the bytes after itself and the whole frame sums to 0 modulo 256. The
// envelope only; what is inside is in codec.ts. "UHF RFID Reader Serial Interface Protocol" V3.7.

import assert from "node:assert/strict";
import { type Envelope, EnvelopeDecoder } from "../envelope-decoder.ts";

const head = 0xa0;
/** Longest len we take: a tag frame with the longest EPC has 69; more is a false head. */
const lengthMax = 96;
/** Shortest len: address, command, check. */
const lengthMin = 3;

/** Address that every reader listens to. */
export const publicAddress = 0xff;

/** A frame of either direction, with its envelope removed. */
export interface Frame {
  readonly address: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** Puts a frame into its envelope. */
export function encodeFrame(frame: Frame): Uint8Array {
  const length = frame.data.length + lengthMin;
  assert(length <= 0xff, "a frame's len is one byte");
  const bytes = Uint8Array.of(head, length, frame.address, frame.command, ...frame.data, 0);
  bytes[bytes.length - 1] = -sum(bytes) & 0xff;
  return bytes;
}

const envelope: Envelope<Frame> = {
  // The module sends a frame without pauses; 50 ms are hundreds of characters.
  idleMs: 50,
  lengthAt: (bytes, at) => {
    const length = bytes[at + 1];
    if (bytes[at] !== head || (length !== undefined && !isLength(length))) return 0;
    return length === undefined ? undefined : 2 + length;
  },
  open: (bytes) => (sum(bytes) === 0 ? openFrame(bytes) : undefined),
};

/** Finds frames by length and checksum. */
export class FrameDecoder extends EnvelopeDecoder<Frame> {
  constructor() {
    super(envelope);
  }
}

function isLength(length: number): boolean {
  return length >= lengthMin && length <= lengthMax;
}

function openFrame(bytes: Uint8Array): Frame {
  return { address: bytes[2]!, command: bytes[3]!, data: bytes.slice(4, -1) };
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const byte of bytes) total += byte;
  return total & 0xff;
}
