// Waits for a known text in a stream: the answer of a scanner to its identifying command, which ends
// as the maker likes.

import type { Decoded, StreamDecoder } from "../stream-decoder.ts";

/** Finds `text` in ASCII; one frame each time it comes. */
export class TextFinder implements StreamDecoder<string> {
  readonly idleMs = 500;
  readonly #text: string;
  #pending = "";

  constructor(text: string) {
    this.#text = text;
  }

  get pendingByteCount(): number {
    return this.#pending.length;
  }

  push(chunk: Uint8Array): Decoded<string>[] {
    this.#pending += Buffer.from(chunk).toString("latin1");
    const at = this.#pending.indexOf(this.#text);
    if (at >= 0) {
      this.#pending = "";
      return [{ kind: "frame", frame: this.#text }];
    }
    const byteCount = Math.max(0, this.#pending.length - this.#text.length + 1);
    this.#pending = this.#pending.slice(byteCount);
    return byteCount === 0 ? [] : [{ kind: "discarded", byteCount, reason: "other_answer" }];
  }

  idle(): Decoded<string>[] {
    const byteCount = this.#pending.length;
    this.#pending = "";
    return [{ kind: "discarded", byteCount, reason: "other_answer" }];
  }
}
