// What a score card is made of, and the figures of portals.

import type { PassageTruth } from "../../simulators/world/portal-scene.ts";
import { grouped } from "./grouped.ts";

/** What to score. */
export interface ScoreOptions {
  readonly seeds: readonly number[];
  readonly isWanted: (scenario: string) => boolean;
  /** SVG files go there. */
  readonly plotsFolder: string | undefined;
}

/** One line of a card; numbers carry their units in their names, undefined where there is none. */
export interface ScoreRow {
  readonly scenario: string;
  readonly method: string;
  readonly [figure: string]: string | number | undefined;
}

/** What a method said of one tag. */
export interface PortalDecision {
  readonly epc: string;
  readonly kind: "in" | "out" | "uncertain";
  readonly decidedAtMs: number;
  readonly confidence?: number | undefined;
}

/** Adds up what a method said of many days. */
export class PortalCard {
  #passageCount = 0;
  #rightCount = 0;
  #wrongWayCount = 0;
  #strangerCount = 0;
  #duplicateCount = 0;
  #uncertainCount = 0;
  #silentCount = 0;
  #idleCount = 0;
  #idleUncertainCount = 0;
  readonly #latenciesMs: number[] = [];

  /** Takes one day. */
  add(truth: readonly PassageTruth[], decisions: readonly PortalDecision[]): void {
    const byEpc = grouped(decisions, ({ epc }) => epc);
    for (const passage of truth) this.#take(passage, byEpc.get(passage.epc) ?? []);
  }

  #take(passage: PassageTruth, said: readonly PortalDecision[]): void {
    const moves = said.filter(({ kind }) => kind !== "uncertain");
    const isUncertain = said.length > moves.length;
    if (passage.crossedAtMs === undefined) {
      this.#strangerCount += moves.length;
      this.#idleCount += 1;
      if (isUncertain) this.#idleUncertainCount += 1;
      return;
    }
    this.#passageCount += 1;
    const right = moves.filter(({ kind }) => kind === passage.kind);
    const [first] = right;
    this.#duplicateCount += Math.max(0, right.length - 1);
    this.#wrongWayCount += moves.length - right.length;
    if (first !== undefined) {
      this.#rightCount += 1;
      this.#latenciesMs.push(first.decidedAtMs - passage.toAtMs);
    } else if (isUncertain) this.#uncertainCount += 1;
    else if (moves.length === 0) this.#silentCount += 1;
  }

  /** The figures so far. */
  row(scenario: string, method: string): ScoreRow {
    const moves =
      this.#rightCount + this.#wrongWayCount + this.#strangerCount + this.#duplicateCount;
    return {
      scenario,
      method,
      passageCount: this.#passageCount,
      precision: share(this.#rightCount, moves),
      recall: share(this.#rightCount, this.#passageCount),
      direction: share(this.#rightCount, this.#rightCount + this.#wrongWayCount),
      duplicateCount: this.#duplicateCount,
      falseCount: this.#strangerCount,
      wrongWayCount: this.#wrongWayCount,
      uncertainShare: share(this.#uncertainCount, this.#passageCount),
      silentShare: share(this.#silentCount, this.#passageCount),
      idleUncertainShare: share(this.#idleUncertainCount, this.#idleCount),
      latencyMsP50: quantile(this.#latenciesMs, 0.5),
      latencyMsP99: quantile(this.#latenciesMs, 0.99),
    };
  }
}

/** Rounded; undefined of nothing. */
export function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : Math.round((part / whole) * 1e5) / 1e5;
}

/** The value below which `part` of the values lie; undefined of none. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}
