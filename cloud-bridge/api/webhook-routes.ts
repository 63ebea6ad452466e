// Webhooks over HTTP: add, list, remove, what was given up, and try that again.

import { randomBytes, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { idSchema } from "../../contract/units.ts";
import { webhookKindSchema } from "../../contract/webhook.ts";
import { webhookCountMax } from "../ledger/sql-webhooks.ts";
import type { Ledger } from "../ledger/types.ts";
import type { WebhookGuard } from "../publish/webhook-guard.ts";
import { checked, ProblemError } from "./problem.ts";

export interface WebhookRoutesOptions {
  readonly ledger: Pick<Ledger, "webhooks">;
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
const deadQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** A secret that nobody can guess. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** Adds the routes under /v1/webhooks. */
export function addWebhookRoutes(app: FastifyInstance, options: WebhookRoutesOptions): void {
  const { ledger, webhookGuard, nowMs } = options;

  app.post("/v1/webhooks", { bodyLimit: addSizeBytesMax }, async (request, reply) => {
    const { url, kinds, stores, from } = checked(addBody, request.body);
    const problem = webhookGuard.problemOf(url);
    if (problem !== undefined) {
      const errors = [{ parameter: "url", message: problem }];
      throw new ProblemError("query_invalid", `url: ${problem}`, { errors });
    }
    const webhook = {
      ...{ webhookId: randomUUID(), url, kinds: [...new Set(kinds)], stores },
      ...{ secret: newSecret(), createdAtMs: nowMs() },
    };
    if (!(await ledger.webhooks.add(webhook, from))) {
      throw new ProblemError("webhook_refused", `there are ${webhookCountMax} webhooks`);
    }
    // The only time that the secret is told.
    return await reply
      .code(201)
      .header("Location", `/v1/webhooks/${webhook.webhookId}`)
      .send(webhook);
  });
  app.get("/v1/webhooks", async () => ({
    items: await ledger.webhooks.list(),
    failing: await ledger.webhooks.failing(),
  }));
  app.delete("/v1/webhooks/:webhookId", async (request, reply) => {
    const { webhookId } = checked(webhookParams, request.params);
    if (!(await ledger.webhooks.remove(webhookId))) throw unknown(webhookId);
    return await reply.code(204).send();
  });
  app.get("/v1/webhooks/:webhookId/dead", async (request) => {
    const { webhookId } = checked(webhookParams, request.params);
    const { limit: countMax } = checked(deadQuery, request.query);
    return { items: await ledger.webhooks.dead({ webhookId, countMax }) };
  });
  app.post("/v1/webhooks/:webhookId/retry", async (request) => {
    const { webhookId } = checked(webhookParams, request.params);
    const { storeId, kind, firstNumber } = checked(retryBody, request.body);
    const one = {
      ...(storeId === undefined ? {} : { storeId }),
      ...(kind === undefined ? {} : { kind }),
      ...(firstNumber === undefined ? {} : { firstNumber }),
    };
    const retriedCount = await ledger.webhooks.retry({ webhookId, ...one }, nowMs());
    return { webhookId, retriedCount };
  });
}

function unknown(webhookId: string): ProblemError {
  return new ProblemError("webhook_unknown", `there is no webhook ${webhookId}`);
}
