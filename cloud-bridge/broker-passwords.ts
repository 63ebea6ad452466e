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
/** How often the file is looked at for clients that have to go: those whose line is not what let them in. */
export const lookIntervalMs = 2000;
/** Addresses whose wrong passwords are remembered; the oldest are forgotten first. */
const addressCountMax = 10_000;
/** Least length of a password: it is made by a machine, not remembered by a person. */
export const passwordLengthMin = 16;

const lineSchema = z.strictObject({
  /** `STORE:EDGE`, or the name of a consumer or an operator. */
  name: z.string().max(100),
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of a name: it may command edges as well. */
  role: z.literal("commands").optional(),
});
type Line = z.infer<typeof lineSchema>;

/** What a password came to. */
export type PasswordCheck =
  | {
      readonly kind: "known";
      readonly identity: Identity;
      /** Whether it is still so: the client is there, under this password and with this role. */
      readonly isCurrent: () => boolean;
    }
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
    await passwords.read();
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
      await this.read().catch(() => undefined);
      const line = this.#lines.get(name);
      // Who is unknown takes as long as who is wrong.
      const salt = Buffer.from(line?.salt ?? "00".repeat(16), "hex");
      const hash = await hashOf(password, salt);
      const wanted = Buffer.from(line?.hash ?? "00".repeat(hashSizeBytes), "hex");
      const identity = line && identityOfLine(line);
      const isCurrent = () => {
        const now = this.#lines.get(name);
        return now !== undefined && line !== undefined && lineText(now) === lineText(line);
      };
      if (timingSafeEqual(hash, wanted) && identity !== undefined && isCurrent()) {
        this.#wrong.delete(address);
        return { kind: "known", identity, isCurrent };
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

  /** Reads the file where it has changed. CONFIG_UNREADABLE, or CONFIG_INVALID naming the line. */
  async read(): Promise<void> {
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
    const [name = "", salt = "", hash = "", role, ...more] = row.trim().split(" ");
    const line = lineSchema.safeParse({ name, salt, hash, role });
    if (!line.success || identityOfLine(line.data) === undefined || more.length > 0) {
      const message = `${file}:${index + 1}: a line is NAME SALT HASH, and "commands" where it may, as \`gondola-bridge password\` writes it`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    lines.set(name, line.data);
  }
  return lines;
}

/** A file's text with the password and role of a client set anew. CONFIG_INVALID for a password that is too short. */
export async function withPassword(
  text: string,
  file: string,
  client: { readonly name: string; readonly password: string; readonly commands?: boolean },
): Promise<string> {
  const { name, password, commands = false } = client;
  if (password.length < passwordLengthMin) {
    const message = `a password has ${passwordLengthMin} characters at least: openssl rand -base64 24`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const salt = randomBytes(16);
  const hash = await hashOf(Buffer.from(password), salt);
  const role = commands ? ({ role: "commands" } as const) : {};
  const line = { name, salt: salt.toString("hex"), hash: hash.toString("hex"), ...role };
  const lines = new Map(parsePasswords(text, file)).set(name, line);
  return [...lines.values()].map(lineText).join("");
}

/** A file's text without a client; undefined where it is not there. */
export function withoutPassword(text: string, file: string, name: string): string | undefined {
  const lines = new Map(parsePasswords(text, file));
  return lines.delete(name) ? [...lines.values()].map(lineText).join("") : undefined;
}

function lineText({ name, salt, hash, role }: Line): string {
  return `${[name, salt, hash, ...(role === undefined ? [] : [role])].join(" ")}\n`;
}

function identityOfLine({ name, role }: Line): Identity | undefined {
  return identityOfName(name, role === "commands");
}

/** `STORE:EDGE` is an edge, a name alone a consumer, or an operator where it commands edges as well. */
export function identityOfName(name: string, commands = false): Identity | undefined {
  const ids = name.split(":");
  if (!ids.every((id) => idSchema.safeParse(id).success)) return undefined;
  const [first = "", second] = ids;
  if (ids.length === 1) return { kind: commands ? "operator" : "consumer", name: first };
  return second !== undefined && ids.length === 2 && !isFeed(second) && !commands
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
