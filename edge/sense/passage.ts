// One tag on its way through a portal: which side's antennas saw it, when, how often, and in which
// order. Knows nothing of locations or time-outs.

import type { TagReading } from "../../contract/reading.ts";

/** One side of a portal. */
export type Side = "a" | "b";

/** What a passage must show before it counts as a movement. */
export interface PassageFloors {
  /** Reads on each side. */
  readonly readCountMin: number;
  /** From the first read to the last. */
  readonly spanMsMin: number;
}

/**
 * What a passage was: `moved`; `uncertain` (both sides saw it, but too little, too mixed, or the last read
 * contradicts the rest); `thin` (hardly a read on each side: noise); `stayed` (one side, or turned back).
 */
export type Verdict = "moved" | "uncertain" | "thin" | "stayed";

/** From this order on the sides were passed one after the other; a tag that stands between them has 0.5. */
const orderMin = 0.7;
/** From this order on a tag that now stands had been carried through before. */
const standingOrderMin = 0.95;
/** From this order on a passage that seems to end where it began did not. */
const contradictionOrderMin = 0.8;

/** The reads of one tag between two silences. */
export class Passage {
  /** When the tag's stay at the portal began; this passage may be a later part of it. */
  staySinceMs: number;
  readonly isFirstOfStay: boolean;
  firstAtMs: number;
  lastAtMs: number;
  /** Middle between the last read of the first run on the first side and the first on the other. */
  changeAtMs: number | undefined;
  readonly firstSide: Side;
  lastSide: Side;
  readonly reads: Record<Side, number> = { a: 0, b: 0 };
  readonly rssiDbmMax: Record<Side, number> = { a: -150, b: -150 };
  /** Pairs of a read on the first side and a later one on the other. */
  #orderedPairs = 0;

  constructor(firstSide: Side, atMs: number, staySinceMs = atMs) {
    this.isFirstOfStay = staySinceMs === atMs;
    this.staySinceMs = staySinceMs;
    this.firstAtMs = atMs;
    this.lastAtMs = atMs;
    this.firstSide = firstSide;
    this.lastSide = firstSide;
  }

  /** Adds a reading; times never go back. */
  add(side: Side, reading: TagReading): void {
    const { receivedAtMs, rssiDbm, count = 1 } = reading;
    if (side !== this.firstSide) {
      this.changeAtMs ??= Math.round((this.lastAtMs + receivedAtMs) / 2);
      this.#orderedPairs += count * this.reads[this.firstSide];
    }
    this.reads[side] += count;
    this.rssiDbmMax[side] = Math.max(this.rssiDbmMax[side], rssiDbm);
    this.lastSide = side;
    this.lastAtMs = receivedAtMs;
  }

  /** Share of pairs of reads, one of each side, that come in the order of the passage; 0 for one side. */
  get order(): number {
    const pairs = this.reads.a * this.reads.b;
    return pairs === 0 ? 0 : this.#orderedPairs / pairs;
  }

  /**
   * How far the passage is to be believed: its order, less what few reads leave to chance (a half for
   * one on the weaker side, a quarter for two). A ranking, not a calibrated probability.
   */
  get confidence(): number {
    const weaker = Math.min(this.reads.a, this.reads.b);
    return Math.round(this.order * (1 - 2 ** -weaker) * 1000) / 1000;
  }

  /** What the passage was, if it is over. */
  judge({ readCountMin, spanMsMin }: PassageFloors): Verdict {
    if (this.changeAtMs === undefined) return "stayed";
    const isEnough =
      Math.min(this.reads.a, this.reads.b) >= readCountMin &&
      this.lastAtMs - this.firstAtMs >= spanMsMin;
    if (this.firstSide === this.lastSide) {
      return isEnough && this.order >= contradictionOrderMin ? "uncertain" : "stayed";
    }
    if (isEnough && this.order >= orderMin) return "moved";
    return this.reads.a + this.reads.b >= readCountMin ? "uncertain" : "thin";
  }

  /** Whether its tag, which has stood here for long, was first carried through. */
  wasCarriedThrough(floors: PassageFloors): boolean {
    return this.judge(floors) === "moved" && this.order >= standingOrderMin;
  }

  /** What an event shows of it. */
  evidence(): Record<string, number | string> {
    return {
      firstSide: this.firstSide,
      lastSide: this.lastSide,
      readsA: this.reads.a,
      readsB: this.reads.b,
      rssiDbmMaxA: this.rssiDbmMax.a,
      rssiDbmMaxB: this.rssiDbmMax.b,
      spanMs: this.lastAtMs - this.firstAtMs,
      order: Math.round(this.order * 1000) / 1000,
    };
  }

  /** Moves all its times. */
  shiftTime(byMs: number): void {
    this.staySinceMs += byMs;
    this.firstAtMs += byMs;
    this.lastAtMs += byMs;
    if (this.changeAtMs !== undefined) this.changeAtMs += byMs;
  }
}
