// The rules by which a tag moves from zone to zone, or is gone. What is not said here does not happen.

import type { Caps } from "./presence-config.ts";
import type { Sighting } from "./presence-sighting.ts";

/** A tag is suspected when the chance of so long a silence, at its read rate, is below this, ... */
const suspicionChance = 1e-3;
/** ... and believed to have gone below this: a tag read at a tenth is wrong once in 30,000 hours. */
const departureChance = 1e-7;
const suspicionRoundCountMin = 8;
const suspicionRoundCountMax = 60;
/** Over minutes, this lead is enough: who was put into the wrong one of two zones is put right. */
const settledLeadDb = 2;
/** Who heard a tag within so many rounds of its last read heard it to the last. */
const lastHeardRoundCount = 40;

/** Silences in rounds. */
export interface Patience {
  readonly suspicionRounds: number;
  readonly departureRounds: number;
  /** After a silence that was shared, since nothing stands there any more. */
  readonly clearRounds: number;
}

/**
 * How long a tag may be silent, by its read rate: ln(1/delta)/p rounds, within the zone's bounds. A rate
 * that has lately fallen may be a shade too thin to be told, or the hand that is taking the tag: the mean of
 * the two is believed. Where a shade was told and is over, the usual rate is to be expected again.
 */
export function patienceOf(sighting: Sighting, roundMs: number): Patience {
  const { departAfterMsMin, departAfterMsMax } = sighting.zone.config.caps;
  const recent = sighting.readRate();
  const usual = Math.max(sighting.usualRate, recent);
  const roundsFor = (chance: number, rate: number) =>
    Math.min(-Math.log(chance) / Math.max(rate, 1e-6), departAfterMsMax / roundMs);
  const departureRounds = roundsFor(departureChance, Math.sqrt(recent * usual));
  return {
    suspicionRounds: Math.ceil(
      between(roundsFor(suspicionChance, recent), suspicionRoundCountMin, suspicionRoundCountMax),
    ),
    departureRounds: Math.ceil(Math.max(departureRounds, departAfterMsMin / roundMs)),
    clearRounds: Math.ceil(roundsFor(departureChance, usual)),
  };
}

/** Chance that a tag which is there was missed in all rounds of its silence; 1 where its rate is unknown. */
export function missChance(sighting: Sighting): number {
  return Math.exp(-sighting.readRate() * sighting.silentRounds());
}

/** The lead in dB another zone needs over one whose antenna has not read the tag for so long. */
export function neededLeadDb(caps: Caps, silentMs: number): number {
  const fallenDb = (caps.moveFallDbPerSecond * Math.max(silentMs - caps.moveHoldMs, 0)) / 1000;
  return caps.moveLeadDb - fallenDb;
}

/** Why a tag is believed to be in another zone, and by how much it is stronger there. */
export interface Lead {
  readonly rule: "lead" | "settled_lead";
  readonly leadDb: number;
}

/**
 * Whether a tag that is at `here` and read at `there` has moved. Nothing moves away from an antenna that
 * is not alive, or out of a silence that others share.
 */
export function leadOf(
  here: Sighting,
  there: Sighting,
  roundMs: number,
  atMs: number,
): Lead | undefined {
  if (here.isFrozen || isShaded(here)) return undefined;
  const thereDbm = there.level.recentDbm(atMs) ?? there.level.anyDbm;
  const leadDb = thereDbm - (here.level.recentDbm(atMs) ?? here.level.anyDbm);
  const silentMs = here.silentRounds() * roundMs;
  if (leadDb >= neededLeadDb(here.zone.config.caps, silentMs)) return { rule: "lead", leadDb };
  const { settledDbm } = there.level;
  if (settledDbm === undefined || here.level.settledDbm === undefined) return undefined;
  const settledDb = settledDbm - here.level.settledDbm;
  if (settledDb < settledLeadDb) return undefined;
  return { rule: "settled_lead", leadDb: settledDb };
}

/**
 * Whether a tag is silent because something stands before it, as any antenna tells that heard it to the
 * last: where zones overlap, those that are shaded together are not all taken to be in one.
 */
export function isShaded(sighting: Sighting): boolean {
  const { tag, isSilent, main } = sighting;
  if (!isSilent) return false;
  if (main?.isShadedFor(sighting) === true) return true;
  return tag.sightings.some(
    (one) =>
      one !== sighting &&
      one.lastRound >= tag.lastRound - lastHeardRoundCount &&
      one.main?.isShaded === true,
  );
}

function between(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
