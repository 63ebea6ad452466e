// Time as an argument: what waits or reads a clock takes one of these, so that it also runs in virtual time.

/** A clock with timers. `nowMs` is Unix time and may jump; `monotonicMs` never does. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs`; the returned function cancels it. */
  timer(delayMs: number, fire: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer(delayMs, fire) {
    const handle = setTimeout(fire, delayMs);
    return () => clearTimeout(handle);
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts (check it afterwards). */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.timer(delayMs, done);
    signal.addEventListener("abort", done);
  });
}
