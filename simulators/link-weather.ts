// What a bad line does to the bytes it carries: they come late, one by one, twice, or the line breaks in mid-packet.

import { Transform, type TransformCallback } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** What a line does; nothing said, it carries bytes as they come. */
export interface LinkWeather {
  /** Every piece comes so much later. */
  readonly delayMs?: number;
  /** No faster than this, a byte at a time. */
  readonly bytesPerSecond?: number;
  /** The line is reset in the middle of the next piece. */
  readonly resetsMidPacket?: boolean;
  /** Every piece comes twice. */
  readonly repeats?: boolean;
}

/** One direction of a line under changing weather; `reset` breaks the line. */
export class WeatheredLine extends Transform {
  readonly #weather: () => LinkWeather;
  readonly #reset: () => void;

  constructor(weather: () => LinkWeather, reset: () => void) {
    super();
    this.#weather = weather;
    this.#reset = reset;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const { delayMs = 0, bytesPerSecond, resetsMidPacket, repeats } = this.#weather();
    if (bytesPerSecond !== undefined) {
      void this.#trickle(chunk).then(() => done());
    } else if (resetsMidPacket) {
      this.push(chunk.subarray(0, Math.ceil(chunk.length / 2)));
      // What was pushed is to leave first.
      setTimeout(() => {
        this.#reset();
        done();
      }, 5);
    } else if (delayMs > 0) {
      setTimeout(() => done(null, chunk), delayMs);
    } else {
      if (repeats) this.push(chunk);
      done(null, chunk);
    }
  }

  /** Byte by byte, until the weather clears or the line is gone. */
  async #trickle(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.destroyed; at += 1) {
      const { bytesPerSecond } = this.#weather();
      if (bytesPerSecond === undefined) {
        this.push(chunk.subarray(at));
        return;
      }
      this.push(chunk.subarray(at, at + 1));
      await delay(1000 / bytesPerSecond);
    }
  }
}
