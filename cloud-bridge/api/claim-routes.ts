// Claims over HTTP: what can be promised, promise it, and take the promise step by step to the customer.

import { createHash, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { canonicalJson } from "../../contract/digest.ts";
import { atMsSchema, idSchema, shortTextSchema } from "../../contract/units.ts";
import { anyWord } from "../ledger/availability.ts";
import {
  type Claim,
  type ClaimOutcome,
  type ClaimRefusalCode,
  claimLineCountMax,
  claimQuantityMax,
  claimStates,
  openClaimStates,
} from "../ledger/claims.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { Actor } from "./actor.ts";
import { availabilityAnswer, claimAnswer, withheldItem } from "./claim-answers.ts";
import {
  cursorParameter,
  gtinParameter,
  idempotencyKeyOf,
  limitParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  timeAndIdInText,
  wholeParameter,
} from "./parameters.ts";
import { ProblemError, type ProblemKind } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface ClaimRoutesOptions {
  readonly ledger: Pick<
    Ledger,
    "decideClaim" | "claim" | "claims" | "availability" | "setWithheld" | "withheld"
  >;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed: what did must be published. */
  readonly onPosted: (posted: Posted) => void;
  readonly metrics: { count(name: string): void };
}

/** Stores that are asked for at once. */
const storeCountMax = 100;

const lineCount = `must be 1..${claimLineCountMax} lines`;
const channel = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a channel is 1-32 of a-z, 0-9 and -");
const reserveBody = z.strictObject({
  store: idSchema,
  /** Whose order it is. */
  owner: shortTextSchema,
  by: shortTextSchema.optional(),
  channel: channel.default("web"),
  expiresAtMs: atMsSchema,
  lines: z
    .array(z.strictObject({ gtin: gtinParameter, quantity: wholeParameter(1, claimQuantityMax) }), {
      error: lineCount,
    })
    .min(1, { error: lineCount })
    .max(claimLineCountMax, { error: lineCount }),
});
const claimParams = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/, "a claim is named by 32 hex digits"),
});
/** Who does it; with a token, the token's name stands instead. */
const stepBody = z.strictObject({ by: shortTextSchema.optional() });
const moveBody = z.strictObject({ by: shortTextSchema.optional(), store: idSchema });
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
  quantity: wholeParameter(0, claimQuantityMax),
  by: shortTextSchema.optional(),
});
const withheldAnswer = withheldBody.omit({ by: true });
const claimsQuery = z.strictObject({
  store: idSchema,
  state: z
    .enum(["open", "all", ...claimStates], {
      error: `must be open, all or one of ${claimStates.join(", ")}`,
    })
    .default("open"),
  cursor: cursorParameter(timeAndIdInText(/[0-9a-f]{32}/)).optional(),
  limit: limitParameter,
});
const gtinAndChannelInText = z
  .string()
  .regex(/^[\d*]{1,14}\/[a-z0-9*-]{1,32}$/)
  .transform((text): [string, string] => text.split("/") as [string, string]);
const withheldQuery = z.strictObject({
  store: idSchema,
  cursor: cursorParameter(gtinAndChannelInText).optional(),
  limit: limitParameter,
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
  /** What can be promised changes in the claim's store, and in the one that it left. */
  const answer = (outcome: ClaimOutcome, leftStoreId?: string): Claim => {
    if (!outcome.ok) {
      const { code, field, message } = outcome;
      metrics.count(`claims_refused_${code.toLowerCase()}`);
      const errors = [{ parameter: field, message }];
      throw new ProblemError(kindOf[code], `${field}: ${message}`, { code, errors });
    }
    const { claim, posted } = outcome;
    const storeIds = new Set([claim.storeId, leftStoreId ?? claim.storeId]);
    const changedItems = [...storeIds].flatMap((storeId) =>
      claim.lines.map(({ gtin }) => ({ storeId, gtin })),
    );
    onPosted(posted ?? { entries: [], changedItems, alerts: [] });
    return claim;
  };

  const mine = async (claimId: string, actor: Actor): Promise<Claim> => {
    const claim = await ledger.claim(claimId, nowMs());
    // A claim of a store that is not the asker's is as good as none.
    if (claim !== undefined && actor.reaches(claim.storeId)) return claim;
    throw new ProblemError("claim_unknown", `there is no claim ${claimId}`);
  };

  addRoute(app, {
    ...{ method: "POST", path: "/v1/claims", allows: "claims.write", body: reserveBody },
    summary: "Reserves an order, as a whole or not at all",
    headers: {
      "Idempotency-Key": "A request sent twice with the same key to the same store is one claim",
    },
    example: {
      ...{ store: "s1", owner: "order-1001", expiresAtMs: 1_800_000_000_000 },
      lines: [{ gtin: "09506000134352", quantity: 1 }],
    },
    answers: { 201: claimAnswer },
    handler: async ({ body, actor, request, reply }) => {
      const key = idempotencyKeyOf(request);
      const { store: storeId, by: said, ...order } = body;
      const by = actor.nameOr(said ?? order.owner);
      await requireStore(stores, storeId);
      const digest = createHash("sha256").update(canonicalJson(body)).digest("hex");
      const claimId = randomUUID().replaceAll("-", "");
      const asked = { step: "reserve", claimId, key, digest, storeId, by, ...order } as const;
      const claim = answer(await ledger.decideClaim(asked, nowMs()));
      reply.code(201).header("location", `/v1/claims/${claim.claimId}`);
      return claim;
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/claims/:id", allows: "claims.read", params: claimParams },
    summary: "A claim",
    answers: { 200: claimAnswer },
    handler: async ({ params, actor }) => await mine(params.id, actor),
  });
  addList(app, options);
  const steps = { pick: "pick", "hand-over": "hand_over", release: "release" } as const;
  for (const [path, step] of Object.entries(steps)) {
    addRoute(app, {
      ...{ method: "POST", path: `/v1/claims/:id/${path}`, allows: "claims.write" },
      ...{ summary: `The claim's next step: ${path}`, params: claimParams, body: stepBody },
      example: { by: "ada" },
      answers: { 200: claimAnswer },
      handler: async ({ params: { id: claimId }, body, actor }) => {
        const name = actor.nameOr(body.by);
        if (actor.storeIds !== undefined) await mine(claimId, actor);
        return answer(await ledger.decideClaim({ step, claimId, by: name }, nowMs()));
      },
    });
  }
  addRoute(app, {
    ...{ method: "POST", path: "/v1/claims/:id/move", allows: "claims.write" },
    ...{ summary: "Takes the claim to another store", params: claimParams, body: moveBody },
    example: { by: "ada", store: "s2" },
    answers: { 200: claimAnswer },
    handler: async ({ params: { id: claimId }, body: { by: said, store: storeId }, actor }) => {
      const name = actor.nameOr(said);
      await requireStore(stores, storeId);
      if (actor.storeIds !== undefined) await mine(claimId, actor);
      const before = await ledger.claim(claimId, nowMs());
      const asked = { step: "move", claimId, by: name, storeId } as const;
      return answer(await ledger.decideClaim(asked, nowMs()), before?.storeId);
    },
  });
  addStandingRoutes(app, options);
}

/** How claims are asked for that nobody knows by name. */
function addList(app: FastifyInstance, { ledger, stores, nowMs }: ClaimRoutesOptions): void {
  addRoute(app, {
    ...{ method: "GET", path: "/v1/claims", allows: "claims.read", query: claimsQuery },
    summary: "Claims of a store: those that are open, or by state; the newest first",
    answers: { 200: pageSchema(claimAnswer) },
    handler: async ({ query: { store: storeId, state, cursor: before, limit: countMax } }) => {
      await requireStore(stores, storeId);
      const all = { open: openClaimStates, all: claimStates };
      const states = state === "open" || state === "all" ? all[state] : [state];
      const asked = { storeId, states, before, countMax, nowMs: nowMs() };
      return page(await ledger.claims(asked), countMax, (claim) => {
        return `${claim.createdAtMs}/${claim.claimId}`;
      });
    },
  });
}

function addStandingRoutes(app: FastifyInstance, options: ClaimRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted } = options;
  addRoute(app, {
    ...{ method: "GET", path: "/v1/availability", allows: "claims.read" },
    ...{ summary: "What can be promised, by store and in all", query: availabilityQuery },
    answers: { 200: availabilityAnswer },
    storesOf: ({ query }) => query.stores ?? [],
    handler: async ({ query: { stores: wanted, ...query }, actor }) => {
      const storeIds = wanted ?? actor.storeIds;
      for (const storeId of wanted ?? []) await requireStore(stores, storeId);
      const only = storeIds === undefined ? {} : { storeIds };
      const asOfMs = nowMs();
      const items = await ledger.availability({ ...query, ...only, nowMs: asOfMs });
      const available = items.reduce((sum, item) => sum + item.available, 0);
      return { ...query, asOfMs, available, items };
    },
  });
  addRoute(app, {
    ...{ method: "PUT", path: "/v1/withheld", allows: "limits.write", body: withheldBody },
    summary: "Safety stock (channel *) and channel limits",
    answers: { 200: withheldAnswer },
    example: { store: "s1", gtin: "09506000134352", channel: "*", quantity: 2 },
    handler: async ({ body: { by: said, ...limits }, actor }) => {
      const author = { by: actor.nameOr(said), nowMs: nowMs() };
      const { store: storeId, ...rest } = limits;
      await requireStore(stores, storeId);
      await ledger.setWithheld({ storeId, ...rest }, author);
      onPosted({ entries: [], changedItems: [{ storeId, gtin: rest.gtin }], alerts: [] });
      return limits;
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/withheld", allows: "claims.read", query: withheldQuery },
    summary: "What a store withholds, and who said so last",
    answers: { 200: pageSchema(withheldItem) },
    handler: async ({ query: { store: storeId, cursor: after, limit: countMax } }) => {
      await requireStore(stores, storeId);
      const items = await ledger.withheld({ storeId, after, countMax });
      return page(items, countMax, ({ gtin, channel: name }) => `${gtin}/${name}`);
    },
  });
}
