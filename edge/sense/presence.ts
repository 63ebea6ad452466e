// Presence: which tags are in which zone. Readings arrive in rounds; a tag that is silent for more live
// rounds than its read rate explains has gone, one that another zone hears better has moved. An antenna
// that did not prove alive makes nobody leave, and a silence that many tags share waits until it is over.

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import type { Zone } from "./presence-antenna.ts";
import type { PresenceConfig } from "./presence-config.ts";
import { countWindowRounds, countZone } from "./presence-count.ts";
import { arrivalOf, basketOf, departureOf, moveOf } from "./presence-events.ts";
import { PresenceMemory } from "./presence-memory.ts";
import { Rounds } from "./presence-rounds.ts";
import { isShaded, leadOf, patienceOf } from "./presence-rules.ts";
import { Sighting, type TrackedTag } from "./presence-sighting.ts";

/** So many shades one after the other are believed. */
const shadeCountMax = 3;
/** A silence that is shared is looked at again after so many rounds. */
const sharedRecheckRounds = 4;
/** So are tags that another zone may yet claim. */
const claimRecheckRounds = 10;
/** Reads in so many recent rounds are a claim. */
const claimRoundCountMin = 2;

/** Zones that tags move between. */
export class Presence implements Machine {
  readonly deviceIds: readonly string[];
  readonly #config: PresenceConfig;
  readonly #count: Count;
  readonly #rounds: Rounds;
  readonly #references: ReadonlySet<EpcHex>;
  readonly #memory: PresenceMemory;
  readonly #tags = new Map<EpcHex, TrackedTag>();
  /** Those that are here, and those that may yet have arrived, each in the order of their last reads. */
  readonly #present = new Set<TrackedTag>();
  readonly #waiting = new Set<TrackedTag>();
  #isLimitNoticed = false;

  constructor(config: PresenceConfig, count: Count) {
    this.#config = config;
    this.#count = count;
    this.#memory = new PresenceMemory(config.id);
    this.#references = new Set(config.referenceEpcs);
    this.#rounds = new Rounds(config);
    this.deviceIds = this.#rounds.deviceIds;
  }

  nextDeadlineMs(): number {
    return Math.min(this.#rounds.endMs, this.#rounds.frozenNoticeAtMs);
  }

  advance(atMs: number, output: Output): void {
    for (let dueMs = this.nextDeadlineMs(); dueMs <= atMs; dueMs = this.nextDeadlineMs()) {
      if (dueMs === this.#rounds.endMs) this.#endRound(dueMs, output);
      else this.#rounds.noticeFrozen(dueMs, output);
    }
  }

  apply(reading: Reading, output: Output): void {
    if (reading.kind === "tag") this.#read(reading, output);
    else if (reading.kind === "device" && reading.state === "offline") {
      this.#rounds.goOffline(reading.deviceId);
    } else if (reading.kind === "device") {
      this.#rounds.goOnline(reading.deviceId, reading.receivedAtMs);
    }
  }

  countablePlaces(): string[] {
    return this.#rounds.zones.map(({ config }) => config.location);
  }

  countPlace(location: string, atMs: number, output: Output): string | undefined {
    const zone = this.#rounds.zones.find(({ config }) => config.location === location);
    return zone && this.#countZone(zone, atMs, output);
  }

  /** Where a tag that is here was read last, and when; undefined of others. */
  lastSeen(epc: EpcHex): { readonly location: string; readonly atMs: number } | undefined {
    const tag = this.#tags.get(epc);
    if (tag?.present === undefined) return undefined;
    return { location: tag.present.zone.config.location, atMs: tag.lastAtMs };
  }

  /** Whoever is silent may yet turn out to have left at its last read; an arrival is told as old as it is. */
  decidedThroughMs(nowMs: number): number {
    let throughMs = this.#waiting.size > 0 ? nowMs - this.#config.arriveWithinMs : nowMs;
    for (const tag of this.#present) {
      if (tag.lastAtMs >= throughMs) break;
      if (tag.present?.isFrozen !== false) continue;
      throughMs = Math.min(throughMs, tag.present.silentSinceMs);
    }
    return throughMs;
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    const zoneOf = new Map(this.#rounds.zones.map((zone) => [zone.config.location, zone]));
    const unusableCount = this.#memory.restore(stored, (epc, location) => {
      const zone = zoneOf.get(location);
      const [antenna] = zone?.antennas ?? [];
      if (zone === undefined || antenna === undefined) return false;
      const tag = this.#follow(epc, nowMs);
      const sighting = this.#sightingOf(tag, zone);
      sighting.setPresent(true);
      this.#present.add(tag);
      antenna.schedule(sighting, patienceOf(sighting, this.#config.roundMs).departureRounds);
      return true;
    });
    if (unusableCount > 0) this.#count("presence_state_unreadable", unusableCount);
  }

  setPlan(): void {
    // Presence knows its zones from the configuration; products do not matter to it.
  }

  shiftTime(byMs: number): void {
    for (const tag of this.#tags.values()) {
      tag.lastAtMs += byMs;
      for (const { level } of tag.sightings) level.shiftTime(byMs);
    }
    this.#memory.shiftTime(byMs);
    this.#rounds.shiftTime(byMs);
  }

  #read(
    { deviceId, antenna: number, epc, rssiDbm, receivedAtMs }: TagReading,
    output: Output,
  ): void {
    const antenna = this.#rounds.heard(deviceId, number, receivedAtMs);
    if (antenna === undefined) {
      this.#count("presence_reads_foreign_antenna");
      return;
    }
    if (this.#references.has(epc)) return;
    const { zone } = antenna;
    if (rssiDbm < (zone.config.rssiDbmMin ?? Number.NEGATIVE_INFINITY)) {
      this.#count("presence_reads_weak");
      return;
    }
    const tag = this.#tags.get(epc) ?? this.#begin(epc, receivedAtMs, output);
    if (tag === undefined) return;
    const sighting = this.#sightingOf(tag, zone);
    const isFirst = sighting.isSilent || sighting.main === undefined;
    sighting.read(antenna, rssiDbm, this.#rounds.round, receivedAtMs);
    this.#touch(tag, receivedAtMs);
    if (tag.present === undefined) this.#maybeArrive(tag, receivedAtMs, output);
    else if (tag.present !== sighting) this.#maybeMove(tag.present, sighting, receivedAtMs, output);
    else if (isFirst || sighting.checkAntenna !== sighting.main) {
      this.#schedule(sighting);
    }
  }

  #begin(epc: EpcHex, atMs: number, output: Output): TrackedTag | undefined {
    this.#dropPassersBy(atMs);
    const { tagCountMax, zones } = this.#config;
    const tagCount = this.#tags.size + this.#memory.departedCount;
    if (tagCount < tagCountMax) {
      if (tagCount < tagCountMax * 0.9) this.#isLimitNoticed = false;
      const tag = this.#follow(epc, atMs);
      this.#waiting.add(tag);
      return tag;
    }
    this.#count("presence_reads_over_limit");
    if (!this.#isLimitNoticed) {
      this.#isLimitNoticed = true;
      const deviceId = zones[0]?.antennas[0]?.deviceId ?? "";
      output.conclusions.push(warning(deviceId, "presence_tag_limit", atMs, { tagCountMax }));
    }
    return undefined;
  }

  #follow(epc: EpcHex, atMs: number): TrackedTag {
    const tag: TrackedTag = {
      epc,
      sightings: [],
      present: undefined,
      lastAtMs: atMs,
      lastRound: this.#rounds.round,
    };
    this.#tags.set(epc, tag);
    return tag;
  }

  #sightingOf(tag: TrackedTag, zone: Zone): Sighting {
    for (const sighting of tag.sightings) if (sighting.zone === zone) return sighting;
    const sighting = new Sighting(tag, zone);
    tag.sightings.push(sighting);
    return sighting;
  }

  #touch(tag: TrackedTag, atMs: number): void {
    tag.lastAtMs = atMs;
    tag.lastRound = this.#rounds.round;
    const order = tag.present === undefined ? this.#waiting : this.#present;
    order.delete(tag);
    order.add(tag);
  }

  // Those that were read a few times and never again.
  #dropPassersBy(atMs: number): void {
    for (const tag of this.#waiting) {
      if (tag.lastAtMs >= atMs - this.#config.arriveWithinMs) break;
      this.#waiting.delete(tag);
      this.#tags.delete(tag.epc);
    }
  }

  #maybeArrive(tag: TrackedTag, atMs: number, output: Output): void {
    const { arriveRoundCountMin, arriveSpanMsMin, roundMs } = this.#config;
    const since = this.#claimSinceRound();
    const isEvident = tag.sightings.some(
      (one) =>
        one.roundsSince(since) >= arriveRoundCountMin &&
        (this.#rounds.round - one.oldestSince(since)) * roundMs >= arriveSpanMsMin,
    );
    const sighting = isEvident ? this.#strongest(tag, atMs) : undefined;
    if (sighting === undefined) return;
    this.#waiting.delete(tag);
    this.#settle(sighting);
    const { location } = sighting.zone.config;
    const departed = this.#memory.arrived(tag.epc, location, output);
    const oldest = Math.min(
      ...tag.sightings
        .filter((one) => one.roundsSince(since) > 0)
        .map((one) => one.oldestSince(since)),
    );
    const rounds = sighting.roundsSince(since);
    const occurredAtMs = atMs - (this.#rounds.round - oldest) * roundMs;
    output.conclusions.push(
      arrivalOf(sighting, departed, { occurredAtMs, decidedAtMs: atMs, rounds }, this.#count),
    );
  }

  #maybeMove(here: Sighting, there: Sighting, atMs: number, output: Output): void {
    const { arriveRoundCountMin, roundMs } = this.#config;
    if (there.roundsSince(this.#claimSinceRound()) < arriveRoundCountMin) return;
    const lead = leadOf(here, there, roundMs, atMs);
    if (lead === undefined) return;
    output.conclusions.push(moveOf(here, there, lead, atMs, this.#count));
    this.#move(here, there, output);
  }

  #move(here: Sighting, there: Sighting, output: Output): void {
    here.setPresent(false);
    for (const { level } of there.tag.sightings) level.unsettle();
    this.#settle(there);
    this.#memory.arrived(there.tag.epc, there.zone.config.location, output);
  }

  // The sighting is where its tag is from now on.
  #settle(sighting: Sighting): void {
    sighting.setPresent(true);
    this.#present.add(sighting.tag);
    this.#schedule(sighting);
  }

  #schedule(sighting: Sighting): void {
    const { suspicionRounds } = patienceOf(sighting, this.#config.roundMs);
    sighting.main?.schedule(sighting, sighting.liveAtRead + suspicionRounds);
  }

  /** Of the zones that lately read the tag. */
  #strongest(tag: TrackedTag, atMs: number, except?: Sighting): Sighting | undefined {
    const since = this.#claimSinceRound();
    let best: Sighting | undefined;
    for (const one of tag.sightings) {
      if (one === except || one.roundsSince(since) < claimRoundCountMin) continue;
      if (best === undefined || levelDbm(one, atMs) > levelDbm(best, atMs)) best = one;
    }
    return best;
  }

  #claimSinceRound(): number {
    return this.#rounds.round - Math.ceil(this.#config.arriveWithinMs / this.#config.roundMs);
  }

  #endRound(atMs: number, output: Output): void {
    for (const sighting of this.#rounds.end(atMs, this.#tags.size > 0)) {
      if (sighting.tag.present === sighting) this.#check(sighting, atMs, output);
    }
    this.#dropPassersBy(atMs);
    for (const zone of this.#rounds.zones) this.#maybeCount(zone, atMs, output);
  }

  #check(sighting: Sighting, atMs: number, output: Output): void {
    const { roundMs } = this.#config;
    const antenna = sighting.main ?? sighting.checkAntenna;
    const { suspicionRounds, departureRounds, clearRounds } = patienceOf(sighting, roundMs);
    const silentRounds = sighting.silentRounds();
    const lookAfter = (rounds: number) => antenna?.schedule(sighting, antenna.liveRounds + rounds);
    if (silentRounds < suspicionRounds) return void lookAfter(suspicionRounds - silentRounds);
    sighting.suspect(suspicionRounds);
    const isOver = silentRounds >= shadeCountMax * sighting.zone.shadeRoundCountMax;
    const shared = isShaded(sighting);
    if (shared) sighting.sharedAtRound = antenna?.liveRounds;
    if (shared && !isOver) return void lookAfter(sharedRecheckRounds);
    const leftRounds =
      sighting.sharedAtRound === undefined || isOver
        ? departureRounds - silentRounds
        : sighting.sharedAtRound + clearRounds - (antenna?.liveRounds ?? 0);
    // A silence may come to be shared at any time until then.
    if (leftRounds > 0) return void lookAfter(Math.min(leftRounds, suspicionRounds));
    const there = this.#strongest(sighting.tag, atMs, sighting);
    if (there !== undefined) {
      const leadDb = levelDbm(there, atMs) - levelDbm(sighting, atMs);
      const why = { rule: "silent_here", leadDb } as const;
      output.conclusions.push(moveOf(sighting, there, why, atMs, this.#count));
      this.#move(sighting, there, output);
    } else if (this.#rounds.round - sighting.tag.lastRound < departureRounds) {
      lookAfter(claimRecheckRounds);
    } else this.#depart(sighting, shared, atMs, output);
  }

  #depart(sighting: Sighting, shared: boolean, atMs: number, output: Output): void {
    const { tag, zone } = sighting;
    const { location, departTo } = zone.config;
    const { departedKeepMs, tagCountMax } = this.#config;
    const occurredAtMs = Math.min(sighting.silentSinceMs, atMs);
    const when = { occurredAtMs, decidedAtMs: atMs, isShared: shared };
    output.conclusions.push(departureOf(sighting, when, this.#count));
    sighting.setPresent(false);
    this.#present.delete(tag);
    this.#tags.delete(tag.epc);
    const isNoticeOnly = departTo === "notice";
    const to = departTo === "basket" ? { to: basketOf(location) } : {};
    const departed = { leftZone: location, atMs: occurredAtMs, isNoticeOnly, ...to };
    const limits = { forgetBeforeMs: atMs - departedKeepMs, countMax: tagCountMax / 2 };
    this.#memory.left(tag.epc, departed, limits, output);
  }

  #maybeCount(zone: Zone, atMs: number, output: Output): void {
    const { countEveryMs } = zone.config;
    if (countEveryMs === undefined) return;
    zone.nextCountAtMs ??= atMs + countEveryMs;
    if (atMs < zone.nextCountAtMs || this.#countZone(zone, atMs, output) !== undefined) return;
    zone.nextCountAtMs = atMs + countEveryMs;
  }

  #countZone(zone: Zone, atMs: number, output: Output): string | undefined {
    const neededMs = countWindowRounds * this.#config.roundMs;
    const unseen = zone.antennas.find((one) => !one.isLive || one.aliveSinceMs > atMs - neededMs);
    if (unseen !== undefined) {
      return `an antenna of ${unseen.deviceId} has not read without a break for ${neededMs} ms`;
    }
    const present: Sighting[] = [];
    for (const tag of this.#present) if (tag.present?.zone === zone) present.push(tag.present);
    const time = { atMs, round: this.#rounds.round };
    output.conclusions.push(...countZone(zone, present, time, this.#count));
    return undefined;
  }
}

function levelDbm({ level }: Sighting, atMs: number): number {
  return level.recentDbm(atMs) ?? level.anyDbm;
}
