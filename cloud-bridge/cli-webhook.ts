// `gondola-bridge webhook`: add, list, remove, dead, retry. A running bridge takes a change within a second.

import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Command } from "commander";
import { GatewayError } from "../contract/errors.ts";
import { idSchema } from "../contract/units.ts";
import { webhookKindSchema, webhookKinds } from "../contract/webhook.ts";
import { newSecret } from "./api/webhook-routes.ts";
import { commandAuthor, type LedgerOptions, withLedger } from "./cli-ledger.ts";
import { print, tableText } from "./cli-print.ts";
import { systemClock } from "./clock.ts";
import { loadBridgeConfig } from "./config.ts";
import { webhookCountMax } from "./ledger/sql-webhooks.ts";
import { WebhookGuard } from "./publish/webhook-guard.ts";

interface AddOptions extends LedgerOptions {
  readonly kinds: string;
  readonly stores?: string;
  readonly secretFile?: string;
  readonly fromFirst?: true;
}

type MakeCommand = (parent: Command, name: string) => Command;

const deadCountMax = 1000;

/** Adds the commands under `webhook`; `make` makes one that works on a ledger. */
export function addWebhookCommands(parent: Command, make: MakeCommand): void {
  make(parent, "add")
    .argument("<url>", "where deliveries are posted, https://…")
    .requiredOption("--kinds <list>", `what it is told, of ${webhookKinds.join(", ")}`)
    .option("--stores <list>", "only of these stores")
    .option(
      "--secret-file <file>",
      "file that holds the secret; otherwise one is made and shown once",
    )
    .option("--from-first", "tell everything that the ledger has, not only what comes")
    .description("tell somebody over HTTP what happens")
    .action(add);
  make(parent, "list").description("who is told what").action(list);
  make(parent, "remove")
    .argument("<id>", "as `webhook list` prints it")
    .description("end a webhook, with what it was still to be told")
    .action(async (id: string, options: LedgerOptions) => {
      const isThere = await withLedger(options, (ledger) =>
        ledger.webhooks.remove(id, commandAuthor()),
      );
      if (!isThere) throw new GatewayError("CONFIG_INVALID", `there is no webhook ${id}`);
      print(options, { webhookId: id }, `${id} is told nothing any more`);
    });
  make(parent, "dead").description("deliveries that were given up").action(dead);
  make(parent, "retry")
    .argument("<id>", "webhook, as `webhook list` prints it")
    .description("make its dead deliveries again")
    .action(async (webhookId: string, options: LedgerOptions) => {
      const retriedCount = await withLedger(options, (ledger) =>
        ledger.webhooks.retry({ webhookId }, commandAuthor()),
      );
      const text = `${retriedCount} deliveries are made again by the running bridge`;
      print(options, { webhookId, retriedCount }, text);
    });
}

async function add(url: string, options: AddOptions): Promise<void> {
  const allowed =
    options.config === undefined
      ? []
      : (await loadBridgeConfig(options.config)).webhooks.allowedNetworks;
  const problem = new WebhookGuard(allowed).problemOf(url);
  if (problem !== undefined) throw new GatewayError("CONFIG_INVALID", `${url}: ${problem}`);
  const { secretFile } = options;
  const secret = secretFile === undefined ? newSecret() : undefined;
  const webhook = {
    ...{ webhookId: randomUUID(), url, createdAtMs: systemClock.nowMs() },
    kinds: listed(options.kinds).map((kind) => valid(webhookKindSchema.safeParse(kind), kind)),
    stores: listed(options.stores ?? "").map((id) => valid(idSchema.safeParse(id), id)),
    ...(secret === undefined ? {} : { secret }),
    ...(secretFile === undefined ? {} : { secretFile: resolve(secretFile) }),
  };
  const from = options.fromFirst === true ? "first" : "now";
  const isAdded = await withLedger(options, (ledger) =>
    ledger.webhooks.add(webhook, from, commandAuthor().by),
  );
  if (!isAdded) {
    throw new GatewayError("CONFIG_INVALID", `there are ${webhookCountMax} webhooks already`);
  }
  const told = secret === undefined ? "" : `\nsecret (not shown again): ${secret}`;
  print(options, webhook, `webhook ${webhook.webhookId}${told}`);
}

async function list(options: LedgerOptions): Promise<void> {
  const { items, failing } = await withLedger(options, async (ledger) => ({
    items: await ledger.webhooks.list(),
    failing: await ledger.webhooks.failing(),
  }));
  const rows = items.map(({ webhookId, url, kinds, stores }) => {
    const own = failing.filter((each) => each.webhookId === webhookId);
    return {
      webhook: webhookId,
      url,
      kinds: kinds.join(","),
      stores: stores.length === 0 ? "all" : stores.join(","),
      state: own.length === 0 ? "ok" : `FAILING: ${own[0]?.lastError ?? ""}`,
    };
  });
  print(options, { items, failing }, tableText(rows, "nobody is told over HTTP"));
}

async function dead(options: LedgerOptions): Promise<void> {
  const items = await withLedger(options, (ledger) =>
    ledger.webhooks.dead({ countMax: deadCountMax }),
  );
  const rows = items.map((each) => ({
    webhook: each.webhookId,
    store: each.storeId,
    kind: each.kind,
    numbers: `${each.firstNumber}-${each.lastNumber}`,
    attempts: each.attemptCount,
    since: new Date(each.deadAtMs).toISOString(),
    error: each.error,
  }));
  print(options, items, tableText(rows, "no delivery was given up"));
}

function listed(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}

function valid<T>(
  result: { success: true; data: T } | { success: false; error: { issues: { message: string }[] } },
  text: string,
): T {
  if (result.success) return result.data;
  throw new GatewayError("CONFIG_INVALID", `${text}: ${result.error.issues[0]?.message}`);
}
