// What the API's description says of the routes under /v1/epcis: their bodies, headers and problems are the standard's.

import type { RouteOptions } from "fastify";
import { z } from "zod";
import { epcisEnvelopeSchema, epcisQueryDocumentSchema } from "../../contract/epcis/document.ts";
import { epcisEventSchema } from "../../contract/epcis/event.ts";
import { queryParameterNames } from "../epcis/event-filter.ts";
import {
  captureJobAnswer,
  expectedReceiptItem,
  namedQueryAnswer,
  namesAnswer,
  rootAnswer,
} from "./epcis-answers.ts";
import { pageSchema } from "./parameters.ts";
import { described, jsonSchema, problemAnswer } from "./route.ts";

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
const exampleQuery = { name: "shipped", query: { EQ_bizStep: ["shipping"] } };
const problems = { "4xx": problemAnswer };
const done = (code: number, description: string, schema?: z.ZodType) => {
  const empty = { description, type: "null" };
  const answer = schema === undefined ? empty : described(description, schema);
  return { response: { [code]: answer, ...problems } };
};
const example = {
  ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
  ...{ eventTime: "2026-03-04T11:00:30Z", eventTimeZoneOffset: "+01:00" },
  epcList: ["https://id.gs1.org/01/09506000134352/21/A1"],
};
/** What a supplier tells of a shipment to a store, which then expects it. */
const shipment = {
  ...{ ...example, epcList: ["https://id.gs1.org/01/09506000134352/21/A2"] },
  bizTransactionList: [{ type: "desadv", bizTransaction: "urn:epcglobal:cbv:bt:9506000134352:D1" }],
  destinationList: [{ type: "location", destination: "https://id.gs1.org/414/9506000134369" }],
};
const exampleDocument = {
  "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
  ...{ type: "EPCISDocument", schemaVersion: "2.0", creationDate: "2026-03-04T11:00:30Z" },
  epcisBody: { eventList: [shipment] },
};
const bodyOf = (schema: z.ZodType, one: object) => ({
  ...jsonSchema(schema, "input"),
  examples: [one],
});

const queried = done(200, "An EPCISQueryDocument", epcisQueryDocumentSchema);
const texts: Readonly<Record<string, object>> = {
  "POST /capture": {
    summary: "Captures a document; its Location says how it went",
    ...{ consumes: [...json, "application/xml", "text/xml"], headers: captured },
    ...{ body: bodyOf(epcisEnvelopeSchema, exampleDocument), ...done(202, "Accepted") },
  },
  "GET /capture": {
    summary: "Capture jobs, the newest first",
    ...done(200, "A list of jobs", z.array(captureJobAnswer)),
  },
  "GET /capture/:captureId": {
    summary: "How a capture went",
    ...done(200, "The job", captureJobAnswer),
  },
  "POST /events": {
    summary: "Captures one event",
    ...{ consumes: json, body: bodyOf(epcisEventSchema, example), ...done(201, "Captured") },
  },
  "GET /events": {
    summary: "Events, by the standard's query parameters",
    ...{ querystring: named(eventParameters), ...queried },
  },
  "GET /events/*": {
    ...{ summary: "One event, by its ID", ...done(200, "The event", epcisEventSchema) },
  },
  "GET ": { summary: "The top-level resources", ...done(200, "A list of names", rootAnswer) },
  "POST /queries": {
    summary: "Keeps a query under a name",
    ...{ consumes: json, body: { ...namedQueryBody, examples: [exampleQuery] } },
    ...done(201, "Kept"),
  },
  "GET /queries": {
    ...{ summary: "Queries with a name", querystring: named(pageParameters) },
    ...done(200, "A list of them", z.array(namedQueryAnswer)),
  },
  "GET /queries/:name": {
    summary: "One of them",
    ...done(200, "Its name, and the query", namedQueryAnswer),
  },
  "DELETE /queries/:name": { summary: "Removes a query", ...done(204, "Removed") },
  "GET /queries/:name/events": {
    summary: "The events that a query finds",
    ...{ querystring: named(pageParameters), ...queried },
  },
  "GET /expected-receipts": {
    summary: "What a store expects, by the shipments that others told of",
    ...done(200, "A page of lines", pageSchema(expectedReceiptItem)),
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
    ...{ querystring: named(eventParameters), ...queried },
  };
  const list = {
    ...{ summary: `Known ${what}`, querystring: named(pageParameters) },
    ...done(200, "A Collection", namesAnswer),
  };
  if (method === "OPTIONS" || notOffered.test(path)) {
    route.schema = { hide: true };
    return;
  }
  const permission = /^(GET|HEAD)$/.test(method) ? "epcis.read" : "epcis.capture";
  const query = queries[path];
  route.schema = {
    tags: ["epcis"],
    description: `Needs the permission \`${permission}\`. A token of some stores is told of these alone, and tells of them alone.`,
    ...(texts[`${method} ${path}`] ?? (path.includes("*") ? ofOne : list)),
    ...(query === undefined ? {} : { querystring: jsonSchema(query, "input") }),
  };
}
