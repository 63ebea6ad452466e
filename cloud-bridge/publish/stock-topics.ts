// Tells the world what changed: after each commit the stock levels of the items it touched (entries and alerts:
// topic-sources.ts). A level is re-read when it is published, so that the newest wins and a
// revision never goes back; one loop does all of it, so that no two messages race on a topic. Posting
// never waits for it.

import type { StockLevel } from "../../contract/stock.ts";
import { topics } from "../../contract/topics.ts";
import type { Clock } from "../clock.ts";
import { anyWord } from "../ledger/availability.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";
import { Waker } from "../waker.ts";

export interface StockTopicsOptions {
  readonly ledger: Pick<Ledger, "stockLevels">;
  /** Every store that the ledger knows. */
  readonly storeIds: () => Promise<string[]>;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly clock: Clock;
  readonly count: (name: string, by?: number) => void;
  /** Whether another bridge that had a store until lately may still publish it (retained-marks.ts). */
  readonly isYoung?: (storeId: string) => boolean;
  /** Pause after each page when all levels are published anew. */
  readonly republishPauseMs: number;
}

/** Messages on the way to the broker at the same time, and levels read in one go. */
const windowCount = 100;
const pageCount = 200;
/** Items that wait for their level; beyond it everything is published anew instead. */
const changedCountMax = 100_000;
const retryDelayMs = 250;
/** How long what waits at the stop may take; they go out anew at the next start. */
const drainMsMax = 5_000;

/** An item whose level is to go out; `ticket`: by which report, counted from the first one. */
interface Changed {
  readonly storeId: string;
  readonly gtin: string;
  readonly ticket: number;
}

/** The publisher of stock levels. */
export class StockTopics {
  readonly #options: StockTopicsOptions;
  readonly #changed = new Map<string, Changed>();
  /** On their way to the broker. */
  #sending: readonly Changed[] = [];
  #ticket = 0;
  /** Those that went out while their store was young here. */
  readonly #young = new Map<string, Omit<Changed, "ticket">>();
  #isRepublishAsked = false;
  /** Some were let go: until all levels are published anew, it is not known which are out. */
  #hasOverflown = false;
  /** What is left of publishing all levels anew: stores, and the last GTIN of the first one. */
  #republish: { storeIds: string[]; afterGtin?: string; notBeforeMs: number } | undefined;
  readonly #waker: Waker;

  constructor(options: StockTopicsOptions) {
    this.#options = options;
    this.#waker = new Waker(options.clock);
  }

  /** Levels that wait. */
  get waitingCount(): number {
    return this.#changed.size;
  }

  /** Whether levels are being published anew. */
  get isRepublishing(): boolean {
    return this.#isRepublishAsked || this.#republish !== undefined;
  }

  /** Gives what tells whether all that was taken until now is out. */
  taken(): () => boolean {
    const last = this.#ticket;
    const isOut = ({ ticket }: Changed) => ticket > last;
    return () =>
      !this.#hasOverflown && this.#sending.every(isOut) && [...this.#changed.values()].every(isOut);
  }

  /** Takes what was committed, in order; returns at once. */
  onPosted({ changedItems }: Pick<Posted, "changedItems">): void {
    for (const item of changedItems) {
      if (item.gtin === anyWord) this.republish([item.storeId]);
      else this.#change(item);
    }
    if (this.#changed.size > changedCountMax) {
      this.#options.count("publish_levels_overflow");
      this.#changed.clear();
      this.#hasOverflown = true;
      this.#isRepublishAsked = true;
    }
    this.#waker.wake();
  }

  /** Another bridge came back: what it had on its way may be older than what went out here. */
  onMembers(): void {
    this.onPosted({ changedItems: [...this.#young.values()].filter(this.#isYoung) });
    this.#young.clear();
  }

  /** Takes all levels of a store as changed. Rejects when the ledger cannot be read. */
  async onPlaces(storeId: string): Promise<void> {
    let page: StockLevel[] = [];
    do {
      const last = page.at(-1);
      const after = last === undefined ? {} : { afterGtin: last.gtin };
      const { clock, ledger } = this.#options;
      const query = { storeId, ...after, countMax: pageCount, nowMs: clock.nowMs() };
      page = await ledger.stockLevels(query);
      this.onPosted({ changedItems: page });
    } while (page.length === pageCount);
  }

  /** All levels of these stores are to go out anew. */
  republish(storeIds: readonly string[]): void {
    this.#republish ??= { storeIds: [], notBeforeMs: 0 };
    const waiting = new Set(this.#republish.storeIds.slice(1));
    const more = storeIds.filter((storeId) => !waiting.has(storeId));
    this.#republish.storeIds.push(...more);
    this.#waker.wake();
  }

  /** Stores that another bridge publishes from now on. */
  release(isOf: (storeId: string) => boolean): void {
    for (const [key, { storeId }] of this.#changed) if (isOf(storeId)) this.#changed.delete(key);
    const republish = this.#republish;
    if (republish === undefined) return;
    const [first] = republish.storeIds;
    if (first !== undefined && isOf(first)) delete republish.afterGtin;
    republish.storeIds = republish.storeIds.filter((storeId) => !isOf(storeId));
  }

  /** The link came (back) online: the broker may have lost what it kept, so all levels go out anew. */
  onOnline(): void {
    this.#isRepublishAsked = true;
    this.#waker.wake();
  }

  /**
   * Publishes until `signal` aborts, and then what still waits, for a bounded time and as long as the broker takes it.
   * Rejects when the ledger cannot be read.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { link } = this.#options;
      const isFine = !link.isOnline || (await this.#step());
      if (!isFine) await this.#waker.rest(retryDelayMs, signal);
      else if (!link.isOnline || !this.#hasWork()) await this.#waker.rest(this.#restMs(), signal);
    }
    this.#republish = undefined;
    this.#isRepublishAsked = false;
    const { clock, count, link } = this.#options;
    const untilMs = clock.monotonicMs() + drainMsMax;
    const hasTime = () => clock.monotonicMs() < untilMs;
    while (this.waitingCount > 0 && hasTime() && link.isOnline && (await this.#step()));
    if (this.waitingCount > 0) count("publish_left_at_stop", this.waitingCount);
  }

  #hasWork(): boolean {
    const isPageDue = this.#republish !== undefined && this.#restMs() <= 0;
    return this.waitingCount > 0 || this.#isRepublishAsked || isPageDue;
  }

  #restMs(): number {
    if (this.#republish === undefined) return Number.POSITIVE_INFINITY;
    return this.#republish.notBeforeMs - this.#options.clock.monotonicMs();
  }

  /** One round of each; false when the broker did not take everything. */
  async #step(): Promise<boolean> {
    if (!(await this.#publishChanged())) return false;
    return await this.#publishPage();
  }

  async #publishChanged(): Promise<boolean> {
    const items = [...this.#changed.values()].slice(0, windowCount);
    this.#sending = items;
    for (const { storeId, gtin } of items) this.#changed.delete(`${storeId}/${gtin}`);
    const levels: StockLevel[] = [];
    const nowMs = this.#options.clock.nowMs();
    for (const { storeId, gtin } of items) {
      levels.push(
        ...(await this.#options.ledger.stockLevels({ storeId, gtin, countMax: 1, nowMs })),
      );
    }
    const isFine = await this.#publishLevels(levels);
    this.#sending = [];
    return isFine;
  }

  async #publishPage(): Promise<boolean> {
    const { clock, ledger, republishPauseMs, storeIds } = this.#options;
    if (this.#isRepublishAsked) {
      this.#isRepublishAsked = false;
      this.#republish = { storeIds: await storeIds(), notBeforeMs: 0 };
    }
    const republish = this.#republish;
    if (republish === undefined || this.#restMs() > 0) return true;
    const storeId = republish.storeIds[0];
    if (storeId === undefined) {
      this.#republish = undefined;
      if (!this.#isRepublishAsked) this.#hasOverflown = false;
      return true;
    }
    const { afterGtin } = republish;
    const after = afterGtin === undefined ? {} : { afterGtin };
    const page = { storeId, ...after, countMax: pageCount, nowMs: clock.nowMs() };
    const levels = await ledger.stockLevels(page);
    const last = levels.at(-1);
    // It may have gone to another bridge meanwhile.
    if (republish.storeIds[0] !== storeId) return true;
    if (last === undefined || levels.length < pageCount) {
      republish.storeIds.shift();
      delete republish.afterGtin;
    } else {
      republish.afterGtin = last.gtin;
    }
    republish.notBeforeMs = clock.monotonicMs() + republishPauseMs;
    return await this.#publishLevels(levels);
  }

  async #publishLevels(levels: readonly StockLevel[]): Promise<boolean> {
    const messages = levels.map((level) => {
      const topic = topics.stock(level.storeId, level.gtin);
      return { topic, payload: JSON.stringify(level), retain: true };
    });
    const taken = await this.#publish(messages);
    const tickets = new Map(
      this.#sending.map(({ storeId, gtin, ticket }) => [`${storeId}/${gtin}`, ticket]),
    );
    for (const [index, { storeId, gtin }] of levels.entries()) {
      const key = `${storeId}/${gtin}`;
      if (!taken[index]) this.#change({ storeId, gtin }, tickets.get(key));
      else if (this.#isYoung({ storeId }) && this.#young.size < changedCountMax) {
        this.#young.set(key, { storeId, gtin });
      }
    }
    return !taken.includes(false);
  }

  readonly #isYoung = ({ storeId }: { storeId: string }) =>
    this.#options.isYoung?.(storeId) ?? false;

  /** `ticket`: of one that did not go out. */
  #change(item: { storeId: string; gtin: string }, ticket?: number): void {
    const { storeId, gtin } = item;
    const key = `${storeId}/${gtin}`;
    const waiting = this.#changed.get(key);
    // The report that came first counts: its level is read when it goes out.
    if (waiting !== undefined && waiting.ticket <= (ticket ?? waiting.ticket)) return;
    this.#changed.set(key, { storeId, gtin, ticket: ticket ?? ++this.#ticket });
  }

  async #publish(messages: readonly OutgoingMessage[]): Promise<boolean[]> {
    if (messages.length === 0) return [];
    const { count, link } = this.#options;
    const taken = await Promise.all(messages.map((message) => link.publish(message)));
    count("publish_messages", taken.filter(Boolean).length);
    return taken;
  }
}
