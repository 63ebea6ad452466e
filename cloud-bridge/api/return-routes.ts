// Returns over HTTP: which sale it was, take the unit back, inspect it, decide what becomes of it.

import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { canonicalJson } from "../../contract/digest.ts";
import { itemSchema } from "../../contract/event.ts";
import {
  type Gtin,
  idSchema,
  isWithin,
  locationSchema,
  shortTextSchema,
} from "../../contract/units.ts";
import { type Fact, factItem, ownSourceIds } from "../ledger/facts.ts";
import {
  dispose,
  dispositions,
  type GradeValues,
  grades,
  inspect,
  moveOf,
  type ReturnCase,
  type ReturnOutcome,
  type ReturnRefusalCode,
  reasonCountMax,
  valueShareOf,
} from "../ledger/returns/return-case.ts";
import type { Ledger } from "../ledger/types.ts";
import { type OwnFactsOptions, postOwnFacts } from "./own-facts.ts";
import {
  cursorParameter,
  gtinParameter,
  idempotencyKeyOf,
  keyReused,
  limitParameter,
  openParameter,
  page,
  requireStore,
  type Stores,
  storeParams,
  timeAndIdInText,
  wordParameter,
} from "./parameters.ts";
import { ProblemError, type ProblemKind, wrongParameter } from "./problem.ts";
import { returnAnswer, returnsAnswer, salesAnswer } from "./return-answers.ts";
import { addRoute } from "./route.ts";

export interface ReturnRoutesOptions extends OwnFactsOptions {
  readonly ledger: Pick<Ledger, "returns" | "facts" | "catalogue">;
  readonly stores: Stores;
  /** What returned units are worth. */
  readonly gradeValues: GradeValues;
}

const by = shortTextSchema.optional();
const returnParams = z.strictObject({
  store: idSchema,
  id: z.string().regex(/^[0-9a-f]{32}$/, "a return is named by 32 hex digits"),
});
const openBody = z.strictObject({
  gtin: gtinParameter,
  serial: itemSchema.shape.serial,
  /** The till's receipt, or the id of the claim that an order was. */
  receipt: z.string().min(1).max(100).optional(),
  /** Where it is put; the store itself, where nobody says. */
  location: locationSchema.optional(),
  /** A scanner or a till has told of it already: nothing is posted. */
  isPosted: z.boolean().default(false),
  by,
});
const inspectBody = z.strictObject({
  grade: z.enum(grades, { error: `must be one of ${grades.join(", ")}` }),
  reasons: z.array(wordParameter).max(reasonCountMax).default([]),
  by,
});
const disposeBody = z.strictObject({
  disposition: z.enum(dispositions, { error: `must be one of ${dispositions.join(", ")}` }),
  by,
});
const listQuery = z.strictObject({
  state: openParameter,
  cursor: cursorParameter(timeAndIdInText(/[0-9a-f]{32}/)).optional(),
  limit: limitParameter,
});

const kindOf: Record<ReturnRefusalCode, ProblemKind> = {
  RETURN_UNKNOWN: "return_unknown",
  RETURN_STATE: "return_refused",
  RETURN_GRADE: "return_refused",
  RETURN_REPEATED: "return_refused",
  RETURN_NOT_SOLD: "return_refused",
  KEY_REUSED: "key_reused",
};

/** Adds /v1/sales/{receipt} and /v1/stores/{store}/returns. */
export function addReturnRoutes(app: FastifyInstance, options: ReturnRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const path = "/v1/stores/:store/returns";
  addRoute(app, {
    ...{ method: "GET", path: "/v1/sales/:receipt", allows: "returns.write" },
    summary: "What a receipt or an order sold, in whichever store, and what came back of it",
    answers: { 200: salesAnswer },
    params: z.strictObject({ receipt: z.string().min(1).max(100) }),
    handler: async ({ params: { receipt } }) => ({ items: await ledger.returns.sales(receipt) }),
  });
  addRoute(app, {
    ...{ method: "POST", path, allows: "returns.write", params: storeParams, body: openBody },
    ...{ summary: "Takes a unit back", answers: { 201: returnAnswer } },
    example: { gtin: "09506000134352", location: "s1/stockroom", by: "ada" },
    headers: { "Idempotency-Key": "A request sent twice with the same key is one return" },
    handler: async ({ params: { store: storeId }, body, actor, request, reply }) => {
      const key = idempotencyKeyOf(request);
      await requireStore(stores, storeId);
      const asked = askedOf(storeId, key, { ...body, by: actor.nameOr(body.by) }, nowMs());
      const opened = taken(await ledger.returns.open(asked, hashOf(canonicalJson(body))));
      // After the case: a request that was cut off in between comes again and posts what is missing.
      if (!body.isPosted) {
        await post(options, opened, "take", opened.receivedBy, returnFact(opened));
      }
      reply.code(201).header("location", `/v1/stores/${storeId}/returns/${opened.returnId}`);
      return opened;
    },
  });
  addRoute(app, {
    ...{ method: "GET", path, allows: "stock.read", params: storeParams, query: listQuery },
    summary: "Returns of a store, the newest first, and how they go",
    answers: { 200: returnsAnswer },
    handler: async ({ params: { store: storeId }, query }) => {
      const { state, cursor: before, limit: countMax } = query;
      await requireStore(stores, storeId);
      const asked = { storeId, isOpen: state === "open", before, countMax };
      const items = await ledger.returns.returnCases(asked);
      const figures = await ledger.returns.figures(storeId);
      const cursorOf = ({ receivedAtMs, returnId }: ReturnCase) => `${receivedAtMs}/${returnId}`;
      return { ...page(items, countMax, cursorOf), figures };
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: `${path}/:id`, allows: "stock.read", params: returnParams },
    summary: "A return",
    answers: { 200: returnAnswer },
    handler: async ({ params: { store: storeId, id } }) => {
      await requireStore(stores, storeId);
      const found = await ledger.returns.returnCase(storeId, id);
      if (found !== undefined) return found;
      throw new ProblemError("return_unknown", `store ${storeId} has no return ${id}`);
    },
  });
  addSteps(app, options, path);
}

function addSteps(app: FastifyInstance, options: ReturnRoutesOptions, path: string): void {
  const { ledger, stores, nowMs } = options;
  addRoute(app, {
    ...{ method: "POST", path: `${path}/:id/inspect`, allows: "returns.write" },
    ...{ summary: "Says how the unit is", params: returnParams, body: inspectBody },
    example: { grade: "A", reasons: ["wrong_size"], by: "ada" },
    answers: { 200: returnAnswer },
    handler: async ({
      params: { store: storeId, id },
      body: { grade, reasons, by: said },
      actor,
    }) => {
      const who = actor.nameOr(said);
      await requireStore(stores, storeId);
      const known = await ledger.returns.returnCase(storeId, id);
      const product = known && (await ledger.catalogue.product(known.gtin));
      const { price, class: className } = product?.product ?? {};
      const worth = {
        priceMinor: price?.amountMinor,
        valueShare: valueShareOf(options.gradeValues, className, grade),
      };
      const found = { grade, reasons, by: who, atMs: nowMs(), ...worth };
      return taken(await ledger.returns.step(storeId, id, (one) => inspect(one, found)));
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: `${path}/:id/dispose`, allows: "returns.write" },
    ...{ summary: "Says what becomes of it, and moves it there", params: returnParams },
    ...{ body: disposeBody, example: { disposition: "resell", by: "ada" } },
    answers: { 200: returnAnswer },
    handler: async ({ params: { store: storeId, id }, body: { disposition, by: said }, actor }) => {
      const asked = { disposition, by: actor.nameOr(said), atMs: nowMs() };
      await requireStore(stores, storeId);
      const done = taken(await ledger.returns.step(storeId, id, (one) => dispose(one, asked)));
      await post(options, done, "dispose", done.disposedBy, disposalFact(done));
      return done;
    },
  });
}

function askedOf(
  storeId: string,
  key: string,
  body: z.infer<typeof openBody> & { readonly by: string },
  nowMs: number,
): Omit<ReturnCase, "sale" | "state"> {
  const { gtin, serial, receipt, location = storeId, by: who } = body;
  if (!isWithin(location, storeId) || location.includes("/@")) {
    throw wrongParameter("location", `is no place in store ${storeId}`);
  }
  return {
    ...{ returnId: hashOf(`${storeId} ${key}`).slice(0, 32), storeId, gtin, location },
    ...(serial === undefined ? {} : { serial }),
    ...(receipt === undefined ? {} : { receiptId: receipt }),
    ...{ receivedAtMs: nowMs, receivedBy: who },
  };
}

function taken(outcome: ReturnOutcome): ReturnCase {
  if (outcome.ok) return outcome.returnCase;
  const { code, message } = outcome;
  if (code === "KEY_REUSED") throw keyReused(message);
  throw new ProblemError(kindOf[code], message, { code });
}

function returnFact(one: ReturnCase): Fact {
  const { location, receivedAtMs: occurredAtMs, receiptId } = one;
  const reference =
    receiptId === undefined ? {} : { reference: { type: "receipt", id: receiptId } };
  return { kind: "return", occurredAtMs, ...unitOf(one), location, ...reference };
}

function disposalFact(one: ReturnCase): Fact {
  return { kind: "move", occurredAtMs: one.disposedAtMs ?? 0, ...unitOf(one), ...moveOf(one) };
}

function unitOf({ gtin, serial }: ReturnCase) {
  return { item: factItem({ gtin: gtin as Gtin, serial }), quantity: 1 };
}

/** Posts a step of a return. */
async function post(
  options: ReturnRoutesOptions,
  { storeId, returnId }: ReturnCase,
  step: string,
  by: string | undefined,
  fact: Fact,
): Promise<void> {
  const sourceId = ownSourceIds.returns;
  const key = `${returnId}/${step}`;
  await postOwnFacts(options, { storeId, sourceId, key, facts: [fact], by });
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
