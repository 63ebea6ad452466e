// Passwords of clients, for small installations without certificates: a file of hashes (scrypt, RFC 7914), one line a
// client, read again when it changes. Guessing is slow, and whoever guesses wrong waits.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { idSchema } from "../contract/units.ts";
import type { Identity } from "./broker-identity.ts";
import { isFeed } from "./ledger/facts.ts";

/** N, r and p of RFC 7914: 16 MiB and some 40 ms of a core for each guess. */
const cost = { N: 16_384, r: 8, p: 1 } as const;
const hashSizeBytes = 32;
/** Hashes that are computed at once; more clients are told to come again. */
export const checkCountMax = 8;
/** After so many wrong passwords from an address it waits, and is not asked meanwhile. */
export const wrongCountMax = 5;
const waitMs = 30_000;
/** Addresses whose wrong passwords are remembered; the oldest are forgotten first. */
const addressCountMax = 10_000;
/** Least length of a password: it is made by a machine, not remembered by a person. */
export const passwordLengthMin = 16;

const lineSchema = z.strictObject({
  /** `STORE:EDGE`, or the name of a consumer. */
  name: z.string().max(100),
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
type Line = z.infer<typeof lineSchema>;

/** What a password came to. */
export type PasswordCheck =
  | { readonly kind: "known"; readonly identity: Identity }
  | { readonly kind: "wrong" | "busy" | "waiting" };

/** The passwords of a file. */
export class BrokerPasswords {
  readonly #file: string;
  readonly #monotonicMs: () => number;
  #lines: ReadonlyMap<string, Line> = new Map();
  #seen = "";
  #checkCount = 0;
  readonly #wrong = new Map<string, { count: number; atMs: number }>();

  private constructor(file: string, monotonicMs: () => number) {
    this.#file = file;
    this.#monotonicMs = monotonicMs;
  }

  /** Reads the file. CONFIG_UNREADABLE, or CONFIG_INVALID naming the line. */
  static async open(file: string, monotonicMs: () => number): Promise<BrokerPasswords> {
    const passwords = new BrokerPasswords(file, monotonicMs);
    await passwords.#read();
    return passwords;
  }

  /** Whether `password` is that of `name`, who comes from `address`. */
  async check(name: string, password: Uint8Array, address: string): Promise<PasswordCheck> {
    const before = this.#wrong.get(address);
    const isFresh = before !== undefined && this.#monotonicMs() - before.atMs < waitMs;
    if (isFresh && before.count >= wrongCountMax) return { kind: "waiting" };
    if (this.#checkCount >= checkCountMax) return { kind: "busy" };
    this.#checkCount += 1;
    try {
      // A file that cannot be read lets in whom it let in before.
      await this.#read().catch(() => undefined);
      const line = this.#lines.get(name);
      // Who is unknown takes as long as who is wrong.
      const salt = Buffer.from(line?.salt ?? "00".repeat(16), "hex");
      const hash = await hashOf(password, salt);
      const wanted = Buffer.from(line?.hash ?? "00".repeat(hashSizeBytes), "hex");
      const identity = identityOfName(name);
      if (timingSafeEqual(hash, wanted) && line !== undefined && identity !== undefined) {
        this.#wrong.delete(address);
        return { kind: "known", identity };
      }
      this.#remember(address, isFresh ? before.count + 1 : 1);
      return { kind: "wrong" };
    } finally {
      this.#checkCount -= 1;
    }
  }

  #remember(address: string, count: number): void {
    this.#wrong.delete(address);
    this.#wrong.set(address, { count, atMs: this.#monotonicMs() });
    const [oldest] = this.#wrong.keys();
    if (this.#wrong.size > addressCountMax && oldest !== undefined) this.#wrong.delete(oldest);
  }

  async #read(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      const seen = `${mtimeMs} ${size} ${ino}`;
      if (seen === this.#seen) return;
      this.#lines = parsePasswords(await readFile(this.#file, "utf8"), this.#file);
      this.#seen = seen;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
    }
  }
}

/** The lines of a file by name. CONFIG_INVALID naming the line, and nothing that is in it. */
export function parsePasswords(text: string, file: string): ReadonlyMap<string, Line> {
  const lines = new Map<string, Line>();
  for (const [index, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const [name = "", salt = "", hash = ""] = row.trim().split(" ");
    const line = lineSchema.safeParse({ name, salt, hash });
    if (!line.success || identityOfName(name) === undefined) {
      const message = `${file}:${index + 1}: a line is NAME SALT HASH, as \`gondola-bridge password\` writes it`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    lines.set(name, line.data);
  }
  return lines;
}

/** A file's text with the password of a client set anew. CONFIG_INVALID for a password that is too short. */
export async function withPassword(
  text: string,
  file: string,
  name: string,
  password: string,
): Promise<string> {
  if (password.length < passwordLengthMin) {
    const message = `a password has ${passwordLengthMin} characters at least: openssl rand -base64 24`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const salt = randomBytes(16);
  const hash = await hashOf(Buffer.from(password), salt);
  const line = { name, salt: salt.toString("hex"), hash: hash.toString("hex") };
  const lines = new Map(parsePasswords(text, file)).set(name, line);
  return [...lines.values()].map((one) => `${one.name} ${one.salt} ${one.hash}\n`).join("");
}

/** `STORE:EDGE` is an edge, a name alone a consumer. */
export function identityOfName(name: string): Identity | undefined {
  const ids = name.split(":");
  if (!ids.every((id) => idSchema.safeParse(id).success)) return undefined;
  const [first = "", second] = ids;
  if (ids.length === 1) return { kind: "consumer", name: first };
  return second !== undefined && ids.length === 2 && !isFeed(second)
    ? { kind: "edge", storeId: first, edgeId: second }
    : undefined;
}

function hashOf(password: Uint8Array, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashSizeBytes, cost, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}
