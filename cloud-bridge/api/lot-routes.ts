// Lots over HTTP: what a store has left of each, those first that expire first, so that they are sold first.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { gtinSchema } from "../../contract/units.ts";
import { noExpiry } from "../ledger/lots.ts";
import type { LotMark } from "../ledger/sql-lots.ts";
import type { Ledger } from "../ledger/types.ts";
import {
  cursorParameter,
  gtinParameter,
  limitParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
} from "./parameters.ts";
import { productLabelSchema, productLabels } from "./product-label.ts";
import { addRoute } from "./route.ts";

export interface LotRoutesOptions {
  readonly ledger: Pick<Ledger, "lots" | "catalogue">;
  readonly stores: Stores;
  readonly nowMs: () => number;
}

const dayMs = 86_400_000;
const daysError = { error: "must be a whole number, -3650..3650" };
const markInText = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}\/\d{14}\/.{1,20}$/)
  .transform((text): LotMark => [text.slice(0, 10), text.slice(11, 25), text.slice(26)]);
const lotsQuery = z.strictObject({
  gtin: gtinParameter.optional(),
  /** Lots that expire from now to so many days on (UTC), and those that have expired; below zero: these alone. */
  withinDays: z.coerce
    .number(daysError)
    .int(daysError)
    .min(-3650, daysError)
    .max(3650, daysError)
    .optional(),
  cursor: cursorParameter(markInText).optional(),
  limit: limitParameter,
});
const lotItem = z.strictObject({
  gtin: gtinSchema,
  lot: z.string(),
  /** The earliest that was told; absent where nobody did. */
  expiry: z.iso.date().optional(),
  /** Days from today (UTC) to that day. */
  leftDays: z.int().optional(),
  /** Units that came under the lot's name less those that left under it. */
  quantity: z.int().min(1),
  /** Of them those that are still there if what left without its lot was what expires first. */
  expectedQuantity: z.int().min(0),
  product: productLabelSchema.optional(),
});

/** Adds /v1/stores/{store}/lots. */
export function addLotRoutes(app: FastifyInstance, options: LotRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/lots", allows: "stock.read" },
    summary: "Lots that a store has, those first that expire first; of one product, or soon",
    ...{ params: storeParams, query: lotsQuery, answers: { 200: pageSchema(lotItem) } },
    handler: async ({ params: { store: storeId }, query }) => {
      const { gtin, withinDays, cursor: after, limit: countMax } = query;
      await requireStore(stores, storeId);
      const today = Math.floor(nowMs() / dayMs) * dayMs;
      const throughDay = withinDays === undefined ? undefined : dayOf(today + withinDays * dayMs);
      const lots = await ledger.lots.list({ storeId, gtin, throughDay, after, countMax });
      const labelOf = await productLabels(
        ledger,
        lots.map((lot) => lot.gtin),
      );
      const items = lots.map((lot) => ({ ...lot, ...leftOf(lot, today), ...labelOf(lot.gtin) }));
      return page(items, countMax, (lot) => `${lot.expiry ?? noExpiry}/${lot.gtin}/${lot.lot}`);
    },
  });
}

function leftOf({ expiry }: { readonly expiry?: string }, today: number) {
  return expiry === undefined ? {} : { leftDays: (Date.parse(expiry) - today) / dayMs };
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
