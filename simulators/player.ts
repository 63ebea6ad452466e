// Plays a world at the pace of a clock: the machine's own, or a virtual one.

import type { Clock } from "../drivers/clock.ts";
import { type Phase, phases, World, type WorldOptions } from "./world/world.ts";

/** What a player plays, and by which clock. */
export interface PlayerOptions extends Omit<WorldOptions, "startMs"> {
  readonly clock: Clock;
}

/** Plays one day. */
export class Player {
  readonly world: World;
  readonly #clock: Clock;
  #cancel: () => void = () => undefined;
  #waiting: { readonly phase: Phase; readonly resolve: () => void }[] = [];

  constructor(options: PlayerOptions) {
    this.#clock = options.clock;
    this.world = new World({
      ...options,
      startMs: options.clock.nowMs(),
      onPhase: (phase) => {
        options.onPhase?.(phase);
        this.#wake(phase);
      },
    });
  }

  /** The day begins. */
  begin(): void {
    this.#act(() => this.world.begin());
  }

  /** Nobody new comes into the store. */
  closeStore(): void {
    this.#act(() => this.world.close());
  }

  /** Staff begin the closing count. */
  beginCount(): void {
    this.#act(() => this.world.beginCount());
  }

  /** Resolves when a phase is reached (or was passed). */
  reached(phase: Phase): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ phase, resolve });
      this.#wake(this.world.phase);
    });
  }

  /** Stops where it is. */
  stop(): void {
    this.#cancel();
  }

  #act(what: () => void): void {
    this.world.advance(this.#clock.nowMs());
    what();
    this.#cancel();
    const { nextAtMs } = this.world;
    if (nextAtMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(nextAtMs - this.#clock.nowMs(), 0);
    this.#cancel = this.#clock.timer(delayMs, () => this.#act(() => undefined));
  }

  #wake(phase: Phase): void {
    const isReached = (wanted: Phase) => phases.indexOf(wanted) <= phases.indexOf(phase);
    for (const { resolve } of this.#waiting.filter((waiter) => isReached(waiter.phase))) resolve();
    this.#waiting = this.#waiting.filter((waiter) => !isReached(waiter.phase));
  }
}
