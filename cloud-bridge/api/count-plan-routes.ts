// Over HTTP: what is to be counted and why, what a store demands of its counts, how far its book is trusted,
// and what its floor lacks while the back room has it.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { idSchema, isWithin, locationSchema } from "../../contract/units.ts";
import { dueLines, problemLines } from "../ledger/counting/count-plan.ts";
import { countClassSchema, countPolicySchema } from "../ledger/counting/count-policy.ts";
import { unclassified } from "../ledger/counting/item-class.ts";
import { nextDeliveryAtMs, refillList } from "../ledger/counting/refill.ts";
import type { StoreFacts } from "../ledger/counting/store-facts.ts";
import { accountTrusts, storeScores, withheldPercent } from "../ledger/counting/trust.ts";
import { type CountRoutesOptions, listQuery } from "./count-routes.ts";
import { gtinParameter, requireStore } from "./parameters.ts";
import { checked } from "./problem.ts";

/** Products in one request. */
const itemCountMax = 1000;
const bodySizeBytesMax = 256 * 1024;

const storeParams = z.strictObject({ store: idSchema });
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
        class: countClassSchema.optional(),
        priceMinor: z.int().min(0).max(1_000_000_000).optional(),
      }),
      { error: itemsError },
    )
    .min(1, { error: itemsError })
    .max(itemCountMax, { error: itemsError }),
});

/** Adds the routes of count plan, count policy, trust and refill under /v1/stores/{store}. */
export function addCountPlanRoutes(app: FastifyInstance, options: CountRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const { counting } = ledger;
  const base = "/v1/stores/:store";
  const long = { bodyLimit: bodySizeBytesMax };
  const storeOf = async (params: unknown): Promise<string> => {
    const { store } = checked(storeParams, params);
    await requireStore(stores, store);
    return store;
  };

  app.get(`${base}/count-policy`, async (request) => {
    return await counting.policy(await storeOf(request.params));
  });
  app.put(`${base}/count-policy`, long, async (request) => {
    const policy = checked(countPolicySchema, request.body);
    await counting.setPolicy(await storeOf(request.params), policy, nowMs());
    return policy;
  });
  app.put(`${base}/count-items`, long, async (request) => {
    const { items } = checked(itemsBody, request.body);
    const named = items.map(({ gtin, class: className, priceMinor }) => ({
      gtin,
      ...(className === undefined ? {} : { className }),
      ...(priceMinor === undefined ? {} : { priceMinor }),
    }));
    await counting.setItems(await storeOf(request.params), named);
    return { itemCount: items.length };
  });
  app.get(`${base}/count-plan`, async (request) => {
    const facts = await counting.facts(await storeOf(request.params), nowMs());
    const { dueCount, lines } = dueLines(facts);
    const problemCount = problemLines(facts).length;
    return {
      asOfMs: facts.nowMs,
      classes: classCounts(facts),
      dueCount,
      todayCount: lines.length,
      problemCount,
    };
  });
  app.get(`${base}/count-plan/due`, async (request) => {
    const { location, limit: countMax } = checked(placeQuery, request.query);
    const facts = await counting.facts(await storeOf(request.params), nowMs());
    const items = within(dueLines(facts).lines, location).slice(0, countMax);
    return { asOfMs: facts.nowMs, items };
  });
  app.get(`${base}/count-plan/problems`, async (request) => {
    const { location, limit: countMax } = checked(placeQuery, request.query);
    const facts = await counting.facts(await storeOf(request.params), nowMs());
    return { asOfMs: facts.nowMs, items: within(problemLines(facts), location).slice(0, countMax) };
  });
  app.get(`${base}/trust`, async (request) => {
    const { gtin, location, limit: countMax } = checked(trustQuery, request.query);
    const facts = await counting.facts(await storeOf(request.params), nowMs());
    const { trust } = facts.policy;
    const trusts = accountTrusts(facts, gtin);
    const products = [...storeScores(trusts)].map(([item, score]) => ({
      ...{ gtin: item, score: rounded(score), withheldPercent: withheldPercent(score, trust) },
    }));
    const worst = within(trusts, location).sort((a, b) => a.score - b.score);
    const accounts = worst
      .slice(0, countMax)
      .map((each) => ({ ...each, score: rounded(each.score) }));
    products.sort((a, b) => a.score - b.score);
    return {
      asOfMs: facts.nowMs,
      ...trust,
      items: accounts,
      products: products.slice(0, countMax),
    };
  });
  app.get(`${base}/refill`, async (request) => {
    const { location, limit: countMax } = checked(placeQuery, request.query);
    const facts = await counting.facts(await storeOf(request.params), nowMs());
    const items = within(refillList(facts), location).slice(0, countMax);
    const untilMs = nextDeliveryAtMs(facts.policy, facts.nowMs);
    return { asOfMs: facts.nowMs, nextDeliveryAtMs: untilMs, items };
  });
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
