// Tokens of the HTTP API: a file of hashes, one line a token, read again when it changes. A token is 256 random
// bits, so that one SHA-256 keeps it as safe as a slow hash would keep a password.

import { createHash, randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { digestSchema, idSchema } from "../../contract/units.ts";
import { roles } from "./roles.ts";

const tokenSizeBytes = 32;
const prefix = "gondola_";
/** Tokens of a bridge. */
export const tokenCountMax = 10_000;
/** A revoked token may still work for so long. */
export const lookIntervalMs = 1000;

const tokenSchema = z.strictObject({
  /** Stands as the actor in entries, claims and alerts. */
  name: idSchema,
  role: z.enum(roles, { error: `must be one of ${roles.join(", ")}` }),
  stores: z.union([z.literal("all"), z.array(idSchema).min(1).max(10_000)], {
    error: "must be store ids with commas between them, or all",
  }),
  hash: digestSchema,
});
/** A token as it is stored. */
export type ApiToken = z.infer<typeof tokenSchema>;

/** The tokens of a file. */
export class ApiTokens {
  readonly #file: string;
  readonly #monotonicMs: () => number;
  #byHash: ReadonlyMap<string, ApiToken> = new Map();
  #seen = "";
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(file: string, monotonicMs: () => number) {
    this.#file = file;
    this.#monotonicMs = monotonicMs;
  }

  /** Reads the file. CONFIG_UNREADABLE, or CONFIG_INVALID naming the line. */
  static async open(file: string, monotonicMs: () => number): Promise<ApiTokens> {
    const tokens = new ApiTokens(file, monotonicMs);
    await tokens.#look();
    return tokens;
  }

  /** Whose token it is. */
  async find(secret: string): Promise<ApiToken | undefined> {
    // A file that cannot be read lets in whom it let in before.
    await this.#look().catch(() => undefined);
    return this.#byHash.get(hashOf(secret));
  }

  async #look(): Promise<void> {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#lookedAtMs < lookIntervalMs) return;
    this.#lookedAtMs = nowMs;
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      const seen = `${mtimeMs} ${size} ${ino}`;
      if (seen === this.#seen) return;
      const tokens = parseTokens(await readFile(this.#file, "utf8"), this.#file);
      this.#byHash = new Map(tokens.map((token) => [token.hash, token]));
      this.#seen = seen;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
    }
  }
}

/** The tokens in a file's text. CONFIG_INVALID naming the line, and nothing that is in it. */
export function parseTokens(text: string, file: string): ApiToken[] {
  const tokens: ApiToken[] = [];
  for (const [index, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const [name, role, stores, hash] = row.trim().split(" ");
    const list = stores === "all" ? stores : stores?.split(",");
    const token = tokenSchema.safeParse({ name, role, stores: list, hash });
    if (!token.success || tokens.length >= tokenCountMax) {
      const message = `${file}:${index + 1}: a line is NAME ROLE STORES HASH, as \`gondola-bridge token add\` writes it, and there are ${tokenCountMax} at most`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    tokens.push(token.data);
  }
  return tokens;
}

/** A file's text of tokens. */
export function tokensText(tokens: readonly ApiToken[]): string {
  return tokens
    .map(({ name, role, stores, hash }) => `${name} ${role} ${String(stores)} ${hash}\n`)
    .join("");
}

/** A new token and the secret that is shown once. CONFIG_INVALID naming the member that is wrong. */
export function newToken(wanted: { name: string; role: string; stores: string }): {
  token: ApiToken;
  secret: string;
} {
  const secret = prefix + randomBytes(tokenSizeBytes).toString("base64url");
  const stores = wanted.stores === "all" ? "all" : wanted.stores.split(",");
  const token = tokenSchema.safeParse({ ...wanted, stores, hash: hashOf(secret) });
  if (token.success) return { token: token.data, secret };
  const lines = token.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new GatewayError("CONFIG_INVALID", lines.join("\n"));
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
