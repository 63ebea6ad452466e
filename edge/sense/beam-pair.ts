// Two light beams across a doorway, one behind the other: who breaks the first one first and clears the second one
// last went through; who clears last what he broke first turned back. Several may be in the doorway at once, so each
// clearing is held against the breaks of the other beam, one by one. Pure: edges in, crossings out.

import type { Side } from "./passage-window.ts";

/** Somebody went through. */
export interface Crossing {
  /** The side that was left. */
  readonly from: Side;
  /** Half-way between the first break and the last clearing. */
  readonly atMs: number;
}

/** A beam was broken from when to when. */
interface Break {
  fromMs: number;
  toMs: number;
}

/** The first beam is free for less than this when the second one is broken by the same person. */
const betweenMsMax = 1_000;
/** Breaks of a beam that are remembered: so many may follow each other in one doorway. */
const breakCountMax = 8;

class Beam {
  brokenSinceMs: number | undefined;
  readonly breaks: Break[] = [];

  clear(toMs: number): Break | undefined {
    if (this.brokenSinceMs === undefined) return undefined;
    const one = { fromMs: this.brokenSinceMs, toMs };
    this.brokenSinceMs = undefined;
    return one;
  }

  remember(one: Break): void {
    this.breaks.push(one);
    if (this.breaks.length > breakCountMax) this.breaks.shift();
  }
}

/** The beams of one doorway. */
export class BeamPair {
  readonly #beams = { a: new Beam(), b: new Beam() };

  /** Since when a beam is broken, the longer one; Infinity where both are free. */
  get brokenSinceMs(): number {
    const { a, b } = this.#beams;
    return Math.min(a.brokenSinceMs ?? Infinity, b.brokenSinceMs ?? Infinity);
  }

  /** Takes an edge; times hardly ever go back. Gives the crossing that is over with it. */
  edge(side: Side, isBroken: boolean, atMs: number): Crossing | undefined {
    const beam = this.#beams[side];
    if (isBroken) {
      beam.brokenSinceMs ??= atMs;
      return undefined;
    }
    const last = beam.clear(atMs);
    if (last === undefined) return undefined;
    const from = side === "a" ? "b" : "a";
    const first = this.#beams[from].breaks.findLast(
      ({ fromMs, toMs }) =>
        fromMs < last.fromMs && toMs < last.toMs && toMs > last.fromMs - betweenMsMax,
    );
    if (first !== undefined) return { from, atMs: (first.fromMs + last.toMs) / 2 };
    // One who left by this beam did not come in by it: only what was no crossing may begin one.
    beam.remember(last);
    return undefined;
  }

  /** What was broken is not known any more: their device was away. */
  clear(): void {
    for (const beam of [this.#beams.a, this.#beams.b]) {
      beam.brokenSinceMs = undefined;
      beam.breaks.length = 0;
    }
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    for (const beam of [this.#beams.a, this.#beams.b]) {
      if (beam.brokenSinceMs !== undefined) beam.brokenSinceMs += byMs;
      for (const one of beam.breaks) {
        one.fromMs += byMs;
        one.toMs += byMs;
      }
    }
  }
}
