// What consumers read over HTTP: stock, entries, positions, tasks, notices, quarantine. Every list is
// `{items, next?}`; `next` goes back as `cursor` for the following page.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { entrySchema, stockLevelSchema } from "../../contract/stock.ts";
import { idSchema } from "../../contract/units.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { Actor } from "./actor.ts";
import { noticeItem, positionItem, quarantineItem, taskItem } from "./list-answers.ts";
import {
  cursorParameter,
  gtinParameter,
  limitParameter as limit,
  numberInText,
  page,
  pageSchema,
  requireStore,
  type Stores,
} from "./parameters.ts";
import { ProblemError } from "./problem.ts";
import { productLabelSchema, productLabels } from "./product-label.ts";
import { addRoute } from "./route.ts";

export interface StockRoutesOptions {
  readonly ledger: Ledger;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed (an event left quarantine): what did must be published. */
  readonly onPosted: (posted: Posted) => void;
}

const entryNumber = z.coerce
  .number({ error: "must be an entry number" })
  .int({ error: "must be an entry number" })
  .min(0, { error: "must be an entry number" })
  .default(0);

const stockQuery = z.strictObject({
  store: idSchema,
  gtin: gtinParameter.optional(),
  cursor: cursorParameter(gtinParameter).optional(),
  limit,
});
const stockAnswer = stockLevelSchema.extend({ product: productLabelSchema.optional() });
const entriesQuery = z.strictObject({
  store: idSchema,
  /** The number of the last entry that the reader has; a cursor says it too, and wins. */
  after: entryNumber,
  cursor: cursorParameter(numberInText).optional(),
  limit,
});
const storeQuery = z.strictObject({ store: idSchema.optional() });
const noticeInText = z
  .string()
  .regex(/^\d{1,15}\/\d{1,15}\/[a-z0-9@-]{1,40}\/[0-9a-f-]{8,40}$/)
  .transform((text) => {
    const [recordedAtMs, sequence, edgeId = "", outboxId = ""] = text.split("/");
    return [Number(recordedAtMs), Number(sequence), edgeId, outboxId] as const;
  });
const noticesQuery = z.strictObject({
  store: idSchema,
  code: z.string().max(64).optional(),
  cursor: cursorParameter(noticeInText).optional(),
  limit,
});
const repostBody = z.strictObject({
  id: z
    .string()
    .max(200)
    .regex(
      /^[^/\0]+\/[^/\0]+\/[^/\0]+\/\d{1,15}$/,
      "must be {store}/{edge}/{outbox}/{sequence}, as the list has it",
    ),
});

/** Adds the routes under /v1. */
export function addStockRoutes(app: FastifyInstance, options: StockRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stock", allows: "stock.read", isTagged: true },
    summary: "Stock levels of a store: one GTIN, or all by page",
    query: stockQuery,
    answers: { 200: pageSchema(stockAnswer) },
    handler: async ({ query: { store, gtin, cursor, limit: countMax } }) => {
      await requireStore(stores, store);
      const one = gtin === undefined ? {} : { gtin };
      const from = cursor === undefined ? {} : { afterGtin: cursor };
      const asked = { storeId: store, ...one, ...from, countMax, nowMs: nowMs() };
      const levels = await ledger.stockLevels(asked);
      const labelOf = await productLabels(
        ledger,
        levels.map((level) => level.gtin),
      );
      const items = levels.map((level) => ({ ...level, ...labelOf(level.gtin) }));
      return page(items, countMax, (level) => level.gtin);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/entries", allows: "stock.read" },
    summary: "Posted entries of a store in order",
    query: entriesQuery,
    answers: { 200: pageSchema(entrySchema) },
    handler: async ({ query: { store, after, cursor = after, limit: countMax } }) => {
      await requireStore(stores, store);
      const items = await ledger.entries({ storeId: store, afterEntryNumber: cursor, countMax });
      return page(items, countMax, (entry) => entry.entryNumber);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/notices", allows: "edges.read" },
    summary: "What edges noticed, newest first",
    query: noticesQuery,
    answers: { 200: pageSchema(noticeItem) },
    handler: async ({ query: { store: storeId, code, cursor, limit: countMax } }) => {
      await requireStore(stores, storeId);
      const before = cursor === undefined ? {} : { before: cursor };
      const items = await ledger.notices({ storeId, code, ...before, countMax });
      return page(items, countMax, ({ recordedAtMs, sequence, edgeId, outboxId }) =>
        [recordedAtMs, sequence, edgeId, outboxId].join("/"),
      );
    },
  });
  addStoreLists(app, options);
  addRepost(app, options);
}

function addStoreLists(app: FastifyInstance, { ledger, stores }: StockRoutesOptions): void {
  const known = async (storeId: string | undefined) => {
    if (storeId !== undefined) await requireStore(stores, storeId);
  };
  addRoute(app, {
    ...{ method: "GET", path: "/v1/tasks", allows: "counts.read" },
    summary: "Open count tasks",
    query: storeQuery,
    answers: { 200: pageSchema(taskItem) },
    handler: async ({ query: { store }, actor }) => {
      await known(store);
      const tasks = await ledger.tasks(store === undefined ? {} : { storeId: store });
      return { items: ofStore(tasks, actor, store) };
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/positions", allows: "edges.read" },
    summary: "How far each edge's outbox has been read, and when the edge last said so",
    query: storeQuery,
    answers: { 200: pageSchema(positionItem) },
    handler: async ({ query: { store }, actor }) => {
      await known(store);
      return { items: ofStore(await ledger.positions(), actor, store) };
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/quarantine", allows: "quarantine.read" },
    summary: "Events that could not be posted",
    query: storeQuery,
    answers: { 200: pageSchema(quarantineItem) },
    handler: async ({ query: { store }, actor }) => {
      await known(store);
      const storeIds = store === undefined ? actor.storeIds : [store];
      return { items: await ledger.quarantine(storeIds === undefined ? {} : { storeIds }) };
    },
  });
}

function addRepost(app: FastifyInstance, options: StockRoutesOptions): void {
  const { ledger, nowMs, onPosted } = options;
  addRoute(app, {
    ...{ method: "POST", path: "/v1/quarantine/repost", allows: "quarantine.write" },
    summary: "Posts an event of the quarantine again",
    ...{ body: repostBody, example: { id: "s1/edge-1/aaaaaaaa-0001/17" } },
    answers: { 200: repostBody.extend({ entryCount: z.int() }) },
    storesOf: ({ body }) => [body.id.split("/", 1)[0] ?? ""],
    handler: async ({ body: { id }, actor }) => {
      const result = await ledger.repost(id, { by: actor.name, nowMs: nowMs() });
      if (!result.ok) {
        const kind = result.code === "QUARANTINE_UNKNOWN" ? "quarantine_unknown" : "not_postable";
        throw new ProblemError(kind, result.message, { code: result.code });
      }
      onPosted(result);
      return { id, entryCount: result.entries.length };
    },
  });
}

function ofStore<T extends { storeId: string }>(
  items: T[],
  actor: Actor,
  storeId: string | undefined,
): T[] {
  return items.filter((item) =>
    storeId === undefined ? actor.reaches(item.storeId) : item.storeId === storeId,
  );
}
