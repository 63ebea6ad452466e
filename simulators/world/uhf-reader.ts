// One reader with its antennas: it takes them in turn, 0.5 s a round, and singulates in inventory rounds
// (EPC Gen2): every tag that has power replies once a round, as many as there is time for; a session
// with a lasting flag keeps a read tag quiet. What comes out is what the reader saw, at its own times.

import { between, type Random } from "../random.ts";
import type { Physics } from "./physics.ts";
import type { Field, TagPose } from "./uhf-link.ts";

/** A tag that is somewhere. */
export interface MovingTag {
  readonly epc: string;
  readonly fromAtMs: number;
  readonly toAtMs: number;
  poseAt(atMs: number): TagPose;
  /** By antenna. */
  readonly fields: ReadonlyMap<number, Field>;
}

/** One read, before it was reported. */
export interface RawRead {
  readonly atMs: number;
  readonly antenna: number;
  readonly epc: string;
  readonly rssiDbm: number;
}

/** What to run. */
export interface ReaderRun {
  readonly physics: Physics;
  readonly tags: readonly MovingTag[];
  /** In the order in which they are switched. */
  readonly antennas: readonly number[];
  readonly session: 0 | 1;
  readonly fromAtMs: number;
  readonly toAtMs: number;
  /** The reader sees nothing then. */
  readonly outages: readonly { readonly fromAtMs: number; readonly toAtMs: number }[];
  readonly random: Random;
}

/** All antennas once. */
export const antennaRoundMs = 500;
/** A reader hears nothing weaker. */
const readerSensitivityDbm = -82;
/** Farther from the door than this nothing is worth working out. */
const reachMetres = 11;
/** From no chance to certainty around a tag's sensitivity. */
const powerSlopeDb = 1;

interface Fade {
  untilMs: number;
  lossDb: number;
  nextAtMs: number;
}

/** Runs the reader and gives what it read, in order. */
export function runReader(run: ReaderRun): RawRead[] {
  const { physics, antennas, fromAtMs, toAtMs, random } = run;
  const reads: RawRead[] = [];
  const quietUntilMs = new Map<string, number>();
  const fades = new Map(antennas.map((antenna) => [antenna, nextFade(fromAtMs, physics, random)]));
  const waiting = [...run.tags].sort((one, other) => one.fromAtMs - other.fromAtMs);
  let present: MovingTag[] = [];
  let next = 0;
  const dwellMs = antennaRoundMs / antennas.length;
  for (let dwell = 0; fromAtMs + dwell * dwellMs < toAtMs; dwell += 1) {
    const startMs = fromAtMs + dwell * dwellMs;
    if (run.outages.some((one) => startMs >= one.fromAtMs && startMs < one.toAtMs)) continue;
    const antenna = antennas[dwell % antennas.length]!;
    present = present.filter((tag) => tag.toAtMs > startMs);
    for (; (waiting[next]?.fromAtMs ?? toAtMs) <= startMs; next += 1) present.push(waiting[next]!);
    if (present.length === 0) continue;
    const fade = fades.get(antenna)!;
    moveFade(fade, startMs, physics, random);
    const fadeDb = startMs < fade.untilMs ? fade.lossDb : 0;
    const inDwell = { run, present, antenna, fadeDb, quietUntilMs };
    for (let atMs = startMs; atMs < startMs + dwellMs; ) {
      atMs = inventory(inDwell, atMs, startMs + dwellMs, reads);
    }
  }
  return reads;
}

interface Dwell {
  readonly run: ReaderRun;
  readonly present: readonly MovingTag[];
  readonly antenna: number;
  readonly fadeDb: number;
  readonly quietUntilMs: Map<string, number>;
}

// One inventory round; gives when it ended.
function inventory(dwell: Dwell, startMs: number, endMs: number, reads: RawRead[]): number {
  const { run, antenna, fadeDb, quietUntilMs } = dwell;
  const { physics, random, session } = run;
  const heard: { epc: string; rssiDbm: number }[] = [];
  for (const tag of dwell.present) {
    if ((quietUntilMs.get(tag.epc) ?? 0) > startMs) continue;
    const pose = tag.poseAt(startMs);
    if (Math.abs(pose.at.x) > reachMetres || Math.abs(pose.at.y) > reachMetres) continue;
    const { tagDbm, rssiDbm } = tag.fields.get(antenna)!.at(pose, startMs, fadeDb);
    const chance = 0.5 + (tagDbm - physics.tagSensitivityDbm) / (2 * powerSlopeDb);
    if (rssiDbm < readerSensitivityDbm || random() >= chance) continue;
    heard.push({ epc: tag.epc, rssiDbm });
  }
  shuffle(heard, random);
  let atMs = startMs + physics.roundOverheadMs / 2;
  for (const { epc, rssiDbm } of heard) {
    if (atMs >= endMs) break;
    atMs += physics.singulationMs * between(random, 0.8, 1.6);
    if (random() >= physics.decodeShare) continue;
    reads.push({ atMs: Math.round(atMs), antenna, epc, rssiDbm });
    if (session === 1) quietUntilMs.set(epc, atMs + physics.persistenceMs);
  }
  return atMs + physics.roundOverheadMs / 2;
}

function shuffle<T>(list: T[], random: Random): void {
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [list[index], list[other]] = [list[other]!, list[index]!];
  }
}

function nextFade(atMs: number, physics: Physics, random: Random): Fade {
  const perMs = physics.fadesPerMinute / 60_000;
  const waitMs = perMs === 0 ? Number.POSITIVE_INFINITY : -Math.log(1 - random()) / perMs;
  return { untilMs: 0, lossDb: 0, nextAtMs: atMs + waitMs };
}

// Somebody passes for a moment (three of four), or stands there for 5 to 120 s.
function moveFade(fade: Fade, atMs: number, physics: Physics, random: Random): void {
  if (atMs < fade.nextAtMs) return;
  const lengthMs = random() < 0.75 ? between(random, 300, 1500) : 5000 * 24 ** random();
  const next = nextFade(atMs + lengthMs, physics, random);
  fade.untilMs = atMs + lengthMs;
  fade.lossDb = between(random, 0.6, 1.2) * physics.fadeLossDb;
  fade.nextAtMs = next.nextAtMs;
}
