// A stretch of a fleet's trade at one rate, and what is measured in it: offered, accepted, waiting, how fast.

import type { Random } from "../random.ts";
import { Latencies } from "./latencies.ts";

/** A burst between two stretches at the usual rate. */
export interface BurstOptions {
  /** So many times the usual rate. */
  readonly factor: number;
  readonly durationMs: number;
  /** At the usual rate before anything is measured: programs that just started are slow. */
  readonly warmUpMs: number;
  /** How long the backlog may take to be back where it was. */
  readonly recoverMsMax: number;
  /** Told of each stretch when it begins. */
  readonly onSpan?: (name: SpanName) => void;
}

/** The stretches of a burst in their order; without one there is only `before`. */
export const spanNames = ["warm_up", "before", "burst", "recovery", "after"] as const;
export type SpanName = (typeof spanNames)[number];

/** How it went in one stretch. */
export interface SpanReport {
  readonly name: SpanName;
  readonly durationMs: number;
  readonly offeredPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly acknowledgedPerSecond: number;
  /** An edge has one batch in flight, so what waits makes the next one larger. */
  readonly eventsPerBatch: number;
  /** Events accepted and not acknowledged: at nearly all times (99 %) no more than `usual`. */
  readonly waitingCountUsual: number;
  readonly waitingCountMax: number;
  /** Of the events accepted in it, whenever they were acknowledged. */
  readonly latencyMsP50: number | null;
  readonly latencyMsP99: number | null;
  readonly latencyMsMax: number;
}

/** Totals of a fleet since its start. */
export interface FleetTotals {
  readonly offeredCount: number;
  readonly acceptedCount: number;
  readonly acknowledgedCount: number;
  readonly batchCount: number;
}

/** One stretch. */
export class Span {
  readonly name: SpanName;
  readonly startedMs: number;
  readonly latencies: Latencies;
  readonly #before: FleetTotals;
  readonly #waitingCounts: number[] = [];
  #durationMs = 0;
  #totals: FleetTotals;

  constructor(name: SpanName, startedMs: number, totals: FleetTotals, random: Random) {
    this.name = name;
    this.startedMs = startedMs;
    this.latencies = new Latencies(random);
    this.#before = totals;
    this.#totals = totals;
  }

  /** Takes how it stands; the last one before the stretch ends is its end. */
  look(nowMs: number, totals: FleetTotals): void {
    this.#durationMs = nowMs - this.startedMs;
    this.#totals = totals;
    this.#waitingCounts.push(waitingCountOf(totals));
  }

  /** What waits nearly always at most: chance piles up a few events now and then. */
  get waitingCountUsual(): number {
    const sorted = this.#waitingCounts.toSorted((left, right) => left - right);
    return sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0;
  }

  report(): SpanReport {
    const passed = (name: keyof FleetTotals) => this.#totals[name] - this.#before[name];
    const perSecond = (count: number) => Math.round((count * 1000) / this.#durationMs);
    const eventsPerBatch = passed("acknowledgedCount") / Math.max(1, passed("batchCount"));
    return {
      name: this.name,
      durationMs: Math.round(this.#durationMs),
      offeredPerSecond: perSecond(passed("offeredCount")),
      acceptedPerSecond: perSecond(passed("acceptedCount")),
      acknowledgedPerSecond: perSecond(passed("acknowledgedCount")),
      eventsPerBatch: Math.round(eventsPerBatch * 10) / 10,
      waitingCountUsual: this.waitingCountUsual,
      waitingCountMax: this.#waitingCounts.reduce((most, count) => Math.max(most, count), 0),
      ...this.latencies.percentiles(),
    };
  }
}

/** Events accepted and not acknowledged. */
export function waitingCountOf({ acceptedCount, acknowledgedCount }: FleetTotals): number {
  return acceptedCount - acknowledgedCount;
}
