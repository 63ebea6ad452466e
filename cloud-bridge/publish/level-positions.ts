// How far the levels of each store are out, where several bridges share the stores: who takes some publishes the levels of
// what was posted since, and all of them where the broker lost what it kept (retained-marks.ts). A store has come as far as
// its entries did (FollowedTopics), once the levels of these are out.

import { partitionOf } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import { changedItemsOf } from "../ledger/changed-items.ts";
import type { Ledger } from "../ledger/types.ts";
import type { RetainedMarks } from "./retained-marks.ts";
import type { StockTopics } from "./stock-topics.ts";

export interface LevelPositionsOptions {
  readonly ledger: Pick<Ledger, "followers" | "entries">;
  readonly marks: RetainedMarks;
  readonly stock: StockTopics;
  /** How far the entries of stores came. */
  readonly entryPositions: () => Positions;
  /** Every store that is held. */
  readonly storeIds: () => Promise<string[]>;
  /** Whether plans wait, which the broker keeps too. */
  readonly arePlansBehind: () => boolean;
  readonly clock: Clock;
}
type Positions = readonly (readonly [storeId: string, number: number])[];

const follower = "level-topic";
/** Between two times that it is kept how far stores came. */
const saveIntervalMs = 5_000;
/** Between two looks whether what is published anew is out. */
const lookIntervalMs = 1_000;
const storeCountMax = 100_000;
/** Entries of a store whose levels one by one are less than all of them. */
const behindCountMax = 1_000;
/** Stores that are kept in one transaction. */
const saveStoreCountMax = 100;

/** What is out of the levels of this bridge's stores. */
export class LevelPositions {
  readonly #options: LevelPositionsOptions;
  readonly #saved = new Map<string, number>();
  /** How far stores had come when their partition began to be published anew. */
  readonly #begun = new Map<string, number>();
  /** How far stores came when some of their levels were not out yet. */
  #waiting: { readonly positions: Positions; readonly isOut: () => boolean } | undefined;

  constructor(options: LevelPositionsOptions) {
    this.#options = options;
  }

  /** Partitions came to this bridge. Resolves when it is known what is published of them, and that has begun. */
  async take(partitions: readonly number[]): Promise<void> {
    const { ledger, marks, stock, storeIds } = this.#options;
    const marked = await Promise.all(partitions.map((partition) => marks.ask(partition)));
    const lags = await ledger.followers.lags(follower, storeCountMax);
    const anew = new Set<number>();
    for (const [index, partition] of partitions.entries()) {
      const mark = marked[index];
      if (mark === undefined) continue;
      const behind = lags.filter(({ storeId }) => partitionOf(storeId) === partition);
      const isFar = behind.some(({ head, position }) => head - position > behindCountMax);
      const isKept = mark.isKept && !isFar;
      for (const { storeId, position, head } of behind) {
        if (isKept) await this.#readOn(storeId, position);
        else this.#begun.set(storeId, head);
      }
      if (!isKept) anew.add(partition);
      await marks.hold(partition, { ...mark, isKept });
    }
    if (anew.size > 0) {
      stock.republish((await storeIds()).filter((storeId) => anew.has(partitionOf(storeId))));
    }
  }

  /** Keeps how far stores are out, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let savedMs = clock.monotonicMs();
    let isOut: (() => boolean) | undefined;
    while (!signal.aborted) {
      await sleep(clock, lookIntervalMs, signal);
      isOut = await this.#finish(isOut);
      if (clock.monotonicMs() - savedMs < saveIntervalMs) continue;
      savedMs = clock.monotonicMs();
      await this.save(() => true);
    }
  }

  /** Keeps how far these stores are out. */
  async save(
    isOf: (storeId: string) => boolean,
    positions = this.#options.entryPositions(),
  ): Promise<void> {
    const { stock } = this.#options;
    if (this.#waiting?.isOut()) {
      await this.#keep(this.#waiting.positions.filter(([storeId]) => isOf(storeId)));
      this.#waiting = undefined;
    }
    const isOut = stock.taken();
    if (isOut()) await this.#keep(positions.filter(([storeId]) => isOf(storeId)));
    else this.#waiting ??= { positions, isOut };
  }

  /** Stores that another bridge publishes from now on. */
  release(isOf: (storeId: string) => boolean): void {
    for (const known of [this.#saved, this.#begun]) {
      for (const storeId of [...known.keys()]) if (isOf(storeId)) known.delete(storeId);
    }
  }

  async #readOn(storeId: string, afterEntryNumber: number): Promise<void> {
    const { ledger, stock } = this.#options;
    const query = { storeId, afterEntryNumber, countMax: behindCountMax };
    stock.onPosted({ changedItems: changedItemsOf(await ledger.entries(query)) });
  }

  /** Says of what is published anew that it is out; gives what tells so next time, where it is not. */
  async #finish(isOut: (() => boolean) | undefined): Promise<(() => boolean) | undefined> {
    const { marks, stock, arePlansBehind } = this.#options;
    if (marks.openCount === 0 || stock.isRepublishing || arePlansBehind()) return undefined;
    if (!isOut?.()) return isOut ?? stock.taken();
    await this.#keep([...this.#begun]);
    this.#begun.clear();
    await marks.finish();
    return undefined;
  }

  async #keep(positions: Positions): Promise<void> {
    const { ledger, marks } = this.#options;
    const known = positions.filter(
      ([storeId, number]) => marks.isKnown(storeId) && number > (this.#saved.get(storeId) ?? 0),
    );
    if (!(await marks.put(new Set(known.map(([storeId]) => partitionOf(storeId)))))) return;
    for (let first = 0; first < known.length; first += saveStoreCountMax) {
      const some = known.slice(first, first + saveStoreCountMax);
      await ledger.followers.advanceAll(follower, some);
      for (const [storeId, number] of some) this.#saved.set(storeId, number);
    }
  }
}
