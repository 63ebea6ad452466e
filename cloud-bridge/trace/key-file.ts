// Keys that vouch for a ledger, in files (PEM).

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";

/** The private key that signs heads. CONFIG_UNREADABLE, or CONFIG_INVALID for another kind of key. */
export async function readSigningKey(file: string): Promise<KeyObject> {
  return keyOf(file, await readText(file), createPrivateKey);
}

/** The public key that heads are checked with. */
export async function readPublicKey(file: string): Promise<KeyObject> {
  return keyOf(file, await readText(file), createPublicKey);
}

/** A file's text, or CONFIG_UNREADABLE. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  }
}

function keyOf(file: string, text: string, create: (pem: string) => KeyObject): KeyObject {
  try {
    const key = create(text);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below, in the same words.
  }
  const message = `${file} is no Ed25519 key in PEM: openssl genpkey -algorithm ed25519 makes one`;
  throw new GatewayError("CONFIG_INVALID", message);
}
