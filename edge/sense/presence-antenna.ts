// One antenna and the rounds in which it proved alive. Silence is counted in such rounds alone, so an
// antenna that is offline, muted or not scheduled makes no tag depart, and nothing is to be made good later.

import type { ZoneConfig } from "./presence-config.ts";
import type { Sighting } from "./presence-sighting.ts";

/** Silences that began this many rounds apart may have one cause. */
const cohortRoundCount = 40;
/** So many tags do not fall silent together by chance, and a hand does not take them together ... */
const sharedCountMin = 3;
/** ... or this share of the antenna's tags. */
const sharedShareMin = 0.04;

/** One zone as it is watched. */
export interface Zone {
  readonly config: ZoneConfig;
  readonly antennas: readonly Antenna[];
  nextCountAtMs: number | undefined;
}

/** One antenna. */
export class Antenna {
  readonly deviceId: string;
  readonly zone: Zone;
  /** Its place among the zone's antennas. */
  readonly index: number;
  /** Rounds in which it proved alive, so far. */
  liveRounds = 0;
  isLive = false;
  aliveSinceMs = Number.NEGATIVE_INFINITY;
  lastReadAtMs = Number.NEGATIVE_INFINITY;
  /** When its silence is reported; Infinity while there is nothing to report. */
  frozenNoticeAtMs = Number.POSITIVE_INFINITY;
  /** Present tags that it reads best. */
  tagCount = 0;
  /** What is to be looked at, by live round. */
  readonly #due = new Map<number, Sighting[]>();
  /** How many tags are silent, by the live round of their last read. */
  readonly #silent = new Map<number, number>();
  #silentCount = 0;

  constructor(zone: Zone, deviceId: string, index: number) {
    this.zone = zone;
    this.deviceId = deviceId;
    this.index = index;
  }

  /** A live round is over; gives what is to be looked at now. */
  endLiveRound(atMs: number): readonly Sighting[] {
    if (!this.isLive) this.aliveSinceMs = atMs;
    this.isLive = true;
    this.liveRounds += 1;
    const due = this.#due.get(this.liveRounds) ?? [];
    this.#due.delete(this.liveRounds);
    // One that was planned anew since is not due.
    return due.filter((one) => one.checkAntenna === this && one.checkRound === this.liveRounds);
  }

  /** Looks at a sighting again when `liveRound` is over; what was planned for it before is void. */
  schedule(sighting: Sighting, liveRound: number): void {
    const round = Math.max(Math.ceil(liveRound), this.liveRounds + 1);
    sighting.checkAntenna = this;
    sighting.checkRound = round;
    const due = this.#due.get(round);
    if (due === undefined) this.#due.set(round, [sighting]);
    else due.push(sighting);
  }

  /** A tag fell silent after `liveRound`. */
  addSilent(liveRound: number): void {
    this.#silentCount += 1;
    this.#silent.set(liveRound, (this.#silent.get(liveRound) ?? 0) + 1);
  }

  /** A tag that fell silent after `liveRound` is so no more. */
  removeSilent(liveRound: number): void {
    this.#silentCount -= 1;
    const count = (this.#silent.get(liveRound) ?? 0) - 1;
    if (count > 0) this.#silent.set(liveRound, count);
    else this.#silent.delete(liveRound);
  }

  /** Whether so many others fell silent about then, and still are, that something stands before the antenna. */
  isSilenceShared(liveRound: number): boolean {
    const countMin = Math.max(sharedCountMin, sharedShareMin * this.tagCount);
    // The one that asks is among them.
    if (this.#silentCount <= countMin) return false;
    let count = -1;
    for (const [round, silent] of this.#silent) {
      if (Math.abs(round - liveRound) <= cohortRoundCount) count += silent;
    }
    return count >= countMin;
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    this.aliveSinceMs += byMs;
    this.lastReadAtMs += byMs;
    this.frozenNoticeAtMs += byMs;
  }
}
