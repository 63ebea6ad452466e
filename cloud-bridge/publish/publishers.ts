// All that is published after commits, as one part of the bridge.

import type { Entry } from "../../contract/stock.ts";
import { partitionOf } from "../../contract/topics.ts";
import { sleep } from "../clock.ts";
import { changedItemsOf } from "../ledger/changed-items.ts";
import type { AlertMessage } from "../ledger/sql-alerts.ts";
import { planFollower } from "../ledger/sql-plan-news.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { FollowedTopics, type FollowedTopicsOptions } from "./followed-topics.ts";
import { LevelPositions } from "./level-positions.ts";
import { PlanTopics, type PlanTopicsOptions } from "./plan-topics.ts";
import type { RetainedMarks } from "./retained-marks.ts";
import { SoldTopics, type SoldTopicsOptions } from "./sold-topics.ts";
import { StockTopics, type StockTopicsOptions } from "./stock-topics.ts";
import { alertSource, entrySource } from "./topic-sources.ts";

export interface PublishersOptions
  extends StockTopicsOptions,
    Omit<SoldTopicsOptions, "ledger" | "storeIds">,
    Omit<FollowedTopicsOptions, "ledger"> {
  readonly ledger: StockTopicsOptions["ledger"] &
    SoldTopicsOptions["ledger"] &
    PlanTopicsOptions["ledger"] &
    Pick<Ledger, "entries" | "followers" | "promisesChanged">;
  /** Where several bridges share the stores. */
  readonly marks?: RetainedMarks | undefined;
}

/** Partitions that are given away within this time are given away together. */
const releaseDelayMs = 50;

/** Stock levels, entries and alerts for consumers; what is sold for the exits, plans for the edges. */
export class Publishers {
  readonly #options: PublishersOptions;
  readonly #stock: StockTopics;
  readonly #entries: FollowedTopics<Entry>;
  readonly #alerts: FollowedTopics<AlertMessage>;
  readonly #sold: SoldTopics;
  readonly #plans: PlanTopics;
  readonly #levels: LevelPositions | undefined;
  #hasBeenOnline = false;
  #released: { readonly partitions: Set<number>; readonly done: Promise<void> } | undefined;

  constructor(options: PublishersOptions) {
    this.#options = options;
    const { ledger, marks, isHeld } = options;
    const isYoung = (storeId: string) => marks?.isYoung(storeId) ?? false;
    this.#stock = new StockTopics({ ...options, isYoung });
    const entries = entrySource(ledger, (read) =>
      this.#stock.onPosted({ changedItems: changedItemsOf(read) }),
    );
    this.#entries = new FollowedTopics(entries, options);
    this.#alerts = new FollowedTopics(alertSource(ledger), options);
    this.#sold = new SoldTopics(options);
    this.#plans = new PlanTopics({
      ...{ ...options, isYoung },
      isHeld: (storeId) => isHeld(storeId) && (marks?.isKnown(storeId) ?? true),
      isKept: (storeId) => marks?.isKept(storeId) ?? false,
      onPlaces: (storeId) => this.#stock.onPlaces(storeId),
      ...(marks && { savePlans: (versions) => this.#savePlans(versions) }),
    });
    this.#levels =
      marks &&
      new LevelPositions({
        ...{ ...options, marks, stock: this.#stock },
        entryPositions: () => this.#entries.positions(),
        arePlansBehind: () => this.#plans.isBehind,
      });
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

  /** Partitions came to this bridge: what the one before had not published goes out, or everything. */
  async onTaken(partitions: ReadonlySet<number>): Promise<void> {
    this.#look();
    await this.#levels?.take([...partitions]);
    this.#plans.onTaken();
    const storeIds = await this.#options.storeIds();
    this.#sold.onTaken(storeIds.filter((storeId) => partitions.has(partitionOf(storeId))));
  }

  /** A partition that another bridge will publish. Resolves when it can go on from here. */
  async release(partition: number): Promise<void> {
    const isOf = (storeId: string) => partitionOf(storeId) === partition;
    const saved = this.#saveReleased(partition);
    await Promise.all([saved, this.#entries.release(isOf), this.#alerts.release(isOf)]);
    for (const part of [this.#plans, this.#stock, this.#levels]) part?.release(isOf);
    this.#options.marks?.lose(partition);
  }

  /** Another bridge came or went: what it had posted is looked for, and said again what it may overwrite. */
  onMembers(hasCome: boolean): void {
    this.#look();
    if (!hasCome) return;
    this.#stock.onMembers();
    this.#plans.onMembers();
  }

  /**
   * The link came (back) online: the broker may have lost anything, so all levels and plans go out anew. Where several
   * bridges share the stores, what the broker has is asked of each partition that is taken; so not the first time.
   */
  async onOnline(): Promise<void> {
    const { marks } = this.#options;
    const isFirst = !this.#hasBeenOnline;
    this.#hasBeenOnline = true;
    this.#look();
    this.#sold.onOnline();
    if (isFirst && marks !== undefined) return;
    this.#stock.onOnline();
    this.#plans.onAnew(() => true);
    await marks?.begin(marks.held);
  }

  /** The same of some partitions: somebody says that the broker lost what it kept of them. */
  async onCleared(partition: number): Promise<void> {
    const isOf = (storeId: string) => partitionOf(storeId) === partition;
    await this.#options.marks?.begin([partition]);
    this.#stock.republish((await this.#options.storeIds()).filter(isOf));
    this.#plans.onAnew(isOf);
  }

  /** Publishes until `signal` aborts, then what still waits. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const parts = [this.#stock, this.#entries, this.#alerts, this.#sold, this.#plans];
    await Promise.all(
      [...parts, ...(this.#levels ? [this.#levels] : [])].map((part) => part.run(signal)),
    );
  }

  #look(): void {
    this.#entries.onOnline();
    this.#alerts.onOnline();
  }

  /** Of partitions that are given away together it is kept together how far they came. */
  #saveReleased(partition: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#released === undefined) {
      const partitions = new Set<number>();
      const positions = this.#entries.positions();
      const isOf = (storeId: string) => partitions.has(partitionOf(storeId));
      const save = async () => {
        await sleep(clock, releaseDelayMs, new AbortController().signal);
        this.#released = undefined;
        await this.#levels?.save(isOf, positions);
        await this.#plans.save(isOf);
      };
      this.#released = { partitions, done: save() };
    }
    this.#released.partitions.add(partition);
    return this.#released.done;
  }

  async #savePlans(versions: readonly (readonly [string, number])[]): Promise<boolean> {
    // Of a store whose places changed the levels go out first.
    if (!this.#stock.taken()()) return false;
    const partitions = new Set(versions.map(([storeId]) => partitionOf(storeId)));
    const isMarked = (await this.#options.marks?.put(partitions)) ?? false;
    if (isMarked) await this.#options.ledger.followers.advanceAll(planFollower, versions);
    return isMarked;
  }
}
