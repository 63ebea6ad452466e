// How long events waited: a sample of bounded size, and the longest.

import { integerBetween, type Random } from "../random.ts";

/** Latencies kept for the percentiles, evenly chosen among all. */
const sampleCountMax = 100_000;

/** Takes latencies one by one, tells percentiles. */
export class Latencies {
  readonly #random: Random;
  readonly #sampleMs: number[] = [];
  #maxMs = 0;
  /** How many were taken. */
  count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  add(ms: number): void {
    this.count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
    if (this.#sampleMs.length < sampleCountMax) {
      this.#sampleMs.push(ms);
      return;
    }
    // Reservoir sampling: each latency is kept with the same chance.
    const slot = integerBetween(this.#random, 0, this.count - 1);
    if (slot < sampleCountMax) this.#sampleMs[slot] = ms;
  }

  /** As a report has them. */
  percentiles() {
    const sorted = this.#sampleMs.toSorted((left, right) => left - right);
    const at = (share: number) => rounded(sorted[Math.ceil(share * sorted.length) - 1]);
    return { latencyMsP50: at(0.5), latencyMsP99: at(0.99), latencyMsMax: Math.round(this.#maxMs) };
  }
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
