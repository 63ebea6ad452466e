// Bodies of EPCIS as they came: parsing is the route's, so that what is wrong is told in the standard's words.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { errorMessageOf } from "../../contract/errors.ts";
import { EpcisProblem, type EpcisProblemKind } from "./epcis-problem.ts";

/** A document, unread. */
export interface RawDocument {
  readonly kind: "json" | "xml";
  readonly text: string;
}

/** Takes JSON and XML up to a size, and no other body. */
export function addParsers(scope: FastifyInstance, sizeBytesMax: number): void {
  scope.removeAllContentTypeParsers();
  const parsers = {
    json: ["application/json", "application/ld+json"],
    xml: ["application/xml", "text/xml"],
  };
  for (const [kind, types] of Object.entries(parsers)) {
    const settings = { parseAs: "string", bodyLimit: sizeBytesMax } as const;
    scope.addContentTypeParser(types, settings, (_request, text, done) => {
      done(null, { kind, text });
    });
  }
}

/** The body of a request, or the problem that it has none. */
export function bodyOf({ body }: FastifyRequest): RawDocument {
  if (body !== undefined && body !== null) return body as RawDocument;
  throw new EpcisProblem(
    "UnsupportedMediaTypeException",
    "send application/json or application/xml",
  );
}

/** A body that can be JSON alone; `what` it is. */
export function jsonBodyOf(
  request: FastifyRequest,
  what: string,
  kind: EpcisProblemKind = "ValidationException",
): unknown {
  const body = bodyOf(request);
  if (body.kind === "json") return parsedJson(body.text, kind);
  throw new EpcisProblem("UnsupportedMediaTypeException", `${what} is JSON`);
}

/** What a text of JSON says. */
export function parsedJson(text: string, kind: EpcisProblemKind = "ValidationException"): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EpcisProblem(kind, `not JSON: ${errorMessageOf(error)}`);
  }
}
