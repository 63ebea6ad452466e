import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  consistencyPath,
  inclusionPath,
  isContinued,
  isIncluded,
  leafHash,
  rootOf,
} from "../../../cloud-bridge/trace/merkle.ts";

const leafList = (minLength: number) =>
  fc.array(fc.uint8Array({ maxLength: 4 }), { minLength, maxLength: 40 }).map(leavesOf);

function leavesOf(contents: readonly Uint8Array[]): string[] {
  return contents.map((content, index) => leafHash(Buffer.of(index, ...content)));
}

/** A hash with one bit turned. */
function turned(hash: string, bit: number): string {
  const bytes = Buffer.from(hash, "hex");
  bytes[Math.floor(bit / 8)]! ^= 1 << (bit % 8);
  return bytes.toString("hex");
}

const bit = fc.nat(255);

describe("Merkle tree", () => {
  // The inputs and roots that certificate-transparency implementations share.
  test.each([
    [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    [1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    [2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    [3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
    [8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
  ])("of the first %i known leaves has the known root", (count, root) => {
    const contents = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"];
    contents.push("606162636465666768696a6b6c6d6e6f");
    const leaves = contents.slice(0, count).map((hex) => leafHash(Buffer.from(hex, "hex")));
    expect(rootOf(leaves)).toBe(root);
  });

  test("shows each leaf, and no other leaf, place, path or root", () => {
    fc.assert(
      fc.property(leafList(1), fc.nat(), bit, (leaves, any, at) => {
        const index = any % leaves.length;
        const [leaf, root] = [leaves[index]!, rootOf(leaves)];
        const path = inclusionPath(leaves, index);
        const holds = (l = leaf, i = index, p = path, r = root) =>
          isIncluded(l, i, leaves.length, p, r);
        expect(holds()).toBe(true);
        expect(holds(turned(leaf, at))).toBe(false);
        expect(holds(leaf, index, path, turned(root, at))).toBe(false);
        expect(holds(leaf, index, [...path, leaf])).toBe(false);
        for (const other of leaves.keys()) expect(holds(leaf, other)).toBe(other === index);
        for (const step of path.keys()) {
          expect(holds(leaf, index, path.with(step, turned(path[step]!, at)))).toBe(false);
          expect(holds(leaf, index, path.toSpliced(step, 1))).toBe(false);
        }
      }),
    );
  });

  test("shows that a list continues another, and not when its past was changed", () => {
    fc.assert(
      fc.property(leafList(1), fc.nat(), fc.nat(), bit, (leaves, any, which, at) => {
        const size = (any % leaves.length) + 1;
        const before = leaves.slice(0, size);
        const earlier = { size, root: rootOf(before) };
        const later = { size: leaves.length, root: rootOf(leaves) };
        const path = consistencyPath(leaves, size);
        expect(isContinued(earlier, later, path)).toBe(true);
        for (const step of path.keys()) {
          expect(isContinued(earlier, later, path.with(step, turned(path[step]!, at)))).toBe(false);
        }
        const changed = leaves.with(which % size, turned(leaves[which % size]!, at));
        const forged = { size: leaves.length, root: rootOf(changed) };
        expect(isContinued(earlier, forged, consistencyPath(changed, size))).toBe(false);
      }),
    );
  });
});
