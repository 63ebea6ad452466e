// How the commands reach a ledger: the file beside a running bridge, or the bridge itself where a
// change must be published too.

import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { type ErrorCode, GatewayError } from "../contract/errors.ts";
import { systemClock } from "./clock.ts";
import { type BridgeConfig, ledgerPath, loadBridgeConfig } from "./config.ts";
import type { Author } from "./ledger/author.ts";
import type { Ledger } from "./ledger/types.ts";
import { isServerUrl, openConfiguredLedger, openNamedLedger } from "./ledger-access.ts";
import { readSecret } from "./secret-file.ts";

/** Which ledger a command means. */
export interface LedgerOptions {
  readonly config?: string;
  readonly ledger?: string;
  readonly json?: true;
  /** A file with a token of the HTTP API, where the bridge asks for one. */
  readonly tokenFile?: string;
}

const askTimeoutMs = 10_000;

/** Opens the ledger for one piece of work. CONFIG_INVALID when it is not said which, or there is none. */
export async function withLedger<T>(
  options: LedgerOptions,
  work: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const ledger = await openExisting(options);
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

async function openExisting(options: LedgerOptions): Promise<Ledger> {
  const nowMs = systemClock.nowMs();
  const config = options.ledger === undefined ? await configOf(options) : undefined;
  if (config?.ledger.postgres !== undefined) return await openConfiguredLedger(config, nowMs);
  const named = options.ledger ?? ledgerPath(config!.dataDir);
  if (!isServerUrl(named) && !existsSync(named)) {
    throw new GatewayError("CONFIG_INVALID", `there is no ledger at ${named}`);
  }
  return await openNamedLedger(named, nowMs);
}

/** Posts a quarantined event again: through the running bridge, so that it is published, else directly. */
export async function repost(
  id: string,
  options: LedgerOptions,
): Promise<{ ok: true } | { ok: false; code: ErrorCode | string; message: string }> {
  if (options.ledger === undefined) {
    const response = await ask(await configOf(options), "/v1/quarantine/repost", { id }, options);
    if (response?.ok) return { ok: true };
    if (response !== undefined) {
      const problem = (await response.json()) as { detail: string; code?: string; type: string };
      return { ok: false, code: problem.code ?? problem.type, message: problem.detail };
    }
  }
  const result = await withLedger(options, (ledger) => ledger.repost(id, commandAuthor()));
  return result.ok ? { ok: true } : result;
}

/** Who works on the ledger of this machine by a command. */
export function commandAuthor(): Author {
  let by = `user ${process.getuid?.()}`;
  try {
    by = userInfo().username;
  } catch {
    // A user without a name.
  }
  return { by: `${by} (command)`, nowMs: systemClock.nowMs() };
}

/** Throws CONFIG_INVALID when the bridge of this configuration is running. */
export async function refuseWhileRunning(options: LedgerOptions): Promise<void> {
  if (options.config === undefined) return;
  const config = await configOf(options);
  if ((await ask(config, "/health")) === undefined) return;
  const message = `a bridge answers on port ${config.http.port}: stop it first`;
  throw new GatewayError("CONFIG_INVALID", message);
}

async function configOf(options: LedgerOptions): Promise<BridgeConfig> {
  if (options.config !== undefined) return await loadBridgeConfig(options.config);
  throw new GatewayError("CONFIG_INVALID", "say which ledger: --config FILE or --ledger FILE");
}

/** Asks the running bridge; undefined when none answers. */
async function ask(
  { http }: BridgeConfig,
  path: string,
  body?: object,
  { tokenFile }: Pick<LedgerOptions, "tokenFile"> = {},
): Promise<Response | undefined> {
  const token =
    tokenFile === undefined
      ? {}
      : { authorization: `Bearer ${await readSecret(tokenFile, "--token-file")}` };
  const host = http.host.includes(":") ? `[${http.host}]` : http.host;
  const post = {
    method: "POST",
    headers: { "content-type": "application/json", ...token },
    body: JSON.stringify(body),
  };
  try {
    return await fetch(`http://${host}:${http.port}${path}`, {
      ...(body === undefined ? {} : post),
      signal: AbortSignal.timeout(askTimeoutMs),
    });
  } catch (error) {
    // fetch tells a refused connection by its cause; anything else is a bridge in trouble.
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code === "ECONNREFUSED") return undefined;
    throw error;
  }
}
