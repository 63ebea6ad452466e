// How strong a tag is heard: averaged in milliwatts, since the average of decibels favours the weak, and
// over samples that expire by their age, since an old sample tells where a tag was.

/** Samples live for one to two of these. */
const partMs = 10_000;
/** The settled level is about the mean of so many of the last rounds, and is one from so many on. */
const settledRoundCount = 1024;
const settledRoundCountMin = 512;

/** The level of one tag in one zone. */
export class Level {
  #partBeganMs = Number.NEGATIVE_INFINITY;
  #sumMw = 0;
  #count = 0;
  #previousSumMw = 0;
  #previousCount = 0;
  #settledMw = 0;
  #settledCount = 0;

  /** Adds a read; times never go back. */
  add(rssiDbm: number, atMs: number, isNewRound: boolean): void {
    this.#expire(atMs);
    const mw = 10 ** (rssiDbm / 10);
    this.#sumMw += mw;
    this.#count += 1;
    if (!isNewRound) return;
    this.#settledCount += 1;
    const share = 1 / Math.min(this.#settledCount, settledRoundCount);
    this.#settledMw += (mw - this.#settledMw) * share;
  }

  /** Mean of the samples that have not expired; undefined when all have. */
  recentDbm(atMs: number): number | undefined {
    this.#expire(atMs);
    const count = this.#count + this.#previousCount;
    return count === 0 ? undefined : toDbm((this.#sumMw + this.#previousSumMw) / count);
  }

  /** Mean over minutes; undefined until there are minutes. */
  get settledDbm(): number | undefined {
    return this.#settledCount < settledRoundCountMin ? undefined : toDbm(this.#settledMw);
  }

  /** Mean of all there is, of whatever age. */
  get anyDbm(): number {
    return toDbm(this.#settledMw);
  }

  /** The tag was moved: what was settled is no more. */
  unsettle(): void {
    this.#settledCount = 0;
  }

  /** Moves all its times. */
  shiftTime(byMs: number): void {
    this.#partBeganMs += byMs;
  }

  #expire(atMs: number): void {
    const ageMs = atMs - this.#partBeganMs;
    if (ageMs < partMs) return;
    const isNext = ageMs < 2 * partMs;
    this.#previousSumMw = isNext ? this.#sumMw : 0;
    this.#previousCount = isNext ? this.#count : 0;
    this.#sumMw = 0;
    this.#count = 0;
    this.#partBeganMs = isNext ? this.#partBeganMs + partMs : atMs;
  }
}

function toDbm(mw: number): number {
  return 10 * Math.log10(mw);
}
