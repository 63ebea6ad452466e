// Errors over HTTP as problem documents (RFC 9457), each naming what is wrong.

import type { FastifyReply } from "fastify";
import type { z } from "zod";
import { issueMessage } from "../issue-message.ts";

/** What can be wrong with a request. `type` is `urn:gondola:problem:{kind}`. */
const kinds = {
  query_invalid: { status: 400, title: "A parameter is missing or wrong" },
  request_invalid: { status: 400, title: "The request cannot be read" },
  unauthorized: { status: 401, title: "A token is needed" },
  forbidden: { status: 403, title: "The token may not do this" },
  version_stale: { status: 412, title: "It has changed since it was read" },
  condition_missing: { status: 428, title: "The request must say which version it changes" },
  body_too_large: { status: 413, title: "The body is too large" },
  media_unsupported: { status: 415, title: "The body is not of a type that is read here" },
  listeners_full: { status: 503, title: "Too many listen" },
  item_unknown: { status: 404, title: "No such item has been seen" },
  consignment_unknown: { status: 404, title: "No such delivery or transfer" },
  consignment_refused: {
    status: 409,
    title: "The delivery or transfer cannot be changed like this",
  },
  return_unknown: { status: 404, title: "No such return" },
  return_refused: { status: 409, title: "The return cannot be taken, or not be taken on" },
  product_unknown: { status: 404, title: "The catalogue does not have it" },
  tag_unknown: { status: 404, title: "Nobody has said what this tag is" },
  tag_refused: { status: 409, title: "The tag cannot have this name, or not yet" },
  plan_unknown: { status: 404, title: "The store has no plan" },
  store_unknown: { status: 404, title: "The ledger does not know this store" },
  edge_unknown: { status: 404, title: "The ledger does not know this edge" },
  path_unknown: { status: 404, title: "Nothing is served here" },
  method_unknown: { status: 405, title: "This cannot be done here" },
  quarantine_unknown: { status: 404, title: "No such event lies in quarantine" },
  alert_unknown: { status: 404, title: "No such alert" },
  entry_unknown: { status: 404, title: "The store's history does not reach so far" },
  proof_unavailable: { status: 409, title: "This bridge signs no proofs" },
  webhook_unknown: { status: 404, title: "No such webhook" },
  webhook_refused: { status: 409, title: "The webhook cannot be added" },
  claim_unknown: { status: 404, title: "No such claim" },
  claim_refused: { status: 409, title: "The claim cannot be had, or not be taken on" },
  key_reused: { status: 409, title: "The idempotency key belongs to another request" },
  claims_busy: { status: 503, title: "Too many requests for claims wait" },
  count_unknown: { status: 404, title: "No such count" },
  count_refused: { status: 409, title: "The count cannot be taken on like this" },
  authority_low: { status: 403, title: "This role may not approve so much" },
  facts_busy: { status: 429, title: "Too many facts wait" },
  not_postable: { status: 409, title: "The event still cannot be posted" },
  failed: { status: 500, title: "The bridge failed to answer" },
} as const;
export type ProblemKind = keyof typeof kinds;

/** A request that ends with a problem document. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly kind: ProblemKind;
  readonly members: Record<string, unknown>;

  constructor(kind: ProblemKind, detail: string, members: Record<string, unknown> = {}) {
    super(detail);
    this.kind = kind;
    this.members = members;
  }
}

/** A problem with one parameter, that no schema finds. */
export function wrongParameter(parameter: string, message: string): ProblemError {
  const errors = [{ parameter, message }];
  return new ProblemError("query_invalid", `${parameter}: ${message}`, { errors });
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, problem: ProblemError): FastifyReply {
  const { status, title } = kinds[problem.kind];
  const type = `urn:gondola:problem:${problem.kind}`;
  const body = { type, title, status, detail: problem.message, ...problem.members };
  return reply.code(status).type("application/problem+json").send(JSON.stringify(body));
}

/** The query or body as its schema wants it, or a problem that names each wrong parameter. */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(errorsOf);
  const detail = errors.map(({ parameter, message }) => `${parameter}: ${message}`).join("; ");
  throw new ProblemError("query_invalid", detail, { errors });
}

/** What is wrong with one parameter; of fields that nobody knows each is one. */
function errorsOf(issue: z.core.$ZodIssue): { parameter: string; message: string }[] {
  if (issue.code === "unrecognized_keys") {
    const message = "is not known here";
    return issue.keys.map((key) => ({ parameter: [...issue.path, key].join("."), message }));
  }
  return [{ parameter: issue.path.join(".") || "(request)", message: issueMessage(issue) }];
}
