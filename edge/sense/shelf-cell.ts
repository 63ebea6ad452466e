// One weighing cell: what lay on it when it last stood still, and by how much that changed. The weight of
// the last rest is durable, so a change is found even when nobody was looking while it happened.

import type { ShelfConfig } from "./shelf-config.ts";
import { StablePhase } from "./stable-phase.ts";

/** A change between two rests. */
export interface WeightStep {
  readonly kind: "step";
  readonly beforeGrams: number;
  readonly afterGrams: number;
  /** When the movement began, at most `movementMsMax` before `decidedAtMs`. */
  readonly occurredAtMs: number;
  readonly decidedAtMs: number;
}

/** What a sample led to; the weight at rest is to be stored in each case. */
export type CellChange = WeightStep | { readonly kind: "adopted" | "drifted" };

/** How long after a step the rest is still refined. */
const refineMs = 3_000;
/** In mean differences from sample to sample: what no unrest reaches, and how exact the mean of a second is. */
const eventOfUnrest = 5;
const restSdOfUnrest = 1;

/** One cell. */
export class ShelfCell {
  readonly #config: ShelfConfig;
  readonly #phase: StablePhase;
  /** Weight of the last rest, drift followed; undefined before the first. */
  #restGrams: number | undefined;
  /** The same as it was last stored, and when. */
  #storedGrams = 0;
  #storedAtMs = 0;
  #movementSinceMs: number | undefined;
  #lastSampleAtMs: number | undefined;
  #driftedAtMs: number | undefined;
  /** The rests since the last step: their mean is better than the first of them. */
  #refined: { readonly sinceMs: number; sumGrams: number; count: number } | undefined;

  constructor(config: ShelfConfig) {
    this.#config = config;
    this.#phase = new StablePhase(config);
  }

  /** Weight of the last rest; undefined before the first. */
  get restGrams(): number | undefined {
    return this.#restGrams;
  }

  /** Whether a movement is under way. */
  get isMoving(): boolean {
    return this.#movementSinceMs !== undefined;
  }

  /** The smallest change that is more than the cell's own unrest. */
  get eventGramsMin(): number {
    return Math.max(this.#config.eventGramsMin, this.#phase.unrestGrams * eventOfUnrest);
  }

  /** Standard deviation of a rest. */
  get sensorSdGrams(): number {
    return Math.max(this.#config.sensorSdGrams, this.#phase.unrestGrams * restSdOfUnrest);
  }

  /** Takes back the stored weight. The cell may have changed since. */
  restore(restGrams: number, nowMs: number): void {
    this.#restGrams = restGrams;
    this.#storedGrams = restGrams;
    this.#storedAtMs = nowMs;
    this.freeze(nowMs);
  }

  /** Nothing is known of the cell from now on; whatever is found next may have begun now. */
  freeze(atMs: number): void {
    this.#phase.clear();
    this.#lastSampleAtMs = undefined;
    this.#driftedAtMs = undefined;
    this.#refined = undefined;
    if (this.#restGrams !== undefined) this.#movementSinceMs ??= atMs;
  }

  /** Takes a usable sample. */
  take(atMs: number, weightGrams: number): CellChange | undefined {
    const isGap = atMs - (this.#lastSampleAtMs ?? atMs) > this.#config.sampleGapMsMax;
    if (isGap) this.freeze(atMs);
    this.#lastSampleAtMs = atMs;
    const sample = this.#phase.add(atMs, weightGrams);
    if (sample === undefined) return undefined;
    const stableGrams = this.#phase.stableGrams();
    if (this.#restGrams === undefined) {
      return stableGrams === undefined ? undefined : this.#rest("adopted", stableGrams, atMs);
    }
    const outGrams = Math.max(this.#config.stableSpreadGrams, this.eventGramsMin / 2);
    const isOut = Math.abs(sample.weightGrams - this.#restGrams) > outGrams;
    if (isOut) this.#movementSinceMs ??= sample.atMs;
    if (stableGrams === undefined) {
      this.#driftedAtMs = undefined;
      return undefined;
    }
    if (Math.abs(stableGrams - this.#restGrams) < this.eventGramsMin) {
      this.#movementSinceMs = undefined;
      return this.#follow(stableGrams, atMs);
    }
    return this.#step(stableGrams, atMs);
  }

  /** Everything before this is decided: no movement under way, no sample that may begin one. */
  decidedThroughMs(nowMs: number): number {
    const { movementMsMax, sampleGapMsMax } = this.#config;
    const movementMs = Math.max(this.#movementSinceMs ?? nowMs, nowMs - movementMsMax);
    const waitingMs = this.#phase.waitingAtMs ?? nowMs;
    return Math.min(movementMs, nowMs - waitingMs > sampleGapMsMax ? nowMs : waitingMs, nowMs);
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    this.#phase.shiftTime(byMs);
    this.#storedAtMs += byMs;
    if (this.#movementSinceMs !== undefined) this.#movementSinceMs += byMs;
    if (this.#lastSampleAtMs !== undefined) this.#lastSampleAtMs += byMs;
    if (this.#driftedAtMs !== undefined) this.#driftedAtMs += byMs;
    if (this.#refined !== undefined) {
      this.#refined = { ...this.#refined, sinceMs: this.#refined.sinceMs + byMs };
    }
  }

  #step(stableGrams: number, atMs: number): WeightStep {
    const beforeGrams = this.#restGrams ?? 0;
    const earliestMs = atMs - this.#config.movementMsMax;
    const occurredAtMs = Math.max(this.#movementSinceMs ?? atMs, earliestMs);
    this.#rest("adopted", stableGrams, atMs);
    this.#refined = { sinceMs: atMs, sumGrams: stableGrams, count: 1 };
    return { kind: "step", beforeGrams, afterGrams: stableGrams, occurredAtMs, decidedAtMs: atMs };
  }

  #follow(stableGrams: number, atMs: number): CellChange | undefined {
    const { driftGramsPerMinuteMax, driftSaveIntervalMs, driftSaveGramsMin } = this.#config;
    if (this.#refined !== undefined && atMs - this.#refined.sinceMs <= refineMs) {
      this.#refined.sumGrams += stableGrams;
      this.#refined.count += 1;
      this.#restGrams = this.#refined.sumGrams / this.#refined.count;
      this.#driftedAtMs = atMs;
      return undefined;
    }
    const restGrams = this.#restGrams ?? stableGrams;
    const stepGramsMax = (driftGramsPerMinuteMax * (atMs - (this.#driftedAtMs ?? atMs))) / 60_000;
    const driftGrams = stableGrams - restGrams;
    this.#restGrams = restGrams + Math.max(-stepGramsMax, Math.min(driftGrams, stepGramsMax));
    this.#driftedAtMs = atMs;
    const isDue = atMs - this.#storedAtMs >= driftSaveIntervalMs;
    const isFarOff = Math.abs(this.#restGrams - this.#storedGrams) > driftSaveGramsMin;
    return isDue && isFarOff ? this.#rest("drifted", this.#restGrams, atMs) : undefined;
  }

  #rest(kind: "adopted" | "drifted", restGrams: number, atMs: number): CellChange {
    this.#restGrams = restGrams;
    this.#storedGrams = restGrams;
    this.#storedAtMs = atMs;
    this.#movementSinceMs = undefined;
    return { kind };
  }
}
