// A wait that ends early when there is something to do.

import type { Clock } from "./clock.ts";

/** What one loop waits with. */
export class Waker {
  readonly #clock: Pick<Clock, "timer">;
  #wake: (() => void) | undefined;

  constructor(clock: Pick<Clock, "timer">) {
    this.#clock = clock;
  }

  /** Ends the wait, if there is one. */
  wake(): void {
    this.#wake?.();
  }

  /** Resolves on `wake`, when `signal` aborts, or after the time given (infinite: no time). */
  rest(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      let cancel: (() => void) | undefined;
      const done = () => {
        cancel?.();
        signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      if (Number.isFinite(delayMs)) cancel = this.#clock.timer(Math.max(0, delayMs), done);
      this.#wake = done;
      signal.addEventListener("abort", done);
    });
  }
}
