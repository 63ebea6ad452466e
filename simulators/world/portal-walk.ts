// How goods move at a portal: a carrier's way as points in time, and where each tag on it is. The door is at
// x = 0; the stockroom is at x < 0 (side A), the floor at x > 0 (side B). Metres.

import { between, gaussian, type Random } from "../random.ts";
import type { Physics } from "./physics.ts";
import type { Point, TagPose } from "./uhf-link.ts";

/** A point on the way. */
export interface Waypoint {
  readonly atMs: number;
  readonly x: number;
  readonly y: number;
}

/** A way, begun at its first point. */
export class Way {
  readonly points: Waypoint[];

  constructor(first: Waypoint) {
    this.points = [first];
  }

  get end(): Waypoint {
    return this.points.at(-1)!;
  }

  /** Goes straight on to a place. */
  to(x: number, y: number, metresPerSecond: number): this {
    const { atMs, x: fromX, y: fromY } = this.end;
    const metres = Math.hypot(x - fromX, y - fromY);
    this.points.push({ atMs: Math.round(atMs + (metres / metresPerSecond) * 1000), x, y });
    return this;
  }

  /** Stays where it is. */
  rest(forMs: number): this {
    if (forMs > 0) this.points.push({ ...this.end, atMs: this.end.atMs + Math.round(forMs) });
    return this;
  }
}

/** How a tag is carried: where from the carrier (ahead, to the left), how high, how its dipole lies. */
export interface Hold {
  readonly ahead: number;
  readonly left: number;
  readonly z: number;
  readonly axis: Point;
  readonly swingRad: number;
  readonly swingPhase: number;
  /** When its carrier's body is beside it: not on a rack, nor in a parked cart. */
  readonly carriedFromMs: number;
  readonly carriedToMs: number;
}

const always = { carriedFromMs: Number.NEGATIVE_INFINITY, carriedToMs: Number.POSITIVE_INFINITY };
const never = { carriedFromMs: Number.POSITIVE_INFINITY, carriedToMs: Number.NEGATIVE_INFINITY };

/** Ways to carry: in front of the chest, in a bag at the back, or in a cart that is pushed. */
export function holdsOf(count: number, random: Random): Hold[] {
  const manner = random();
  const axis = unit(random);
  return Array.from({ length: count }, () => {
    const ahead =
      count > 8 || manner < 0.3
        ? between(random, 0.5, 1.3)
        : manner < 0.85
          ? between(random, 0.25, 0.45)
          : between(random, -0.35, -0.2);
    return {
      ahead,
      left: between(random, -0.3, 0.3),
      z: between(random, 0.7, 1.3),
      axis: near(axis, random),
      swingRad: between(random, 0.05, 0.4),
      swingPhase: 2 * Math.PI * random(),
      ...always,
    };
  });
}

/** A tag that hangs somewhere. */
export function hang(random: Random): Hold {
  return {
    ahead: 0,
    left: 0,
    z: between(random, 0.4, 1.8),
    axis: unit(random),
    swingRad: 0.02,
    swingPhase: 2 * Math.PI * random(),
    ...never,
  };
}

/** Where a tag on a way is, and how it lies. Before its beginning and after its end it stays. */
export function poseOn(way: Way, hold: Hold): (atMs: number) => TagPose {
  const { points } = way;
  const headings = headingsOf(points);
  let index = 0;
  return (atMs) => {
    if (points[index]!.atMs > atMs) index = 0;
    while (index + 1 < points.length && points[index + 1]!.atMs <= atMs) index += 1;
    const from = points[index]!;
    const to = points[index + 1] ?? from;
    const share = to.atMs > from.atMs ? Math.max(0, (atMs - from.atMs) / (to.atMs - from.atMs)) : 0;
    const x = from.x + share * (to.x - from.x);
    const y = from.y + share * (to.y - from.y);
    const heading = headings[index]!;
    const turned = heading + hold.swingRad * Math.sin(atMs * 0.0063 + hold.swingPhase);
    const [cos, sin] = [Math.cos(heading), Math.sin(heading)];
    return {
      at: {
        x: x + hold.ahead * cos - hold.left * sin,
        y: y + hold.ahead * sin + hold.left * cos,
        z: hold.z,
      },
      axis: rotated(hold.axis, turned),
      body: atMs >= hold.carriedFromMs && atMs < hold.carriedToMs ? { x, y, z: 1.1 } : undefined,
    };
  };
}

/** How fast this one walks. */
export function walkSpeed(physics: Physics, random: Random): number {
  return between(random, physics.walkMetresPerSecondMin, physics.walkMetresPerSecondMax);
}

// Who rests looks where he went.
function headingsOf(points: readonly Waypoint[]): number[] {
  let heading = 0;
  const first = points.findIndex((one, index) => {
    const next = points[index + 1];
    return next !== undefined && (next.x !== one.x || next.y !== one.y);
  });
  const angle = (index: number) =>
    Math.atan2(points[index + 1]!.y - points[index]!.y, points[index + 1]!.x - points[index]!.x);
  if (first >= 0) heading = angle(first);
  return points.map((one, index) => {
    const next = points[index + 1];
    if (next !== undefined && (next.x !== one.x || next.y !== one.y)) heading = angle(index);
    return heading;
  });
}

function rotated({ x, y, z }: Point, by: number): Point {
  const [cos, sin] = [Math.cos(by), Math.sin(by)];
  return { x: x * cos - y * sin, y: x * sin + y * cos, z };
}

function unit(random: Random): Point {
  return normalised(gaussian(random, 0, 1), gaussian(random, 0, 1), gaussian(random, 0, 1));
}

function near({ x, y, z }: Point, random: Random): Point {
  const wobble = () => gaussian(random, 0, 0.3);
  return normalised(x + wobble(), y + wobble(), z + wobble());
}

function normalised(x: number, y: number, z: number): Point {
  const length = Math.hypot(x, y, z) || 1;
  return { x: x / length, y: y / length, z: z / length };
}
