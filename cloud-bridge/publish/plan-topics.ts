// Publishes the plan of each store, retained, to be kept by its edges. Only the bridge that holds a store does so, and one
// loop, so that no older plan follows a newer one; the loop asks the ledger for changes that it has not seen, so it does
// not matter who changed a plan, nor whether that one lives on to tell.

import { topics } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import type { PlanNews } from "../ledger/sql-plan-news.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";

export interface PlanTopicsOptions {
  readonly ledger: Pick<Ledger, "plan" | "planNews">;
  readonly isHeld: (storeId: string) => boolean;
  /** Whether the broker has what the ledger says was published of a store; by default not. */
  readonly isKept?: (storeId: string) => boolean;
  /** Whether another bridge that had a store until lately may still publish it (retained-marks.ts). */
  readonly isYoung?: (storeId: string) => boolean;
  /** Other places count in a store's levels; resolves when these are on their way. */
  readonly onPlaces?: (storeId: string) => Promise<void>;
  /** Keeps which versions were published; false where that must wait. */
  readonly savePlans?: (versions: readonly (readonly [string, number])[]) => Promise<boolean>;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly clock: Clock;
}

/** Between two looks at what changed. */
const lookIntervalMs = 1000;
/** Between two looks at all plans, although nobody said that one changed. */
const allIntervalMs = 600_000;
/** Changes that are read in one go. */
const newsCountMax = 1000;
/** Between two times that it is kept what was published. */
const saveIntervalMs = 5_000;

/** The publisher of plans. */
export class PlanTopics {
  readonly #options: PlanTopicsOptions;
  /** By store, the version that the broker took last from this bridge. */
  readonly #published = new Map<string, number>();
  /** Of them those that are not kept yet. */
  readonly #unsaved = new Map<string, number>();
  readonly #due = new Map<string, PlanNews>();
  /** Those that go out again whatever the broker has. */
  readonly #repeated = new Set<string>();
  #seenNumber = 0;
  #allAtMs = 0;
  #savedMs = 0;

  constructor(options: PlanTopicsOptions) {
    this.#options = options;
  }

  /** Whether there are plans that the broker has not taken yet. */
  get isBehind(): boolean {
    return this.#due.size > 0 || this.#allAtMs === 0;
  }

  /** The broker may have something older of these stores. */
  onAnew(isOf: (storeId: string) => boolean): void {
    for (const storeId of [...this.#published.keys()]) {
      if (isOf(storeId)) this.#published.delete(storeId);
    }
    this.#allAtMs = 0;
  }

  /** Stores came to this bridge. */
  onTaken(): void {
    this.#allAtMs = 0;
  }

  /** Another bridge came back: what it had on its way may be older than what went out here. */
  onMembers(): void {
    for (const storeId of this.#published.keys()) {
      if (this.#options.isYoung?.(storeId)) this.#repeated.add(storeId);
    }
    this.#allAtMs = 0;
  }

  /** Publishes until `signal` aborts, then what changed since. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#savedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await this.#look();
      if (clock.monotonicMs() - this.#savedMs >= saveIntervalMs) await this.save(() => true);
      await sleep(clock, lookIntervalMs, signal);
    }
    await this.#look();
    await this.save(() => true);
  }

  /** Keeps which versions were published of these stores. */
  async save(isOf: (storeId: string) => boolean): Promise<void> {
    const { clock, savePlans } = this.#options;
    this.#savedMs = clock.monotonicMs();
    const versions = [...this.#unsaved].filter(([storeId]) => isOf(storeId));
    if (savePlans !== undefined && versions.length > 0 && !(await savePlans(versions))) return;
    for (const [storeId, version] of versions) {
      if (this.#unsaved.get(storeId) === version) this.#unsaved.delete(storeId);
    }
  }

  /** Stores that another bridge publishes from now on. */
  release(isOf: (storeId: string) => boolean): void {
    for (const known of [this.#published, this.#unsaved, this.#due, this.#repeated]) {
      for (const storeId of [...known.keys()]) if (isOf(storeId)) known.delete(storeId);
    }
  }

  async #look(): Promise<void> {
    const { clock, ledger, link } = this.#options;
    if (!link.isOnline) return;
    if (clock.monotonicMs() >= this.#allAtMs) {
      this.#allAtMs = clock.monotonicMs() + allIntervalMs;
      this.#take(await ledger.planNews());
    }
    for (;;) {
      const query = { afterNumber: this.#seenNumber, countMax: newsCountMax };
      const news = await ledger.planNews(query);
      this.#take(news);
      if (news.length < newsCountMax) break;
    }
    for (const [storeId, news] of [...this.#due]) {
      if (!link.isOnline) return;
      if (await this.#publish(news)) this.#due.delete(storeId);
    }
  }

  #take(news: readonly PlanNews[]): void {
    const { isHeld } = this.#options;
    for (const each of news) {
      this.#seenNumber = Math.max(this.#seenNumber, each.changeNumber);
      if (!isHeld(each.storeId)) continue;
      if (this.#publishedOf(each) !== each.version) this.#due.set(each.storeId, each);
    }
  }

  /** The version that the broker has of a store. */
  #publishedOf({ storeId, publishedVersion }: PlanNews): number {
    if (this.#repeated.has(storeId)) return 0;
    const isKept = this.#options.isKept?.(storeId) ?? false;
    return this.#published.get(storeId) ?? (isKept ? publishedVersion : 0);
  }

  /** Publishes one; false where it is to be tried again. */
  async #publish(news: PlanNews): Promise<boolean> {
    const { storeId, placesVersion } = news;
    const { ledger, isHeld, link, onPlaces } = this.#options;
    const plan = await ledger.plan(storeId);
    // It may have gone to another bridge meanwhile.
    if (plan === undefined || !isHeld(storeId)) return true;
    if (placesVersion > this.#publishedOf(news)) await onPlaces?.(storeId);
    const message = { topic: topics.plan(storeId), payload: JSON.stringify(plan), retain: true };
    if (!(await link.publish(message))) return false;
    this.#repeated.delete(storeId);
    this.#published.set(storeId, plan.version);
    this.#unsaved.set(storeId, plan.version);
    return true;
  }
}
