// Proofs that a stranger can check: that an entry stands in a store's ledger as it is shown, that the ledger of a later
// proof only continues that of an earlier one, and who vouches for it. A tree's leaves are the hashes of the store's
// entries in order; its head is signed with Ed25519. Pure.

import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { type Proof, type TreeHead, treeHeadSchema } from "../../contract/proof.ts";
import { entryHash } from "../ledger/entry-hash.ts";
import {
  consistencyPath,
  inclusionPath,
  isContinued,
  isIncluded,
  leafHash,
  rootOf,
} from "./merkle.ts";

/** The text of a head that is signed. */
export function headText({ storeId, treeSize, rootHash, signedAtMs }: TreeHead): string {
  return `gondola tree head\n${storeId}\n${treeSize}\n${rootHash}\n${signedAtMs}\n`;
}

/** The leaf of an entry, from its hash in the chain. */
export function leafOf(hash: string): string {
  return leafHash(Buffer.from(hash, "hex"));
}

/** What of a store's tree a proof is made of. */
export interface ProofParts {
  readonly entry: Proof["entry"];
  readonly treeSize: number;
  readonly rootHash: string;
  readonly inclusionPath: readonly string[];
  readonly consistency?: { readonly earlierSize: number; readonly path: readonly string[] };
}

/** A head with its signature and the key to check it with. */
export interface SignedHead {
  readonly head: TreeHead;
  readonly signature: string;
  readonly publicKey: string;
}

/** Signs the head of a store's tree. */
export function signHead(
  { storeId, treeSize, rootHash }: { storeId: string; treeSize: number; rootHash: string },
  privateKey: KeyObject,
  signedAtMs: number,
): SignedHead {
  const head = treeHeadSchema.parse({ storeId, treeSize, rootHash, signedAtMs });
  return {
    head,
    signature: sign(null, Buffer.from(headText(head)), privateKey).toString("base64"),
    publicKey: publicKeyText(privateKey),
  };
}

/** The public half of a key (PEM). */
export function publicKeyText(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
}

/** A proof of one entry, from the parts and a head that was signed for them. */
export function proofOfParts(parts: ProofParts, signed: SignedHead): Proof {
  const { entry, inclusionPath: path, consistency } = parts;
  return {
    ...{ schemaVersion: 1, ...signed, entry },
    inclusionPath: path as Proof["inclusionPath"],
    ...(consistency === undefined ? {} : { consistency: consistency as Proof["consistency"] }),
  };
}

/** Proves one entry of a store. `hashes` are those of all its entries, in order. */
export function makeProof(options: {
  readonly entry: Proof["entry"];
  readonly hashes: readonly string[];
  readonly privateKey: KeyObject;
  readonly signedAtMs: number;
  readonly earlierSize?: number | undefined;
}): Proof {
  const { entry, hashes, privateKey, signedAtMs, earlierSize } = options;
  const leaves = hashes.map(leafOf);
  const tree = { treeSize: leaves.length, rootHash: rootOf(leaves) };
  const consistency =
    earlierSize === undefined
      ? {}
      : { consistency: { earlierSize, path: consistencyPath(leaves, earlierSize) } };
  const path = inclusionPath(leaves, entry.entryNumber - 1);
  const parts = { entry, ...tree, inclusionPath: path, ...consistency };
  return proofOfParts(parts, signHead({ ...entry, ...tree }, privateKey, signedAtMs));
}

/** What a proof shows, or what is wrong with it. */
export type CheckedProof =
  | { readonly ok: true; readonly vouchedBy: "given_key" | "own_key" }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks a proof. `publicKey` is the chain's, from where the stranger trusts; without it the proof's own is taken,
 * which shows that nothing was changed since, but not who signed. `earlier` is a proof of the same store from before.
 */
export function checkProof(
  proof: Proof,
  { publicKey, earlier }: { publicKey?: KeyObject | undefined; earlier?: Proof | undefined } = {},
): CheckedProof {
  const { head, entry, inclusionPath: way } = proof;
  const key = publicKey ?? keyOf(proof.publicKey);
  if (key?.asymmetricKeyType !== "ed25519") return refuse("the key is no Ed25519 public key");
  if (!verify(null, Buffer.from(headText(head)), key, Buffer.from(proof.signature, "base64")))
    return refuse("the head is not signed with this key");
  if (entry.storeId !== head.storeId) return refuse("entry and head are of different stores");
  if (entryHash(entry.previousHash, entry) !== entry.hash)
    return refuse("the entry is not what its hash was made of");
  const { treeSize, rootHash } = head;
  if (!isIncluded(leafOf(entry.hash), entry.entryNumber - 1, treeSize, way, rootHash))
    return refuse("the entry is not in the ledger that the head stands for");
  const fault = earlier === undefined ? undefined : faultSince(earlier, proof, key);
  if (fault !== undefined) return refuse(fault);
  return { ok: true, vouchedBy: publicKey === undefined ? "own_key" : "given_key" };
}

function faultSince(earlier: Proof, { head, consistency }: Proof, key: KeyObject) {
  const before = checkProof(earlier, { publicKey: key });
  if (!before.ok) return `the earlier proof does not hold: ${before.reason}`;
  if (earlier.head.storeId !== head.storeId) return "the earlier proof is of another store";
  if (consistency?.earlierSize !== earlier.head.treeSize)
    return `make this proof with --since ${earlier.head.treeSize}: it says nothing of that size`;
  const from = { size: earlier.head.treeSize, root: earlier.head.rootHash };
  const to = { size: head.treeSize, root: head.rootHash };
  const isOne = isContinued(from, to, consistency.path);
  return isOne ? undefined : "the ledger does not continue the earlier one: its past was changed";
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

function refuse(reason: string): CheckedProof {
  return { ok: false, reason };
}
