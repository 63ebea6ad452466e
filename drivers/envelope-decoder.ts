// Finds frames by their head, length and check in a stream that may begin, break and err anywhere: on a
// mismatch it gives up one byte and looks again, so a frame inside a broken one is found.

import type { Decoded, StreamDecoder } from "./stream-decoder.ts";

/** How a dialect's frames are wrapped. */
export interface Envelope<Frame> {
  /** See `StreamDecoder.idleMs`. */
  readonly idleMs: number;
  /** Bytes of the frame that begins at `at`; 0 where none does, undefined where more bytes must tell. */
  lengthAt(bytes: Uint8Array, at: number): number | undefined;
  /** Unwraps a frame of that length; undefined where its check is wrong. */
  open(bytes: Uint8Array): Frame | undefined;
}

/** A decoder of such frames. */
export class EnvelopeDecoder<Frame> implements StreamDecoder<Frame> {
  readonly idleMs: number;
  readonly #envelope: Envelope<Frame>;
  #buffer: Uint8Array = new Uint8Array(0);

  constructor(envelope: Envelope<Frame>) {
    this.#envelope = envelope;
    this.idleMs = envelope.idleMs;
  }

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
      const length = this.#envelope.lengthAt(bytes, at);
      if (length === 0) {
        at += 1;
        continue;
      }
      if (length === undefined || at + length > bytes.length) break;
      noiseUntil(at);
      const frame = this.#envelope.open(bytes.subarray(at, at + length));
      if (frame === undefined) {
        found.push({ kind: "discarded", byteCount: 1, reason: "checksum" });
        at += 1;
      } else {
        found.push({ kind: "frame", frame });
        at += length;
      }
      noiseFrom = at;
    }
    noiseUntil(at);
    this.#buffer = bytes.slice(at);
    return found;
  }
}
