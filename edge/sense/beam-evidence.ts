// What light beams say of a tag's passage: somebody crossed the doorway at about the time when the tag was nearest, or
// nobody did. As figures for the model, for each way: the log-likelihood ratio to what would be seen had the tag only
// been near (others cross as often as they did lately), whether somebody crossed just now, and while it was heard.

import type { InputReading } from "../../contract/reading.ts";
import { BeamPair } from "./beam-pair.ts";
import { type Output, warning } from "./machine.ts";
import type { Side } from "./passage-window.ts";
import type { BeamConfig } from "./portal-config.ts";

/** A crossing is seen by beams so often; what is carried high, or two abreast, is not. */
const seenShare = 0.97;
/** A tag seems nearest before its carrier's body comes between it and the antennas: so long before the crossing ... */
const leadMs = 600;
/** ... with this spread before and after (Laplace), and now and then anywhere near. */
const earlySpreadMs = 500;
const lateSpreadMs = 1_000;
const strayShare = 0.1;
const strayMs = 10_000;
/** Others' crossings are counted over so long. */
const rateMs = 600_000;
/** Crossings that are remembered. */
const crossingCountMax = 1_000;
/** No figure is worth more than this. */
const ratioMax = 5;
/** A crossing is of just now for about so long. */
const freshMs = 1_500;

/** Figures of the beams, besides those of the tag: they change their sign with the sides exchanged, or do not. */
export interface BeamFigures {
  readonly odd: readonly number[];
  readonly even: readonly number[];
}

/** The times of a tag that beams are asked about. */
export interface BeamQuestion {
  readonly nearestAtMs: number;
  readonly fromAtMs: number;
  readonly atMs: number;
}

interface Crossed {
  readonly from: Side;
  atMs: number;
}

/** The beams of one portal, and who crossed them lately. */
export class BeamEvidence {
  readonly #config: BeamConfig;
  readonly #pair = new BeamPair();
  #crossings: Crossed[] = [];
  /** Since when they have been seen to work; undefined while they do not. */
  #isOnline = false;
  #isStuckNoticed = false;
  #crossedCount = 0;

  constructor(config: BeamConfig) {
    this.#config = config;
  }

  /** Crossings since the start. */
  get crossedCount(): number {
    return this.#crossedCount;
  }

  /** Takes a line of the beams' device; times never go back. */
  take({ line, active, receivedAtMs, edgeAtMs }: InputReading, output: Output): void {
    const side = line === this.#config.lineA ? "a" : line === this.#config.lineB ? "b" : undefined;
    if (side === undefined) return;
    this.#isOnline = true;
    const atMs = Math.min(edgeAtMs ?? receivedAtMs, receivedAtMs);
    const crossing = this.#pair.edge(side, active, atMs);
    if (this.#isStuckNoticed && this.#pair.brokenSinceMs === Number.POSITIVE_INFINITY) {
      this.#isStuckNoticed = false;
      output.conclusions.push(warning(this.#config.deviceId, "beams_work", receivedAtMs, {}));
    }
    if (crossing === undefined) return;
    this.#crossedCount += 1;
    this.#crossings.push({ ...crossing });
    if (this.#crossings.length > crossingCountMax) this.#crossings.shift();
  }

  /** Their device is away: nothing is said by them until it is back. */
  goOffline(): void {
    this.#isOnline = false;
    this.#pair.clear();
  }

  /** Whether they can be asked at `atMs`; a beam that stays broken is noticed, once. */
  isAnswering(atMs: number, output: Output | undefined): boolean {
    if (!this.#isOnline) return false;
    const isStuck = atMs - this.#pair.brokenSinceMs > this.#config.stuckAfterMs;
    if (isStuck && !this.#isStuckNoticed && output !== undefined) {
      this.#isStuckNoticed = true;
      output.conclusions.push(warning(this.#config.deviceId, "beams_stuck", atMs, {}));
    }
    return !isStuck;
  }

  /** What they say of a tag that was heard from `fromAtMs` to `atMs` and seemed nearest between. */
  figures({ nearestAtMs, fromAtMs, atMs }: BeamQuestion): BeamFigures {
    const [a, b] = (["a", "b"] as const).map((from) => {
      const last = this.#crossings.findLast((one) => one.from === from);
      const agoMs = last === undefined ? Number.POSITIVE_INFINITY : atMs - last.atMs;
      const isWithin = last !== undefined && last.atMs >= fromAtMs;
      return [this.ratio(from, nearestAtMs, atMs), Math.exp(-agoMs / freshMs), Number(isWithin)];
    }) as [number[], number[]];
    return {
      odd: a.map((value, index) => value - b[index]!),
      even: [...a.map((value, index) => value + b[index]!), Math.max(a[0]!, b[0]!)],
    };
  }

  /** Log-likelihood ratio of a passage from a side, of a tag that seemed nearest at `nearestAtMs`, known at `atMs`. */
  ratio(from: Side, nearestAtMs: number, atMs: number): number {
    let near = 0;
    let lateCount = 0;
    for (const crossing of this.#crossings) {
      if (crossing.from !== from || crossing.atMs < atMs - rateMs) continue;
      lateCount += 1;
      const offMs = crossing.atMs - nearestAtMs - leadMs;
      const spreadMs = offMs < 0 ? earlySpreadMs : lateSpreadMs;
      const density = Math.exp(-Math.abs(offMs) / spreadMs) / (earlySpreadMs + lateSpreadMs);
      const stray = Math.abs(offMs) < strayMs ? strayShare / (2 * strayMs) : 0;
      near += (1 - strayShare) * density + stray;
    }
    const perMs = (lateCount + 1) / rateMs;
    const ratio = Math.log(1 - seenShare + (seenShare * near) / perMs);
    return Math.min(ratio, ratioMax);
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    this.#pair.shiftTime(byMs);
    for (const crossing of this.#crossings) crossing.atMs += byMs;
  }
}
