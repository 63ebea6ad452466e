// All that is published after commits, as one part of the bridge.

import type { Entry } from "../../contract/stock.ts";
import { changedItemsOf } from "../ledger/changed-items.ts";
import type { AlertMessage } from "../ledger/sql-alerts.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { FollowedTopics, type FollowedTopicsOptions } from "./followed-topics.ts";
import { PlanTopics, type PlanTopicsOptions } from "./plan-topics.ts";
import { SoldTopics, type SoldTopicsOptions } from "./sold-topics.ts";
import { StockTopics, type StockTopicsOptions } from "./stock-topics.ts";
import { alertSource, entrySource } from "./topic-sources.ts";

/** Stock levels, entries and alerts for consumers; what is sold for the exits, plans for the edges. */
export class Publishers {
  readonly #stock: StockTopics;
  readonly #entries: FollowedTopics<Entry>;
  readonly #alerts: FollowedTopics<AlertMessage>;
  readonly #sold: SoldTopics;
  readonly #plans: PlanTopics;

  constructor(
    options: StockTopicsOptions &
      SoldTopicsOptions &
      PlanTopicsOptions &
      FollowedTopicsOptions & { readonly ledger: Pick<Ledger, "entries"> },
  ) {
    this.#stock = new StockTopics(options);
    const { ledger } = options;
    const entries = entrySource(ledger, (read) =>
      this.#stock.onPosted({ changedItems: changedItemsOf(read) }),
    );
    this.#entries = new FollowedTopics(entries, options);
    this.#alerts = new FollowedTopics(alertSource(ledger), options);
    this.#sold = new SoldTopics(options);
    this.#plans = new PlanTopics(options);
  }

  /** Messages and levels that wait. */
  get waitingCount(): number {
    return this.#stock.waitingCount + this.#entries.waitingCount;
  }

  /** Takes what was committed, in order; returns at once. */
  onPosted(posted: Posted): void {
    this.#stock.onPosted(posted);
    this.#entries.onPosted(posted.entries);
    for (const { storeId } of posted.alerts) this.#alerts.onNews(storeId);
    this.#sold.onPosted(posted);
  }

  /** Something was committed for a store by another bridge. */
  onNews(storeId: string): void {
    this.#entries.onNews(storeId);
    this.#alerts.onNews(storeId);
    this.#sold.onNews(storeId);
  }

  /** Stores that another bridge will publish. Resolves when it can go on from here. */
  async release(isOf: (storeId: string) => boolean): Promise<void> {
    await Promise.all([this.#entries.release(isOf), this.#alerts.release(isOf)]);
  }

  /** Takes an edge's `status` message. */
  onStatus(edge: { storeId: string; edgeId: string }, payload: Uint8Array): void {
    this.#sold.onStatus(edge, payload);
  }

  /** The link came (back) online. */
  onOnline(): void {
    this.#stock.onOnline();
    this.#entries.onOnline();
    this.#alerts.onOnline();
    this.#sold.onOnline();
    this.#plans.onOnline();
  }

  /** Publishes until `signal` aborts, then what still waits. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const parts = [this.#stock, this.#entries, this.#alerts, this.#sold, this.#plans];
    await Promise.all(parts.map((part) => part.run(signal)));
  }
}
