// Starting in order, stopping in reverse. The first failure of a part stops the whole.

import { errorMessageOf } from "../contract/errors.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";

/** Longest that a part may take to stop; then the next one is stopped all the same. */
const stopMsMax = 10_000;

interface Part {
  readonly name: string;
  readonly close: () => Promise<unknown>;
}

/** What has been started, and why it must stop. */
export class Lifecycle {
  readonly #stop = new AbortController();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #parts: Part[] = [];
  #failure: { error: unknown } | undefined;

  constructor(options: { signal: AbortSignal; clock: Clock; log: Logger }) {
    const { signal } = options;
    this.#clock = options.clock;
    this.#log = options.log;
    if (signal.aborted) this.#stop.abort();
    signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  /** Aborts when the bridge begins to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves when the bridge begins to stop. */
  get stopping(): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Registers how a started part is stopped. */
  onStop(name: string, close: () => Promise<unknown>): void {
    this.#parts.push({ name, close });
  }

  /** Runs a part until it is its turn to stop; its rejection stops everything. */
  serve(name: string, run: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const done = run(controller.signal).catch((error: unknown) => this.fail(error));
    this.onStop(name, async () => {
      controller.abort();
      await done;
    });
  }

  /** Lets a task run by itself; its rejection stops everything, unless that has begun anyway. */
  watch(task: Promise<unknown>): void {
    task.catch((error: unknown) => {
      if (!this.signal.aborted) this.fail(error);
    });
  }

  /** Stops everything because of this. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort();
  }

  /** Waits for the stop, then stops the parts, the last started first. Throws the failure, if any. */
  async finish(onStopping: () => void): Promise<void> {
    await this.stopping;
    onStopping();
    for (const part of this.#parts.reverse()) {
      try {
        await this.#closeInTime(part);
      } catch (error) {
        this.#log.error({ part: part.name, message: errorMessageOf(error) }, "part failed to stop");
      }
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #closeInTime({ name, close }: Part): Promise<void> {
    let cancel: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      const message = `${name} took longer than ${stopMsMax} ms to stop`;
      cancel = this.#clock.timer(stopMsMax, () => reject(new Error(message)));
    });
    await Promise.race([close(), late]).finally(cancel);
  }
}
