// A command with the signature of somebody whose key the edge knows: Ed25519 over canonical JSON. The ids bind it to one
// edge, the counter to one use, the expiry to a short time.

import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";
import { type Command, commandSchema } from "./delivery.ts";
import { canonicalJson } from "./digest.ts";
import { atMsSchema, durationMsSchema, idSchema } from "./units.ts";

/** The longest that a signed command may still be good for when it comes. */
export const commandLifetimeMsMax: number = durationMsSchema.parse(3_600_000);

/** A signed command; every member but `signature` is covered by it. */
export const signedCommandSchema = z.strictObject({
  storeId: idSchema,
  edgeId: idSchema,
  /** Larger than any that this edge took before under this key; unix milliseconds serve well. */
  counter: z.int().min(1),
  expiresAtMs: atMsSchema,
  command: commandSchema,
  /** Ed25519 over `gondola command 1`, a line feed and the other members as canonical JSON; base64. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/, "an Ed25519 signature as base64"),
});
export type SignedCommand = z.infer<typeof signedCommandSchema>;

/** What may come on a `command` topic. */
export const commandMessageSchema = z.union([commandSchema, signedCommandSchema]);

/** Commands that change what the edge does: where the edge has a command key they must be signed. */
export const changingCommands: ReadonlySet<Command["command"]> = new Set([
  "workflow",
  // What is counted anchors the ledger's stock.
  "count",
  "actuate",
  "tare",
  "rewind",
  "apply_config",
  "renew_certificate",
]);

/** Of these, those that an edge without a command key never carries out: a configuration names files and devices. */
export const keyedCommands: ReadonlySet<Command["command"]> = new Set(["apply_config"]);

/** Signs a command for one edge. */
export function signCommand(
  unsigned: Omit<SignedCommand, "signature">,
  privateKey: KeyObject,
): SignedCommand {
  const signature = sign(null, signedBytes(unsigned), privateKey).toString("base64");
  return { ...unsigned, signature };
}

/** Whether the signature is right. Takes the message as it came: that, and nothing filled in, was signed. */
export function isSignedBy(message: object, publicKey: KeyObject): boolean {
  const { signature, ...unsigned } = message as { signature?: unknown };
  if (typeof signature !== "string") return false;
  return verify(null, signedBytes(unsigned), publicKey, Buffer.from(signature, "base64"));
}

/** Names a key: counters are kept for each. */
export function commandKeyIdOf(publicKey: KeyObject): string {
  const bytes = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** Reads a public command key; throws for any other text or kind of key. */
export function commandKeyOf(pem: string): KeyObject {
  // A private key would be read as well, and has no business at an edge.
  if (!pem.trimStart().startsWith("-----BEGIN PUBLIC KEY-----")) {
    throw new Error("a command key is a public key as PEM (gondola-bridge command-key)");
  }
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== "ed25519") throw new Error("a command key is an Ed25519 key");
  return key;
}

function signedBytes(unsigned: object): Buffer {
  return Buffer.from(`gondola command 1\n${canonicalJson(unsigned)}`);
}
