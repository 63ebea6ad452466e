// A small world for presence: tags on shelves, read by chance in rounds of half a second, shaded by bodies
// that stand before them, taken and put back. The truth is known. By seed: the same seed, the same reads.

import type { TagReading } from "../../../contract/reading.ts";
import type { EpcHex } from "../../../contract/units.ts";
import {
  between,
  gaussian,
  integerBetween,
  seededRandom,
  waitMs,
} from "../../../simulators/random.ts";
import { epcOf, startMs } from "./harness.ts";

/** What a round of the antennas takes. */
export const roundMs = 500;
const hourMs = 3_600_000;
const plainMs = 30_000;
/** Slow changes of a path: people, air, goods near by; their spread and how long they last. */
const slowSdDb = 2;
const slowRounds = 120;
const fastSdDb = 2;
/** A tag that is partly shaded is this much weaker. */
const shadeDb = 10;

/** How a world is. Rates are per zone of the world. */
export interface WorldSettings {
  readonly seed: number;
  readonly hours: number;
  readonly tagsPerZone: number;
  /** Each is one antenna on a reader of its own, `reader-1`, `reader-2`, ... */
  readonly zoneCount: number;
  /** Chance of a read per round that is not shaded. */
  readonly readRateShare: number;
  /** Bodies that stop before a zone, for 5 to 120 s each. */
  readonly bodiesPerHourCount: number;
  /** What part of a zone one body shades; seven of ten tags there are not read at all, the rest seldom. */
  readonly shadeShare: number;
  /** Of the bodies, those that take one to three of the tags before them; they come back within the hour. */
  readonly takingShare: number;
  /** Fades of 5 to 120 s that one tag has alone, per tag. */
  readonly soloFadesPerHourCount: number;
  /** The next zone hears a tag too, weaker by this; absent: not at all. */
  readonly overlapDb?: number;
  /** When readers hear nothing, from the start. */
  readonly outagesMs: readonly {
    readonly fromMs: number;
    readonly toMs: number;
    readonly zone: number;
  }[];
}

/** A world of one shelf. */
export const shelfWorld: Omit<WorldSettings, "seed"> = {
  hours: 1,
  tagsPerZone: 200,
  zoneCount: 1,
  readRateShare: 0.5,
  bodiesPerHourCount: 12,
  shadeShare: 0.15,
  takingShare: 0.5,
  soloFadesPerHourCount: 0,
  outagesMs: [],
};

interface WorldTag {
  readonly epc: EpcHex;
  readonly zone: number;
  /** Where on its shelf, 0 to 1. */
  readonly place: number;
  readonly rssiDbm: number;
  readonly slowDb: number[];
  /** Until when it is shaded, and what is left of its read rate. */
  shadedUntilMs: number;
  shadeRate: number;
  awayUntilMs: number;
  nextSoloMs: number;
}

/** A tag was taken. */
export interface Taking {
  readonly epc: EpcHex;
  readonly atMs: number;
  readonly backAtMs: number;
  /** When its place had been in plain view for 30 s; Infinity while it has not. */
  plainAtMs: number;
}

interface Body {
  readonly zone: number;
  readonly place: number;
  readonly untilMs: number;
  readonly tags: readonly WorldTag[];
  readonly takesAtMs: number;
}

/** A world that goes on round by round. */
export class PresenceWorld {
  readonly takings: Taking[] = [];
  readonly tags: readonly WorldTag[];
  nowMs = startMs;
  readonly endMs: number;
  readonly #settings: WorldSettings;
  readonly #random: () => number;
  readonly #nextBodyMs: number[];
  #bodies: Body[] = [];
  #hidden: { readonly taking: Taking; readonly tag: WorldTag; plainSinceMs: number }[] = [];
  #round = 0;

  constructor(settings: WorldSettings) {
    this.#settings = settings;
    this.endMs = startMs + settings.hours * hourMs;
    const random = seededRandom(settings.seed);
    this.#random = random;
    const { tagsPerZone, zoneCount } = settings;
    this.tags = Array.from({ length: tagsPerZone * zoneCount }, (_, index) => ({
      epc: epcOf(index + 1),
      zone: Math.floor(index / tagsPerZone),
      place: random(),
      rssiDbm: gaussian(random, -58, 4),
      slowDb: Array.from({ length: zoneCount }, () => gaussian(random, 0, slowSdDb)),
      shadedUntilMs: 0,
      shadeRate: 0,
      awayUntilMs: 0,
      nextSoloMs: startMs + this.#wait(settings.soloFadesPerHourCount),
    }));
    this.#nextBodyMs = Array.from(
      { length: zoneCount },
      () => startMs + 120_000 + this.#wait(settings.bodiesPerHourCount),
    );
  }

  /** The next round's reads, in order of time; undefined when the world is over. */
  next(): TagReading[] | undefined {
    if (this.nowMs >= this.endMs) return undefined;
    this.#moveBodies();
    const readings: TagReading[] = [];
    for (const tag of this.tags) this.#readTag(tag, readings);
    readings.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
    this.#round += 1;
    this.nowMs += roundMs;
    return readings;
  }

  #wait(perHourCount: number): number {
    return perHourCount === 0
      ? Number.POSITIVE_INFINITY
      : waitMs(this.#random, hourMs / perHourCount);
  }

  #fadeMs(): number {
    return 5_000 * 24 ** this.#random();
  }

  #readTag(tag: WorldTag, readings: TagReading[]): void {
    const random = this.#random;
    const { zoneCount, overlapDb, readRateShare, soloFadesPerHourCount } = this.#settings;
    if (tag.awayUntilMs > this.nowMs) return;
    if (this.nowMs >= tag.nextSoloMs) {
      tag.shadedUntilMs = this.nowMs + this.#fadeMs();
      tag.shadeRate = 0;
      tag.nextSoloMs = tag.shadedUntilMs + this.#wait(soloFadesPerHourCount);
    }
    const isShaded = this.nowMs < tag.shadedUntilMs;
    const rate = readRateShare * (isShaded ? tag.shadeRate : 1);
    for (let zone = 0; zone < zoneCount; zone += 1) {
      const isHome = zone === tag.zone;
      if (!isHome && overlapDb === undefined) continue;
      if ((this.#round + zone) % 8 === 0) {
        const kept = Math.exp(-8 / slowRounds);
        const fresh = gaussian(random, 0, slowSdDb) * Math.sqrt(1 - kept * kept);
        tag.slowDb[zone] = (tag.slowDb[zone] ?? 0) * kept + fresh;
      }
      if (random() >= rate || this.#isOut(zone)) continue;
      const weakerDb = (isHome ? 0 : (overlapDb ?? 0)) + (isShaded ? shadeDb : 0);
      const rssiDbm =
        tag.rssiDbm - weakerDb + (tag.slowDb[zone] ?? 0) + gaussian(random, 0, fastSdDb);
      readings.push({
        kind: "tag",
        deviceId: `reader-${zone + 1}`,
        antenna: 1,
        epc: tag.epc,
        rssiDbm: Math.round(Math.max(rssiDbm, -140) * 10) / 10,
        receivedAtMs: this.nowMs + Math.floor(random() * roundMs),
      });
    }
  }

  #isOut(zone: number): boolean {
    const atMs = this.nowMs - startMs;
    return this.#settings.outagesMs.some(
      (outage) => outage.zone === zone && atMs >= outage.fromMs && atMs < outage.toMs,
    );
  }

  #moveBodies(): void {
    for (const [zone, atMs] of this.#nextBodyMs.entries()) {
      if (this.nowMs < atMs) continue;
      this.#bodies.push(this.#newBody(zone));
      this.#nextBodyMs[zone] = this.nowMs + this.#wait(this.#settings.bodiesPerHourCount);
    }
    for (const body of this.#bodies) {
      if (this.nowMs < body.takesAtMs || this.nowMs - roundMs >= body.takesAtMs) continue;
      this.#take(body);
    }
    this.#bodies = this.#bodies.filter(({ untilMs }) => untilMs > this.nowMs);
    this.#hidden = this.#hidden.filter((one) => {
      if (this.#bodies.some((body) => this.#isBefore(body, one.tag))) {
        one.plainSinceMs = this.nowMs + roundMs;
      }
      if (this.nowMs - one.plainSinceMs < plainMs) return one.taking.backAtMs > this.nowMs;
      one.taking.plainAtMs = this.nowMs;
      return false;
    });
  }

  #isBefore(body: Pick<Body, "zone" | "place">, tag: WorldTag): boolean {
    const { shadeShare } = this.#settings;
    return tag.zone === body.zone && Math.abs(tag.place - body.place) <= shadeShare / 2;
  }

  #newBody(zone: number): Body {
    const random = this.#random;
    const untilMs = this.nowMs + this.#fadeMs();
    const place = random();
    const tags = this.tags.filter((tag) => this.#isBefore({ zone, place }, tag));
    for (const tag of tags) {
      tag.shadedUntilMs = Math.max(tag.shadedUntilMs, untilMs);
      tag.shadeRate = random() < 0.7 ? 0 : between(random, 0, 0.3);
    }
    const isTaking = random() < this.#settings.takingShare;
    const takesAtMs = isTaking ? between(random, this.nowMs, untilMs) : Number.POSITIVE_INFINITY;
    return { zone, place, untilMs, tags, takesAtMs };
  }

  #take({ tags, untilMs }: Body): void {
    const random = this.#random;
    const here = tags.filter((tag) => tag.awayUntilMs <= this.nowMs);
    for (let left = integerBetween(random, 1, 3); left > 0 && here.length > 0; left -= 1) {
      const [tag] = here.splice(integerBetween(random, 0, here.length - 1), 1);
      if (tag === undefined) break;
      const backAtMs = untilMs + between(random, 600_000, hourMs);
      tag.awayUntilMs = backAtMs;
      const taking = {
        epc: tag.epc,
        atMs: this.nowMs,
        backAtMs,
        plainAtMs: Number.POSITIVE_INFINITY,
      };
      this.takings.push(taking);
      this.#hidden.push({ taking, tag, plainSinceMs: this.nowMs });
    }
  }
}
