// Who asks: the token's holder, or anybody on this machine where no tokens are configured.

import assert from "node:assert/strict";
import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { ProblemError, wrongParameter } from "./problem.ts";
import { mayDo, type Permission, type Role } from "./roles.ts";
import type { ApiToken, ApiTokens } from "./tokens.ts";

/** Whoever sent a request. */
export class Actor {
  readonly #token: ApiToken | undefined;
  readonly #tokenNow: () => Promise<ApiToken | undefined>;

  constructor(token?: ApiToken, tokenNow = () => Promise.resolve(token)) {
    this.#token = token;
    this.#tokenNow = tokenNow;
  }

  /** Absent where nobody is asked who they are. */
  get role(): Role | undefined {
    return this.#token?.role;
  }

  /** The stores it is limited to; undefined: all. */
  get storeIds(): readonly string[] | undefined {
    const stores = this.#token?.stores;
    return stores === undefined || stores === "all" ? undefined : stores;
  }

  /** Whether its role may do something. */
  may(permission: Permission): boolean {
    return this.#token === undefined || mayDo(this.#token.role, permission);
  }

  /** Whether it may still do something in a store: of an answer that lasts, as its token may be revoked meanwhile. */
  async stillMay(permission: Permission, storeId: string): Promise<boolean> {
    if (this.#token === undefined) return true;
    const token = await this.#tokenNow();
    const actor = new Actor(token);
    return token !== undefined && actor.may(permission) && actor.reaches(storeId);
  }

  /** The token's name; without tokens nobody is asked. */
  get name(): string {
    return this.#token?.name ?? "anybody";
  }

  /** The name for entries, claims and alerts: the token's; without tokens what the body says. */
  nameOr(by: string | undefined): string {
    const name = this.#token?.name ?? by;
    if (name !== undefined) return name;
    throw wrongParameter("by", "must say who does it");
  }

  /** Whether it may see and change a store. */
  reaches(storeId: string): boolean {
    return this.storeIds === undefined || this.storeIds.includes(storeId);
  }

  /** A problem for a role that may not, and for a store that is not its own; it tells nothing of the store. */
  require(permission: Permission | undefined, storeIds: readonly string[]): void {
    if (this.#token === undefined) return;
    if (!mayDo(this.#token.role, permission)) {
      const what = permission ?? "this";
      throw new ProblemError("forbidden", `the role ${this.#token.role} may not: ${what}`);
    }
    if (storeIds.every((storeId) => this.reaches(storeId))) return;
    throw new ProblemError("forbidden", "the token is not for this store");
  }

  /** A problem for a token that is limited to stores. */
  requireAllStores(): void {
    if (this.storeIds === undefined) return;
    throw new ProblemError("forbidden", "a token for all stores is needed here");
  }
}

const actors = new WeakMap<FastifyRequest, Actor>();
const anybody = new Actor();

/** Who sent the request. */
export function actorOf(request: FastifyRequest): Actor {
  const actor = actors.get(request);
  if (actor === undefined) throw new ProblemError("unauthorized", "a token is needed");
  return actor;
}

/** Who sent a request that nobody needs a token for; undefined where there are tokens and it brought none. */
export function bearerOf(request: FastifyRequest): Actor | undefined {
  return actors.get(request);
}

/** Open to whoever reaches the port: nothing of a store is in it, but for whom a token brings to `/metrics`. */
const publicPath = /^\/(health|metrics|openapi\.json|asyncapi\.json|docs(\/.*)?)$/;

/**
 * Asks each request for its token (`Authorization: Bearer`), where there are tokens. What a token may is asked by
 * `addRoute`: a route that is neither public nor declared does not let the server start.
 */
export function addAuthentication(app: FastifyInstance, tokens: ApiTokens | undefined): void {
  const routes: RouteOptions[] = [];
  app.addHook("onRoute", (route) => {
    routes.push(route);
  });
  app.addHook("onReady", async () => {
    for (const { method, url, config } of routes) {
      const { isDeclared } = (config ?? {}) as { isDeclared?: true };
      assert(isDeclared === true || publicPath.test(url), `${method} ${url} says who may ask`);
    }
  });
  app.addHook("onRequest", async (request, reply) => {
    if (tokens === undefined) {
      actors.set(request, anybody);
      return;
    }
    const path = request.url.split("?", 1)[0] ?? "";
    const isAnonymous = path !== "/metrics" || request.headers.authorization === undefined;
    if (publicPath.test(path) && isAnonymous) return;
    const [, secret] =
      /^Bearer ([\x21-\x7e]{1,200})$/i.exec(request.headers.authorization ?? "") ?? [];
    const find = async () => (secret === undefined ? undefined : await tokens.find(secret));
    const token = await find();
    if (token === undefined) {
      reply.header("www-authenticate", "Bearer");
      const detail =
        secret === undefined ? "send Authorization: Bearer TOKEN" : "the token is nobody's";
      throw new ProblemError("unauthorized", detail);
    }
    actors.set(request, new Actor(token, find));
  });
}
