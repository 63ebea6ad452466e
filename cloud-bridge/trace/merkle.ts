// A Merkle tree over a list (RFC 6962, 2.1): one root for all leaves, a short path that shows that a leaf is one of
// them, and one that shows that a longer list only continues a shorter. Hashes are SHA-256 as lower-case hex. Pure.

import { createHash } from "node:crypto";

// The two prefixes keep a node from being passed off as a leaf.
const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

/** The hash of a leaf whose content is these bytes. */
export function leafHash(content: Buffer): string {
  return createHash("sha256").update(leafPrefix).update(content).digest("hex");
}

/** The hash of a node over the roots of its two subtrees. */
export function nodeHash(left: string, right: string): string {
  const bytes = Buffer.from(left + right, "hex");
  return createHash("sha256").update(nodePrefix).update(bytes).digest("hex");
}

/** The root over leaf hashes; of an empty list the hash of nothing. */
export function rootOf(leaves: readonly string[]): string {
  if (leaves.length === 0) return createHash("sha256").digest("hex");
  if (leaves.length === 1) return leaves[0]!;
  const half = splitOf(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

/** Hashes from the leaf at `index` up to the root: its neighbour first (RFC 6962, 2.1.1). */
export function inclusionPath(leaves: readonly string[], index: number): string[] {
  if (leaves.length <= 1) return [];
  const half = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  return index < half
    ? [...inclusionPath(left, index), rootOf(right)]
    : [...inclusionPath(right, index - half), rootOf(left)];
}

/** Whether the path leads from this leaf at this index to the root of a tree of this size. */
export function isIncluded(
  leaf: string,
  index: number,
  size: number,
  path: readonly string[],
  root: string,
): boolean {
  if (index < 0 || index >= size) return false;
  return rootByPath(leaf, index, size, path) === root;
}

function rootByPath(
  leaf: string,
  index: number,
  size: number,
  path: readonly string[],
): string | undefined {
  if (size === 1) return path.length === 0 ? leaf : undefined;
  const half = splitOf(size);
  const sibling = path.at(-1);
  if (sibling === undefined) return undefined;
  const rest = path.slice(0, -1);
  const isLeft = index < half;
  const below = isLeft
    ? rootByPath(leaf, index, half, rest)
    : rootByPath(leaf, index - half, size - half, rest);
  if (below === undefined) return undefined;
  return isLeft ? nodeHash(below, sibling) : nodeHash(sibling, below);
}

/** Hashes that show that the list continues its first `earlierSize` leaves (RFC 6962, 2.1.2). */
export function consistencyPath(leaves: readonly string[], earlierSize: number): string[] {
  return earlierSize === 0 ? [] : subPath(leaves, earlierSize, true);
}

function subPath(leaves: readonly string[], earlierSize: number, isWhole: boolean): string[] {
  if (earlierSize === leaves.length) return isWhole ? [] : [rootOf(leaves)];
  const half = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  return earlierSize <= half
    ? [...subPath(left, earlierSize, isWhole), rootOf(right)]
    : [...subPath(right, earlierSize - half, false), rootOf(left)];
}

/** A list as far as its root tells it. */
export interface TreeSize {
  readonly size: number;
  readonly root: string;
}

/** Whether the path shows that the later list continues the earlier one. */
export function isContinued(earlier: TreeSize, later: TreeSize, path: readonly string[]): boolean {
  if (earlier.size > later.size || earlier.size < 0) return false;
  if (earlier.size === 0) return path.length === 0 && earlier.root === rootOf([]);
  const roots = rootsByPath(earlier.size, later.size, path, earlier.root);
  return roots !== undefined && roots[0] === earlier.root && roots[1] === later.root;
}

// The two roots that the path makes: `whole` is the earlier tree's where it is a part of the later one.
function rootsByPath(
  earlierSize: number,
  size: number,
  path: readonly string[],
  whole: string | undefined,
): readonly [earlier: string, later: string] | undefined {
  if (earlierSize === size) {
    const [own, ...others] = whole === undefined ? path : [whole, ...path];
    return own === undefined || others.length > 0 ? undefined : [own, own];
  }
  const half = splitOf(size);
  const sibling = path.at(-1);
  if (sibling === undefined) return undefined;
  const rest = path.slice(0, -1);
  if (earlierSize <= half) {
    const left = rootsByPath(earlierSize, half, rest, whole);
    return left && [left[0], nodeHash(left[1], sibling)];
  }
  const right = rootsByPath(earlierSize - half, size - half, rest, undefined);
  return right && [nodeHash(sibling, right[0]), nodeHash(sibling, right[1])];
}

// The largest power of two below the size: what is left of it is a full tree.
function splitOf(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}
