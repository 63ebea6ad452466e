// Webhooks over HTTP: add, list, remove, what was given up, and try that again.

import { randomBytes, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { idSchema } from "../../contract/units.ts";
import { webhookKindSchema } from "../../contract/webhook.ts";
import { webhookCountMax } from "../ledger/sql-webhooks.ts";
import type { Ledger } from "../ledger/types.ts";
import type { WebhookGuard } from "../publish/webhook-guard.ts";
import type { Actor } from "./actor.ts";
import { cursorParameter, limitParameter, page, requireStore, type Stores } from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";
import { addedWebhook, deadAnswer, webhooksAnswer } from "./webhook-answers.ts";

export interface WebhookRoutesOptions {
  readonly ledger: Pick<Ledger, "webhooks">;
  readonly stores: Stores;
  readonly webhookGuard: WebhookGuard;
  readonly nowMs: () => number;
}

const addBody = z.strictObject({
  url: z.string().max(2000),
  kinds: z.array(webhookKindSchema).min(1).max(10),
  /** None: all stores, those to come too. */
  stores: z.array(idSchema).max(10_000).default([]),
  /** `first`: everything that the ledger has is told first. */
  from: z.enum(["now", "first"]).default("now"),
});
/** Room for the ids of many stores. */
const addSizeBytesMax = 512 * 1024;

const webhookParams = z.strictObject({ webhookId: z.string().max(64) });
const retryBody = z.strictObject({
  storeId: idSchema.optional(),
  kind: webhookKindSchema.optional(),
  firstNumber: z.int().min(1).optional(),
});
const deadInText = z
  .string()
  .regex(/^\d{1,15}\/[a-z0-9-]{1,32}\/[a-z]{1,32}\/\d{1,15}$/)
  .transform((text) => {
    const [deadAtMs, storeId = "", kind = "", firstNumber] = text.split("/");
    return [Number(deadAtMs), storeId, kind, Number(firstNumber)] as const;
  });
const deadQuery = z.strictObject({
  cursor: cursorParameter(deadInText).optional(),
  limit: limitParameter,
});

/** A secret that nobody can guess. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

const manages = { allows: "webhooks.manage" } as const;
const item = { ...manages, params: webhookParams } as const;
const path = "/v1/webhooks/:webhookId";

/** Adds the routes under /v1/webhooks. */
export function addWebhookRoutes(app: FastifyInstance, options: WebhookRoutesOptions): void {
  const { ledger, stores: known, webhookGuard, nowMs } = options;

  addRoute(app, {
    ...{ method: "POST", path: "/v1/webhooks", ...manages, body: addBody },
    ...{
      summary: "Adds a webhook; only this answer has its secret",
      answers: { 201: addedWebhook },
      example: { url: "https://shop.example/stock", kinds: ["stock"], stores: ["s1"] },
    },
    bodySizeBytesMax: addSizeBytesMax,
    storesOf: ({ body }) => body.stores,
    handler: async ({ body: { url, kinds, stores, from }, actor, reply }) => {
      if (stores.length === 0) actor.requireAllStores();
      for (const [index, storeId] of stores.entries()) {
        await requireStore(known, storeId, `stores.${index}`);
      }
      const problem = webhookGuard.problemOf(url);
      if (problem !== undefined) {
        throw wrongParameter("url", problem);
      }
      const webhook = {
        ...{ webhookId: randomUUID(), url, kinds: [...new Set(kinds)], stores },
        ...{ secret: newSecret(), createdAtMs: nowMs() },
      };
      if (!(await ledger.webhooks.add(webhook, from, actor.name))) {
        throw new ProblemError("webhook_refused", `there are ${webhookCountMax} webhooks`);
      }
      reply.code(201).header("Location", `/v1/webhooks/${webhook.webhookId}`);
      return webhook;
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/webhooks", ...manages },
    summary: "Webhooks, and which of them fail; for a token of some stores those of these alone",
    answers: { 200: webhooksAnswer },
    handler: async ({ actor }) => {
      const items = (await ledger.webhooks.list()).filter((webhook) => isOf(actor, webhook));
      const ids = new Set(items.map(({ webhookId }) => webhookId));
      const failing = await ledger.webhooks.failing();
      return { items, failing: failing.filter(({ webhookId }) => ids.has(webhookId)) };
    },
  });
  addRoute(app, {
    ...{ method: "DELETE", path, ...item, summary: "Removes a webhook" },
    answers: { 204: null },
    handler: async ({ params: { webhookId }, actor, reply }) => {
      await requireOwn(options, webhookId, actor);
      const author = { by: actor.name, nowMs: nowMs() };
      if (!(await ledger.webhooks.remove(webhookId, author))) throw unknown(webhookId);
      void reply.code(204);
      return undefined;
    },
  });
  addGivenUp(app, options);
}

/** What was given up, and trying it again. */
function addGivenUp(app: FastifyInstance, options: WebhookRoutesOptions): void {
  const { ledger, stores: known, nowMs } = options;
  addRoute(app, {
    ...{ method: "GET", path: `${path}/dead`, ...item, query: deadQuery },
    ...{ summary: "What was given up, the oldest first", answers: { 200: deadAnswer } },
    handler: async ({ params: { webhookId }, query: { cursor, limit: countMax }, actor }) => {
      await requireOwn(options, webhookId, actor);
      const after = cursor === undefined ? {} : { after: cursor };
      const items = await ledger.webhooks.dead({ webhookId, ...after, countMax });
      return page(items, countMax, ({ deadAtMs, storeId, kind, firstNumber }) =>
        [deadAtMs, storeId, kind, firstNumber].join("/"),
      );
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: `${path}/retry`, ...item, body: retryBody },
    summary: "Tries again what was given up",
    example: { storeId: "s1", kind: "stock" },
    answers: { 200: z.strictObject({ webhookId: z.string(), retriedCount: z.int() }) },
    handler: async ({ params: { webhookId }, body: { storeId, kind, firstNumber }, actor }) => {
      await requireOwn(options, webhookId, actor);
      if (storeId !== undefined) await requireStore(known, storeId, "storeId");
      const one = {
        ...(storeId === undefined ? {} : { storeId }),
        ...(kind === undefined ? {} : { kind }),
        ...(firstNumber === undefined ? {} : { firstNumber }),
      };
      const author = { by: actor.name, nowMs: nowMs() };
      const retriedCount = await ledger.webhooks.retry({ webhookId, ...one }, author);
      return { webhookId, retriedCount };
    },
  });
}

async function requireOwn(
  { ledger }: WebhookRoutesOptions,
  webhookId: string,
  actor: Actor,
): Promise<void> {
  if (actor.storeIds === undefined) return;
  const webhooks = await ledger.webhooks.list();
  const found = webhooks.find((webhook) => webhook.webhookId === webhookId);
  if (found === undefined || !isOf(actor, found)) throw unknown(webhookId);
}

/** Whether it tells of stores that somebody reaches, and of no others. */
function isOf(actor: Actor, { stores }: { readonly stores: readonly string[] }): boolean {
  if (actor.storeIds === undefined) return true;
  return stores.length > 0 && stores.every((storeId) => actor.reaches(storeId));
}

function unknown(webhookId: string): ProblemError {
  return new ProblemError("webhook_unknown", `there is no webhook ${webhookId}`);
}
