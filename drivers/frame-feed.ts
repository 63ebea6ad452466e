// Frames of one run of a driver, one at a time and each with a time-out. Reads the transport only
// when asked, so nothing piles up here; counts what it discards and recognises a wrong line speed.

import { GatewayError } from "../contract/errors.ts";
import type { DriverContext } from "./driver.ts";
import type { Decoded, StreamDecoder } from "./stream-decoder.ts";

/** Times a question is sent before the device counts as silent. */
export const attemptCountMax = 3;
/** This many bytes in a row without one valid frame are no disturbance any more. */
const garbageByteCountMax = 1024;

/** Runs a driver's work and takes its rejection for an orderly end once `signal` is aborted. */
export async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What is sent to get an answer. */
export interface Question {
  /** For the message when nobody answers. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** How long each try waits. */
  readonly timeoutMs: number;
}

/** The frames that arrive at one driver. */
export class FrameFeed<Frame> {
  readonly #context: DriverContext;
  readonly #decoder: StreamDecoder<Frame>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #ready: Frame[] = [];
  #isReading = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  /** One alarm for all waits: set anew only where it would ring too late, as most frames come long before. */
  #alarm: { readonly atMs: number; cancel(): void } | undefined;
  #lastByteAtMs = 0;
  #frameCount = 0;
  #garbageByteCount = 0;

  constructor(context: DriverContext, decoder: StreamDecoder<Frame>) {
    this.#context = context;
    this.#decoder = decoder;
    this.#chunks = context.transport.chunks[Symbol.asyncIterator]();
    context.signal.addEventListener("abort", () => this.#fail(context.signal.reason));
  }

  /**
   * The next frame; undefined after `timeoutMs` without one. Throws DRIVER_PORT_LOST, DRIVER_GARBAGE
   * when nothing but garbage comes, and the signal's reason when the driver must stop.
   */
  async next(timeoutMs: number): Promise<Frame | undefined> {
    const { clock, signal } = this.#context;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    while (this.#ready.length === 0) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#garbageByteCount >= garbageByteCountMax) throw this.#garbage();
      const nowMs = clock.monotonicMs();
      const idleAtMs =
        this.#decoder.pendingByteCount > 0
          ? this.#lastByteAtMs + this.#decoder.idleMs
          : Number.POSITIVE_INFINITY;
      if (idleAtMs <= nowMs) this.#take(this.#decoder.idle());
      else if (deadlineMs <= nowMs) return undefined;
      else await this.#waitUntil(Math.min(deadlineMs, idleAtMs), nowMs);
    }
    return this.#ready.shift();
  }

  /** The first thing that `accept` makes of a frame; undefined after `timeoutMs` without one. Fails as `next` does. */
  async nextThat<Said>(
    timeoutMs: number,
    accept: (frame: Frame) => Said | undefined,
  ): Promise<Said | undefined> {
    const { clock } = this.#context;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const frame = await this.next(deadlineMs - clock.monotonicMs());
      if (frame === undefined) return undefined;
      const said = accept(frame);
      if (said !== undefined) return said;
    }
  }

  /** Asks until `accept` finds the answer. DRIVER_SILENT or DRIVER_GARBAGE after the last try. */
  async ask<Said>(question: Question, accept: (frame: Frame) => Said | undefined): Promise<Said> {
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.drop();
      this.send(question.bytes);
      const answer = await this.nextThat(question.timeoutMs, accept);
      if (answer !== undefined) return answer;
      this.#context.count("timeouts");
    }
    throw this.unanswered(question.name);
  }

  /** Asks for what then comes by itself, and takes it until it ends. DRIVER_SILENT or DRIVER_GARBAGE where none came. */
  async follow<Said>(
    question: Question,
    accept: (frame: Frame) => Said | undefined,
    take: (said: Said) => void,
  ): Promise<void> {
    let said: Said | undefined = await this.ask(question, accept);
    for (; said !== undefined; said = await this.nextThat(question.timeoutMs, accept)) take(said);
  }

  /** Writes without waiting: a device that does not take bytes does not answer either. */
  send(bytes: Uint8Array): void {
    this.#context.transport.write(bytes).catch((error: unknown) => this.#fail(error));
  }

  /** Drops what arrived and was not asked for, before a question is repeated. */
  drop(): void {
    if (this.#ready.length > 0) this.#context.count("frames_dropped", this.#ready.length);
    this.#ready.length = 0;
  }

  /** Whether any valid frame came in this run. */
  get heardFrames(): boolean {
    return this.#frameCount > 0;
  }

  /** Whether any byte came, since the last valid frame or at all. */
  get heardBytes(): boolean {
    return this.heardFrames || this.#garbageByteCount > 0;
  }

  /** Why nobody answered: DRIVER_GARBAGE or DRIVER_SILENT. */
  unanswered(what: string): GatewayError {
    if (this.#garbageByteCount > 0 && !this.heardFrames) return this.#garbage();
    const message = `${what} was not answered${this.heardFrames ? "" : "; no byte came at all"}`;
    return new GatewayError("DRIVER_SILENT", message, { retryable: true });
  }

  // Until then, or earlier: whoever waits looks again.
  #waitUntil(atMs: number, nowMs: number): Promise<void> {
    if (this.#alarm === undefined || atMs < this.#alarm.atMs) {
      this.#alarm?.cancel();
      const cancel = this.#context.clock.timer(atMs - nowMs, () => {
        this.#alarm = undefined;
        this.#wake?.();
      });
      this.#alarm = { atMs, cancel };
    }
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      this.#read();
    });
  }

  // One read is under way at most; it outlives the wait that began it.
  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#chunks.next().then(
      (result) => {
        this.#isReading = false;
        if (result.done === true) return this.#fail(new GatewayError("DRIVER_PORT_LOST", "closed"));
        this.#lastByteAtMs = this.#context.clock.monotonicMs();
        this.#take(this.#decoder.push(result.value));
        this.#wake?.();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#wake?.();
  }

  #take(found: Decoded<Frame>[]): void {
    const { count } = this.#context;
    for (const item of found) {
      if (item.kind === "frame") {
        count("frames");
        this.#frameCount += 1;
        this.#garbageByteCount = 0;
        this.#ready.push(item.frame);
      } else {
        count("discarded_bytes", item.byteCount);
        count(`discarded_${item.reason}`);
        this.#garbageByteCount += item.byteCount;
      }
    }
  }

  #garbage(): GatewayError {
    const message =
      `${this.#garbageByteCount} bytes came and no valid frame among them: ` +
      "wrong speed? Check baudRate, parity and the kind of device";
    return new GatewayError("DRIVER_GARBAGE", message, { retryable: true });
  }
}
