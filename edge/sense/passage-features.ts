// The figures by which a passage is told from a turn-back, a walk past, and a tag that stands: which side
// heard the tag how strongly before and after it was nearest. `odd` ones change their sign when the sides
// are exchanged, `even` ones do not, so one model serves both directions and every portal.

import type { PassageWindow, Side, Slice } from "./passage-window.ts";

/** Figures of one window. */
export interface PassageFeatures {
  readonly odd: readonly number[];
  readonly even: readonly number[];
  /** Both sides together: the strongest read, and when the tag was nearest, in slices from the origin. */
  readonly peakDbm: number;
  readonly nearestIndex: number;
  readonly reads: { readonly a: number; readonly b: number };
  readonly rssiDbmMax: { readonly a: number; readonly b: number };
  /** Every slice was as strong as every other: the reader does not report strength. */
  readonly isFlat: boolean;
}

/** In the order of `PassageFeatures.odd`. */
export const oddNames = [
  "centroid", // when side B heard it against when side A did, in spreads
  "turn", // by how much side B's share grew from before to after
  "lean", // side B's share before and after together
  "order", // pairs of a read on side A and a later one on side B, less the others
  "last", // side B's share at the end
  "first", // side B's share at the beginning
  "slope", // growth of B - A in dB over time, in standard errors
  "change", // side A before and side B after, the weaker of the two
  "endChange", // the same for beginning and end
  "peaks", // side B's strongest read later than side A's
  "total", // side B's share
  "gapBefore", // side B over side A in dB, on average, before it was nearest
  "gapAfter", // and after
  "gapChange", // the first of them reversed and the second, the weaker of the two
  "readsBefore", // reads of side B less those of side A, as a share of all, before it was nearest
  "readsAfter",
  "readsChange",
  "changeWhereNear", // products: what a change proves depends on how near and how often it was read
  "changeWhereOften",
  "gapChangeWhereNear",
  "gapChangeWhereOften",
  "readsChangeWhereNear",
  "readsChangeWhereOften",
  "afterWhenEnded",
  "gapNear", // side B over side A in dB while it was nearest
  "gapNearWhereNear",
  "skewTotal", // whoever carries hides the tag from one side: long after, or before, it was nearest
  "skewGap",
  "skewTotalWhereNear",
  "skewGapWhereNear",
  "skewGapWhenEnded",
] as const;

/** In the order of `PassageFeatures.even`; each odd one without its sign comes first. */
export const evenNames = [
  ...oddNames.map((name) => `${name}Size`),
  "peak", // the strongest read
  "peakSquared",
  "weakerPeak", // the strongest of the side that heard it less
  "peakGap", // between the two
  "span", // how long it was read
  "reads",
  "weakerReads", // of the side that read it less
  "rise", // from the beginning to the strongest
  "fall", // from the strongest to the end
  "spread", // how long it was near
  "prominence", // the strongest over the middle of all
  "sincePeak",
  "filled", // share of slices with a read
  "ended", // it fell silent
  "skew", // read longer after it was strongest than before
  "skewWhereNear",
  "weakerPeakSquared",
  "endedWhereNear",
] as const;

const floorDbm = -80;
/** As good as this much evidence for each side, so that few reads prove little. */
const priorWeight = 0.3;
/** How many slices are the beginning and the end. */
const endSliceCount = 4;

/** The figures of a window with at least one slice; `hasEnded` when the tag has fallen silent. */
export function featuresOf(window: PassageWindow, hasEnded: boolean): PassageFeatures {
  const { slices } = window;
  const sums = sumsOf(slices);
  const { peakDbm, peakA, peakB, peakIndexA, peakIndexB } = sums;
  const nearestIndex = sums.time / sums.weight;
  const spread = Math.sqrt(Math.max(0, sums.square / sums.weight - nearestIndex ** 2));
  const isBefore = (slice: Slice) => slice.index + 0.5 < nearestIndex;
  const isAfter = (slice: Slice) => !isBefore(slice);
  const before = logRatio(slices, peakDbm, isBefore);
  const after = logRatio(slices, peakDbm, isAfter);
  const head = endOf(slices.slice(0, endSliceCount));
  const tail = endOf(slices.slice(-endSliceCount));
  const isBoth = sums.readsA > 0 && sums.readsB > 0;
  const centroids = isBoth ? sums.timeB / sums.weightB - sums.timeA / sums.weightA : 0;
  const [gapBefore, gapAfter] = [gapOf(slices, isBefore), gapOf(slices, isAfter)];
  const [readsBefore, readsAfter] = [readShare(slices, isBefore), readShare(slices, isAfter)];
  const level = clip((peakDbm + 45) / 10, 3);
  const often = Math.log(sums.readsA + sums.readsB) - 3;
  const change = clip(bothWays(before, after), 3);
  const gapChange = clip(bothWays(gapBefore, gapAfter), 3);
  const readsChange = bothWays(readsBefore, readsAfter);
  const total = clip(Math.log((sums.weightB + priorWeight) / (sums.weightA + priorWeight)), 4);
  const gapNear = gapOf(slices, ({ index }) => Math.abs(index + 0.5 - nearestIndex) < 3);
  const gapAll = gapOf(slices, () => true);
  const span = slices.at(-1)!.index - slices[0]!.index + 1;
  const strongestIndex = peakA > peakB ? peakIndexA : peakIndexB;
  const peakIndex = peakA === peakB ? (peakIndexA + peakIndexB) / 2 : strongestIndex;
  const skew = (slices.at(-1)!.index + slices[0]!.index - 2 * peakIndex) / (span + 2);
  const odd = [
    clip(centroids / (spread + 1), 3),
    clip(after - before, 4),
    clip(after + before, 4),
    orderOf(slices),
    clip(tail.share, 3),
    clip(head.share, 3),
    clip(slopeOf(slices, nearestIndex) / 3, 3),
    change,
    clip(bothWays(head.share, tail.share), 3),
    isBoth ? clip((peakIndexB - peakIndexA) / (span + 2), 1) : 0,
    total,
    ...[gapBefore, gapAfter, gapChange, readsBefore, readsAfter, readsChange],
    ...[change * level, change * often, gapChange * level, gapChange * often],
    ...[readsChange * level, readsChange * often, hasEnded ? gapAfter : 0],
    ...[gapNear, gapNear * level, skew * total, skew * gapAll, skew * total * level],
    ...[skew * gapAll * level, hasEnded ? skew * gapAll : 0],
  ];
  const weaker = Math.max(floorDbm, Math.min(peakA, peakB));
  const even = [
    ...odd.map(Math.abs),
    level,
    level ** 2,
    (weaker + 55) / 10,
    (peakDbm - weaker) / 10,
    Math.log(span),
    Math.log(sums.readsA + sums.readsB),
    Math.log(1 + Math.min(sums.readsA, sums.readsB)),
    (peakDbm - head.dbm) / 10,
    (peakDbm - tail.dbm) / 10,
    Math.log(spread + 1),
    (peakDbm - medianDbm(slices)) / 10,
    Math.log(1 + slices.at(-1)!.index - Math.max(peakIndexA, peakIndexB)),
    slices.length / span,
    hasEnded ? 1 : 0,
    skew,
    skew * level,
    ((weaker + 55) / 10) ** 2,
    hasEnded ? level : 0,
  ];
  const reads = { a: sums.readsA, b: sums.readsB };
  const rssiDbmMax = { a: peakA, b: peakB };
  return { odd, even, peakDbm, nearestIndex, reads, rssiDbmMax, isFlat: isFlat(slices, peakDbm) };
}

/** When a tag that began on `firstSide` changed to the other, in slices from the origin. */
export function changeIndexOf(
  { slices }: PassageWindow,
  firstSide: Side,
  { peakDbm }: PassageFeatures,
): number {
  let [balance, highest, changeIndex] = [0, Number.NEGATIVE_INFINITY, 0];
  for (const { index, a, b } of slices) {
    const lead = weightOf(a.rssiDbm, peakDbm) - weightOf(b.rssiDbm, peakDbm);
    balance += firstSide === "a" ? lead : -lead;
    if (balance <= highest) continue;
    highest = balance;
    changeIndex = index + 1;
  }
  return changeIndex;
}

interface Sums {
  peakDbm: number;
  peakA: number;
  peakB: number;
  peakIndexA: number;
  peakIndexB: number;
  readsA: number;
  readsB: number;
  weight: number;
  weightA: number;
  weightB: number;
  time: number;
  timeA: number;
  timeB: number;
  square: number;
}

// Strength counts as field strength, which lies between decibels (noise counts too much) and power (a
// single reflection decides).
function sumsOf(slices: readonly Slice[]): Sums {
  const sums: Sums = {
    ...{ peakDbm: -150, peakA: -150, peakB: -150, peakIndexA: -1, peakIndexB: -1 },
    ...{ readsA: 0, readsB: 0, weight: 0, weightA: 0, weightB: 0 },
    ...{ time: 0, timeA: 0, timeB: 0, square: 0 },
  };
  for (const { index, a, b } of slices) {
    sums.readsA += a.reads;
    sums.readsB += b.reads;
    if (a.rssiDbm > sums.peakA) [sums.peakA, sums.peakIndexA] = [a.rssiDbm, index];
    if (b.rssiDbm > sums.peakB) [sums.peakB, sums.peakIndexB] = [b.rssiDbm, index];
  }
  sums.peakDbm = Math.max(sums.peakA, sums.peakB);
  for (const { index, a, b } of slices) {
    const at = index + 0.5;
    const weightA = weightOf(a.rssiDbm, sums.peakDbm);
    const weightB = weightOf(b.rssiDbm, sums.peakDbm);
    sums.weightA += weightA;
    sums.weightB += weightB;
    sums.timeA += weightA * at;
    sums.timeB += weightB * at;
    sums.square += (weightA + weightB) * at * at;
  }
  sums.weight = sums.weightA + sums.weightB;
  sums.time = sums.timeA + sums.timeB;
  return sums;
}

function weightOf(rssiDbm: number, peakDbm: number): number {
  return rssiDbm <= -150 ? 0 : Math.exp((rssiDbm - peakDbm) * 0.1151);
}

function logRatio(
  slices: readonly Slice[],
  peakDbm: number,
  isMeant: (slice: Slice) => boolean,
): number {
  let [weightA, weightB] = [priorWeight, priorWeight];
  for (const slice of slices) {
    if (!isMeant(slice)) continue;
    weightA += weightOf(slice.a.rssiDbm, peakDbm);
    weightB += weightOf(slice.b.rssiDbm, peakDbm);
  }
  return Math.log(weightB / weightA);
}

/** Side B over side A, on average over slices, in tens of dB; a side without a read is at the floor. */
function gapOf(slices: readonly Slice[], isMeant: (slice: Slice) => boolean): number {
  let [sum, count] = [0, 2];
  for (const slice of slices) {
    if (!isMeant(slice)) continue;
    sum += Math.max(floorDbm, slice.b.rssiDbm) - Math.max(floorDbm, slice.a.rssiDbm);
    count += 1;
  }
  return clip(sum / count / 10, 3);
}

function readShare(slices: readonly Slice[], isMeant: (slice: Slice) => boolean): number {
  let [readsA, readsB] = [0, 0];
  for (const slice of slices) {
    if (!isMeant(slice)) continue;
    readsA += slice.a.reads;
    readsB += slice.b.reads;
  }
  return (readsB - readsA) / (readsA + readsB + 3);
}

/** How clearly it went from one side to the other: positive from A to B, 0 when both ends agree. */
function bothWays(before: number, after: number): number {
  return Math.max(0, Math.min(after, -before)) - Math.max(0, Math.min(-after, before));
}

function orderOf(slices: readonly Slice[]): number {
  let [seenA, seenB, pairs] = [0, 0, 0];
  for (const { a, b } of slices) {
    pairs += seenA * b.reads - seenB * a.reads;
    seenA += a.reads;
    seenB += b.reads;
  }
  return seenA * seenB === 0 ? 0 : pairs / (seenA * seenB);
}

/** Least squares of B - A in dB over time near the door, in standard errors. */
function slopeOf(slices: readonly Slice[], middle: number): number {
  let [n, st, sd, stt, std, sdd] = [0, 0, 0, 0, 0, 0];
  for (const { index, a, b } of slices) {
    const t = index + 0.5 - middle;
    if (Math.abs(t) > 16) continue;
    const d = Math.max(floorDbm, b.rssiDbm) - Math.max(floorDbm, a.rssiDbm);
    n += 1;
    st += t;
    sd += d;
    stt += t * t;
    std += t * d;
    sdd += d * d;
  }
  const tt = stt - (st * st) / n;
  if (n < 3 || tt <= 0) return 0;
  const slope = (std - (st * sd) / n) / tt;
  const residual = Math.max(0, sdd - (sd * sd) / n - slope * slope * tt) / (n - 2);
  return slope / Math.sqrt((residual + 9) / tt);
}

function isFlat(slices: readonly Slice[], peakDbm: number): boolean {
  return slices.every(({ a, b }) =>
    [a, b].every(({ reads, rssiDbm }) => reads === 0 || rssiDbm > peakDbm - 0.5),
  );
}

function medianDbm(slices: readonly Slice[]): number {
  const all = slices.map(({ a, b }) => Math.max(a.rssiDbm, b.rssiDbm)).sort((x, y) => x - y);
  return all[all.length >> 1]!;
}

/** Side B's share and the strongest read at one end of the window. */
function endOf(slices: readonly Slice[]): { share: number; dbm: number } {
  const dbm = strongest(slices);
  return { share: logRatio(slices, dbm, always), dbm };
}

function strongest(slices: readonly Slice[]): number {
  return slices.reduce((most, { a, b }) => Math.max(most, a.rssiDbm, b.rssiDbm), -150);
}

function clip(value: number, size: number): number {
  return Math.max(-size, Math.min(size, value));
}

function always(): boolean {
  return true;
}
