// Tells the exits what is sold: a retained list for each store with a till, read anew from the ledger after
// each commit with a sale, and from time to time so that exits know that it is fresh. One loop does all of
// it, so that no older list follows a newer one.

import type { Sold } from "../../contract/sold.ts";
import { topics } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import type { EdgeBook } from "../edges/edge-book.ts";
import { claimEdgeId } from "../ledger/claims.ts";
import { soldAsOfAtMs, soldList, soldWindows, type TillEdge } from "../ledger/sold.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";

export interface SoldTopicsOptions {
  readonly ledger: Pick<Ledger, "epoch" | "history" | "sales" | "positions">;
  /** Who is there, and has told what it sold. */
  readonly edges: Pick<EdgeBook, "caughtUpFromAtMs">;
  readonly storeIds: () => Promise<string[]>;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly clock: Clock;
  readonly count: (name: string, by?: number) => void;
  /** A list goes out anew after this time even though nothing was sold. */
  readonly soldRefreshMs: number;
}

/** Between two looks at what is due: sales of one moment go out together. */
const lookIntervalMs = 200;
/** Sales that are read for one list; the newest. */
const saleCountMax = 50_000;
/** Reasons of entries that change what is sold; a unit that a claim handed over leaves by the same exits. */
const soldReasons: ReadonlySet<string> = new Set([
  "retail_selling",
  "returning",
  "claim_hand_over",
]);

/** The publisher of what is sold. */
export class SoldTopics {
  readonly #options: SoldTopicsOptions;
  readonly #due = new Set<string>();
  #refreshAtMs = 0;

  constructor(options: SoldTopicsOptions) {
    this.#options = options;
  }

  /** Takes what was committed; returns at once. */
  onPosted({ entries }: Posted): void {
    for (const { storeId, reason } of entries) {
      if (soldReasons.has(reason)) this.#due.add(storeId);
    }
  }

  /** Something was committed for a store by another bridge: perhaps a sale. */
  onNews(storeId: string): void {
    this.#due.add(storeId);
  }

  /** Stores came to this bridge. */
  onTaken(storeIds: readonly string[]): void {
    for (const storeId of storeIds) this.#due.add(storeId);
  }

  /** The link came (back) online: the broker may have lost what it kept. */
  onOnline(): void {
    this.#refreshAtMs = 0;
  }

  /** Publishes until `signal` aborts, then what is due. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, link, soldRefreshMs, storeIds } = this.#options;
    while (!signal.aborted) {
      if (link.isOnline && clock.monotonicMs() >= this.#refreshAtMs) {
        this.#refreshAtMs = clock.monotonicMs() + soldRefreshMs;
        for (const storeId of await storeIds()) this.#due.add(storeId);
      }
      await this.#publishDue();
      await sleep(clock, lookIntervalMs, signal);
    }
    await this.#publishDue();
  }

  async #publishDue(): Promise<void> {
    const { ledger, link } = this.#options;
    if (this.#due.size === 0 || !link.isOnline) return;
    const storeIds = [...this.#due];
    this.#due.clear();
    // Positions first: what is true of them is true of the sales that are read after.
    const positions = await ledger.positions();
    for (const storeId of storeIds) {
      const throughs = new Map<string, number>();
      for (const { edgeId, completeThroughAtMs, ...position } of positions) {
        if (position.storeId !== storeId) continue;
        throughs.set(edgeId, Math.max(throughs.get(edgeId) ?? 0, completeThroughAtMs));
      }
      if (!(await this.#publishStore(storeId, throughs))) this.#due.add(storeId);
    }
  }

  async #publishStore(storeId: string, throughs: ReadonlyMap<string, number>): Promise<boolean> {
    const { ledger, edges, link, clock, count } = this.#options;
    const nowMs = clock.nowMs();
    const sinceMs = nowMs - soldWindows.serialMs;
    // Before the sales, the epoch first: the list goes as far as it says, or further.
    const { epoch: ledgerEpoch } = ledger;
    const through = { ledgerEpoch, entryNumber: await ledger.history.lastEntryNumber(storeId) };
    const rows = await ledger.sales({ storeId, sinceMs, countMax: saleCountMax + 1 });
    // Claims are posted here at once, and are no till that could be behind.
    const tillIds = new Set(rows.map(({ edgeId }) => edgeId));
    tillIds.delete(claimEdgeId);
    // A store that sold nothing for so long has no till that we know: its exits are better told nothing.
    if (tillIds.size === 0) return true;
    const tills = [...tillIds].map((edgeId): TillEdge => {
      const caughtUpFromAtMs = edges.caughtUpFromAtMs({ storeId, edgeId });
      return { completeThroughAtMs: throughs.get(edgeId) ?? 0, caughtUpFromAtMs };
    });
    const asOfAtMs = soldAsOfAtMs(tills, nowMs);
    const sales = rows.slice(0, saleCountMax);
    const { sold, droppedCount } = soldList(sales, { storeId, asOfAtMs, nowMs });
    const overCount = droppedCount + rows.length - sales.length;
    if (overCount > 0) count("sold_list_dropped", overCount);
    const list: Sold = { ...sold, through };
    const message = { topic: topics.sold(storeId), payload: JSON.stringify(list), retain: true };
    const isTaken = await link.publish(message);
    if (isTaken) count("sold_lists_published");
    return isTaken;
  }
}
