// Counts over HTTP: opened for a place, counted line by line, reviewed, recounted, approved, posted. Who counts
// for the first time is not shown what the book says.

import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { productClassSchema } from "../../contract/catalogue.ts";
import { canonicalJson } from "../../contract/digest.ts";
import {
  atMsSchema,
  idSchema,
  isWithin,
  locationSchema,
  stockStateSchema,
} from "../../contract/units.ts";
import { dueLines, problemLines } from "../ledger/counting/count-plan.ts";
import { judge } from "../ledger/counting/count-policy.ts";
import type { StepOutcome, StocktakeStep } from "../ledger/counting/sql-stocktake-steps.ts";
import {
  accuracyOf,
  adjustmentReasons,
  type LineKey,
  lineKey as lineKeyOf,
  lineStatuses,
  type Stocktake,
  type StocktakeOutcome,
  type StocktakeRefusalCode,
  stocktakeKinds,
  stocktakeLineCountMax,
} from "../ledger/counting/stocktake.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { counterFields, counterOf } from "./count-actor.ts";
import { countAnswer, countHead } from "./count-answers.ts";
import {
  gtinParameter,
  idempotencyKeyOf,
  openParameter,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
  timeAndIdInText,
  wholeParameter,
  wordParameter,
} from "./parameters.ts";
import { ProblemError, type ProblemKind, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface CountRoutesOptions {
  readonly ledger: Pick<Ledger, "counting">;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed: what did must be published. */
  readonly onPosted: (posted: Posted) => void;
  readonly metrics: { count(name: string): void };
}

/** Lines in one request. */
export const requestLineCountMax = 1000;
/** A request with so many lines is longer than others may be. */
const bodySizeBytesMax = 256 * 1024;

const linesError = `must be 1..${requestLineCountMax} lines`;
const quantity = wholeParameter(0, 10_000_000);
const listOf = <Line extends z.ZodType>(line: Line) =>
  z
    .array(line, { error: linesError })
    .min(1, { error: linesError })
    .max(requestLineCountMax, { error: linesError });

/** A line is at the place of the count, unless it says another. */
const lineKey = { gtin: gtinParameter, location: locationSchema.optional() };
const openBody = z.strictObject({
  kind: z.enum(stocktakeKinds, { error: `must be one of ${stocktakeKinds.join(", ")}` }),
  /** The whole store, where it is left out. */
  location: locationSchema.optional(),
  state: stockStateSchema.default("sellable"),
  by: counterFields.by,
  lines: listOf(z.strictObject(lineKey)).optional(),
  /** Where lines that are not named come from: all of the place, those due today, or the problem list. */
  source: z.enum(["place", "due", "problems"]).optional(),
  classes: z.array(productClassSchema).max(50).default([]),
  sampleCount: z.int().min(1).max(stocktakeLineCountMax).optional(),
});
const recordBody = z.strictObject({
  ...counterFields,
  lines: listOf(z.strictObject({ ...lineKey, quantity, observedAtMs: atMsSchema })),
});
const stepBody = z.strictObject(counterFields);
const recountBody = z.strictObject({ ...counterFields, lines: listOf(z.strictObject(lineKey)) });
const approveBody = z.strictObject({
  ...counterFields,
  lines: listOf(z.strictObject(lineKey)),
  reason: z.enum(adjustmentReasons, { error: `must be one of ${adjustmentReasons.join(", ")}` }),
  cause: wordParameter.optional(),
});
const line = { gtin: "09506000134352", location: "s1/stockroom" };
const stepExamples: Record<string, object> = {
  lines: { by: "ada", lines: [{ ...line, quantity: 5, observedAtMs: 1_772_000_000_000 }] },
  recount: { by: "ada", lines: [line] },
  approve: { by: "eve", role: "regional_lead", lines: [line], reason: "cycle_count" },
};
type Opening = z.infer<typeof openBody> & { readonly by: string };
const base = "/v1/stores/:store/counts";
export const countParams = z.strictObject({
  store: idSchema,
  id: z.string().regex(/^[0-9a-f]{32}$/, "a count is named by 32 hex digits"),
});
const countMark = timeAndIdInText(/[0-9a-f]{32}/).optional();
/** `next` of the page before goes back as `cursor`; as `after` it did in earlier versions. */
export const listQuery = z.strictObject({
  state: openParameter,
  cursor: countMark,
  after: countMark,
  limit: z.coerce
    .number({ error: "must be 1..1000" })
    .int({ error: "must be 1..1000" })
    .min(1, { error: "must be 1..1000" })
    .max(1000, { error: "must be 1..1000" })
    .default(100),
});
const lineQuery = z.strictObject({
  status: z.enum(lineStatuses, { error: `must be one of ${lineStatuses.join(", ")}` }).optional(),
  cursor: z.string().max(250).optional(),
  after: z.string().max(250).optional(),
  limit: listQuery.shape.limit.prefault(requestLineCountMax),
});

const kindOf: Record<StocktakeRefusalCode, ProblemKind> = {
  STOCKTAKE_UNKNOWN: "count_unknown",
  STOCKTAKE_PHASE: "count_refused",
  STOCKTAKE_LINE: "count_refused",
  STOCKTAKE_LIMIT: "count_refused",
  STOCKTAKE_TIME: "query_invalid",
  SAME_ACTOR: "count_refused",
  AUTHORITY_LOW: "authority_low",
  KEY_REUSED: "key_reused",
};

/** Adds the routes under /v1/stores/{store}/counts. */
export function addCountRoutes(app: FastifyInstance, options: CountRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const { counting } = ledger;

  addRoute(app, {
    ...{ method: "POST", path: base, allows: "counts.write", bodySizeBytesMax },
    ...{ summary: "Opens a count", params: storeParams, body: openBody },
    headers: { "Idempotency-Key": "A request sent twice with the same key is one count" },
    answers: { 201: countAnswer },
    example: {
      ...{ kind: "cycle", location: "s1/stockroom", by: "ada" },
      lines: [{ gtin: "09506000134352" }],
    },
    handler: async ({ params: { store: storeId }, body: asked, actor, request, reply }) => {
      const key = idempotencyKeyOf(request);
      await requireStore(stores, storeId);
      const body = { ...asked, by: counterOf(actor, asked).by };
      const opening = openingOf(storeId, key, body);
      const isKnown = (await counting.stocktake(storeId, opening.countId, nowMs())) !== undefined;
      const isNamed = isKnown || opening.lines.length > 0;
      const lines = isNamed ? opening.lines : await plannedLines(ledger, body, opening, nowMs());
      const opened = await counting.open({ ...opening, lines }, nowMs());
      const stocktake = taken(opened, options);
      reply.code(201).header("location", `/v1/stores/${storeId}/counts/${stocktake.countId}`);
      return await shown(ledger, stocktake);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: base, allows: "counts.read", params: storeParams, query: listQuery },
    summary: "Counts of a store, the newest first",
    answers: { 200: pageSchema(countHead) },
    handler: async ({
      params: { store: storeId },
      query: { state, cursor, after = cursor, limit },
    }) => {
      await requireStore(stores, storeId);
      const about = { storeId, isOpen: state === "open", before: after, countMax: limit };
      const items = (await counting.stocktakes(about)).map(({ digest: _, ...head }) => head);
      const last = items.at(-1);
      if (last === undefined || items.length < limit) return { items };
      return { items, next: `${last.openedAtMs}/${last.countId}` };
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: `${base}/:id`, allows: "counts.read" },
    ...{ summary: "A count and a page of its lines", params: countParams, query: lineQuery },
    answers: { 200: countAnswer },
    handler: async ({ params: { store: storeId, id }, query }) => {
      await requireStore(stores, storeId);
      const stocktake = await counting.stocktake(storeId, id, nowMs());
      if (stocktake !== undefined) return await shown(ledger, stocktake, query);
      throw new ProblemError("count_unknown", `store ${storeId} has no count ${id}`);
    },
  });
  addSteps(app, options);
}

/** The next steps of a count. */
function addSteps(app: FastifyInstance, options: CountRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const bodies: Record<string, z.ZodType<z.infer<typeof stepBody>>> = {
    lines: recordBody,
    submit: stepBody,
    recount: recountBody,
    approve: approveBody,
    post: stepBody,
    cancel: stepBody,
  };
  for (const [path, schema] of Object.entries(bodies)) {
    addRoute(app, {
      ...{ method: "POST", path: `${base}/:id/${path}`, allows: "counts.write", bodySizeBytesMax },
      ...{ summary: `The count's next step: ${path}`, params: countParams, body: schema },
      ...{ example: stepExamples[path] ?? { by: "ada" }, answers: { 200: countAnswer } },
      handler: async ({ params: { store: storeId, id: countId }, body, actor }) => {
        await requireStore(stores, storeId);
        const named = { ...body, ...counterOf(actor, body) };
        const known = await ledger.counting.stocktake(storeId, countId, nowMs());
        const asked = { ...placed(named, known?.location ?? storeId), step: stepOf(path) };
        const about = { storeId, countId };
        const outcome = await ledger.counting.step(about, asked as StocktakeStep, nowMs());
        const lines = "lines" in asked ? { lines: asked.lines as LineKey[] } : {};
        return await shown(ledger, taken(outcome, options), lines);
      },
    });
  }
}

function stepOf(path: string): string {
  return path === "lines" ? "record" : path;
}

/** Lines that say no place are at the place of the count. */
function placed(body: object, location: string): object {
  if (!("lines" in body)) return body;
  const lines = (body.lines as { location?: string }[]).map((line) => ({ location, ...line }));
  return { ...body, lines };
}

function openingOf(storeId: string, key: string, body: Opening) {
  const { kind, state, by, classes, lines = [], sampleCount, location = storeId } = body;
  const places = lines.map(({ gtin, location: place = location }) => ({ gtin, location: place }));
  const wrong = (parameter: string, message: string) => {
    throw wrongParameter(parameter, message);
  };
  if (!isWithin(location, storeId) || location.includes("/@")) {
    wrong("location", `${location} is no place in store ${storeId}`);
  }
  const outside = places.findIndex(({ location: place }) => !isWithin(place, location));
  if (outside >= 0) wrong(`lines.${outside}.location`, `lies outside ${location}`);
  if (kind === "full" && lines.length > 0) {
    wrong("lines", "a full count is of everything in the place");
  }
  if ((kind === "sample") !== (sampleCount !== undefined)) {
    wrong("sampleCount", "is given for a sample, and only for it");
  }
  const hash = (value: string) => createHash("sha256").update(value).digest("hex");
  return {
    ...{ countId: hash(`${storeId} ${key}`).slice(0, 32), digest: hash(canonicalJson(body)) },
    ...{ storeId, kind, location, state, by, classes, lines: places },
    sampleCount: sampleCount ?? 0,
  };
}

/** Lines of the plan in the place of a count; none where it is of all that the place has. */
async function plannedLines(
  { counting }: CountRoutesOptions["ledger"],
  { kind, source = kind === "problem" ? "problems" : "place" }: Opening,
  { storeId, location }: { storeId: string; location: string },
  nowMs: number,
): Promise<LineKey[]> {
  if (kind === "full" || source === "place") return [];
  const facts = await counting.facts(storeId, nowMs);
  const planned = source === "due" ? dueLines(facts).lines : problemLines(facts);
  const lines = planned.filter((line) => isWithin(line.location, location));
  if (lines.length > 0)
    return lines.map(({ gtin, location: place }) => ({ gtin, location: place }));
  const what = source === "due" ? "nothing is due" : "nothing speaks against the book";
  const message = `${what} in ${location} now`;
  const errors = [{ parameter: "source", message }];
  throw new ProblemError("count_refused", `source: ${message}`, { code: "STOCKTAKE_LINE", errors });
}

/** The stocktake of an outcome, or the problem; what was posted is published. */
export function taken(
  outcome: StocktakeOutcome & Pick<StepOutcome, "posted">,
  options: CountRoutesOptions,
) {
  if (!outcome.ok) {
    const { code, field, message } = outcome;
    options.metrics.count(`counts_refused_${code.toLowerCase()}`);
    const errors = [{ parameter: field, message }];
    throw new ProblemError(kindOf[code], `${field}: ${message}`, { code, errors });
  }
  if (outcome.posted !== undefined) options.onPosted(outcome.posted);
  return outcome.stocktake;
}

/** Which lines of a count are shown: named ones, or a page. */
interface ShownLines {
  readonly lines?: readonly LineKey[];
  readonly status?: string | undefined;
  readonly cursor?: string | undefined;
  readonly after?: string | undefined;
  readonly limit?: number;
}

/** A count as it is shown: before the review without what the book says. */
async function shown(
  { counting }: CountRoutesOptions["ledger"],
  stocktake: Stocktake,
  which: ShownLines = {},
) {
  const { digest: _, ...head } = stocktake;
  const lineCounts: Record<string, number> = {};
  for (const { status } of stocktake.lines) lineCounts[status] = (lineCounts[status] ?? 0) + 1;
  const paged = pageOf(stocktake, which);
  if (stocktake.phase === "counting") {
    const lines = paged.lines.map(({ observations, valueMinor: __, ...line }) => ({
      ...line,
      observations: observations.map(({ book: ___, entryNumber: ____, ...seen }) => seen),
    }));
    return { ...head, lineCounts, ...paged, lines };
  }
  const gtins = stocktake.lines.map(({ gtin }) => gtin);
  const { policy, itemOf } = await counting.demands(stocktake.storeId, gtins);
  const accuracy = accuracyOf(stocktake, ({ gtin }, { quantity: counted, book }) => {
    return judge({ counted, book }, itemOf(gtin), policy).isWithin;
  });
  return { ...head, lineCounts, accuracy, ...paged };
}

/** Lines in order of their names; `next` goes back as `cursor`. */
function pageOf({ lines }: Stocktake, which: ShownLines) {
  const { cursor = "", after = cursor, status, limit = requestLineCountMax } = which;
  const named = which.lines && new Set(which.lines.map(lineKeyOf));
  const chosen = lines
    .filter((line) => named === undefined || named.has(lineKeyOf(line)))
    .filter((line) => (status === undefined || line.status === status) && lineKeyOf(line) > after)
    .sort((a, b) => (lineKeyOf(a) < lineKeyOf(b) ? -1 : 1));
  const page = chosen.slice(0, limit);
  return chosen.length > limit ? { lines: page, next: lineKeyOf(page.at(-1)!) } : { lines: page };
}
