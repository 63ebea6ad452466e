// EPCIS 2.0 over HTTP, under /v1/epcis: capture of JSON and XML documents, queries with the standard's parameters,
// paging and problems; and what captured shipments let a store expect.

import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { z } from "zod";
import { errorMessageOf } from "../../contract/errors.ts";
import { idSchema } from "../../contract/units.ts";
import {
  foreignErrorType,
  type PreparedCapture,
  prepareCapture,
  prepareEvents,
} from "../epcis/captured-event.ts";
import { ownNamespaces } from "../epcis/event-of-entry.ts";
import type { Places } from "../epcis/places.ts";
import { readXmlDocument } from "../epcis/xml-document.ts";
import type { ErrorBehaviour } from "../ledger/sql-capture.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { Logger } from "../log.ts";
import { actorOf } from "./actor.ts";
import { addParsers, bodyOf, jsonBodyOf, parsedJson } from "./epcis-body.ts";
import { describeEpcis } from "./epcis-description.ts";
import { addLists, resources } from "./epcis-list-routes.ts";
import { contextUrl, inFormatOf, ofStores } from "./epcis-page.ts";
import { EpcisProblem, negotiate, problemOfStatus, sendEpcisProblem } from "./epcis-problem.ts";
import { answerEvents } from "./epcis-query-document.ts";
import { addNamedQueries, addNotOffered } from "./epcis-query-routes.ts";
import { requireStore, type Stores } from "./parameters.ts";
import { checkedQuery, ProblemError, sendProblem } from "./problem.ts";

export interface EpcisRoutesOptions {
  readonly ledger: Pick<Ledger, "epcis">;
  readonly places: Places;
  readonly stores: Stores;
  readonly nowMs: () => number;
  readonly onPosted: (posted: Posted) => void;
  readonly log: Logger;
}

/** Events and bytes of one document; more of either keeps the bridge from its other work for too long. */
const capturedEventCountMax = 1000;
const captureSizeBytesMax = 4 * 1024 * 1024;
const jobCountMax = 100;

/** Adds the routes, apart from the others: their problems and documents are the standard's. */
export function addEpcisRoutes(app: FastifyInstance, options: EpcisRoutesOptions): void {
  void app.register(
    (scope, _settings, done) => {
      addParsers(scope, captureSizeBytesMax);
      scope.setNotFoundHandler((request, reply) => {
        const detail = `${request.method} ${request.url.slice(0, 200)}`;
        return sendEpcisProblem(reply, new EpcisProblem("NoSuchResourceException", detail));
      });
      addErrors(scope, options);
      // What is described is checked by the routes themselves.
      scope.setValidatorCompiler(() => (value: unknown) => ({ value }));
      scope.setSerializerCompiler(() => (value: unknown) => JSON.stringify(value));
      const methods = new Map<string, string[]>();
      scope.addHook("onRoute", (route) => {
        describe(route);
        noteMethods(methods, route);
      });
      scope.addHook("onRequest", async (request, reply) => {
        negotiate(request, reply);
        permit(request);
        // PostgreSQL takes no text with one, and nothing is named so.
        if (request.url.includes("%00"))
          throw new EpcisProblem("QueryParameterException", "a NUL is part of no name");
      });
      addCapture(scope, options);
      addQueries(scope, options);
      addNamedQueries(scope, options);
      addLists(scope, options);
      addExpected(scope, options);
      addRoot(scope);
      addOptions(scope, methods);
      addNotOffered(scope);
      done();
    },
    { prefix },
  );
}

const prefix = "/v1/epcis";

/** These routes are declared here, not by `addRoute`. */
function describe(route: RouteOptions): void {
  route.config = { ...route.config, isDeclared: true } as never;
  // What is described is sent as it is.
  route.serializerCompiler = () => (value: unknown) => JSON.stringify(value);
  describeEpcis(route, route.url.slice(prefix.length), { "/expected-receipts": expectedQuery });
}

/** A token of some stores is told of these alone, and tells of them alone: each route looks to it. */
function permit(request: FastifyRequest): void {
  const actor = actorOf(request);
  const isRead = ["GET", "HEAD", "OPTIONS"].includes(request.method);
  const { store } = request.query as { store?: unknown };
  const isOfStore = request.routeOptions.url === `${prefix}/expected-receipts`;
  actor.require(
    isRead ? "epcis.read" : "epcis.capture",
    isOfStore && typeof store === "string" ? [store] : [],
  );
}

function addErrors(scope: FastifyInstance, { log }: EpcisRoutesOptions): void {
  scope.setErrorHandler((error, request, reply) => {
    if (error instanceof EpcisProblem) return sendEpcisProblem(reply, error);
    if (error instanceof ProblemError) {
      const status = { unauthorized: 401, forbidden: 403 }[error.kind as string];
      if (status === undefined) return sendProblem(reply, error);
      return sendEpcisProblem(reply, new EpcisProblem("SecurityException", error.message, status));
    }
    const { statusCode } = error as { statusCode?: number };
    const isQuery = request.routeOptions.url === `${prefix}/queries`;
    const tooLarge = isQuery ? "QueryTooComplexException" : "CaptureLimitExceededException";
    const problem = problemOfStatus(statusCode, errorMessageOf(error), tooLarge);
    if (problem !== undefined) {
      if (statusCode === 413 && !isQuery) reply.headers(limitHeaders);
      return sendEpcisProblem(reply, problem);
    }
    log.error({ err: error, url: request.url }, "request failed");
    const failed = new EpcisProblem("ImplementationException", "see the bridge's log");
    return sendEpcisProblem(reply, failed);
  });
}

const limitHeaders = {
  "GS1-EPCIS-Capture-Limit": String(capturedEventCountMax),
  "GS1-EPCIS-Capture-File-Size-Limit": String(captureSizeBytesMax),
};

function addCapture(
  scope: FastifyInstance,
  { ledger, places, nowMs, onPosted }: EpcisRoutesOptions,
): void {
  const captureNow = async (
    request: FastifyRequest,
    prepared: PreparedCapture,
    behaviour: ErrorBehaviour,
  ) => {
    const { name: by, storeIds } = actorOf(request);
    const author = { by, nowMs: nowMs(), isLimited: storeIds !== undefined };
    const asked = { captureId: randomUUID(), ...prepared, behaviour, ...author };
    const { job, alerts } = await ledger.epcis.captureAndTell(asked);
    if (alerts.length > 0) onPosted({ entries: [], changedItems: [], alerts });
    return job;
  };

  scope.post("/capture", { bodyLimit: captureSizeBytesMax }, async (request, reply) => {
    const behaviour = behaviourOf(request);
    const { document, ignoredFields } = documentOf(request);
    const prepared = prepareCapture(document, { places, ignoredFields, ...reachOf(request) });
    if (!("events" in prepared)) throw new EpcisProblem("ValidationException", prepared.detail);
    requireOwn(prepared, (eventIndex) => `epcisBody.eventList.${eventIndex}.`);
    checkCount(prepared.events.length + prepared.errors.length, reply);
    const job = await captureNow(request, prepared, behaviour);
    reply.headers({ ...limitHeaders, Location: `/v1/epcis/capture/${job.captureID}` });
    reply.header("GS1-Capture-Error-Behaviour", behaviour);
    return await reply.code(202).send();
  });
  scope.get(
    "/capture",
    async (request) => await ledger.epcis.captureJobs(jobCountMax, senderOf(request)),
  );
  scope.get("/capture/:captureId", async (request) => {
    const { captureId } = request.params as { captureId: string };
    const job = await ledger.epcis.captureJob(captureId, senderOf(request));
    if (job !== undefined) return job;
    throw new EpcisProblem("NoSuchResourceException", `no capture ${captureId}, or not any more`);
  });
  scope.post("/events", { bodyLimit: captureSizeBytesMax }, async (request, reply) => {
    const reach = reachOf(request);
    const prepared = prepareEvents([jsonBodyOf(request, "one event")], { places, ...reach });
    requireOwn(prepared, () => "");
    const job = await captureNow(request, prepared, "rollback");
    const [error] = job.errors;
    if (error !== undefined) throw new EpcisProblem("ValidationException", error.detail);
    const eventId = prepared.events[0]!.eventId;
    if (job.knownEventCount > 0) throw new EpcisProblem("ResourceAlreadyExistsException", eventId);
    return await reply
      .code(201)
      .header("Location", `/v1/epcis/events/${encodeURIComponent(eventId)}`)
      .send();
  });
}

/** Whose events somebody may tell, where it is not of all stores. */
function reachOf(request: FastifyRequest): { reaches?: (storeId: string) => boolean } {
  const actor = actorOf(request);
  if (actor.storeIds === undefined) return {};
  return { reaches: (storeId) => actor.reaches(storeId) };
}

/** Whose captures somebody is told of: its own, where it is not for all stores. */
function senderOf(request: FastifyRequest): string | undefined {
  const { storeIds, name } = actorOf(request);
  return storeIds === undefined ? undefined : name;
}

/** A problem for a document with an event of another store, of which nothing is taken then. */
function requireOwn({ errors }: PreparedCapture, stemOf: (eventIndex: number) => string): void {
  const foreign = errors.find(({ type }) => type === foreignErrorType);
  if (foreign === undefined) return;
  const detail = `${stemOf(foreign.eventIndex ?? 0)}${foreign.detail}`;
  throw new EpcisProblem("SecurityException", detail);
}

function behaviourOf(request: FastifyRequest): ErrorBehaviour {
  const text = String(request.headers["gs1-capture-error-behaviour"] ?? "rollback");
  if (text === "rollback" || text === "proceed") return text;
  const detail = "GS1-Capture-Error-Behaviour must be rollback or proceed";
  throw new EpcisProblem("ValidationException", detail);
}

function documentOf(request: FastifyRequest) {
  const { kind, text } = bodyOf(request);
  if (kind === "json") return { document: parsedJson(text), ignoredFields: [] };
  const read = readXmlDocument(text);
  if (!read.ok) throw new EpcisProblem("ValidationException", read.reason);
  return read;
}

function checkCount(count: number, reply: FastifyReply): void {
  if (count <= capturedEventCountMax) return;
  reply.headers(limitHeaders);
  const detail = `${count} events; one document may have ${capturedEventCountMax}`;
  throw new EpcisProblem("CaptureLimitExceededException", detail);
}

function addQueries(scope: FastifyInstance, options: EpcisRoutesOptions): void {
  const { ledger, places } = options;
  scope.get("/events", async (request, reply) => {
    const parameters = request.query as Record<string, unknown>;
    return await answerEvents(options, { request, reply, parameters });
  });
  // An ID is a URI: as a wildcard it may be longer than a parameter.
  scope.get("/events/*", async (request) => {
    const eventId = (request.params as { "*": string })["*"];
    const filter = ofStores(request, { eventIds: [eventId] });
    const { events } = await ledger.epcis.events({ filter, places, countMax: jobCountMax });
    const event =
      events.find(({ errorDeclaration }) => errorDeclaration === undefined) ?? events[0];
    if (event === undefined)
      throw new EpcisProblem("NoSuchResourceException", `no event ${eventId.slice(0, 200)}`);
    return {
      ...inFormatOf(request, event),
      "@context": [contextUrl, { ...ownNamespaces, ...(event["@context"] ?? {}) }],
    };
  });
  for (const [resource, { parameter }] of Object.entries(resources)) {
    scope.get(`/${resource}/*`, async (request, reply) => {
      const rest = (request.params as { "*": string })["*"];
      if (!rest.endsWith("/events"))
        throw new EpcisProblem("NoSuchResourceException", `/${resource}/{value}/events is served`);
      const asked = request.query as Record<string, unknown>;
      if (asked[parameter] !== undefined)
        throw new EpcisProblem("QueryParameterException", `${parameter}: the path says it here`);
      const parameters = { ...asked, [parameter]: rest.slice(0, -"/events".length) };
      return await answerEvents(options, { request, reply, parameters });
    });
  }
}

/** Top-level resources, as the standard lists them. */
const topLevel = ["capture", "events", "queries", ...Object.keys(resources)];

function addRoot(scope: FastifyInstance): void {
  scope.get("/", { prefixTrailingSlash: "no-slash" }, async () => topLevel);
}

function noteMethods(methods: Map<string, string[]>, { url, method }: RouteOptions): void {
  const known = methods.get(url) ?? [];
  methods.set(url, [...known, ...[method].flat()]);
}

/** Says of each resource which methods it has, and within which limits (EPCIS 2.0, 12.3). */
function addOptions(scope: FastifyInstance, methods: ReadonlyMap<string, readonly string[]>): void {
  for (const [url, own] of [...methods]) {
    const path = url.slice(prefix.length);
    const isCapture = path === "" || path === "/capture";
    scope.options(path || "/", { prefixTrailingSlash: "no-slash" }, async (_request, reply) => {
      reply.header("Allow", ["OPTIONS", ...own].join(", "));
      if (isCapture) reply.headers({ ...limitHeaders, "GS1-Capture-Error-Behaviour": "rollback" });
      return await reply.code(204).send();
    });
  }
}

const receiptMark = z
  .string()
  .regex(/^\d{1,15}-\d{1,6}$/, "must be what `next` said")
  .optional();
const expectedQuery = z.strictObject({
  store: idSchema,
  shipment: z.string().max(500).optional(),
  /** `next` of the page before; as `after` it went back in earlier versions. */
  cursor: receiptMark,
  after: receiptMark,
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

function addExpected(scope: FastifyInstance, { ledger, stores }: EpcisRoutesOptions): void {
  scope.get("/expected-receipts", async (request) => {
    const query = checkedQuery(expectedQuery, request.query);
    const { store: storeId, shipment, cursor, after = cursor, limit } = query;
    await requireStore(stores, storeId);
    const [eventNumber = 0, line = 0] = (after ?? "0-0").split("-").map(Number);
    const items = await ledger.epcis.expectedReceipts({
      ...{ storeId, after: { eventNumber, line }, countMax: limit },
      ...(shipment === undefined ? {} : { shipment }),
    });
    const last = items.at(-1);
    return last === undefined || items.length < limit
      ? { items }
      : { items, next: `${last.eventNumber}-${last.line}` };
  });
}
