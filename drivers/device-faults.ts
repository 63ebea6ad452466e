// What of a device does not work at the moment, and why: said as its state. A faulty antenna of a reader is
// asked again once a second: it may have been plugged in.

import type { DriverContext } from "./driver.ts";

/** Rest of a faulty antenna before it is tried again. */
const restMs = 1000;

/** The faulty antennas of one run. */
export class AntennaFaults {
  readonly #faults = new Map<number, { text: string; retryAtMs: number }>();
  readonly #onChange: (reason: string | undefined) => void;
  #reason: string | undefined;

  /** `onChange` is told the reason when the set of faults changes; undefined when all antennas read. */
  constructor(onChange: (reason: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** The antenna failed. */
  set(antenna: number, text: string, nowMs: number): void {
    this.#faults.set(antenna, { text, retryAtMs: nowMs + restMs });
    this.#tell();
  }

  /** The antenna reads. */
  clear(antenna: number): void {
    if (this.#faults.delete(antenna)) this.#tell();
  }

  /** Whether it is time to read with the antenna. */
  isDue(antenna: number, nowMs: number): boolean {
    return (this.#faults.get(antenna)?.retryAtMs ?? nowMs) <= nowMs;
  }

  #tell(): void {
    const faults = [...this.#faults].sort(([left], [right]) => left - right);
    const texts = faults.map(([antenna, { text }]) => `antenna ${antenna}: ${text}`);
    const reason = texts.length === 0 ? undefined : texts.join("; ");
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#onChange(reason);
  }
}

/** Says it as the device's state: degraded for this reason, online without one. */
export function reportFaults(context: DriverContext, reason: string | undefined): void {
  const { deviceId, clock, onReading } = context;
  const state =
    reason === undefined
      ? ({ state: "online" } as const)
      : ({ state: "degraded", reason: reason.slice(0, 500) } as const);
  onReading({ kind: "device", deviceId, ...state, receivedAtMs: clock.nowMs() });
}
