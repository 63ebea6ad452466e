// The "A0" dialect of Impinj R2000 readers (Rodinbell, Invelion, Yanpodo): `A0 len addr cmd data ck`,
// where len counts the bytes after itself and the whole frame sums to 0 modulo 256. The
// envelope only; what is inside is in codec.ts. "UHF RFID Reader Serial Interface Protocol" V3.7.

import assert from "node:assert/strict";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";

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

/** Finds frames by length and checksum; on a mismatch it gives up one byte and looks again. */
export class FrameDecoder implements StreamDecoder<Frame> {
  /** The module sends a frame without pauses; 50 ms are hundreds of characters. */
  readonly idleMs = 50;
  #buffer: Uint8Array = new Uint8Array(0);

  get pendingByteCount(): number {
    return this.#buffer.length;
  }

  push(chunk: Uint8Array): Decoded<Frame>[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    return this.#scan();
  }

  idle(): Decoded<Frame>[] {
    if (this.#buffer.length === 0) return [];
    this.#buffer = this.#buffer.subarray(1);
    return [{ kind: "discarded", byteCount: 1, reason: "incomplete" }, ...this.#scan()];
  }

  #scan(): Decoded<Frame>[] {
    const found: Decoded<Frame>[] = [];
    const bytes = this.#buffer;
    let at = 0;
    let noiseFrom = 0;
    const noiseUntil = (end: number) => {
      if (end > noiseFrom) {
        found.push({ kind: "discarded", byteCount: end - noiseFrom, reason: "noise" });
      }
    };
    while (at < bytes.length) {
      const length = bytes[at + 1];
      if (bytes[at] !== head || (length !== undefined && !isLength(length))) {
        at += 1;
        continue;
      }
      const end = at + 2 + (length ?? lengthMax);
      if (end > bytes.length) break;
      const frame = bytes.subarray(at, end);
      if (sum(frame) !== 0) {
        noiseUntil(at);
        found.push({ kind: "discarded", byteCount: 1, reason: "checksum" });
        at += 1;
      } else {
        noiseUntil(at);
        found.push({ kind: "frame", frame: openFrame(frame) });
        at = end;
      }
      noiseFrom = at;
    }
    noiseUntil(at);
    this.#buffer = bytes.slice(at);
    return found;
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
