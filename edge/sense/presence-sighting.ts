// What one zone knows of one tag: in which rounds it was read, how strong, and by which antenna best.

import type { EpcHex } from "../../contract/units.ts";
import type { Antenna, Zone } from "./presence-antenna.ts";
import { Level } from "./presence-level.ts";

/** Rounds of reads that are kept: a window of 64 rounds at a read rate of a half, of 640 at a twentieth. */
const ringLength = 32;
/** Shorter windows are not halved. */
const windowRoundCountMin = 16;
/** Halves that differ by so many standard deviations are not of one rate. */
const transitionSigmas = 2;
/** Another antenna must have so many times the reads to be the one that reads a tag best. */
const mainLead = 1.25;
/** The usual read rate is about that of so many last rounds, of which no gap is longer than ... */
const usualRoundCount = 512;
const usualGapRoundCountMax = 64;
/** Silences that ended and were no chance: the last of them, ... */
const shadeCountMax = 8;
/** ... of which so many are needed to tell who stands beside whom, ... */
const shadeCountMin = 6;
/** ... which is who shared this much of them. */
const neighbourShareMin = 0.3;

/** A silence that ended, in live rounds. */
interface Shade {
  readonly fromRound: number;
  readonly toRound: number;
}

/** A tag that is followed. */
export interface TrackedTag {
  readonly epc: EpcHex;
  /** Where it was read, one each zone. */
  readonly sightings: Sighting[];
  /** Where it is, if it has arrived. */
  present: Sighting | undefined;
  lastAtMs: number;
  /** Round of its last read anywhere. */
  lastRound: number;
}

/** One tag in one zone. */
export class Sighting {
  readonly tag: TrackedTag;
  readonly zone: Zone;
  readonly level = new Level();
  /** The antenna that reads it best; undefined until one does. */
  main: Antenna | undefined;
  /** Live rounds of that antenna at the last read. */
  liveAtRead = 0;
  isSilent = false;
  /** From so many silent rounds on its silence is no chance. */
  #shadeRounds = 0;
  readonly #shades: Shade[] = [];
  /** Live round of the last look at which its silence was shared with others. */
  sharedAtRound: number | undefined;
  /** Where and when it is looked at next. */
  checkAntenna: Antenna | undefined;
  checkRound = 0;
  readonly #rounds = new Int32Array(ringLength);
  #readCount = 0;
  #usualRate = 0;
  #usualRounds = 0;
  readonly #readsByAntenna: number[];

  constructor(tag: TrackedTag, zone: Zone) {
    this.tag = tag;
    this.zone = zone;
    this.#readsByAntenna = zone.antennas.map(() => 0);
  }

  /** Takes a read. More reads in a round are one. */
  read(antenna: Antenna, rssiDbm: number, round: number, atMs: number): void {
    const isNewRound = this.#readCount === 0 || this.lastRound !== round;
    this.level.add(rssiDbm, atMs, isNewRound);
    if (isNewRound) {
      this.#learnUsual(this.#readCount === 0 ? 1 : round - this.lastRound);
      this.#rounds[this.#readCount % ringLength] = round;
      this.#readCount += 1;
    }
    this.#chooseMain(antenna, isNewRound);
  }

  /** The last round with a read; there must be one. */
  get lastRound(): number {
    return this.#at(0);
  }

  /** Rounds with a read among those since `sinceRound`, itself included; no more than are kept. */
  roundsSince(sinceRound: number): number {
    const kept = Math.min(this.#readCount, ringLength);
    let count = 0;
    while (count < kept && this.#at(count) >= sinceRound) count += 1;
    return count;
  }

  /** The oldest round with a read since `sinceRound`; there must be one. */
  oldestSince(sinceRound: number): number {
    return this.#at(this.roundsSince(sinceRound) - 1);
  }

  /**
   * Chance of a read per round, by a window up to the last read that is halved while its halves are not
   * of one rate (SMURF's window with a half-window transition test). 0 where it was never read.
   */
  readRate(): number {
    let count = Math.min(this.#readCount, ringLength);
    if (count === 0) return 0;
    const last = this.lastRound;
    let rounds = last - this.#at(count - 1) + 1;
    while (rounds >= windowRoundCountMin) {
      const half = rounds >> 1;
      const newer = this.roundsSince(last - half + 1);
      const share = count / rounds;
      const sigma = Math.sqrt(share * (1 - share) * (1 / half + 1 / (rounds - half)));
      const difference = Math.abs(newer / half - (count - newer) / (rounds - half));
      if (difference <= transitionSigmas * sigma) break;
      rounds = half;
      count = newer;
    }
    // Two rounds more: a short row of luck is no rate.
    return count / (rounds + 2);
  }

  /** Chance of a read per round over minutes: what to expect of a tag that stands in plain view. */
  get usualRate(): number {
    return this.#usualRate;
  }

  /** Live rounds without a read. Whoever was not read since the start may be any antenna's. */
  silentRounds(): number {
    if (this.main !== undefined) return this.main.liveRounds - this.liveAtRead;
    return Math.min(...this.zone.antennas.map((antenna) => antenna.liveRounds));
  }

  /** Whether the antenna that would read it is not alive. */
  get isFrozen(): boolean {
    if (this.main !== undefined) return !this.main.isLive;
    return !this.zone.antennas.every((antenna) => antenna.isLive);
  }

  /** Since when silence counts. */
  get silentSinceMs(): number {
    const antennas = this.main === undefined ? this.zone.antennas : [this.main];
    return Math.max(this.tag.lastAtMs, ...antennas.map((antenna) => antenna.aliveSinceMs));
  }

  /** It is suspected to have gone, being silent for `suspicionRounds`. */
  suspect(suspicionRounds: number): void {
    if (this.isSilent || this.main === undefined) return;
    this.isSilent = true;
    this.#shadeRounds = 2 * suspicionRounds;
    this.main.setSilent(this, true);
  }

  /** Whether it was shaded often enough to tell its neighbours. */
  get knowsNeighbours(): boolean {
    return this.#shades.length >= shadeCountMin;
  }

  /** Whether another tag was mostly shaded when this one was. */
  isNeighbour(other: Sighting): boolean {
    const shared = this.#shades.filter((shade) =>
      other.#shades.some((one) => isTogether(shade, one)),
    );
    return shared.length >= neighbourShareMin * this.#shades.length;
  }

  /** The tag is here from now on, or no longer. */
  setPresent(isPresent: boolean): void {
    if (!isPresent) this.#acquit();
    if (this.main !== undefined) this.main.tagCount += isPresent ? 1 : -1;
    this.tag.present = isPresent ? this : undefined;
  }

  #acquit(): void {
    if (this.isSilent) this.main?.setSilent(this, false);
    this.isSilent = false;
  }

  #rememberShade(): void {
    if (!this.isSilent || this.silentRounds() < this.#shadeRounds) return;
    this.#shades.push({ fromRound: this.liveAtRead, toRound: this.main?.liveRounds ?? 0 });
    if (this.#shades.length > shadeCountMax) this.#shades.shift();
  }

  #at(back: number): number {
    return this.#rounds[(this.#readCount - 1 - back) % ringLength] ?? 0;
  }

  #learnUsual(rounds: number): void {
    const gap = Math.min(rounds, usualGapRoundCountMax);
    this.#usualRounds = Math.min(this.#usualRounds + gap, usualRoundCount);
    const kept = Math.max(1 - gap / this.#usualRounds, 0);
    this.#usualRate = this.#usualRate * kept + 1 / this.#usualRounds;
  }

  #chooseMain(antenna: Antenna, isNewRound: boolean): void {
    const reads = this.#readsByAntenna;
    if (isNewRound && reads.length > 1) {
      for (let index = 0; index < reads.length; index += 1) {
        reads[index] = (reads[index] ?? 0) * (1 - 1 / ringLength);
      }
    }
    const own = (reads[antenna.index] ?? 0) + 1;
    reads[antenna.index] = own;
    this.#rememberShade();
    this.#acquit();
    this.sharedAtRound = undefined;
    const isBetter =
      this.main === undefined ||
      (antenna !== this.main && own > mainLead * (reads[this.main.index] ?? 0));
    if (isBetter) {
      if (this.tag.present === this) {
        if (this.main !== undefined) this.main.tagCount -= 1;
        antenna.tagCount += 1;
      }
      this.main = antenna;
    }
    this.liveAtRead = this.main?.liveRounds ?? 0;
  }
}

// Whether they ran at one time for more than half of the shorter.
function isTogether(one: Shade, other: Shade): boolean {
  const from = Math.max(one.fromRound, other.fromRound);
  const to = Math.min(one.toRound, other.toRound);
  const shorter = Math.min(one.toRound - one.fromRound, other.toRound - other.fromRound);
  return to - from > shorter / 2;
}
