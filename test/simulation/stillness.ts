// A process that stands still and goes on, as after SIGSTOP and SIGCONT: its timers wait, what is sent to it waits, and so
// does whoever is about to write, or has written and not yet told anybody.

import type { MachineClock, VirtualTime } from "./virtual-clock.ts";

/** Stands still for so long, from its next write on: before that, or after it and before anybody hears of it. */
export interface Pause {
  readonly forMs: number;
  readonly isAfterWrite: boolean;
}

/** The stillness of one process. */
export class Stillness {
  readonly #time: VirtualTime;
  readonly #clock: MachineClock;
  readonly #onBegin: () => void;
  #planned: Pause | undefined;
  #waiting: (() => void)[] | undefined;

  constructor(time: VirtualTime, clock: MachineClock, onBegin: () => void) {
    this.#time = time;
    this.#clock = clock;
    this.#onBegin = onBegin;
  }

  /** Stands still with the next write. */
  plan(pause: Pause): void {
    this.#planned = pause;
  }

  /** Runs a write, with a planned pause before or after it. */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    await this.#moment(false);
    try {
      return await write();
    } finally {
      await this.#moment(true);
    }
  }

  /** Does something now, or when the process goes on. */
  when(act: () => void): void {
    if (this.#waiting === undefined) act();
    else this.#waiting.push(act);
  }

  /** Goes on, and does not stand still any more. */
  end(): void {
    this.#planned = undefined;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#clock.resume();
    for (const act of waiting) act();
  }

  async #moment(isAfterWrite: boolean): Promise<void> {
    if (this.#planned?.isAfterWrite === isAfterWrite) this.#begin(this.#planned.forMs);
    if (this.#waiting !== undefined) await new Promise<void>((resolve) => this.when(resolve));
  }

  #begin(forMs: number): void {
    this.#planned = undefined;
    this.#waiting = [];
    this.#clock.pause();
    this.#time.after(forMs, () => this.end());
    this.#onBegin();
  }
}
