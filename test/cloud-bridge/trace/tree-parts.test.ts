import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { consistencyPath, inclusionPath, rootOf } from "../../../cloud-bridge/trace/merkle.ts";
import {
  consistencyRanges,
  inclusionRanges,
  partsOf,
  rootOfParts,
  TreeGrowth,
  type TreeRange,
  waitingParts,
} from "../../../cloud-bridge/trace/tree-parts.ts";

const leaves = Array.from({ length: 300 }, (_, index) => hash("sha256", `leaf ${index}`));

/** All full subtrees of a list, as they are made while it grows, stopping and going on after `restAt` leaves. */
function grown(size: number, restAt: number): Map<string, string> {
  const nodes = new Map<string, string>();
  const nameOf = (part: { level: number; index: number }) => `${part.level}/${part.index}`;
  let growth = new TreeGrowth(0);
  for (const [place, leaf] of leaves.slice(0, size).entries()) {
    if (place === restAt) {
      const waiting = waitingParts(0, place).map((part) => nodes.get(nameOf(part))!);
      growth = new TreeGrowth(0, place, waiting);
    }
    for (const made of growth.add(leaf)) nodes.set(nameOf(made), made.hash);
  }
  return nodes;
}

describe("proofs of stored subtrees are those of the whole list", () => {
  const sized = fc.integer({ min: 1, max: 300 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      index: fc.integer({ min: 0, max: size - 1 }),
      earlierSize: fc.integer({ min: 0, max: size }),
      restAt: fc.integer({ min: 0, max: size }),
    }),
  );
  test("roots, inclusion and consistency", () => {
    fc.assert(
      fc.property(sized, ({ size, index, earlierSize, restAt }) => {
        const nodes = grown(size, restAt);
        const rootAt = (range: TreeRange) =>
          rootOfParts(partsOf(range).map(({ level, index: at }) => nodes.get(`${level}/${at}`)!));
        const list = leaves.slice(0, size);
        expect(rootAt({ start: 0, end: size })).toBe(rootOf(list));
        expect(inclusionRanges(index, size).map(rootAt)).toEqual(inclusionPath(list, index));
        const ranges = consistencyRanges(earlierSize, size);
        expect(ranges.map(rootAt)).toEqual(consistencyPath(list, earlierSize));
        expect(partsOf({ start: 0, end: size }).length).toBeLessThanOrEqual(9);
      }),
      { numRuns: 500 },
    );
  });
});
