// One antenna and the rounds in which it proved alive. Silence is counted in such rounds alone, so an
// antenna that is offline, muted or not scheduled makes no tag depart, and nothing is to be made good later.

import type { ZoneConfig } from "./presence-config.ts";
import type { Sighting } from "./presence-sighting.ts";

/** Silences that began within so many rounds may have one cause. */
const cohortRoundCount = 20;
/** So many tags do not fall silent together by chance, and a hand does not take them together ... */
const cohortTagCountMin = 4;
/** ... or this share of the antenna's tags. */
const cohortTagShareMin = 0.02;
/** Where many are silent, so many neighbours among them are enough to be one of them; a stranger counts for less. */
const neighbourCountMin = 2;

/** One zone as it is watched. */
export interface Zone {
  readonly config: ZoneConfig;
  readonly antennas: readonly Antenna[];
  /** What stands before an antenna for longer is no shopper. */
  readonly shadeRoundCountMax: number;
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
  /** Tags that are suspected to have gone. */
  readonly #silent = new Set<Sighting>();
  #shaded = { atRound: -1, isShaded: false };

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

  /** A tag fell silent, or is so no more. */
  setSilent(sighting: Sighting, isSilent: boolean): void {
    if (isSilent) this.#silent.add(sighting);
    else this.#silent.delete(sighting);
  }

  /**
   * Whether something stands before a silent tag: many tags fell silent at about one time and still are, and,
   * where that is known, they are those that were shaded together with it before.
   */
  isShadedFor(sighting: Sighting): boolean {
    if (!this.isShaded) return false;
    if (!sighting.knowsNeighbours) return true;
    const countMin = this.#cohortCountMin();
    let count = 0;
    for (const other of this.#silent) {
      if (other === sighting || this.#isOld(other)) continue;
      if (!other.knowsNeighbours) count += 1;
      else if (sighting.isNeighbour(other)) count += countMin / neighbourCountMin;
      if (count >= countMin) return true;
    }
    return false;
  }

  /** Whether many tags fell silent at about one time and still are. Known once per round. */
  get isShaded(): boolean {
    if (this.#shaded.atRound === this.liveRounds) return this.#shaded.isShaded;
    const countMin = this.#cohortCountMin();
    const began: number[] = [];
    for (const one of this.#silent) if (!this.#isOld(one)) began.push(one.liveAtRead);
    began.sort((one, other) => one - other);
    const isShaded = began.some((round, index) => {
      const last = began[index + countMin];
      return last !== undefined && last - round <= cohortRoundCount;
    });
    this.#shaded = { atRound: this.liveRounds, isShaded };
    return isShaded;
  }

  // Those that were taken tell nothing of a shade; that they were shows when they do not come back.
  #isOld({ liveAtRead }: Sighting): boolean {
    return this.liveRounds - liveAtRead > this.zone.shadeRoundCountMax;
  }

  #cohortCountMin(): number {
    return Math.ceil(Math.max(cohortTagCountMin, cohortTagShareMin * this.tagCount));
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    this.aliveSinceMs += byMs;
    this.lastReadAtMs += byMs;
    this.frozenNoticeAtMs += byMs;
  }
}
