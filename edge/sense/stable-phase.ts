// The samples of one cell, despiked, and the phases in which they stand still.

/** One sample after despiking. */
export interface Sample {
  readonly atMs: number;
  readonly weightGrams: number;
}

/** When samples stand still. */
export interface StableSettings {
  /** They stay within `stableSpreadGrams` for this long ... */
  readonly stableMs: number;
  /** ... and are at least this many. */
  readonly stableSampleCountMin: number;
  readonly stableSpreadGrams: number;
}

/** What one sample adds to the knowledge of a cell's unrest: a minute or so of samples. */
const unrestLearningShare = 0.005;
/** The span of a second of samples is rarely more than so many mean differences between two. */
const spreadOfUnrest = 5.5;

/** Follows one cell. */
export class StablePhase {
  readonly #settings: StableSettings;
  /** Mean difference between two samples while nothing moves. */
  #unrestGrams = 0;
  #lastTwo: Sample[] = [];
  /** The newest samples that stay within the spread, no older than needed. */
  #window: Sample[] = [];

  constructor(settings: StableSettings) {
    this.#settings = settings;
  }

  /** The newest sample, which still waits for the one after it; undefined after a `clear`. */
  get waitingAtMs(): number | undefined {
    return this.#lastTwo.at(-1)?.atMs;
  }

  /**
   * Takes a sample and gives the one before it, with the median of the three around it as weight: a
   * single wild sample has no effect, and a step stays at its own time.
   */
  add(atMs: number, weightGrams: number): Sample | undefined {
    const [before, middle] = this.#lastTwo;
    const last = { atMs, weightGrams };
    if (before === undefined || middle === undefined) {
      this.#lastTwo.push(last);
      return undefined;
    }
    this.#lastTwo = [middle, last];
    const sample = {
      atMs: middle.atMs,
      weightGrams: medianOf3(before.weightGrams, middle.weightGrams, weightGrams),
    };
    this.#learn(sample.weightGrams);
    this.#window.push(sample);
    this.#shorten(sample.atMs);
    return sample;
  }

  /** How far samples differ from one to the next where nothing moves: vibration, the cell's own noise. */
  get unrestGrams(): number {
    return this.#unrestGrams;
  }

  // A difference far above what is usual is a movement, and teaches a little only, for the case that it goes on.
  #learn(weightGrams: number): void {
    const last = this.#window.at(-1);
    if (last === undefined) return;
    const differenceGrams = Math.abs(weightGrams - last.weightGrams);
    const usualMax = Math.max(4 * this.#unrestGrams, this.#settings.stableSpreadGrams / 2);
    const learnt = Math.min(differenceGrams, usualMax) - this.#unrestGrams;
    const unrestGrams = this.#unrestGrams + learnt * unrestLearningShare;
    // Beyond this it is no rest at all, however long it goes on.
    this.#unrestGrams = Math.min(unrestGrams, this.#settings.stableSpreadGrams);
  }

  /** Mean weight while the samples stand still. */
  stableGrams(): number | undefined {
    const first = this.#window[0];
    const last = this.#window.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const { stableMs, stableSampleCountMin } = this.#settings;
    if (last.atMs - first.atMs < stableMs) return undefined;
    if (this.#window.length < stableSampleCountMin) return undefined;
    return this.#window.reduce((sum, one) => sum + one.weightGrams, 0) / this.#window.length;
  }

  /** Begins anew: samples before and after are not of one phase. */
  clear(): void {
    this.#lastTwo = [];
    this.#window = [];
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    const shifted = (sample: Sample) => ({ ...sample, atMs: sample.atMs + byMs });
    this.#lastTwo = this.#lastTwo.map(shifted);
    this.#window = this.#window.map(shifted);
  }

  // Keeps the longest tail that stays within the spread, and of that no more than the settings ask for.
  #shorten(newestAtMs: number): void {
    const { stableMs, stableSampleCountMin } = this.#settings;
    const stableSpreadGrams = Math.max(
      this.#settings.stableSpreadGrams,
      this.#unrestGrams * spreadOfUnrest,
    );
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (let index = this.#window.length - 1; index >= 0; index -= 1) {
      const { atMs, weightGrams } = this.#window[index]!;
      lowest = Math.min(lowest, weightGrams);
      highest = Math.max(highest, weightGrams);
      const isFar = highest - lowest > stableSpreadGrams;
      const count = this.#window.length - index;
      const isLongEnough = newestAtMs - atMs >= stableMs && count >= stableSampleCountMin;
      if (!isFar && !isLongEnough) continue;
      this.#window.splice(0, isFar ? index + 1 : index);
      return;
    }
  }
}

function medianOf3(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
