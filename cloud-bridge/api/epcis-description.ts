// What the API's description says of the routes under /v1/epcis: their bodies, headers and problems are the standard's.

import type { RouteOptions } from "fastify";
import type { z } from "zod";
import { epcisEnvelopeSchema } from "../../contract/epcis/document.ts";
import { epcisEventSchema } from "../../contract/epcis/event.ts";
import { queryParameterNames } from "../epcis/event-filter.ts";
import { jsonSchema, problemAnswer } from "./route.ts";

const json = ["application/json", "application/ld+json"];
const named = (texts: Readonly<Record<string, string>>) => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(texts).map(([name, description]) => [name, { type: "string", description }]),
  ),
});
const pageParameters = {
  perPage: "Members of a page, 1 to 1000",
  nextPageToken: "From the `Link` of the page before",
};
const listed = "Values are separated by |";
const eventParameters = {
  ...Object.fromEntries(queryParameterNames.map((name) => [name, listed])),
  maxEventCount: "Where there are more, the query is refused",
  orderBy: "eventTime or recordTime",
  orderDirection: "ASC or DESC (if not said)",
  eventCountLimit: "The first ones of the order, and no more",
  ...pageParameters,
};
const captured = named({
  "GS1-EPCIS-Version": "2.0.0",
  "GS1-Capture-Error-Behaviour": "rollback (all or nothing, if not said) or proceed",
});
const namedQueryBody = {
  type: "object",
  required: ["name", "query"],
  properties: {
    name: { type: "string" },
    query: { type: "object", description: "The parameters of GET /events, lists as lists" },
  },
};
const problems = { "4xx": problemAnswer };
const done = (code: number, description: string) => ({
  response: { [code]: { description, type: "object", additionalProperties: true }, ...problems },
});

const texts: Readonly<Record<string, object>> = {
  "POST /capture": {
    summary: "Captures a document; its Location says how it went",
    ...{ consumes: [...json, "application/xml", "text/xml"], headers: captured },
    ...{ body: jsonSchema(epcisEnvelopeSchema, "input"), ...done(202, "Accepted") },
  },
  "GET /capture": { summary: "Capture jobs, the newest first", ...done(200, "A list of jobs") },
  "GET /capture/:captureId": { summary: "How a capture went", ...done(200, "The job") },
  "POST /events": {
    summary: "Captures one event",
    ...{ consumes: json, body: jsonSchema(epcisEventSchema, "input"), ...done(201, "Captured") },
  },
  "GET /events": {
    summary: "Events, by the standard's query parameters",
    ...{ querystring: named(eventParameters), ...done(200, "An EPCISQueryDocument") },
  },
  "GET /events/*": { summary: "One event, by its ID", ...done(200, "The event") },
  "GET ": { summary: "The top-level resources", ...done(200, "A list of names") },
  "POST /queries": {
    summary: "Keeps a query under a name",
    ...{ consumes: json, body: namedQueryBody, ...done(201, "Kept") },
  },
  "GET /queries": {
    ...{ summary: "Queries with a name", querystring: named(pageParameters) },
    ...done(200, "A list of them"),
  },
  "GET /queries/:name": { summary: "One of them", ...done(200, "Its name, and the query") },
  "DELETE /queries/:name": { summary: "Removes a query", ...done(204, "Removed") },
  "GET /queries/:name/events": {
    summary: "The events that a query finds",
    ...{ querystring: named(pageParameters), ...done(200, "An EPCISQueryDocument") },
  },
  "GET /expected-receipts": {
    summary: "What a store expects, by the shipments that others told of",
    ...done(200, "A page of lines"),
  },
};

/** What is answered 501. */
const notOffered = /\/subscriptions|^\/nextPageToken/;

/** Describes a route; `queries`: the parameters of those that are not the standard's. */
export function describeEpcis(
  route: RouteOptions,
  path: string,
  queries: Readonly<Record<string, z.ZodType>>,
): void {
  const method = String(route.method);
  const what = path.split("/")[1] ?? "";
  const ofOne = {
    summary: `Events of one of the ${what}: {value}/events`,
    ...{ querystring: named(eventParameters), ...done(200, "An EPCISQueryDocument") },
  };
  const list = {
    ...{ summary: `Known ${what}`, querystring: named(pageParameters) },
    ...done(200, "A Collection"),
  };
  if (method === "OPTIONS" || notOffered.test(path)) {
    route.schema = { hide: true };
    return;
  }
  const permission = /^(GET|HEAD)$/.test(method) ? "epcis.read" : "epcis.capture";
  const query = queries[path];
  route.schema = {
    ...{ tags: ["epcis"], description: `Needs the permission \`${permission}\`.` },
    ...(texts[`${method} ${path}`] ?? (path.includes("*") ? ofOne : list)),
    ...(query === undefined ? {} : { querystring: jsonSchema(query, "input") }),
  };
}
