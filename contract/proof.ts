// What a stranger gets to check: an entry, its path to a signed head of the store's ledger, and the head's relation to
// an earlier one (RFC 6962, 2.1).

import { z } from "zod";
import { entrySchema } from "./stock.ts";
import { atMsSchema, digestSchema, idSchema } from "./units.ts";

/** Hashes that a path may have: a tree of 2^53 leaves needs no more. */
const pathCountMax = 64;

const path = z.array(digestSchema).max(pathCountMax);

/** What is signed: which store, how many entries, and the root over them. */
export const treeHeadSchema = z.strictObject({
  storeId: idSchema,
  treeSize: z.int().min(1),
  rootHash: digestSchema,
  signedAtMs: atMsSchema,
});
export type TreeHead = z.infer<typeof treeHeadSchema>;

/** An entry, its way to a signed head, and the head's relation to an earlier one. */
export const proofSchema = z.strictObject({
  schemaVersion: z.literal(1),
  head: treeHeadSchema,
  /** Ed25519 over the head's text, base64. */
  signature: z.base64().max(200),
  /** The signer's public key, SPKI in PEM. Whether it is the chain's, only the chain can say. */
  publicKey: z.string().max(1000),
  entry: entrySchema,
  inclusionPath: path,
  consistency: z.strictObject({ earlierSize: z.int().min(1), path }).optional(),
});
export type Proof = z.infer<typeof proofSchema>;
