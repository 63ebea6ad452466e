// The uplink's one timer, and how long it waits: an answer, a pause after failures, or the next hello
// of an idle edge; never two of them at a time.

import type { Clock } from "../drivers/clock.ts";
import type { UplinkSettings } from "./uplink-settings.ts";

/** Messages in a row without an answer after which the connection may be to blame: 5 to 160 s. */
export const unansweredCountMax = 5;

/** One timer; setting it anew cancels what it was set for. */
export class Pace {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #settings: UplinkSettings;
  #cancel: (() => void) | undefined;

  constructor(options: { clock: Clock; random: () => number; settings: UplinkSettings }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#settings = options.settings;
  }

  /** Whether the timer runs. */
  get isSet(): boolean {
    return this.#cancel !== undefined;
  }

  set(delayMs: number, fire: () => void): void {
    this.clear();
    this.#cancel = this.#clock.timer(delayMs, () => {
      this.#cancel = undefined;
      fire();
    });
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** The shortest wait and, after failures, a random part of a range that doubles with each. */
  waitMs(failureCount: number): number {
    const { answerTimeoutMs, answerTimeoutMsMax } = this.#settings;
    const rangeMs = Math.min(answerTimeoutMsMax, answerTimeoutMs * 2 ** Math.min(failureCount, 30));
    const jitterMs = this.#random() * Math.max(0, rangeMs - answerTimeoutMs);
    return answerTimeoutMs + Math.floor(jitterMs);
  }
}
