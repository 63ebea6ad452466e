// Virtual time: one line of time for a whole simulated world, and a clock on it for each machine,
// whose wall time may be wrong and may jump while its timers run on.

import type { Clock } from "../../drivers/clock.ts";

/** Wall time where virtual time begins. */
export const epochAtMs = 1_763_000_000_000;

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** The line of time. Timers of the same moment fire in the order they were set. */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  readonly #timers: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `fire` after `delayMs`; the returned function cancels it. */
  after(delayMs: number, fire: () => void): () => void {
    this.#order += 1;
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const timer = { atMs, order: this.#order, fire };
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1]!.atMs > atMs) index -= 1;
    this.#timers.splice(index, 0, timer);
    return () => {
      const found = this.#timers.indexOf(timer);
      if (found >= 0) this.#timers.splice(found, 1);
    };
  }

  /** When the next timer fires; Infinity when none is set. */
  nextAtMs(): number {
    return this.#timers[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes to the next timer and fires it; false when none is set. */
  step(): boolean {
    const timer = this.#timers.shift();
    if (timer === undefined) return false;
    this.#nowMs = timer.atMs;
    timer.fire();
    return true;
  }

  /** Goes on by `ms`, firing what falls due, with `settle` awaited after each timer. */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (this.nextAtMs() <= untilMs) {
      this.step();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** The clock of one machine; it ends with its process. */
export class MachineClock implements Clock {
  readonly #time: VirtualTime;
  readonly #bootedAtMs: number;
  readonly #timers = new Set<() => void>();
  /** While the process stands still. */
  #due: (() => void)[] | undefined;
  #wallOffsetMs: number;

  /** `bootedAtMs`: of the machine, where a process begins later. */
  constructor(time: VirtualTime, wallOffsetMs: number, bootedAtMs = time.nowMs) {
    this.#time = time;
    this.#bootedAtMs = bootedAtMs;
    this.#wallOffsetMs = wallOffsetMs;
  }

  nowMs(): number {
    return this.#time.nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.#bootedAtMs;
  }

  timer(delayMs: number, fire: () => void): () => void {
    const run = () => {
      if (this.#timers.delete(cancel)) fire();
    };
    const cancelTimer = this.#time.after(delayMs, () => {
      if (this.#due === undefined) run();
      else this.#due.push(run);
    });
    const cancel = () => {
      this.#timers.delete(cancel);
      cancelTimer();
    };
    this.#timers.add(cancel);
    return cancel;
  }

  /** Moves the wall time, as a time server or a dying battery does. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The process stands still: what falls due waits. */
  pause(): void {
    this.#due ??= [];
  }

  /** It goes on: what fell due fires now. */
  resume(): void {
    const due = this.#due ?? [];
    this.#due = undefined;
    for (const fire of due) fire();
  }

  /** The machine's process ends: no timer of it fires any more. */
  stop(): void {
    for (const cancel of [...this.#timers]) cancel();
  }
}
