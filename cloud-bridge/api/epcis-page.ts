// Pages of EPCIS over HTTP: parameters as the standard has them, a token for where to go on, and the header that says so.

import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { idSchema } from "../../contract/units.ts";
import { inDigitalLinks } from "../epcis/epc-format.ts";
import { type EventFilter, type ReadQuery, readQuery } from "../epcis/event-filter.ts";
import { actorOf } from "./actor.ts";
import { EpcisProblem } from "./epcis-problem.ts";

/** EPCIS's own JSON-LD context. */
export const contextUrl = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/** The first part of every token. */
export const storeOrNone = z.literal("").or(idSchema);

/** An event in the format that was asked for (`negotiate` has refused any other). */
export function inFormatOf(request: FastifyRequest, event: EpcisEvent): EpcisEvent {
  const isAsCaptured = request.headers["gs1-epc-format"] === "Never_Translates";
  return isAsCaptured ? event : inDigitalLinks(event);
}

/** What is asked for. */
export type AskedEvents = Extract<ReadQuery, { ok: true }>;

/** A query's parameters, or the problem with one. */
export function asked(parameters: Readonly<Record<string, unknown>>): AskedEvents {
  const query = readQuery(parameters);
  if (query.ok) return query;
  const detail = `${query.parameter.slice(0, 200)}: ${query.message}`;
  throw new EpcisProblem("QueryParameterException", detail);
}

/** The same of the stores alone that the asker's token is for. */
export function ofStores(request: FastifyRequest, filter: EventFilter): EventFilter {
  const { storeIds } = actorOf(request);
  return storeIds === undefined ? filter : { ...filter, storeIds };
}

/** Says where the next page is. */
export function linkNext(request: FastifyRequest, reply: FastifyReply, cursor: unknown[]): void {
  const [path = "", query = ""] = request.url.split("?");
  const parameters = new URLSearchParams(query);
  const token = Buffer.from(JSON.stringify(cursor)).toString("base64url");
  parameters.set("nextPageToken", token);
  reply.header("Link", `<${path}?${parameters}>; rel="next"`);
}

/** What a token says, or the problem that nobody gave it. */
export function cursorOf<T>(schema: z.ZodType<T>, token: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(token, "base64url").toString("utf8")));
  } catch {
    throw new EpcisProblem("QueryParameterException", "nextPageToken: is none that was given");
  }
}
