// All that is published after commits, as one part of the bridge.

import { changedItemsOf } from "../ledger/changed-items.ts";
import type { Posted } from "../ledger/types.ts";
import { EntryTopics, type EntryTopicsOptions } from "./entry-topics.ts";
import { SoldTopics, type SoldTopicsOptions } from "./sold-topics.ts";
import { StockTopics, type StockTopicsOptions } from "./stock-topics.ts";

/** Stock levels, entries and alerts for consumers; what is sold for the exits. */
export class Publishers {
  readonly #stock: StockTopics;
  readonly #entries: EntryTopics;
  readonly #sold: SoldTopics;

  constructor(
    options: StockTopicsOptions & SoldTopicsOptions & Omit<EntryTopicsOptions, "onRead">,
  ) {
    this.#stock = new StockTopics(options);
    this.#entries = new EntryTopics({
      ...options,
      onRead: (entries) =>
        this.#stock.onPosted({ alerts: [], changedItems: changedItemsOf(entries) }),
    });
    this.#sold = new SoldTopics(options);
  }

  /** Messages and levels that wait. */
  get waitingCount(): number {
    return this.#stock.waitingCount + this.#entries.waitingCount;
  }

  /** Takes what was committed, in order; returns at once. */
  onPosted(posted: Posted): void {
    this.#stock.onPosted(posted);
    this.#entries.onPosted(posted.entries);
    this.#sold.onPosted(posted);
  }

  /** Something was committed for a store by another bridge. */
  onNews(storeId: string): void {
    this.#entries.onNews(storeId);
    this.#sold.onNews(storeId);
  }

  /** Stores that another bridge will publish. Resolves when it can go on from here. */
  release(isOf: (storeId: string) => boolean): Promise<void> {
    return this.#entries.release(isOf);
  }

  /** Takes an edge's `status` message. */
  onStatus(edge: { storeId: string; edgeId: string }, payload: Uint8Array): void {
    this.#sold.onStatus(edge, payload);
  }

  /** The link came (back) online. */
  onOnline(): void {
    this.#stock.onOnline();
    this.#entries.onOnline();
    this.#sold.onOnline();
  }

  /** Publishes until `signal` aborts, then what still waits. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const parts = [this.#stock, this.#entries, this.#sold];
    await Promise.all(parts.map((part) => part.run(signal)));
  }
}
