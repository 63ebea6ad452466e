// Claims over HTTP: what can be promised, promise it, and take the promise step by step to the customer.

import { createHash, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { canonicalJson } from "../../contract/digest.ts";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import {
  anyWord,
  type Claim,
  type ClaimOutcome,
  type ClaimRefusalCode,
  claimLineCountMax,
  claimQuantityMax,
} from "../ledger/claims.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { gtinParameter, requireStore, type Stores } from "./parameters.ts";
import { checked, ProblemError, type ProblemKind } from "./problem.ts";

export interface ClaimRoutesOptions {
  readonly ledger: Pick<Ledger, "decideClaim" | "claim" | "availability" | "setWithheld">;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed: what did must be published. */
  readonly onPosted: (posted: Posted) => void;
  readonly metrics: { count(name: string): void };
}

/** Stores that are asked for at once. */
const storeCountMax = 100;

const lineCount = `must be 1..${claimLineCountMax} lines`;
const units = (min: number) => {
  const error = `must be a whole number, ${min}..${claimQuantityMax}`;
  return z.int({ error }).min(min, { error }).max(claimQuantityMax, { error });
};
// No control characters, and no halves of a character, which no UTF-8 can hold.
const by = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,100}$/u, "must be 1-100 characters of text");
const channel = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a channel is 1-32 of a-z, 0-9 and -");
const reserveBody = z.strictObject({
  store: idSchema,
  /** Whose order it is. */
  owner: by,
  channel: channel.default("web"),
  expiresAtMs: atMsSchema,
  lines: z
    .array(z.strictObject({ gtin: gtinParameter, quantity: units(1) }), { error: lineCount })
    .min(1, { error: lineCount })
    .max(claimLineCountMax, { error: lineCount }),
});
const keyHeader = z.strictObject({
  "Idempotency-Key": z
    .string({ error: "this header must be given, so that a request sent twice is one claim" })
    .regex(/^[\x21-\x7e]{1,200}$/, "must be 1-200 printable characters"),
});
const claimParams = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/, "a claim is named by 32 hex digits"),
});
const stepBody = z.strictObject({ by });
const moveBody = z.strictObject({ by, store: idSchema });
const availabilityQuery = z.strictObject({
  gtin: gtinParameter,
  channel: channel.default("web"),
  /** Ids with commas between them; all stores where it is left out. */
  stores: z
    .string()
    .transform((list) => [...new Set(list.split(","))])
    .pipe(z.array(idSchema).max(storeCountMax, `must be 1..${storeCountMax} stores`))
    .optional(),
});
const any = z.literal(anyWord);
const withheldBody = z.strictObject({
  store: idSchema,
  gtin: z.union([any, gtinParameter], { error: "must be a GTIN, or * for all others" }),
  channel: z.union([any, channel], { error: "must be a channel, or * for all (safety stock)" }),
  quantity: units(0),
});

const kindOf: Record<ClaimRefusalCode, ProblemKind> = {
  CLAIM_UNKNOWN: "claim_unknown",
  CLAIM_STATE: "claim_refused",
  CLAIM_EXPIRY: "query_invalid",
  CLAIM_LINES: "query_invalid",
  CLAIM_LIMIT: "claim_refused",
  CLAIM_BUSY: "claims_busy",
  KEY_REUSED: "key_reused",
  STOCK_SHORT: "claim_refused",
};

/** Adds the routes under /v1/claims, /v1/availability and /v1/withheld. */
export function addClaimRoutes(app: FastifyInstance, options: ClaimRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted, metrics } = options;
  const answer = (outcome: ClaimOutcome): Claim => {
    if (!outcome.ok) {
      const { code, field, message } = outcome;
      metrics.count(`claims_refused_${code.toLowerCase()}`);
      const errors = [{ parameter: field, message }];
      throw new ProblemError(kindOf[code], `${field}: ${message}`, { code, errors });
    }
    if (outcome.posted !== undefined) onPosted(outcome.posted);
    return outcome.claim;
  };

  app.post("/v1/claims", async (request, reply) => {
    const header = request.headers["idempotency-key"];
    const { "Idempotency-Key": key } = checked(keyHeader, { "Idempotency-Key": header });
    const body = checked(reserveBody, request.body);
    const { store: storeId, ...order } = body;
    await requireStore(stores, storeId);
    const digest = createHash("sha256").update(canonicalJson(body)).digest("hex");
    const claimId = randomUUID().replaceAll("-", "");
    const asked = { step: "reserve", claimId, key, digest, storeId, ...order } as const;
    const claim = answer(await ledger.decideClaim(asked, nowMs()));
    return await reply.code(201).header("location", `/v1/claims/${claim.claimId}`).send(claim);
  });
  app.get("/v1/claims/:id", async (request) => {
    const { id } = checked(claimParams, request.params);
    const claim = await ledger.claim(id, nowMs());
    if (claim === undefined) throw new ProblemError("claim_unknown", `there is no claim ${id}`);
    return claim;
  });
  const steps = { pick: "pick", "hand-over": "hand_over", release: "release" } as const;
  for (const [path, step] of Object.entries(steps)) {
    app.post(`/v1/claims/:id/${path}`, async (request) => {
      const { id: claimId } = checked(claimParams, request.params);
      const body = checked(stepBody, request.body);
      return answer(await ledger.decideClaim({ step, claimId, ...body }, nowMs()));
    });
  }
  app.post("/v1/claims/:id/move", async (request) => {
    const { id: claimId } = checked(claimParams, request.params);
    const { by: name, store: storeId } = checked(moveBody, request.body);
    await requireStore(stores, storeId);
    const asked = { step: "move", claimId, by: name, storeId } as const;
    return answer(await ledger.decideClaim(asked, nowMs()));
  });
  app.get("/v1/availability", async (request) => {
    const { stores: storeIds, ...query } = checked(availabilityQuery, request.query);
    for (const storeId of storeIds ?? []) await requireStore(stores, storeId);
    const only = storeIds === undefined ? {} : { storeIds };
    const asOfMs = nowMs();
    const items = await ledger.availability({ ...query, ...only, nowMs: asOfMs });
    const available = items.reduce((sum, item) => sum + item.available, 0);
    return { ...query, asOfMs, available, items };
  });
  app.put("/v1/withheld", async (request) => {
    const body = checked(withheldBody, request.body);
    const { store: storeId, ...rest } = body;
    await requireStore(stores, storeId);
    await ledger.setWithheld({ storeId, ...rest });
    return body;
  });
}
