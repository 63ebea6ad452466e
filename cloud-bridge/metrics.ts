// Numbers for Prometheus, in a registry of the bridge's own. Counters come to be with their first
// count, under the name they are counted by.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Committed } from "./ledger/types.ts";

const prefix = "gondola_bridge_";
const latencyBucketsSeconds = [
  0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600, 3600, 86_400,
];

/** Counters, gauges and histograms of one bridge. */
export class Metrics {
  readonly registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #latency: Histogram;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#latency = new Histogram({
      name: `${prefix}event_to_commit_seconds`,
      help: "Time from when an entry's event occurred (edge clock) to its commit (bridge clock)",
      buckets: latencyBucketsSeconds,
      registers,
    });
  }

  /** Adds to the counter of that name: `gondola_bridge_{name}_total`. */
  readonly count = (name: string, by = 1): void => {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      const help = `Count of ${name.replaceAll("_", " ")}`;
      counter = new Counter({ name: `${prefix}${name}_total`, help, registers: [this.registry] });
      this.#counters.set(name, counter);
    }
    counter.inc(by);
  };

  /** Adds a gauge that is read whenever somebody asks. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** Takes what was committed at `committedAtMs`. */
  onCommitted({ entries }: Committed, committedAtMs: number): void {
    for (const { occurredAtMs } of entries) {
      this.#latency.observe(Math.max(0, committedAtMs - occurredAtMs) / 1000);
    }
  }
}
