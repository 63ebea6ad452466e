// What consumers read over HTTP: stock, entries, positions, tasks, notices, quarantine. Every list is
// `{items, next?}`; `next` goes back as `after` for the following page.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { idSchema } from "../../contract/units.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { gtinParameter, requireStore, type Stores } from "./parameters.ts";
import { checked, ProblemError } from "./problem.ts";

export interface StockRoutesOptions {
  readonly ledger: Ledger;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed (an event left quarantine): what did must be published. */
  readonly onPosted: (posted: Posted) => void;
}

const pageCountMax = 1000;

const limit = z.coerce
  .number({ error: `must be 1..${pageCountMax}` })
  .int({ error: `must be 1..${pageCountMax}` })
  .min(1, { error: `must be 1..${pageCountMax}` })
  .max(pageCountMax, { error: `must be 1..${pageCountMax}` })
  .default(100);
const entryNumber = z.coerce
  .number({ error: "must be an entry number" })
  .int({ error: "must be an entry number" })
  .min(0, { error: "must be an entry number" })
  .default(0);

const stockQuery = z.strictObject({
  store: idSchema,
  gtin: gtinParameter.optional(),
  after: gtinParameter.optional(),
  limit,
});
const entriesQuery = z.strictObject({ store: idSchema, after: entryNumber, limit });
const storeQuery = z.strictObject({ store: idSchema.optional() });
const noticesQuery = z.strictObject({
  store: idSchema,
  code: z.string().max(64).optional(),
  limit,
});
const repostBody = z.strictObject({ id: z.string().min(1).max(200) });

/** Adds the routes under /v1. */
export function addStockRoutes(app: FastifyInstance, options: StockRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted } = options;
  const known = async (storeId: string | undefined) => {
    if (storeId !== undefined) await requireStore(stores, storeId);
  };

  app.get("/v1/stock", async (request) => {
    const { store, gtin, after, limit: countMax } = checked(stockQuery, request.query);
    await known(store);
    const one = gtin === undefined ? {} : { gtin };
    const from = after === undefined ? {} : { afterGtin: after };
    const items = await ledger.stockLevels({ storeId: store, ...one, ...from, countMax });
    return page(items, countMax, (level) => level.gtin);
  });
  app.get("/v1/entries", async (request) => {
    const { store, after, limit: countMax } = checked(entriesQuery, request.query);
    await known(store);
    const items = await ledger.entries({ storeId: store, afterEntryNumber: after, countMax });
    return page(items, countMax, (entry) => String(entry.entryNumber));
  });
  app.get("/v1/notices", async (request) => {
    const { store, code, limit: countMax } = checked(noticesQuery, request.query);
    await known(store);
    const only = code === undefined ? {} : { code };
    return { items: await ledger.notices({ storeId: store, ...only, countMax }) };
  });
  app.get("/v1/tasks", async (request) => {
    const { store } = checked(storeQuery, request.query);
    await known(store);
    return { items: await ledger.tasks(store === undefined ? {} : { storeId: store }) };
  });
  app.get("/v1/positions", async (request) => {
    const { store } = checked(storeQuery, request.query);
    await known(store);
    return { items: ofStore(await ledger.positions(), store) };
  });
  app.get("/v1/quarantine", async (request) => {
    const { store } = checked(storeQuery, request.query);
    await known(store);
    return { items: ofStore(await ledger.quarantine(), store) };
  });
  app.post("/v1/quarantine/repost", async (request) => {
    const { id } = checked(repostBody, request.body);
    const result = await ledger.repost(id, nowMs());
    if (!result.ok) {
      const kind = result.code === "QUARANTINE_UNKNOWN" ? "quarantine_unknown" : "not_postable";
      throw new ProblemError(kind, result.message, { code: result.code });
    }
    onPosted(result);
    return { id, entryCount: result.entries.length };
  });
}

/** A full page may have a next one. */
function page<T>(items: T[], countMax: number, cursorOf: (item: T) => string) {
  const last = items.at(-1);
  return last === undefined || items.length < countMax
    ? { items }
    : { items, next: cursorOf(last) };
}

function ofStore<T extends { storeId: string }>(items: T[], storeId: string | undefined): T[] {
  return storeId === undefined ? items : items.filter((item) => item.storeId === storeId);
}
