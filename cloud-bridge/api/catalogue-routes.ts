// The catalogue over HTTP: one product with its version, a file of many, who changed what.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { catalogueProductSchema, productClassSchema } from "../../contract/catalogue.ts";
import { atMsSchema } from "../../contract/units.ts";
import { catalogueCountMax, readCatalogueCsv } from "../ledger/catalogue/catalogue-csv.ts";
import type { CataloguedProduct } from "../ledger/catalogue/sql-catalogue.ts";
import type { Ledger } from "../ledger/types.ts";
import { cursorParameter, gtinParameter, limitParameter, page, pageSchema } from "./parameters.ts";
import { checked, ProblemError, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";
import { requireMatch, versionTag } from "./version.ts";

export interface CatalogueRoutesOptions {
  readonly ledger: Pick<Ledger, "catalogue">;
  readonly nowMs: () => number;
}

const sizeBytesMax = 32 * 1024 * 1024;
const by = z.string().min(1).max(100).optional();
const productParams = z.strictObject({ gtin: gtinParameter });
const byQuery = z.strictObject({ by });
const listQuery = z.strictObject({
  /** The beginning of a name. */
  name: z.string().max(120).optional(),
  class: productClassSchema.optional(),
  cursor: cursorParameter(gtinParameter).optional(),
  limit: limitParameter,
});
const productsError = `must be 1..${catalogueCountMax} products`;
const manyBody = z.strictObject({
  products: z
    .array(catalogueProductSchema, { error: productsError })
    .min(1, { error: productsError })
    .max(catalogueCountMax, { error: productsError })
    .superRefine((products, context) => {
      const seen = new Map<string, number>();
      for (const [index, { gtin }] of products.entries()) {
        const first = seen.get(gtin);
        const message = `stands at products.${first} already`;
        if (first === undefined) seen.set(gtin, index);
        else context.addIssue({ code: "custom", path: [index, "gtin"], message });
      }
    }),
});
const answer = catalogueProductSchema.extend({ version: z.int() });
const changeItem = z.strictObject({
  version: z.int(),
  changedAtMs: atMsSchema,
  changedBy: z.string(),
  /** Absent where it was taken out. */
  product: catalogueProductSchema.optional(),
});
const example = {
  ...{ gtin: "09521321001015", name: "T-shirt", unitWeightGrams: 180, class: "A" },
  price: { amountMinor: 1999, currency: "EUR" },
};
const ifMatch = { "If-Match": "ETag of the product that is changed; needed where there is one" };
const shown = ({ product, version }: CataloguedProduct) => ({ ...product, version });

/** Adds the routes under /v1/catalogue. */
export function addCatalogueRoutes(app: FastifyInstance, options: CatalogueRoutesOptions): void {
  const { ledger } = options;
  const path = "/v1/catalogue/:gtin";
  addRoute(app, {
    ...{ method: "GET", path: "/v1/catalogue", allows: "catalogue.read", query: listQuery },
    ...{ summary: "Products by GTIN, by name or class", answers: { 200: pageSchema(answer) } },
    handler: async ({ query: { name, class: className, cursor, limit: countMax } }) => {
      const items = await ledger.catalogue.products({
        ...(cursor === undefined ? {} : { afterGtin: cursor }),
        ...(name === undefined ? {} : { name }),
        ...(className === undefined ? {} : { class: className }),
        countMax,
      });
      return page(items.map(shown), countMax, ({ gtin }) => gtin);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path, allows: "catalogue.read", params: productParams },
    ...{ summary: "A product", answers: { 200: answer } },
    handler: async ({ params: { gtin }, reply }) => {
      const found = await required(options, gtin);
      reply.header("etag", versionTag(found.version));
      return shown(found);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: `${path}/changes`, allows: "catalogue.read", params: productParams },
    summary: "Who changed a product, the latest first",
    answers: { 200: pageSchema(changeItem) },
    handler: async ({ params: { gtin } }) => ({ items: await ledger.catalogue.changes(gtin) }),
  });
  // A file may be sent here alone.
  void app.register((scope, _settings, done) => {
    addMany(scope, options);
    done();
  });
  addChanges(app, options, path);
}

function addMany(scope: FastifyInstance, { ledger, nowMs }: CatalogueRoutesOptions): void {
  scope.addContentTypeParser("text/csv", { parseAs: "buffer" }, (_request, bytes, parsed) => {
    try {
      parsed(null, new TextDecoder("utf-8", { fatal: true }).decode(bytes as Buffer));
    } catch {
      parsed(new ProblemError("request_invalid", "the file is no UTF-8 text"));
    }
  });

  addRoute(scope, {
    ...{ method: "POST", path: "/v1/catalogue", allows: "catalogue.write", isOfAllStores: true },
    summary:
      "Puts many products in, all or none: {products: [...]}, or text/csv with a line of columns (others stay as they are)",
    ...{ query: byQuery, body: z.unknown(), bodySizeBytesMax: sizeBytesMax },
    consumes: ["application/json", "text/csv"],
    ...{ shownBody: manyBody, example: { products: [example] } },
    answers: { 200: z.strictObject({ productCount: z.int(), changedCount: z.int() }) },
    handler: async ({ query, body, actor }) => {
      const author = { by: actor.nameOr(query.by), nowMs: nowMs() };
      const { products, kept } =
        typeof body === "string" ? ofCsv(body) : { ...checked(manyBody, body), kept: [] };
      const changedCount = await ledger.catalogue.put(products, author, kept);
      return { productCount: products.length, changedCount };
    },
  });
}

function addChanges(app: FastifyInstance, options: CatalogueRoutesOptions, path: string): void {
  const { ledger, nowMs } = options;
  const changes = {
    path,
    allows: "catalogue.write",
    isOfAllStores: true,
    params: productParams,
    query: byQuery,
    headers: ifMatch,
  } as const;
  addRoute(app, {
    ...{ ...changes, method: "PUT", body: catalogueProductSchema },
    ...{ summary: "Puts a product in, or another in its place", answers: { 200: answer } },
    example,
    handler: async ({ params: { gtin }, query, body, actor, request, reply }) => {
      const author = { by: actor.nameOr(query.by), nowMs: nowMs() };
      if (body.gtin !== gtin) {
        throw wrongParameter("gtin", `must be ${gtin}, as in the path`);
      }
      const version = matched(request, await ledger.catalogue.product(gtin));
      const replaced = await ledger.catalogue.replace(body, version, author);
      if (replaced === "stale") throw stale();
      reply.header("etag", versionTag(replaced.version));
      return shown(replaced);
    },
  });
  addRoute(app, {
    ...{ ...changes, method: "DELETE", summary: "Takes a product out; its changes stay" },
    answers: { 204: null },
    handler: async ({ params: { gtin }, query, actor, request, reply }) => {
      const author = { by: actor.nameOr(query.by), nowMs: nowMs() };
      const found = await required(options, gtin);
      matched(request, found);
      const removed = await ledger.catalogue.remove(gtin, found.version, author);
      if (removed === "stale") throw stale();
      void reply.code(204);
      return undefined;
    },
  });
}

async function required({ ledger }: CatalogueRoutesOptions, gtin: string) {
  const found = await ledger.catalogue.product(gtin);
  if (found !== undefined) return found;
  throw new ProblemError("product_unknown", `the catalogue has no ${gtin}`);
}

/** The version that a request changes: the one it names, which has to be the one that is there. */
function matched(request: FastifyRequest, found: CataloguedProduct | undefined) {
  requireMatch(request, found?.version, { what: "product", owner: "the catalogue" });
  return found?.version;
}

function stale(): ProblemError {
  return new ProblemError("version_stale", "another change came first: read it again");
}

function ofCsv(text: string) {
  const file = readCatalogueCsv(text);
  if (file.ok) return file;
  const errors = file.problems.map(({ line, column, message }) => ({
    ...{ parameter: column === "" ? `line ${line}` : `line ${line}, ${column}`, message },
  }));
  const detail = errors.map(({ parameter, message }) => `${parameter}: ${message}`).join("; ");
  throw new ProblemError("query_invalid", detail, { errors });
}
