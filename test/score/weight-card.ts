// The figures of weight shelves: what a method said of each change of stock, and what it has counted in the end.

import type { ShelfDay, ShelfTruth } from "../../simulators/world/shelf-day.ts";
import { quantile, type ScoreRow, share } from "./card.ts";

/** What a method said: a movement, or that it cannot tell (no product). */
export interface ShelfDecision {
  /** Undefined where one cell carries all columns. */
  readonly column: number | undefined;
  readonly gtin: string | undefined;
  /** Negative for what was taken. */
  readonly quantity: number;
  readonly occurredAtMs: number;
  readonly decidedAtMs: number;
}

/** What a method made of a day. */
export interface ShelfSaid {
  readonly decisions: readonly ShelfDecision[];
  /** Differences that a count of its own posted, by `column/gtin`. */
  readonly corrections: ReadonlyMap<string, number>;
}

/** Of one weight at rest, and of a cell's slope: about the middle of the judging worlds. */
const sensorSdGrams = 2;
const gainSdShare = 0.0025;
/** How far a movement's time may be off. */
const toleranceMs = 4_000;

/** Adds up days. */
export class WeightCard {
  #truthCount = 0;
  #saidCount = 0;
  #rightCount = 0;
  #uncertainCount = 0;
  #columnCount = 0;
  #exactCount = 0;
  #alikeCount = 0;
  readonly #latenciesMs: number[] = [];

  add(day: ShelfDay, { decisions, corrections }: ShelfSaid, hasCellPerColumn: boolean): void {
    const left = decisions.filter(({ gtin }) => gtin !== undefined);
    const unsure = decisions.filter(({ gtin }) => gtin === undefined);
    this.#saidCount += left.length;
    for (const truth of mergedTruth(day.truth, hasCellPerColumn)) {
      if (truth.quantity === 0) continue;
      this.#truthCount += 1;
      const isNear = (said: ShelfDecision) =>
        (said.column === undefined || said.column === truth.column) &&
        said.occurredAtMs >= truth.atMs - toleranceMs &&
        said.occurredAtMs <= truth.endMs + toleranceMs;
      // Several units, put down one by one, may be said one by one.
      const parts = left.filter((said) => isNear(said) && said.gtin === truth.gtin);
      const whole = parts.find(({ quantity }) => quantity === truth.quantity);
      const sum = parts.reduce((total, { quantity }) => total + quantity, 0);
      const right = whole !== undefined ? [whole] : sum === truth.quantity ? parts : [];
      if (right.length > 0) {
        for (const said of right) left.splice(left.indexOf(said), 1);
        this.#saidCount -= right.length - 1;
        this.#rightCount += 1;
        this.#latenciesMs.push(right.at(-1)!.decidedAtMs - truth.endMs);
      } else if (unsure.some(isNear)) this.#uncertainCount += 1;
    }
    if (hasCellPerColumn) this.#countColumns(day, decisions, corrections);
  }

  #countColumns(
    day: ShelfDay,
    decisions: readonly ShelfDecision[],
    corrections: ReadonlyMap<string, number>,
  ): void {
    const counts = new Map(day.before);
    const add = (key: string, by: number) => counts.set(key, (counts.get(key) ?? 0) + by);
    for (const { column, gtin, quantity } of decisions) {
      if (gtin !== undefined) add(`${column}/${gtin}`, quantity);
    }
    for (const [key, by] of corrections) add(key, by);
    const columns = new Set([...day.before.keys()].map((key) => key.split("/")[0]!));
    for (const column of columns) {
      const keys = new Set(
        [...counts.keys(), ...day.after.keys()].filter((key) => key.startsWith(`${column}/`)),
      );
      const isExact = [...keys].every(
        (key) => (counts.get(key) ?? 0) === (day.after.get(key) ?? 0),
      );
      this.#columnCount += 1;
      if (isExact) this.#exactCount += 1;
      else if (weighsAlike(day, counts, keys)) this.#alikeCount += 1;
    }
  }

  /** The figures so far. */
  row(scenario: string, method: string): ScoreRow {
    const [precision, recall] = [
      share(this.#rightCount, this.#saidCount),
      share(this.#rightCount, this.#truthCount),
    ];
    const sum = (precision ?? 0) + (recall ?? 0);
    return {
      scenario,
      method,
      eventCount: this.#truthCount,
      precision,
      recall,
      f1Share: sum === 0 ? undefined : (2 * (precision ?? 0) * (recall ?? 0)) / sum,
      /** Said, and nothing of it was. */
      falseCount: this.#saidCount - this.#rightCount,
      wrongShare: share(this.#saidCount - this.#rightCount, this.#truthCount),
      uncertainShare: share(this.#uncertainCount, this.#truthCount),
      columnAccuracy: share(this.#exactCount, this.#columnCount),
      columnsAlikeShare: share(this.#alikeCount, this.#columnCount),
      latencyMsP50: quantile(this.#latenciesMs, 0.5),
      latencyMsP99: quantile(this.#latenciesMs, 0.99),
    };
  }
}

/** Whether what was said of a column weighs as much as what is true, within two standard deviations: no scale tells them apart. */
function weighsAlike(
  { plan, after }: ShelfDay,
  said: ReadonlyMap<string, number>,
  keys: ReadonlySet<string>,
): boolean {
  let differenceGrams = 0;
  let loadGrams = 0;
  let variance = 2 * sensorSdGrams ** 2;
  for (const key of keys) {
    const product = plan.products.find(({ gtin }) => key.endsWith(`/${gtin}`));
    const { unitWeightGrams = 0, unitWeightSdGrams = 0 } = product ?? {};
    const trueCount = after.get(key) ?? 0;
    const moreCount = (said.get(key) ?? 0) - trueCount;
    differenceGrams += moreCount * unitWeightGrams;
    loadGrams += trueCount * unitWeightGrams;
    variance += Math.abs(moreCount) * unitWeightSdGrams ** 2;
  }
  const sdGrams = Math.sqrt(variance + (loadGrams * gainSdShare) ** 2);
  return Math.abs(differenceGrams) < 2 * sdGrams;
}

/** Changes of one product at one column that a scale cannot have told apart: what it sees is their sum. */
function mergedTruth(truth: readonly ShelfTruth[], hasCellPerColumn: boolean): ShelfTruth[] {
  const merged: ShelfTruth[] = [];
  for (const each of [...truth].sort((one, other) => one.atMs - other.atMs)) {
    const at = merged.findIndex(
      (other) =>
        other.column === each.column && other.gtin === each.gtin && each.atMs - other.endMs < 1_500,
    );
    const same = hasCellPerColumn && at >= 0 ? merged[at] : undefined;
    if (same === undefined) merged.push(each);
    else {
      merged[at] = {
        ...same,
        endMs: Math.max(same.endMs, each.endMs),
        quantity: same.quantity + each.quantity,
      };
    }
  }
  return merged;
}
