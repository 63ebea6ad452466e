// The link between one antenna and one tag: what power reaches the tag, and how strongly the reader hears
// it. All fields are sums of waves with phases of their own, so that strength is a function of place and
// time alone and the same question has the same answer. Distances in metres; parameters in physics.ts.

import { gaussian, type Random } from "../random.ts";
import type { Physics } from "./physics.ts";

/** Where something is: x through the door, y along the wall, z up. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** An antenna and where it looks (a unit vector). */
export interface Panel {
  readonly antenna: number;
  readonly at: Point;
  readonly looks: Point;
}

/** A tag at one moment. */
export interface TagPose {
  readonly at: Point;
  /** Axis of its dipole, a unit vector. */
  readonly axis: Point;
  /** Where its carrier's body is; undefined when nobody carries it. */
  readonly body: Point | undefined;
}

/** What one antenna has of one tag: the power that reaches the tag, and what the reader hears. */
export interface Link {
  readonly tagDbm: number;
  readonly rssiDbm: number;
}

const wavelengthMetres = 0.346;
/** Free space at one metre and 866 MHz. */
const firstMetreLossDb = 31.2;
/** A dipole on cloth. */
const tagGainDbi = 1.5;
const reflectionCount = 5;
const shadowWaveCount = 3;

interface Wave {
  readonly kx: number;
  readonly ky: number;
  readonly phase: number;
  readonly hz: number;
}

/** The radio field between one antenna and one tag. */
export class Field {
  readonly #physics: Physics;
  readonly #panel: Panel;
  readonly #doorHalfMetres: number;
  readonly #tagOffsetDb: number;
  readonly #reflections: readonly Wave[];
  readonly #shadows: readonly Wave[];
  readonly #direct: number;
  readonly #scattered: number;

  constructor(
    physics: Physics,
    panel: Panel,
    doorHalfMetres: number,
    tagOffsetDb: number,
    random: Random,
  ) {
    this.#physics = physics;
    this.#panel = panel;
    this.#doorHalfMetres = doorHalfMetres;
    this.#tagOffsetDb = tagOffsetDb;
    const { driftHz, shadowLengthMetres, ricianKDb } = physics;
    const k = 10 ** (ricianKDb / 10);
    this.#direct = Math.sqrt(k / (k + 1));
    this.#scattered = Math.sqrt(1 / (k + 1) / reflectionCount);
    this.#reflections = waves(random, reflectionCount, wavelengthMetres, driftHz);
    // A field of this wave length loses its correlation over `shadowLengthMetres`.
    this.#shadows = waves(random, shadowWaveCount, shadowLengthMetres * 4, 0);
  }

  /** The link for a tag at `pose`; `fadeDb` is what others in the way cost. */
  at(pose: TagPose, atMs: number, fadeDb: number): Link {
    const { at: from, looks } = this.#panel;
    const { at, axis, body } = pose;
    const dx = at.x - from.x;
    const dy = at.y - from.y;
    const dz = at.z - from.z;
    const distance = Math.max(0.25, Math.sqrt(dx * dx + dy * dy + dz * dz));
    const ahead = (dx * looks.x + dy * looks.y + dz * looks.z) / distance;
    const p = this.#physics;
    const offDeg = (Math.acos(Math.max(-1, Math.min(1, ahead))) * 180) / Math.PI;
    const patternDb = Math.min(12 * (offDeg / p.beamWidthDeg) ** 2, p.frontToBackDb);
    const alongAxis = (dx * axis.x + dy * axis.y + dz * axis.z) / distance;
    const turnedDb = Math.min(
      -10 * Math.log10(Math.max(1e-6, 1 - alongAxis * alongAxis)),
      p.orientationLossDbMax,
    );
    const wayDb =
      firstMetreLossDb +
      10 * p.pathLossExponent * Math.log10(distance) +
      patternDb +
      turnedDb +
      p.polarisationLossDb +
      this.#wallDb(at) +
      (body === undefined ? 0 : bodyDb(from, at, body, p.bodyLossDb)) +
      fadeDb -
      p.antennaGainDbi -
      tagGainDbi -
      this.#shadowDb(at) -
      this.#multipathDb(at, atMs);
    return {
      tagDbm: p.txPowerDbm - wayDb - this.#tagOffsetDb,
      rssiDbm: p.txPowerDbm - 2 * wayDb - p.modulationLossDb,
    };
  }

  // Only when the straight line does not go through the door.
  #wallDb(at: Point): number {
    const { at: from } = this.#panel;
    if (at.x * from.x >= 0) return 0;
    const y = from.y + ((at.y - from.y) * -from.x) / (at.x - from.x);
    return Math.abs(y) <= this.#doorHalfMetres ? 0 : this.#physics.wallLossDb;
  }

  #shadowDb(at: Point): number {
    let sum = 0;
    for (const { kx, ky, phase } of this.#shadows) sum += Math.cos(kx * at.x + ky * at.y + phase);
    return sum * this.#physics.shadowSdDb * Math.sqrt(2 / shadowWaveCount);
  }

  #multipathDb(at: Point, atMs: number): number {
    let real = this.#direct;
    let imaginary = 0;
    for (const { kx, ky, phase, hz } of this.#reflections) {
      const angle = kx * at.x + ky * at.y + phase + hz * atMs * 0.00628318530718;
      real += this.#scattered * Math.cos(angle);
      imaginary += this.#scattered * Math.sin(angle);
    }
    return 10 * Math.log10(Math.max(1e-3, real * real + imaginary * imaginary));
  }
}

function waves(random: Random, count: number, lengthMetres: number, hzSd: number): Wave[] {
  return Array.from({ length: count }, () => {
    const direction = 2 * Math.PI * random();
    const k = (2 * Math.PI) / lengthMetres;
    return {
      kx: k * Math.cos(direction),
      ky: k * Math.sin(direction),
      phase: 2 * Math.PI * random(),
      hz: gaussian(random, 0, hzSd),
    };
  });
}

/** Full when the body is on the line from tag to antenna, none when it is beside or behind the tag. */
function bodyDb(antenna: Point, tag: Point, body: Point, lossDb: number): number {
  const ax = antenna.x - tag.x;
  const ay = antenna.y - tag.y;
  const bx = body.x - tag.x;
  const by = body.y - tag.y;
  const length = Math.hypot(ax, ay) * Math.hypot(bx, by);
  if (length === 0) return 0;
  const towards = (ax * bx + ay * by) / length;
  return lossDb * Math.max(0, Math.min(1, (towards - 0.3) / 0.5));
}
