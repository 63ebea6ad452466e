// One worker publishes a store: the one that holds its partition. Whoever posts for a store (HTTP, settlement, a batch that
// came late) tells the others, in a few words: that there are new entries or alerts, and which levels changed. What it cannot
// tell, as its session is down, waits until it can.

import { z } from "zod";
import { parsePayload } from "../../contract/payload.ts";
import { anyWord } from "../ledger/availability.ts";
import type { Posted } from "../ledger/types.ts";

const noticeSchema = z.object({
  from: z.string(),
  /** Stores with new entries or alerts. */
  stores: z.array(z.string()),
  /** Items whose level changed; `*`: all of a store. */
  items: z.array(z.tuple([z.string(), z.string()])),
});
type Notice = z.infer<typeof noticeSchema>;

/** Stores and items in one notice: it stays below the 8,000 bytes that PostgreSQL carries. */
const noticeLineCountMax = 100;
/** Items that wait to be told; beyond it they are dropped and counted, and their stores are told as a whole. */
const waitingItemCountMax = 10_000;

export interface RelayOptions {
  /** This worker's name among the others. */
  readonly workerId: string;
  readonly isHeld: (storeId: string) => boolean;
  /** To all workers; false where it could not be said. */
  readonly notify: (payload: string) => Promise<boolean>;
  /** To the topics of stores that are held. */
  readonly publishers: { onPosted(posted: Posted): void; onNews(storeId: string): void };
  /** Who listens to this worker over HTTP, to any store. */
  readonly feed: { onPosted(posted: Posted): void; onNews(storeId: string): void };
  readonly count: (name: string, by?: number) => void;
}

/** Between what is posted somewhere and what is published here. */
export class Relay {
  readonly #options: RelayOptions;
  /** What waits to be told. */
  readonly #stores = new Set<string>();
  readonly #items = new Map<string, [storeId: string, gtin: string]>();
  #isTelling = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Takes what this worker has committed; returns at once. */
  onPosted(posted: Posted): void {
    const { publishers, feed, isHeld } = this.#options;
    const isOwn = ({ storeId }: { storeId: string }) => isHeld(storeId);
    feed.onPosted(posted);
    publishers.onPosted({
      entries: posted.entries.filter(isOwn),
      changedItems: posted.changedItems.filter(isOwn),
      alerts: posted.alerts.filter(isOwn),
    });
    for (const { storeId } of [...posted.entries, ...posted.alerts]) this.#stores.add(storeId);
    for (const { storeId, gtin } of posted.changedItems) {
      if (!isHeld(storeId)) this.#items.set(`${storeId}/${gtin}`, [storeId, gtin]);
    }
    void this.#tell();
  }

  /** The session is a new one, or another worker came: tells what could not be told. */
  onMembers(): void {
    void this.#tell();
  }

  /** Takes a notice of a worker. */
  onNotice(payload: string): void {
    const { workerId, isHeld, publishers, feed, count } = this.#options;
    const notice = noticeSchema.safeParse(parsePayload(payload)).data;
    if (notice === undefined) count("relay_notices_invalid");
    if (notice === undefined || notice.from === workerId) return;
    for (const storeId of notice.stores) {
      feed.onNews(storeId);
      if (isHeld(storeId)) publishers.onNews(storeId);
    }
    const items = notice.items.filter(([storeId]) => isHeld(storeId));
    if (items.length === 0) return;
    const changedItems = items.map(([storeId, gtin]) => ({ storeId, gtin }));
    publishers.onPosted({ entries: [], changedItems, alerts: [] });
  }

  async #tell(): Promise<void> {
    const { workerId: from, notify, count } = this.#options;
    if (this.#items.size > waitingItemCountMax) this.#joinItems();
    if (this.#isTelling) return;
    this.#isTelling = true;
    let isTold = true;
    while (isTold && this.#stores.size + this.#items.size > 0) {
      const stores = [...this.#stores].slice(0, noticeLineCountMax);
      for (const storeId of stores) this.#stores.delete(storeId);
      const lines = [...this.#items].slice(0, noticeLineCountMax - stores.length);
      for (const [key] of lines) this.#items.delete(key);
      const notice: Notice = { from, stores, items: lines.map(([, item]) => item) };
      isTold = await notify(JSON.stringify(notice));
      count(isTold ? "relay_notices" : "relay_notices_failed");
      if (isTold) continue;
      // A level that a claim changed leaves no entry that anybody would look for.
      for (const storeId of stores) this.#stores.add(storeId);
      for (const [key, item] of lines) this.#items.set(key, item);
    }
    this.#isTelling = false;
  }

  #joinItems(): void {
    this.#options.count("relay_lines_dropped", this.#items.size);
    const storeIds = new Set([...this.#items.values()].map(([storeId]) => storeId));
    this.#items.clear();
    for (const storeId of storeIds) this.#items.set(`${storeId}/${anyWord}`, [storeId, anyWord]);
  }
}
