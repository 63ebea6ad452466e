// What arrived and was not yet taken: the bounded queue behind every transport's `chunks`. Above the
// limit the source is paused (a socket, a port); one that cannot pause is failed, never cut silently.

import assert from "node:assert/strict";
import { GatewayError } from "../../contract/errors.ts";

/** Most bytes that wait for the driver: more than five seconds of a 115200 baud line. */
export const inboundSizeBytesMax = 64 * 1024;

/** A source that can be told to wait. */
export interface InboxSource {
  pause(): void;
  resume(): void;
}

/** A single-use async iterable of chunks with one reader. */
export class Inbox implements AsyncIterableIterator<Uint8Array> {
  readonly #source: InboxSource | undefined;
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #paused = false;
  #ended = false;
  #failure: GatewayError | undefined;
  #waiting:
    | { resolve(result: IteratorResult<Uint8Array>): void; reject(error: Error): void }
    | undefined;

  constructor(source?: InboxSource) {
    this.#source = source;
  }

  /** Takes what arrived. Ignored after the end. */
  push(chunk: Uint8Array): void {
    if (this.isClosed || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    this.#serve();
    if (this.#sizeBytes < inboundSizeBytesMax || this.#paused) return;
    if (this.#source === undefined) {
      const message = `${this.#sizeBytes} bytes arrived and nobody took them`;
      this.fail(new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true }));
      return;
    }
    this.#paused = true;
    this.#source.pause();
  }

  /** Whether `end` or `fail` was called. */
  get isClosed(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  /** The driver closed: what still waits is dropped, it asked for no more. */
  end(): void {
    if (this.isClosed) return;
    this.#ended = true;
    this.#chunks.length = 0;
    this.#serve();
  }

  /** The device went: what arrived before is still handed out, then the reader gets the error. */
  fail(error: GatewayError): void {
    if (this.isClosed) return;
    this.#failure = error;
    this.#serve();
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    assert(this.#waiting === undefined, "an inbox has one reader, who waits for one chunk");
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#sizeBytes -= chunk.length;
      waiting.resolve({ value: chunk, done: false });
    } else if (this.#failure !== undefined) waiting.reject(this.#failure);
    else if (this.#ended) waiting.resolve({ value: undefined, done: true });
    else return;
    this.#waiting = undefined;
    if (this.#paused && this.#sizeBytes < inboundSizeBytesMax / 2 && !this.isClosed) {
      this.#paused = false;
      this.#source?.resume();
    }
  }
}
