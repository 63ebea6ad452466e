// Two light beams in a portal's doorway, and whoever breaks them: people and their carts as they walk. Now and then
// one is not seen (carried high, stepped over), and now and then a hand or a flying insect breaks one for a moment.

import type { InputReading } from "../../contract/reading.ts";
import { between, type Random, waitMs } from "../random.ts";
import type { Way } from "./portal-walk.ts";

/** Somebody on a way. */
export interface Walker {
  readonly way: Pick<Way, "points">;
  /** How far what is carried or pushed reaches before the middle of the body. */
  readonly reachMetres: number;
}

/** The beams' lines, as a portal's configuration names them. */
export interface BeamLines {
  readonly deviceId: string;
  readonly lineA: string;
  readonly lineB: string;
}

/** Half of the distance between the two beams. */
const halfGapMetres = 0.15;
/** From the middle of a body to its back. */
const backMetres = 0.2;
/** How often a beam does not see somebody. */
const missedShare = 0.015;
/** One false break of one beam in this time, and how long it is. */
const falseIntervalMs = 240_000;
const falseMs = [40, 250] as const;
const stepMs = 20;
const debounceMs = 20;

interface Break {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the beams say, in order of receipt. */
export function runBeams(
  walkers: readonly Walker[],
  lines: BeamLines,
  doorHalf: number,
  span: { readonly fromAtMs: number; readonly toAtMs: number },
  random: Random,
): InputReading[] {
  const { deviceId, lineA, lineB } = lines;
  const readings = (["a", "b"] as const).flatMap((side) => {
    const x = side === "a" ? -halfGapMetres : halfGapMetres;
    const breaks = walkers.flatMap((walker) => breaksOf(walker, x, doorHalf, random));
    breaks.push(...falseBreaks(span, random));
    const line = side === "a" ? lineA : lineB;
    const edge = (active: boolean, edgeAtMs: number): InputReading => ({
      ...{ kind: "input", deviceId, line, active, edgeAtMs },
      receivedAtMs: edgeAtMs + debounceMs,
    });
    const found = merged(breaks).flatMap(({ fromMs, toMs }) => [
      edge(true, fromMs),
      edge(false, toMs),
    ]);
    return [edge(false, span.fromAtMs), ...found];
  });
  return readings.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
}

function breaksOf(
  { way, reachMetres }: Walker,
  x: number,
  doorHalf: number,
  random: Random,
): Break[] {
  const breaks: Break[] = [];
  const { points } = way;
  let heading = 0;
  let fromMs: number | undefined;
  for (const [index, from] of points.slice(0, -1).entries()) {
    const to = points[index + 1]!;
    if (to.x !== from.x) heading = Math.sign(to.x - from.x);
    for (let atMs = from.atMs; atMs < to.atMs; atMs += stepMs) {
      const share = (atMs - from.atMs) / (to.atMs - from.atMs);
      const bodyX = from.x + share * (to.x - from.x);
      const y = from.y + share * (to.y - from.y);
      const ahead = (x - bodyX) * heading;
      const isIn = Math.abs(y) < doorHalf && ahead > -backMetres && ahead < reachMetres;
      if (isIn) fromMs ??= atMs;
      else if (fromMs !== undefined) {
        breaks.push({ fromMs: Math.round(fromMs), toMs: Math.round(atMs) });
        fromMs = undefined;
      }
    }
  }
  return breaks.filter(() => random() >= missedShare);
}

function falseBreaks(
  { fromAtMs, toAtMs }: { fromAtMs: number; toAtMs: number },
  random: Random,
): Break[] {
  const breaks: Break[] = [];
  for (let atMs = fromAtMs; ; ) {
    atMs += waitMs(random, falseIntervalMs);
    if (atMs >= toAtMs) return breaks;
    breaks.push({ fromMs: Math.round(atMs), toMs: Math.round(atMs + between(random, ...falseMs)) });
  }
}

// Two who stand in a beam at once break it once.
function merged(breaks: Break[]): Break[] {
  const found: Break[] = [];
  for (const one of breaks.sort((left, right) => left.fromMs - right.fromMs)) {
    const last = found.at(-1);
    if (last === undefined || one.fromMs > last.toMs) found.push(one);
    else found[found.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, one.toMs) };
  }
  return found;
}
