// Queries with a name (EPCIS 2.0, 12.8): kept, listed, run by page, and removed. Subscriptions to them are not offered:
// webhooks and the topic `epcis` tell of events as they come.

import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { readQuery } from "../epcis/event-filter.ts";
import { issueMessage } from "../issue-message.ts";
import { type NamedQuery, namedQueryCountMax } from "../ledger/sql-named-queries.ts";
import { unstorableAt } from "../storable-text.ts";
import { actorOf } from "./actor.ts";
import { jsonBodyOf } from "./epcis-body.ts";
import { asked, cursorOf, linkNext } from "./epcis-page.ts";
import { EpcisProblem } from "./epcis-problem.ts";
import { answerEvents, type EventSource } from "./epcis-query-document.ts";

/** Largest body with a query. */
const querySizeBytesMax = 64 * 1024;
/** The name of a query that only the standard gives. */
const anonymousName = "SimpleEventQuery";

const value = z.union([z.string(), z.array(z.string()), z.int(), z.boolean(), z.null()], {
  error: "must be a text, a list of texts, a whole number, true, false or null",
});
const querySchema = z.strictObject({
  name: z.string().regex(/^[\w.~-]{1,64}$/, "must be 1 to 64 of A-Z, a-z, 0-9, _, ., ~ and -"),
  query: z.record(z.string(), value),
});

/** Adds the routes under `/queries`. */
export function addNamedQueries(scope: FastifyInstance, source: EventSource): void {
  const { queries } = source.ledger.epcis;

  scope.post("/queries", { bodyLimit: querySizeBytesMax }, async (request, reply) => {
    const named = namedQueryOf(jsonBodyOf(request, "a query", "QueryValidationException"));
    const author = { by: actorOf(request).name, nowMs: source.nowMs() };
    const isAnonymous = named.name === anonymousName;
    const done = isAnonymous ? "exists" : await queries.add(named, author, scopeOf(request));
    if (done === "exists") {
      const detail = `name: there is a query ${named.name}`;
      throw new EpcisProblem("ResourceAlreadyExistsException", detail);
    }
    if (done === "full") {
      const detail = `there are ${namedQueryCountMax} queries; remove one`;
      throw new EpcisProblem("ImplementationException", detail, 507);
    }
    return await reply.code(201).header("Location", `/v1/epcis/queries/${named.name}`).send();
  });
  scope.get("/queries", async (request, reply) => {
    const { perPage, token } = onlyPage(request, "a list");
    const after = token === undefined ? "" : cursorOf(z.tuple([z.string().max(64)]), token)[0];
    const scope = scopeOf(request);
    const found = await queries.list({ after, countMax: perPage + 1, scope });
    const page = found.slice(0, perPage);
    if (found.length > perPage) linkNext(request, reply, [page.at(-1)!.name]);
    return page;
  });
  scope.get("/queries/:name", async (request) => await queryOf(request));
  scope.delete("/queries/:name", async (request, reply) => {
    const { name } = request.params as { name: string };
    const author = { by: actorOf(request).name, nowMs: source.nowMs() };
    if (!(await queries.remove(name, author, scopeOf(request)))) throw noQuery(name);
    return await reply.code(204).send();
  });
  scope.get("/queries/:name/events", async (request, reply) => {
    const { name, query } = await queryOf(request);
    onlyPage(request, "a query with a name");
    await queries.noteUse(name, source.nowMs(), scopeOf(request));
    const parameters = { ...parametersOf(query), ...(request.query as object) };
    return await answerEvents(source, { request, reply, parameters, queryName: name });
  });

  async function queryOf(request: FastifyRequest): Promise<NamedQuery> {
    const { name } = request.params as { name: string };
    const named = await queries.find(name, scopeOf(request));
    if (named === undefined) throw noQuery(name);
    return named;
  }
}

/** Who shares queries: all who see all stores, and of the others those who see the same ones. */
function scopeOf(request: FastifyRequest): string {
  const { storeIds } = actorOf(request);
  if (storeIds === undefined) return "";
  const names = [...new Set(storeIds)].sort().join();
  return createHash("sha256").update(names).digest("hex").slice(0, 32);
}

/** Adds what the standard has and this bridge has not, so that it is said in the standard's words (501). */
export function addNotOffered(scope: FastifyInstance): void {
  const refuse = async () => {
    const detail = "not offered here: webhooks (/v1/webhooks) tell of events as they come";
    throw new EpcisProblem("ImplementationException", detail, 501);
  };
  const subscriptions = "/queries/:name/subscriptions";
  scope.route({ method: ["GET", "POST"], url: subscriptions, handler: refuse });
  scope.route({ method: ["GET", "DELETE"], url: `${subscriptions}/:id`, handler: refuse });
  scope.delete("/nextPageToken/:token", async () => {
    const detail = "a nextPageToken holds nothing that could be released";
    throw new EpcisProblem("ImplementationException", detail, 501);
  });
}

function noQuery(name: string): EpcisProblem {
  return new EpcisProblem("NoSuchNameException", `no query ${name.slice(0, 100)}`);
}

/** The parameters of a page, and no others: what is asked for stands elsewhere. */
function onlyPage(request: FastifyRequest, what: string) {
  const parameters = request.query as Record<string, unknown>;
  const [other] = Object.keys(parameters).filter((name) => !pageParameters.includes(name));
  if (other === undefined) return asked(parameters);
  const detail = `${other}: ${what} takes perPage and nextPageToken, and no other parameter`;
  throw new EpcisProblem("QueryParameterException", detail);
}
const pageParameters = ["perPage", "nextPageToken"];

function namedQueryOf(body: unknown): NamedQuery {
  const read = querySchema.safeParse(body);
  if (!read.success) {
    const [issue = { path: [], message: "" }] = read.error.issues;
    const detail = `${issue.path.map(String).join(".") || "(body)"}: ${issueMessage(issue)}`;
    throw new EpcisProblem("QueryValidationException", detail.slice(0, 500));
  }
  const at = unstorableAt(read.data);
  if (at !== undefined)
    throw new EpcisProblem("QueryValidationException", `${at}: has a character that is not taken`);
  const checked = readQuery(parametersOf(read.data.query));
  if (checked.ok) return read.data;
  const detail = `${checked.parameter.slice(0, 200)}: ${checked.message}`;
  throw new EpcisProblem("QueryParameterException", detail);
}

/** A query's parameters as those of a URL. */
function parametersOf(query: NamedQuery["query"]): Record<string, unknown> {
  const entries = Object.entries(query).map(([name, value]) => {
    const fault = valueFault(name, value);
    if (fault === undefined) return [name, value === null || value === true ? "true" : value];
    throw new EpcisProblem("QueryParameterException", `${name.slice(0, 200)}: ${fault}`);
  });
  return Object.fromEntries(entries);
}

// The standard gives EXISTS_ no value, and has numbers for counts alone.
function valueFault(name: string, value: unknown): string | undefined {
  if (pageParameters.includes(name)) return "is of a page, and no part of a query";
  const isCount = name === "eventCountLimit" || name === "maxEventCount";
  if (isCount) return typeof value === "number" ? undefined : "must be a whole number";
  if (typeof value === "number") return "must be a text or a list of texts";
  const isFlag = value === null || typeof value === "boolean";
  return isFlag && !name.startsWith("EXISTS_") ? "must be a text or a list of texts" : undefined;
}
