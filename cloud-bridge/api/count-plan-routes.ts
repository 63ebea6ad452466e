// Over HTTP: what is to be counted and why, what a store demands of its counts, how far its book is trusted,
// and what its floor lacks while the back room has it.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { productClassSchema } from "../../contract/catalogue.ts";
import { isWithin, locationSchema } from "../../contract/units.ts";
import { dueLines, problemLines } from "../ledger/counting/count-plan.ts";
import { countPolicySchema } from "../ledger/counting/count-policy.ts";
import { unclassified } from "../ledger/counting/item-class.ts";
import { nextDeliveryAtMs, refillList } from "../ledger/counting/refill.ts";
import type { StoreFacts } from "../ledger/counting/store-facts.ts";
import { accountTrusts, storeScores, withheldPercent } from "../ledger/counting/trust.ts";
import {
  countPlanAnswer,
  dueAnswer,
  problemsAnswer,
  refillAnswer,
  trustAnswer,
} from "./count-plan-answers.ts";
import { type CountRoutesOptions, listQuery } from "./count-routes.ts";
import { gtinParameter, requireStore, storeParams } from "./parameters.ts";
import { addRoute, type Given, type Route } from "./route.ts";

/** Products in one request. */
const itemCountMax = 1000;
const bodySizeBytesMax = 256 * 1024;

const base = "/v1/stores/:store";
const { limit } = listQuery.shape;
const placeQuery = z.strictObject({ location: locationSchema.optional(), limit });
const trustQuery = z.strictObject({
  gtin: gtinParameter.optional(),
  location: locationSchema.optional(),
  limit,
});
const itemsError = `must be 1..${itemCountMax} products`;
const itemsBody = z.strictObject({
  items: z
    .array(
      z.strictObject({
        gtin: gtinParameter,
        /** Null takes back what was said here: what holds in all stores, or the catalogue's word, holds again. */
        class: productClassSchema.nullable().optional(),
        priceMinor: z.int().min(0).max(1_000_000_000).nullable().optional(),
      }),
      { error: itemsError },
    )
    .min(1, { error: itemsError })
    .max(itemCountMax, { error: itemsError }),
});

/** Adds the routes of count plan, count policy, trust and refill under /v1/stores/{store}. */
export function addCountPlanRoutes(app: FastifyInstance, options: CountRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted } = options;
  const { counting } = ledger;
  const changing = { params: storeParams, allows: "count-plans.write", bodySizeBytesMax } as const;

  addRoute(app, {
    ...{ method: "GET", path: `${base}/count-policy`, allows: "counts.read", params: storeParams },
    summary: "What the store demands of its counts: tolerances, authority, classes",
    answers: { 200: countPolicySchema },
    handler: async ({ params: { store } }) => {
      await requireStore(stores, store);
      return await counting.policy(store);
    },
  });
  addRoute(app, {
    ...{ method: "PUT", path: `${base}/count-policy`, ...changing, body: countPolicySchema },
    summary: "Replaces what the store demands of its counts",
    ...{ example: { dailyLineCountMax: 100 }, answers: { 200: countPolicySchema } },
    handler: async ({ params: { store }, body: policy, actor }) => {
      await requireStore(stores, store);
      const author = { by: actor.name, nowMs: nowMs() };
      const changedItems = await counting.setPolicy(store, policy, author);
      if (changedItems.length > 0) onPosted({ entries: [], changedItems, alerts: [] });
      return policy;
    },
  });
  addRoute(app, {
    ...{ method: "PUT", path: `${base}/count-items`, ...changing, body: itemsBody },
    summary: "Classes and prices of products, as counts look at them",
    example: { items: [{ gtin: "09506000134352", class: "A", priceMinor: 499 }] },
    answers: { 200: z.strictObject({ itemCount: z.int() }) },
    handler: async ({ params: { store }, body: { items }, actor }) => {
      await requireStore(stores, store);
      const named = items.map(({ gtin, class: className, priceMinor }) => ({
        gtin,
        ...(className === undefined ? {} : { className }),
        ...(priceMinor === undefined ? {} : { priceMinor }),
      }));
      await counting.setItems(store, named, { by: actor.name, nowMs: nowMs() });
      return { itemCount: items.length };
    },
  });
  addFactRoutes(app, options);
}

/** What follows from all that is known of a store at this moment. */
function addFactRoutes(app: FastifyInstance, { ledger, stores, nowMs }: CountRoutesOptions): void {
  const reads = <Q extends z.ZodType | undefined, A extends z.ZodType>(
    path: string,
    summary: string,
    [query, answers]: readonly [Q, { readonly 200: A }],
    answer: (
      facts: StoreFacts,
      query: Q extends z.ZodType ? z.infer<Q> : undefined,
    ) => Given<{ readonly 200: A }>,
  ) => {
    const route: Route<typeof storeParams, Q, undefined, { readonly 200: A }> = {
      ...{ method: "GET", path: `${base}/${path}`, allows: "counts.read", summary },
      ...{ params: storeParams, query, answers },
      handler: async ({ params: { store }, query: asked }) => {
        await requireStore(stores, store);
        const facts = await ledger.counting.facts(store, nowMs());
        return answer(facts, asked as never);
      },
    };
    addRoute(app, route);
  };
  const plan = [undefined, { 200: countPlanAnswer }] as const;
  reads("count-plan", "How much is to be counted, by class", plan, (facts) => {
    const { dueCount, lines } = dueLines(facts);
    const problemCount = problemLines(facts).length;
    const counts = { dueCount, todayCount: lines.length, problemCount };
    return { asOfMs: facts.nowMs, classes: classCounts(facts), ...counts };
  });
  const due = [placeQuery, { 200: dueAnswer }] as const;
  reads("count-plan/due", "What is to be counted today", due, (facts, asked) => ({
    asOfMs: facts.nowMs,
    items: within(dueLines(facts).lines, asked.location).slice(0, asked.limit),
  }));
  const problems = [placeQuery, { 200: problemsAnswer }] as const;
  reads("count-plan/problems", "What speaks against the book", problems, (facts, asked) => ({
    asOfMs: facts.nowMs,
    items: within(problemLines(facts), asked.location).slice(0, asked.limit),
  }));
  const trust = [trustQuery, { 200: trustAnswer }] as const;
  reads("trust", "How far the book is trusted, the worst first", trust, trustOf);
  const refill = [placeQuery, { 200: refillAnswer }] as const;
  reads("refill", "What the floor lacks and the back room has", refill, (facts, asked) => ({
    asOfMs: facts.nowMs,
    nextDeliveryAtMs: nextDeliveryAtMs(facts.policy, facts.nowMs),
    items: within(refillList(facts), asked.location).slice(0, asked.limit),
  }));
}

function trustOf(
  facts: StoreFacts,
  { gtin, location, limit: countMax }: z.infer<typeof trustQuery>,
) {
  const { trust } = facts.policy;
  const trusts = accountTrusts(facts, gtin);
  const products = [...storeScores(trusts)].map(([item, score]) => ({
    ...{ gtin: item, score: rounded(score), withheldPercent: withheldPercent(score, trust) },
  }));
  products.sort((a, b) => a.score - b.score);
  const worst = within(trusts, location).sort((a, b) => a.score - b.score);
  const items = worst.slice(0, countMax).map((each) => ({ ...each, score: rounded(each.score) }));
  return { asOfMs: facts.nowMs, ...trust, items, products: products.slice(0, countMax) };
}

function within<Line extends { location: string }>(
  lines: readonly Line[],
  location: string | undefined,
): Line[] {
  return lines.filter((line) => location === undefined || isWithin(line.location, location));
}

function classCounts({ accounts, items }: StoreFacts): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const gtin of new Set(accounts.map((account) => account.gtin))) {
    const name = items.get(gtin)?.className ?? unclassified;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function rounded(score: number): number {
  return Math.round(score * 1000) / 1000;
}
