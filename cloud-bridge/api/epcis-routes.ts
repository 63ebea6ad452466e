// EPCIS 2.0 over HTTP, under /v1/epcis: capture of JSON and XML documents, queries with the standard's parameters,
// paging and problems; and what captured shipments let a store expect.

import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { z } from "zod";
import { errorMessageOf } from "../../contract/errors.ts";
import { idSchema } from "../../contract/units.ts";
import { type PreparedCapture, prepareCapture, prepareEvents } from "../epcis/captured-event.ts";
import { ownNamespaces } from "../epcis/event-of-entry.ts";
import type { Places } from "../epcis/places.ts";
import { readXmlDocument } from "../epcis/xml-document.ts";
import type { ErrorBehaviour } from "../ledger/sql-capture.ts";
import type { EventCursor } from "../ledger/sql-epcis.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { Logger } from "../log.ts";
import { actorOf } from "./actor.ts";
import { describeEpcis } from "./epcis-description.ts";
import { addLists, resources } from "./epcis-list-routes.ts";
import { asked, contextUrl, cursorOf, linkNext, storeOrNone } from "./epcis-page.ts";
import { EpcisProblem, negotiate, problemOfStatus, sendEpcisProblem } from "./epcis-problem.ts";
import { requireStore, type Stores } from "./parameters.ts";
import { checked, ProblemError, sendProblem } from "./problem.ts";

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

const context = [contextUrl, ownNamespaces];

/** Adds the routes, apart from the others: their problems and documents are the standard's. */
export function addEpcisRoutes(app: FastifyInstance, options: EpcisRoutesOptions): void {
  void app.register(
    (scope, _settings, done) => {
      addParsers(scope);
      scope.setNotFoundHandler((request, reply) => {
        const detail = `${request.method} ${request.url.slice(0, 200)}`;
        return sendEpcisProblem(reply, new EpcisProblem("NoSuchResourceException", detail));
      });
      addErrors(scope, options);
      // What is described is checked by the routes themselves.
      scope.setValidatorCompiler(() => (value: unknown) => ({ value }));
      scope.setSerializerCompiler(() => (value: unknown) => JSON.stringify(value));
      scope.addHook("onRoute", describe);
      scope.addHook("onRequest", async (request, reply) => {
        negotiate(request, reply);
        permit(request);
        // PostgreSQL takes no text with one, and nothing is named so.
        if (request.url.includes("%00"))
          throw new EpcisProblem("QueryParameterException", "a NUL is part of no name");
      });
      addCapture(scope, options);
      addQueries(scope, options);
      addLists(scope, options);
      addExpected(scope, options);
      done();
    },
    { prefix },
  );
}

const prefix = "/v1/epcis";

/** These routes are declared here, not by `addRoute`. */
function describe(route: RouteOptions): void {
  route.config = { ...route.config, isDeclared: true } as never;
  describeEpcis(route, route.url.slice(prefix.length), { "/expected-receipts": expectedQuery });
}

/** Events are of the whole chain, so a token is for all stores; what one store expects may be asked by its own. */
function permit(request: FastifyRequest): void {
  const actor = actorOf(request);
  const isRead = request.method === "GET" || request.method === "HEAD";
  const { store } = request.query as { store?: unknown };
  const isOfStore = request.routeOptions.url === `${prefix}/expected-receipts`;
  actor.require(
    isRead ? "epcis.read" : "epcis.capture",
    isOfStore && typeof store === "string" ? [store] : [],
  );
  if (!isOfStore) actor.requireAllStores();
}

/** A document as it came: parsing is the route's, so that what is wrong is told in the standard's words. */
interface RawDocument {
  readonly kind: "json" | "xml";
  readonly text: string;
}

function addParsers(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  const parsers = {
    json: ["application/json", "application/ld+json"],
    xml: ["application/xml", "text/xml"],
  };
  for (const [kind, types] of Object.entries(parsers)) {
    const settings = { parseAs: "string", bodyLimit: captureSizeBytesMax } as const;
    scope.addContentTypeParser(types, settings, (_request, text, done) => {
      done(null, { kind, text });
    });
  }
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
    const problem = problemOfStatus(statusCode, errorMessageOf(error));
    if (problem !== undefined) {
      if (statusCode === 413) reply.headers(limitHeaders);
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
    const author = { by: actorOf(request).name, nowMs: nowMs() };
    const asked = { captureId: randomUUID(), ...prepared, behaviour, ...author };
    const { job, alerts } = await ledger.epcis.captureAndTell(asked);
    if (alerts.length > 0) onPosted({ entries: [], changedItems: [], alerts });
    return job;
  };

  scope.post("/capture", { bodyLimit: captureSizeBytesMax }, async (request, reply) => {
    const behaviour = behaviourOf(request);
    const { document, ignoredFields } = documentOf(request.body as RawDocument | undefined);
    const prepared = prepareCapture(document, places, ignoredFields);
    if (!("events" in prepared)) throw new EpcisProblem("ValidationException", prepared.detail);
    checkCount(prepared.events.length + prepared.errors.length, reply);
    const job = await captureNow(request, prepared, behaviour);
    reply.headers({ ...limitHeaders, Location: `/v1/epcis/capture/${job.captureID}` });
    reply.header("GS1-Capture-Error-Behaviour", behaviour);
    return await reply.code(202).send();
  });
  scope.get("/capture", async () => await ledger.epcis.captureJobs(jobCountMax));
  scope.get("/capture/:captureId", async (request) => {
    const { captureId } = request.params as { captureId: string };
    const job = await ledger.epcis.captureJob(captureId);
    if (job !== undefined) return job;
    throw new EpcisProblem("NoSuchResourceException", `no capture ${captureId}, or not any more`);
  });
  scope.post("/events", { bodyLimit: captureSizeBytesMax }, async (request, reply) => {
    const { kind, text } = bodyOf(request.body as RawDocument | undefined);
    if (kind !== "json")
      throw new EpcisProblem("UnsupportedMediaTypeException", "one event is JSON");
    const prepared = prepareEvents([parsedJson(text)], { places });
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

function behaviourOf(request: FastifyRequest): ErrorBehaviour {
  const text = String(request.headers["gs1-capture-error-behaviour"] ?? "rollback");
  if (text === "rollback" || text === "proceed") return text;
  const detail = "GS1-Capture-Error-Behaviour must be rollback or proceed";
  throw new EpcisProblem("ValidationException", detail);
}

function bodyOf(body: RawDocument | undefined): RawDocument {
  if (body !== undefined) return body;
  throw new EpcisProblem(
    "UnsupportedMediaTypeException",
    "send application/json or application/xml",
  );
}

function documentOf(body: RawDocument | undefined) {
  const { kind, text } = bodyOf(body);
  if (kind === "json") return { document: parsedJson(text), ignoredFields: [] };
  const read = readXmlDocument(text);
  if (!read.ok) throw new EpcisProblem("ValidationException", read.reason);
  return read;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EpcisProblem("ValidationException", `not JSON: ${errorMessageOf(error)}`);
  }
}

function checkCount(count: number, reply: FastifyReply): void {
  if (count <= capturedEventCountMax) return;
  reply.headers(limitHeaders);
  const detail = `${count} events; one document may have ${capturedEventCountMax}`;
  throw new EpcisProblem("CaptureLimitExceededException", detail);
}

function addQueries(scope: FastifyInstance, { ledger, places, nowMs }: EpcisRoutesOptions): void {
  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    own: Readonly<Record<string, string>> = {},
  ) => {
    const query = asked({ ...(request.query as object), ...own });
    const { filter, perPage: countMax, token, maxEventCount = Number.POSITIVE_INFINITY } = query;
    if (token === undefined && Number.isFinite(maxEventCount)) {
      const all = await ledger.epcis.events({ filter, places, countMax: maxEventCount + 1 });
      if (all.events.length > maxEventCount)
        throw new EpcisProblem("QueryTooLargeException", `more than ${maxEventCount} events`);
    }
    const after = token === undefined ? {} : { after: eventCursorOf(token) };
    const { events, next } = await ledger.epcis.events({ filter, places, ...after, countMax });
    if (next !== undefined) linkNext(request, reply, [next.storeId, next.number]);
    return {
      "@context": context,
      type: "EPCISQueryDocument",
      schemaVersion: "2.0",
      creationDate: new Date(nowMs()).toISOString(),
      epcisBody: {
        queryResults: { queryName: "SimpleEventQuery", resultsBody: { eventList: events } },
      },
    };
  };

  scope.get("/events", (request, reply) => answer(request, reply));
  // An ID is a URI: as a wildcard it may be longer than a parameter.
  scope.get("/events/*", async (request) => {
    const eventId = (request.params as { "*": string })["*"];
    const filter = { eventIds: [eventId] };
    const { events } = await ledger.epcis.events({ filter, places, countMax: jobCountMax });
    const event =
      events.find(({ errorDeclaration }) => errorDeclaration === undefined) ?? events[0];
    if (event === undefined)
      throw new EpcisProblem("NoSuchResourceException", `no event ${eventId.slice(0, 200)}`);
    return {
      ...event,
      "@context": [contextUrl, { ...ownNamespaces, ...(event["@context"] ?? {}) }],
    };
  });
  for (const [resource, { parameter }] of Object.entries(resources)) {
    scope.get(`/${resource}/*`, async (request, reply) => {
      const rest = (request.params as { "*": string })["*"];
      if (!rest.endsWith("/events"))
        throw new EpcisProblem("NoSuchResourceException", `/${resource}/{value}/events is served`);
      return await answer(request, reply, { [parameter]: rest.slice(0, -"/events".length) });
    });
  }
}

const eventCursor = z.tuple([storeOrNone, z.int().min(0)]);

function eventCursorOf(token: string): EventCursor {
  const [storeId, number] = cursorOf(eventCursor, token);
  return { storeId, number };
}

const expectedQuery = z.strictObject({
  store: idSchema,
  shipment: z.string().max(500).optional(),
  after: z
    .string()
    .regex(/^\d{1,15}-\d{1,6}$/, "must be what `next` said")
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

function addExpected(scope: FastifyInstance, { ledger, stores }: EpcisRoutesOptions): void {
  scope.get("/expected-receipts", async (request) => {
    const { store: storeId, shipment, after, limit } = checked(expectedQuery, request.query);
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
