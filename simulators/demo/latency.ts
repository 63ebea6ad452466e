// How long an event takes from being decided at the edge to being committed in the ledger. Decision
// and acknowledgement are both measured on this machine's monotonic clock.

import type { Acknowledgement, Batch } from "../../contract/delivery.ts";

/** Samples kept for the percentiles: the last ones. */
const sampleCountMax = 1000;
/** Events that wait for their acknowledgement; a demo never has more. */
const waitingCountMax = 100_000;

/** Percentiles of the last samples. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Pairs batches with acknowledgements. */
export class LatencyWatch {
  readonly #decidedMs = new Map<number, number>();
  readonly #samplesMs: number[] = [];
  #outboxId = "";
  #throughSequence = 0;

  /** A batch went by: what of it is not acknowledged waits now. */
  sent(batch: Pick<Batch, "outboxId" | "events">): void {
    if (batch.outboxId !== this.#outboxId) {
      this.#outboxId = batch.outboxId;
      this.#throughSequence = 0;
      this.#decidedMs.clear();
    }
    for (const event of batch.events as { sequence?: number; uptimeMs?: number }[]) {
      const { sequence, uptimeMs } = event;
      if (sequence === undefined || uptimeMs === undefined) continue;
      if (sequence <= this.#throughSequence) continue;
      if (this.#decidedMs.size < waitingCountMax) this.#decidedMs.set(sequence, uptimeMs);
    }
  }

  /** An acknowledgement went by at `monotonicMs`. */
  acknowledged(answer: Acknowledgement, monotonicMs: number): void {
    if (answer.outboxId !== this.#outboxId) return;
    this.#throughSequence = Math.max(this.#throughSequence, answer.throughSequence);
    for (const [sequence, decidedMs] of this.#decidedMs) {
      if (sequence > answer.throughSequence) continue;
      this.#decidedMs.delete(sequence);
      this.#samplesMs.push(monotonicMs - decidedMs);
    }
    this.#samplesMs.splice(0, this.#samplesMs.length - sampleCountMax);
  }

  /** Undefined before the first sample. */
  percentiles(): Latency | undefined {
    if (this.#samplesMs.length === 0) return undefined;
    const sorted = this.#samplesMs.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}
