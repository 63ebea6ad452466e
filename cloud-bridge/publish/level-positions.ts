// How far the levels of each store are out, where several bridges share the stores: who takes some publishes the levels of
// what was posted since, and all of them where the broker lost what it kept (retained-marks.ts). A store has come as far as
// its entries did (FollowedTopics), once the levels of these are out.

import { partitionOf } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import { changedItemsOf } from "../ledger/changed-items.ts";
import type { Ledger } from "../ledger/types.ts";
import type { RetainedMarks, TakenMark } from "./retained-marks.ts";
import type { StockTopics } from "./stock-topics.ts";

export interface LevelPositionsOptions {
  readonly ledger: Pick<Ledger, "followers" | "entries" | "promisesChanged">;
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
/** By how much the clocks of two bridges may differ, and what was under way when it was kept. */
const clockDifferenceMsMax = 60_000;
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
    const asked = await Promise.all(partitions.map((partition) => marks.ask(partition)));
    const lags = await ledger.followers.lags(follower, storeCountMax);
    const lost = new Set(
      lags.flatMap(({ storeId, head, position }) =>
        head - position > behindCountMax ? partitionOf(storeId) : [],
      ),
    );
    const taken = asked.flatMap((mark) =>
      mark === undefined ? [] : { ...mark, isKept: mark.isKept && !lost.has(mark.partition) },
    );
    const kept = taken.filter(({ isKept }) => isKept);
    const isKept = isOneOf(kept);
    for (const { storeId, position, head } of lags) {
      if (isKept(storeId)) await this.#readOn(storeId, position);
      else if (isOneOf(taken)(storeId)) this.#begun.set(storeId, head);
    }
    await this.#readPromises(kept);
    for (const mark of taken) await marks.hold(mark);
    const isAnew = isOneOf(taken.filter((mark) => !mark.isKept));
    stock.republish((await storeIds()).filter(isAnew));
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

  /** Claims and limits change levels too, and leave no entry: those of the time since it was kept how far these came. */
  async #readPromises(kept: readonly TakenMark[]): Promise<void> {
    if (kept.length === 0) return;
    const { clock, ledger, stock } = this.#options;
    const savedAtMs = Math.min(...kept.map(({ number }) => number));
    const span = { sinceMs: savedAtMs - clockDifferenceMsMax, nowMs: clock.nowMs() };
    const isKept = isOneOf(kept);
    const changedItems = await ledger.promisesChanged(span);
    stock.onPosted({ changedItems: changedItems.filter(({ storeId }) => isKept(storeId)) });
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

/** Whether a store is of one of these partitions. */
function isOneOf(marks: readonly TakenMark[]): (storeId: string) => boolean {
  const partitions = new Set(marks.map(({ partition }) => partition));
  return (storeId) => partitions.has(partitionOf(storeId));
}
