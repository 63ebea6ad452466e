// A Merkle tree that grows, in parts that never change: full subtrees of a power of two, each aligned to its size. Any
// root or path is made of a few of them, so a proof needs not the whole list (RFC 6962, 2.1). Pure.

import { nodeHash } from "./merkle.ts";

/** A full subtree: leaves `index * 2^level` and on, 2^level of them. */
export interface TreePart {
  readonly level: number;
  readonly index: number;
}

/** Leaves from `start`, before `end`. */
export interface TreeRange {
  readonly start: number;
  readonly end: number;
}

/** Full subtrees that a range of a tree is made of, left to right; the range must be one that a path names. */
export function partsOf({ start, end }: TreeRange): TreePart[] {
  const parts: TreePart[] = [];
  let at = start;
  while (at < end) {
    const level = Math.floor(Math.log2(end - at));
    parts.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return parts;
}

/** The root of a range from the hashes of its parts. */
export function rootOfParts(hashes: readonly string[]): string {
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** The ranges whose roots are the inclusion path of a leaf, its neighbour first (RFC 6962, 2.1.1). */
export function inclusionRanges(index: number, size: number): TreeRange[] {
  const ranges: TreeRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** The ranges whose roots are the consistency path from an earlier size (RFC 6962, 2.1.2). */
export function consistencyRanges(earlierSize: number, size: number): TreeRange[] {
  if (earlierSize === 0) return [];
  const ranges: TreeRange[] = [];
  let [start, end, isWhole] = [0, size, true];
  while (earlierSize !== end) {
    const middle = start + splitOf(end - start);
    if (earlierSize <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
      isWhole = false;
    }
  }
  if (!isWhole) ranges.push({ start, end });
  return ranges.reverse();
}

/** Builds full subtrees as leaves come, and knows the left ones that wait for their right. */
export class TreeGrowth {
  /** Roots of full subtrees without a neighbour yet, by level. */
  readonly #waiting = new Map<number, string>();
  readonly #baseLevel: number;
  #count: number;

  /**
   * Goes on after `count` subtrees of `baseLevel`; `waiting` are the hashes of `waitingParts(baseLevel, count)`.
   */
  constructor(baseLevel: number, count = 0, waiting: readonly string[] = []) {
    this.#baseLevel = baseLevel;
    this.#count = count;
    for (const [place, { level }] of waitingParts(baseLevel, count).entries()) {
      this.#waiting.set(level, waiting[place]!);
    }
  }

  /** Takes the next subtree of the base level; gives it, and those that it completes. */
  add(hash: string): (TreePart & { readonly hash: string })[] {
    let level = this.#baseLevel;
    let index = this.#count;
    let own = hash;
    const made = [{ level, index, hash: own }];
    for (;;) {
      const left = this.#waiting.get(level);
      if (left === undefined) break;
      this.#waiting.delete(level);
      own = nodeHash(left, own);
      level += 1;
      index = Math.floor(index / 2);
      made.push({ level, index, hash: own });
    }
    this.#waiting.set(level, own);
    this.#count += 1;
    return made;
  }
}

/** Full subtrees that wait for a neighbour after `count` subtrees of a level. */
export function waitingParts(baseLevel: number, count: number): TreePart[] {
  return partsOf({ start: 0, end: count }).map(({ level, index }) => {
    return { level: level + baseLevel, index };
  });
}

function splitOf(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}
