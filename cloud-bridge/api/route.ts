// One declaration for each route: its schemas check the request and describe it in OpenAPI, its permission is
// checked before anything is read of the ledger, and an ETag that the client has is answered 304.

import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { unstorableAt } from "../storable-text.ts";
import { type Actor, actorOf } from "./actor.ts";
import { checked, checkedQuery, wrongParameter } from "./problem.ts";
import type { Permission } from "./roles.ts";

type Schema = z.ZodType;
type Read<S> = S extends Schema ? z.infer<S> : undefined;
/** By status; null: without a body. */
export type Answers = Readonly<Record<number, Schema | null>>;
/** What a handler may give, by the schemas that describe it: they cannot say something else than what is sent. */
export type Given<A> = {
  [Code in keyof A]: A[Code] extends Schema ? Unchanging<z.input<A[Code]>> : undefined;
}[keyof A];
type Unchanging<T> = T extends readonly (infer Item)[]
  ? readonly Unchanging<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Unchanging<T[Name]> }
    : T;

/** What a handler gets: the parts of the request as their schemas made them. */
export interface Asked<P, Q, B> {
  readonly params: Read<P>;
  readonly query: Read<Q>;
  readonly body: Read<B>;
  readonly actor: Actor;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** One route of the API. */
export interface Route<P, Q, B, A extends Answers> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As fastify writes it: `/v1/stores/:store/alerts`. */
  readonly path: string;
  /** A line for the reader of `/docs`. */
  readonly summary: string;
  /** What a token's role must have (`roles.ts`). */
  readonly allows: Permission;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** A body that is taken, for readers of `/docs`. */
  readonly example?: B extends Schema ? z.input<B> : never;
  /** What the description says of a body that the handler checks. */
  readonly shownBody?: Schema;
  /** Header fields that the description names, and why; the handler checks them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Types of the body; JSON without. */
  readonly consumes?: readonly string[];
  /** Type of the answer; JSON without. */
  readonly produces?: string;
  /** What is answered when all is well; other codes are problem documents. */
  readonly answers: A;
  /**
   * The stores that the request is about. Without: `store` and `storeId` of path, query and body. A route that
   * may be asked without one limits what it gives by `actor.reaches`.
   */
  readonly storesOf?: (
    asked: Pick<Asked<P, Q, B>, "params" | "query" | "body">,
  ) => readonly string[];
  /** It is about all stores at once: a token that is limited to some may not. */
  readonly isOfAllStores?: true;
  /** Largest body; the server's own limit without. */
  readonly bodySizeBytesMax?: number;
  /** The answer gets an ETag of its content. */
  readonly isTagged?: true;
  readonly handler: (asked: Asked<P, Q, B>) => Promise<Given<A>>;
}

/** Adds a route to the server and to its description. */
export function addRoute<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
  A extends Answers = never,
>(app: FastifyInstance, route: Route<P, Q, B, A>): void {
  const { method, path, handler, allows, isTagged, bodySizeBytesMax } = route;
  app.route({
    ...{ method, url: path, schema: describe(route), config: { isDeclared: true } },
    ...(bodySizeBytesMax === undefined ? {} : { bodyLimit: bodySizeBytesMax }),
    // Zod has the say, below; what fastify made of the same schemas is for the description.
    validatorCompiler: () => (value: unknown) => ({ value }),
    serializerCompiler: () => (value: unknown) => JSON.stringify(value),
    handler: async (request, reply) => {
      const actor = actorOf(request);
      actor.require(allows, []);
      if (route.isOfAllStores === true) actor.requireAllStores();
      const parts = {
        params: read(route.params, request.params),
        query: read(route.query, request.query, checkedQuery),
        body: read(route.body, request.body),
      } as Pick<Asked<P, Q, B>, "params" | "query" | "body">;
      actor.require(allows, route.storesOf?.(parts) ?? storesNamed(parts));
      const answer = await handler({ ...parts, actor, request, reply });
      if (reply.sent || method !== "GET") return answer;
      if (isTagged === true) reply.header("etag", tagOf(answer));
      const tag = reply.getHeader("etag");
      if (tag === undefined || !namesTag(request.headers["if-none-match"], String(tag)))
        return answer;
      return await reply.code(304).send();
    },
  });
}

function read(schema: Schema | undefined, value: unknown, check = checked): unknown {
  if (schema === undefined) return undefined;
  const parsed = check(schema, value);
  const at = unstorableAt(value);
  if (at !== undefined)
    throw wrongParameter(at || "(body)", "has characters that are no text, or nests too deep");
  return parsed;
}

function storesNamed(parts: Record<"params" | "query" | "body", unknown>): string[] {
  const found = [parts.params, parts.query, parts.body].flatMap((part) => {
    const { store, storeId } = (part ?? {}) as { store?: unknown; storeId?: unknown };
    return [store, storeId];
  });
  return found.filter((id) => typeof id === "string");
}

function tagOf(answer: unknown): string {
  const digest = createHash("sha256").update(JSON.stringify(answer)).digest("base64url");
  return `"${digest.slice(0, 22)}"`;
}

/** Whether an If-None-Match or If-Match names the tag. */
export function namesTag(header: string | undefined, tag: string): boolean {
  const names = (header ?? "").split(",").map((name) => name.trim().replace(/^W\//, ""));
  return names.includes(tag) || names.includes("*");
}

/** The schemas of a route as fastify and OpenAPI have them. */
function describe(
  route: Pick<
    Route<unknown, unknown, unknown, Answers>,
    "summary" | "path" | "allows" | "headers" | "answers" | "consumes" | "produces"
  > & {
    readonly example?: unknown;
    readonly shownBody?: Schema;
    readonly params?: unknown;
    readonly query?: unknown;
    readonly body?: unknown;
  },
): object {
  const { summary, path, allows, params, query, body, headers, answers, consumes } = route;
  const { produces = "application/json", example, shownBody = body } = route;
  const part = (name: string, schema: unknown) =>
    schema === undefined ? {} : { [name]: jsonSchema(schema as Schema, "input") };
  const named = Object.entries(headers ?? {}).map(([name, description]) => [
    name,
    { type: "string", description },
  ]);
  const good = Object.entries(answers).map(([code, schema]) => [
    code,
    schema === null ? { description: "Done", type: "null" } : described("Done", schema, produces),
  ]);
  const examples = example === undefined ? {} : { examples: [example] };
  // A request without a key is refused, one without a version only where there is one.
  const required = named.map(([name]) => name).filter((name) => name === "Idempotency-Key");
  return {
    ...{ summary, description: `Needs the permission \`${allows}\`.` },
    tags: [path.split("/").filter((word) => !/^(v1|stores|:.*|)$/.test(word))[0] ?? "stock"],
    ...part("params", params),
    ...part("querystring", query),
    ...(shownBody === undefined
      ? {}
      : { body: { ...jsonSchema(shownBody as Schema, "input"), ...examples } }),
    ...(named.length === 0
      ? {}
      : { headers: { type: "object", properties: Object.fromEntries(named), required } }),
    ...(consumes === undefined ? {} : { consumes }),
    response: { ...Object.fromEntries(good), "4xx": problemAnswer },
  };
}

const problemSchema = {
  type: "object",
  properties: {
    ...{ type: { type: "string" }, title: { type: "string" }, status: { type: "integer" } },
    ...{ detail: { type: "string" }, code: { type: "string" } },
    errors: {
      type: "array",
      items: {
        type: "object",
        properties: { parameter: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

/** How every other answer is described. */
export const problemAnswer = {
  description: "A problem document (RFC 9457)",
  content: { "application/problem+json": { schema: problemSchema } },
};

/** An answer as fastify and OpenAPI have it. */
export function described(description: string, schema: Schema, type = "application/json"): object {
  return { description, content: { [type]: { schema: jsonSchema(schema, "output") } } };
}

/** A schema of ours as OpenAPI has it. */
export function jsonSchema(schema: Schema, io: "input" | "output"): object {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const { $schema: _dialect, $defs: _parts, ...rest } = made;
  // Only `z.json()` refers to itself, and any JSON is {} in a schema.
  return JSON.parse(JSON.stringify(rest).replaceAll(/\{"\$ref":"#\/\$defs\/[^"]+"\}/g, "{}"));
}
