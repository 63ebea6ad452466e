// Plans of stores over HTTP: read with an ETag, replaced only by who says which version it replaces.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { errorCodeOf } from "../../contract/errors.ts";
import { givenPlanSchema, planSchema } from "../../contract/plan.ts";
import { atMsSchema, shortTextSchema } from "../../contract/units.ts";
import { isSamePlan } from "../ledger/catalogue/plan-fill.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import {
  cursorParameter,
  limitParameter,
  numberInText,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
} from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";
import { requireMatch, versionTag } from "./version.ts";

export interface PlanRoutesOptions {
  readonly ledger: Ledger;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Levels changed: what did must be published. */
  readonly onPosted: (posted: Posted) => void;
}

/** A plan of 200,000 products. */
const planSizeBytesMax = 32 * 1024 * 1024;
/** A plan says nothing of who sends it; with a token, the token's name stands instead. */
const byQuery = z.strictObject({ by: shortTextSchema.optional() });
const changesQuery = z.strictObject({
  cursor: cursorParameter(numberInText).optional(),
  limit: limitParameter,
});

const changeItem = z.strictObject({
  version: z.int(),
  changedAtMs: atMsSchema,
  changedBy: z.string(),
});
const example: z.input<typeof givenPlanSchema> = {
  ...{ schemaVersion: 1, storeId: "s1", version: 2 },
  products: [{ gtin: "09506000134352", name: "Coffee", unitWeightGrams: 251 }],
  locations: [{ location: "s1/floor", role: "floor" }],
  facings: [{ location: "s1/floor", gtin: "09506000134352" }],
};

/** Adds /v1/stores/{store}/plan. */
export function addPlanRoutes(app: FastifyInstance, options: PlanRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted } = options;
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/plan", allows: "plan.read", params: storeParams },
    summary: "The store's plan, with what it leaves to the catalogue",
    answers: { 200: planSchema },
    handler: async ({ params: { store }, reply }) => {
      await requireStore(stores, store);
      const plan = await ledger.plan(store);
      if (plan === undefined) throw new ProblemError("plan_unknown", `store ${store} has no plan`);
      reply.header("etag", versionTag(plan.version));
      return plan;
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/plan/changes", allows: "plan.read" },
    ...{ summary: "Who gave the store its plans, the latest first" },
    ...{ params: storeParams, query: changesQuery, answers: { 200: pageSchema(changeItem) } },
    handler: async ({ params: { store: storeId }, query: { cursor, limit: countMax } }) => {
      await requireStore(stores, storeId);
      const before = cursor === undefined ? {} : { beforeVersion: cursor };
      const items = await ledger.planChanges({ storeId, ...before, countMax });
      return page(items, countMax, ({ version }) => version);
    },
  });
  addRoute(app, {
    ...{ method: "PUT", path: "/v1/stores/:store/plan", allows: "plan.write", params: storeParams },
    summary:
      "Replaces the store's plan; the new version is the old one and 1. Names and weights that are left out, or come back as the catalogue gave them, are the catalogue's",
    headers: { "If-Match": "ETag of the plan that is replaced; needed where there is one" },
    ...{ query: byQuery, example },
    ...{ body: givenPlanSchema, answers: { 200: planSchema }, bodySizeBytesMax: planSizeBytesMax },
    handler: async ({ params: { store }, query, body, actor, request, reply }) => {
      const author = { by: actor.nameOr(query.by), nowMs: nowMs() };
      await requireStore(stores, store);
      if (body.storeId !== store)
        throw wrongParameter("storeId", `must be ${store}, as in the path`);
      const stored = await ledger.storedPlan(store);
      const version = stored?.plan.version;
      requireMatch(request, version, { what: "plan", owner: "the store" });
      if (version !== undefined && body.version !== version + 1 && !isSamePlan(stored!, body)) {
        throw wrongParameter("version", `must be ${version + 1}, one more than what it replaces`);
      }
      const saved = await ledger.setPlan(body, author, version).catch((error: unknown) => {
        if (errorCodeOf(error) !== "CONFIG_INVALID") throw error;
        // Of two who replace the same version the ledger takes the first.
        throw new ProblemError("version_stale", "another plan came first: read it again");
      });
      const { plan, changedItems } = saved;
      onPosted({ entries: [], alerts: [], changedItems });
      reply.header("etag", versionTag(plan.version));
      return plan;
    },
  });
}
