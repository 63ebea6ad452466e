// All that is published after commits, as one part of the bridge.

import type { Posted } from "../ledger/types.ts";
import { SoldTopics, type SoldTopicsOptions } from "./sold-topics.ts";
import { StockTopics, type StockTopicsOptions } from "./stock-topics.ts";

/** Stock levels, entries and alerts for consumers; what is sold for the exits. */
export class Publishers {
  readonly #stock: StockTopics;
  readonly #sold: SoldTopics;

  constructor(options: StockTopicsOptions & SoldTopicsOptions) {
    this.#stock = new StockTopics(options);
    this.#sold = new SoldTopics(options);
  }

  /** Messages and levels that wait. */
  get waitingCount(): number {
    return this.#stock.waitingCount;
  }

  /** Takes what was committed, in order; returns at once. */
  onPosted(posted: Posted): void {
    this.#stock.onPosted(posted);
    this.#sold.onPosted(posted);
  }

  /** Takes an edge's `status` message. */
  onStatus(edge: { storeId: string; edgeId: string }, payload: Uint8Array): void {
    this.#sold.onStatus(edge, payload);
  }

  /** The link came (back) online. */
  onOnline(): void {
    this.#stock.onOnline();
    this.#sold.onOnline();
  }

  /** Publishes until `signal` aborts, then what still waits. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#stock.run(signal), this.#sold.run(signal)]);
  }
}
