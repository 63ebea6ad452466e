// Reports of a fixed size, as HID devices send them. hidraw hands out one report a read; converters,
// ptys and replays may split and join them, so the size counts and not the chunk.

import type { Decoded, StreamDecoder } from "./stream-decoder.ts";

/** What a report gave: frames (none, one, several), or why it is none. */
export type ReportResult<Frame> =
  | { readonly ok: true; readonly frames: readonly Frame[] }
  | { readonly ok: false; readonly reason: string };

/** The rest of a split report comes within this time, or not at all. */
const splitMs = 50;

/** Cuts a stream into reports and hands each to `parse`. */
export class ReportDecoder<Frame> implements StreamDecoder<Frame> {
  readonly idleMs = splitMs;
  readonly #sizeBytes: number;
  readonly #parse: (report: Uint8Array) => ReportResult<Frame>;
  readonly #firstBytes: ReadonlySet<number> | undefined;
  #pending: number[] = [];

  /** `firstBytes`: report ids that `parse` knows; a chunk that begins otherwise is discarded whole. */
  constructor(
    sizeBytes: number,
    parse: (report: Uint8Array) => ReportResult<Frame>,
    firstBytes?: readonly number[],
  ) {
    this.#sizeBytes = sizeBytes;
    this.#parse = parse;
    this.#firstBytes = firstBytes === undefined ? undefined : new Set(firstBytes);
  }

  get pendingByteCount(): number {
    return this.#pending.length;
  }

  push(chunk: Uint8Array): Decoded<Frame>[] {
    const found: Decoded<Frame>[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#pending.length === 0 && this.#firstBytes?.has(chunk[at]!) === false) {
        found.push({ kind: "discarded", byteCount: chunk.length - at, reason: "report_id" });
        break;
      }
      const missingCount = this.#sizeBytes - this.#pending.length;
      this.#pending.push(...chunk.subarray(at, at + missingCount));
      at += missingCount;
      if (this.#pending.length === this.#sizeBytes) found.push(...this.#take());
    }
    return found;
  }

  idle(): Decoded<Frame>[] {
    const byteCount = this.#pending.length;
    this.#pending = [];
    return byteCount === 0 ? [] : [{ kind: "discarded", byteCount, reason: "length" }];
  }

  #take(): Decoded<Frame>[] {
    const result = this.#parse(Uint8Array.from(this.#pending));
    this.#pending = [];
    if (result.ok) return result.frames.map((frame) => ({ kind: "frame", frame }));
    return [{ kind: "discarded", byteCount: this.#sizeBytes, reason: result.reason }];
  }
}
