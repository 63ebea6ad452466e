// What happens at a portal, and the truth of it: tags carried in and out, passing by, turning back, standing.
// Pure: the scenario and a seed give readings in order of receipt, and what really was.

import { encodeSgtin96 } from "../../contract/gs1/epc.ts";
import type { Reading } from "../../contract/reading.ts";
import type { Gtin } from "../../contract/units.ts";
import { between, gaussian, integerBetween, type Random, seededRandom, waitMs } from "../random.ts";
import type { PortalAct, PortalScenario } from "../rfid-scenario.ts";
import { drawPhysics, type Physics, useOf } from "./physics.ts";
import { runBeams, type Walker } from "./portal-beams.ts";
import { type Hold, hang, holdsOf, poseOn, Way, walkSpeed } from "./portal-walk.ts";
import { deliver } from "./uhf-delivery.ts";
import { Field, type Panel } from "./uhf-link.ts";
import { type MovingTag, runReader } from "./uhf-reader.ts";

/** What a tag did. `in` is from side A to side B. */
export type PassageKind = PortalAct["kind"];

/** One tag's stay at the portal. */
export interface PassageTruth {
  readonly epc: string;
  readonly kind: PassageKind;
  /** Within reach of the door, for `in` and `out`; the whole stay otherwise. */
  readonly fromAtMs: number;
  readonly toAtMs: number;
  /** When it went through the door; only `in` and `out`. */
  readonly crossedAtMs: number | undefined;
}

/** A portal's day. */
export interface PortalDay {
  readonly readings: readonly Reading[];
  readonly passages: readonly PassageTruth[];
  readonly physics: Physics;
  readonly startAtMs: number;
  readonly endAtMs: number;
}

/** A passage is over when its tag is this far behind the door. */
export const passedMetres = 1.5;
/** When every world begins. */
export const worldStartAtMs = Date.UTC(2026, 0, 5, 9);
const beamSeedOffset = 1_000_000;
const farMetres = 9;
const gtin = "09521321001015" as Gtin;

/** Plays a scenario. */
export function playPortal(scenario: PortalScenario, seed: number): PortalDay {
  const random = seededRandom(seed);
  const physics = drawPhysics(scenario.climate, useOf(seed), random);
  const stage = new Stage(scenario, physics, random);
  const startAtMs = worldStartAtMs;
  const endAtMs = startAtMs + scenario.durationMs;
  for (let index = 0; index < scenario.standingCount; index += 1) stage.stand(startAtMs, endAtMs);
  for (const act of scenario.acts) stage.act(act.kind, startAtMs + act.atMs, act.tagCount);
  const { traffic } = scenario;
  if (traffic !== undefined) {
    let atMs = startAtMs + waitMs(random, traffic.intervalMs);
    for (; atMs < endAtMs - 60_000; atMs += waitMs(random, traffic.intervalMs)) {
      // Most carry little, some much.
      const most = integerBetween(random, 1, traffic.tagCountMax);
      stage.act(kindOf(traffic, random), atMs, integerBetween(random, 1, most));
    }
  }
  const outages = spans(scenario.outages, startAtMs);
  const { deviceId, sideA, sideB, beams } = scenario.portal;
  const [a, b] = [sideA.antennas, sideB.antennas];
  const antennas = a.flatMap((antenna, index) => [antenna, ...b.slice(index, index + 1)]);
  const run = { physics, tags: stage.tags, antennas, session: scenario.session, random } as const;
  const reads = runReader({ ...run, fromAtMs: startAtMs, toAtMs: endAtMs, outages });
  const readings: Reading[] = deliver({
    ...{ deviceId, physics, reads, outages, random },
    fromAtMs: startAtMs,
    toAtMs: endAtMs,
    backlogs: spans(scenario.backlogs, startAtMs),
  });
  if (beams !== undefined) {
    const doorHalf = scenario.doorWidthMetres / 2;
    // Of their own chance, so that everything else is as without them.
    const chance = seededRandom(seed + beamSeedOffset);
    const span = { fromAtMs: startAtMs, toAtMs: endAtMs };
    readings.push(...runBeams(stage.walkers, beams, doorHalf, span, chance));
    readings.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
  }
  return { readings, passages: stage.passages, physics, startAtMs, endAtMs };
}

type Traffic = NonNullable<PortalScenario["traffic"]>;

function kindOf(traffic: Traffic, random: Random): PassageKind {
  let at = random();
  const { inShare, outShare, passByShare, turnBackShare } = traffic;
  const shares = [inShare, outShare, passByShare, turnBackShare];
  const kinds = ["in", "out", "pass_by", "turn_back"] as const;
  for (const [index, share] of shares.entries()) {
    if (at < share) return kinds[index]!;
    at -= share;
  }
  return "static";
}

function spans(list: PortalScenario["outages"], startAtMs: number) {
  return list.map(({ fromMs, toMs }) => ({
    fromAtMs: startAtMs + fromMs,
    toAtMs: startAtMs + toMs,
  }));
}

/** Puts tags on their ways. */
class Stage {
  readonly tags: MovingTag[] = [];
  readonly passages: PassageTruth[] = [];
  readonly walkers: Walker[] = [];
  readonly #physics: Physics;
  readonly #random: Random;
  readonly #panels: readonly Panel[];
  readonly #doorHalf: number;
  readonly #traffic: Traffic | undefined;
  #serial = 1;

  constructor(scenario: PortalScenario, physics: Physics, random: Random) {
    this.#physics = physics;
    this.#random = random;
    this.#traffic = scenario.traffic;
    this.#doorHalf = scenario.doorWidthMetres / 2;
    this.#panels = panelsOf(scenario, random);
  }

  /** A tag that hangs near the portal all the time, on either side, never in the doorway. */
  stand(fromAtMs: number, toAtMs: number): void {
    const side = this.#random() < 0.5 ? -1 : 1;
    const x = side * between(this.#random, 1.5, 6);
    const way = new Way({ atMs: fromAtMs, x, y: between(this.#random, -6, 6) });
    this.#put("static", way, hang(this.#random), toAtMs);
  }

  /** Somebody comes with some tags. */
  act(kind: PassageKind, atMs: number, tagCount: number): void {
    const holds = holdsOf(tagCount, this.#random);
    if (kind === "in" || kind === "out") this.#carry(kind, atMs, holds);
    else {
      const way = kind === "pass_by" ? this.#passBy(atMs) : this.#comeAndGo(kind, atMs, holds);
      this.#walk(way, holds);
      const parked = kind === "static" ? { carriedFromMs: Number.POSITIVE_INFINITY } : {};
      for (const hold of holds) this.#put(kind, way, { ...hold, ...parked }, way.end.atMs);
    }
  }

  // Through the door, from afar or from a rack near it, where the goods hung before, and likewise behind it.
  #carry(kind: "in" | "out", atMs: number, holds: readonly Hold[]): void {
    const random = this.#random;
    const speed = walkSpeed(this.#physics, random);
    const from = kind === "in" ? -1 : 1;
    const inDoor = () => between(random, -0.6, 0.6) * this.#doorHalf;
    const start = this.#place(from);
    const end = this.#place(-from);
    const way = new Way({ atMs, x: start.x, y: start.y }).rest(start.hangMs);
    const carriedFromMs = way.end.atMs;
    way.to(from * between(random, 0.8, 2.5), inDoor(), speed).rest(this.#pauseMs());
    way.to(0, inDoor(), speed).rest(random() < 0.3 ? this.#pauseMs() : 0);
    way.to(-from * between(random, 1.8, 3.5), inDoor() * 1.5, speed).rest(this.#pauseMs());
    way.to(end.x, end.y, speed);
    const carriedToMs = way.end.atMs;
    this.#walk({ points: [...way.points].filter(({ atMs }) => atMs >= carriedFromMs) }, holds);
    way.rest(end.hangMs);
    for (const hold of holds) {
      this.#put(kind, way, { ...hold, carriedFromMs, carriedToMs }, way.end.atMs);
    }
  }

  #walk(way: Walker["way"], holds: readonly Hold[]): void {
    const reachMetres = Math.max(0.2, ...holds.map(({ ahead }) => ahead)) + 0.1;
    this.walkers.push({ way, reachMetres });
  }

  #place(side: number): { x: number; y: number; hangMs: number } {
    const random = this.#random;
    if (random() < (this.#traffic?.rackShare ?? 0)) {
      const hangMs = 10_000 * 30 ** random();
      return { x: side * between(random, 3.5, 7), y: between(random, -4, 4), hangMs };
    }
    return { x: side * farMetres, y: between(random, -2.5, 2.5), hangMs: 0 };
  }

  #passBy(atMs: number): Way {
    const random = this.#random;
    const speed = walkSpeed(this.#physics, random);
    const x = this.#side() * between(random, 0.9, 3.5);
    const y = random() < 0.5 ? -farMetres : farMetres;
    const way = new Way({ atMs, x, y }).to(x, between(random, -1.5, 1.5), speed);
    return way.rest(this.#pauseMs()).to(x + between(random, -0.3, 0.3), -y, speed);
  }

  // Turns back before it was through, or is parked beside the way for a while.
  #comeAndGo(kind: "turn_back" | "static", atMs: number, holds: readonly Hold[]): Way {
    const random = this.#random;
    const speed = walkSpeed(this.#physics, random);
    const from = this.#side();
    const sideways = () => between(random, -2.5, 2.5);
    // What leads, not the one who pushes it, may come as far as the doorway.
    const lead = Math.max(0, ...holds.map(({ ahead }) => ahead));
    const isTurning = kind === "turn_back";
    const nose = isTurning ? between(random, -0.25, 1.5) : between(random, 0.8, 3);
    const y = isTurning ? between(random, -0.6, 0.6) * this.#doorHalf : between(random, -2, 2);
    const way = new Way({ atMs, x: from * farMetres, y: sideways() });
    way.to(from * (nose + lead), y, speed);
    way.rest(isTurning ? between(random, 200, 3000) : between(random, 15_000, 240_000));
    return way.to(from * farMetres, sideways(), speed);
  }

  #side(): number {
    return this.#random() < 0.5 ? -1 : 1;
  }

  #pauseMs(): number {
    const share = this.#traffic?.pauseShare ?? 0;
    return this.#random() < share ? between(this.#random, 500, 8000) : 0;
  }

  #put(kind: PassageKind, way: Way, hold: Hold, toAtMs: number): void {
    const random = this.#random;
    const epc = epcOf(this.#serial);
    this.#serial += 1;
    const offsetDb = gaussian(random, 0, this.#physics.tagSpreadDb);
    const fields = new Map(
      this.#panels.map((panel) => [
        panel.antenna,
        new Field(this.#physics, panel, this.#doorHalf, offsetDb, random),
      ]),
    );
    const poseAt = poseOn(way, hold);
    const fromAtMs = way.points[0]!.atMs;
    this.tags.push({ epc, fromAtMs, toAtMs, poseAt, fields });
    this.passages.push({ epc, kind, ...this.#within(kind, poseAt, fromAtMs, toAtMs) });
  }

  #within(kind: PassageKind, poseAt: MovingTag["poseAt"], fromAtMs: number, toAtMs: number) {
    if (kind !== "in" && kind !== "out") return { fromAtMs, toAtMs, crossedAtMs: undefined };
    const towards = kind === "in" ? 1 : -1;
    const times: number[] = [];
    for (const metres of [-passedMetres, 0, passedMetres]) {
      let atMs = times.at(-1) ?? fromAtMs;
      while (poseAt(atMs).at.x * towards < metres && atMs < toAtMs) atMs += 10;
      times.push(atMs);
    }
    return { fromAtMs: times[0]!, crossedAtMs: times[1], toAtMs: times[2]! };
  }
}

// Beside the door and above, each side's antennas looking out to their side and somewhat inwards.
function panelsOf({ portal, doorWidthMetres }: PortalScenario, random: Random): Panel[] {
  return [portal.sideA, portal.sideB].flatMap(({ antennas }, index) => {
    const side = index === 0 ? -1 : 1;
    return antennas.map((antenna, position) => {
      const across = position % 2 === 0 ? -1 : 1;
      const turn = between(random, 0.5, 1.1);
      const tilt = between(random, -0.15, 0.05);
      const flat = Math.cos(tilt);
      return {
        antenna,
        at: {
          x: side * between(random, 0.1, 0.3),
          y: across * (doorWidthMetres / 2 + 0.1),
          z: between(random, 1.2, 1.8),
        },
        looks: {
          x: side * flat * Math.cos(turn),
          y: -across * flat * Math.sin(turn),
          z: Math.sin(tilt),
        },
      };
    });
  });
}

/** A world's tag by its number. */
export function epcOf(serial: number): string {
  const encoded = encodeSgtin96({ gtin, serial: String(serial), companyPrefixDigits: 7 });
  if (!encoded.ok) throw new RangeError(`no tag has serial ${serial}`);
  return encoded.epc;
}
