// The bridge's HTTP server (fastify): health, metrics, and the routes of consumers. It answers on
// loopback, or with tokens.

import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { z } from "zod";
import { errorCodeOf, errorMessageOf } from "../../contract/errors.ts";
import { edgeMetricsText } from "../edges/edge-metrics.ts";
import type { Ledger } from "../ledger/types.ts";
import { listenError } from "../listen.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { addAuthentication, bearerOf } from "./actor.ts";
import { addAlertRoutes } from "./alert-routes.ts";
import { addAsyncApiRoute } from "./asyncapi-route.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { addCatalogueRoutes } from "./catalogue-routes.ts";
import { addClaimRoutes } from "./claim-routes.ts";
import { addConsignmentRoutes } from "./consignment-routes.ts";
import { addCountPlanRoutes } from "./count-plan-routes.ts";
import { addCountRoutes } from "./count-routes.ts";
import { addDescription } from "./description.ts";
import { addEdgeRoutes, type EdgeRoutesOptions } from "./edge-routes.ts";
import { addEpcisRoutes, type EpcisRoutesOptions } from "./epcis-routes.ts";
import { addFactRoutes } from "./fact-routes.ts";
import type { Feed } from "./feed.ts";
import { addFeedRoute } from "./feed-routes.ts";
import { addItemRoutes, type ItemRoutesOptions } from "./item-routes.ts";
import { addLotRoutes } from "./lot-routes.ts";
import { addPlanRoutes, type PlanRoutesOptions } from "./plan-routes.ts";
import { ProblemError, type ProblemKind, sendProblem } from "./problem.ts";
import { addReturnRoutes, type ReturnRoutesOptions } from "./return-routes.ts";
import { addRfidCountRoutes } from "./rfid-count-routes.ts";
import { described } from "./route.ts";
import { addStockRoutes, type StockRoutesOptions } from "./stock-routes.ts";
import type { ApiTokens } from "./tokens.ts";
import { addTraceRoutes, type TraceRoutesOptions } from "./trace-routes.ts";
import { addUnknownTagRoutes } from "./unknown-tag-routes.ts";
import { addWebhookRoutes, type WebhookRoutesOptions } from "./webhook-routes.ts";

const waiting = z.strictObject({ waitingCount: z.int() });
const healthReportSchema = z.strictObject({
  broker: z.enum(["online", "offline"]),
  ledger: z.enum(["answers", "silent"]),
  ingest: waiting,
  publish: waiting,
  ledgerEpoch: z.int(),
  version: z.string(),
});
/** How the parts of the bridge do. */
export type HealthReport = Readonly<z.infer<typeof healthReportSchema>>;
const healthAnswer = healthReportSchema.extend({ status: z.enum(["ok", "failing"]) });

type RoutesOptions = StockRoutesOptions &
  ItemRoutesOptions &
  PlanRoutesOptions &
  EdgeRoutesOptions &
  EpcisRoutesOptions &
  WebhookRoutesOptions &
  ReturnRoutesOptions &
  TraceRoutesOptions;

export interface ApiOptions extends Omit<RoutesOptions, "ledger"> {
  readonly ledger: Ledger;
  readonly host: string;
  readonly port: number;
  readonly connectionCountMax: number;
  readonly health: () => Promise<HealthReport>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Without, whoever reaches the port may do everything. */
  readonly tokens?: ApiTokens;
  readonly feed: Feed;
}

const requestTimeoutMs = 10_000;
const bodySizeBytesMax = 4096;

/** What fastify itself refuses. */
const kindOfStatus: Readonly<Record<number, readonly [kind: ProblemKind, parameter: string]>> = {
  413: ["body_too_large", "(body)"],
  415: ["media_unsupported", "Content-Type"],
};

/** The running server. */
export class ApiServer {
  readonly port: number;
  readonly #app: FastifyInstance;

  /** Starts to listen. Throws HTTP_PORT_BUSY (naming the holder) or LISTEN_FAILED. */
  static async open(options: ApiOptions): Promise<ApiServer> {
    const app = Fastify({
      bodyLimit: bodySizeBytesMax,
      requestTimeout: requestTimeoutMs,
      forceCloseConnections: true,
      // Of a URL that is none: nothing else has seen it.
      frameworkErrors: (error, _request, reply) => {
        const errors = [{ parameter: "(path)", message: error.message }];
        sendProblem(reply, new ProblemError("request_invalid", error.message, { errors }));
      },
    });
    // Text is for routes that say so; fastify would take it for all.
    app.removeContentTypeParser("text/plain");
    app.server.maxConnections = options.connectionCountMax;
    addErrors(app, options);
    addAuthentication(app, options.tokens);
    await addDescription(app);
    addOwnRoutes(app, options);
    addStockRoutes(app, options);
    addAlertRoutes(app, options);
    addEdgeRoutes(app, options);
    addAuditRoutes(app, options);
    addClaimRoutes(app, options);
    addEpcisRoutes(app, options);
    addWebhookRoutes(app, options);
    addTraceRoutes(app, options);
    addAsyncApiRoute(app);
    addCountRoutes(app, options);
    addRfidCountRoutes(app, options);
    addCountPlanRoutes(app, options);
    addCatalogueRoutes(app, options);
    addConsignmentRoutes(app, options);
    addReturnRoutes(app, options);
    addFactRoutes(app, options);
    addItemRoutes(app, options);
    addLotRoutes(app, options);
    addUnknownTagRoutes(app, options);
    addPlanRoutes(app, options);
    addFeedRoute(app, options);
    const { host, port } = options;
    try {
      await app.listen({ host, port });
    } catch (error) {
      throw await listenError(error, { host, port, busyCode: "HTTP_PORT_BUSY" });
    }
    return new ApiServer(app, (app.server.address() as AddressInfo).port);
  }

  private constructor(app: FastifyInstance, port: number) {
    this.#app = app;
    this.port = port;
  }

  async close(): Promise<void> {
    await this.#app.close();
  }
}

function addOwnRoutes(app: FastifyInstance, { health, metrics, edges }: ApiOptions): void {
  const about = (summary: string, response = {}) => ({
    schema: { summary, tags: ["bridge"], response },
    // What is described is sent as it is.
    serializerCompiler: () => (value: unknown) => JSON.stringify(value),
  });
  const healthy = {
    200: described("All parts answer", healthAnswer),
    503: described("A part fails", healthAnswer),
  };
  app.get(
    "/health",
    about("How the parts of the bridge do; 503 where one fails", healthy),
    async (_request, reply) => {
      const report = await health();
      const isOk = report.broker === "online" && report.ledger === "answers";
      return await reply
        .code(isOk ? 200 : 503)
        .send({ status: isOk ? "ok" : "failing", ...report });
    },
  );
  const numbers = about("Numbers for Prometheus, as text", {
    200: described("Numbers", z.string(), "text/plain"),
  });
  app.get("/metrics", numbers, async (request, reply) => {
    const actor = bearerOf(request);
    const isTold = actor?.may("edges.read") === true;
    const told = isTold ? [...edges.views()].filter(({ storeId }) => actor.reaches(storeId)) : [];
    const own = await metrics.registry.metrics();
    const text = isTold ? `${own}\n${await edgeMetricsText(told, setImmediate)}` : own;
    return await reply.type(metrics.registry.contentType).send(text);
  });
}

function addErrors(app: FastifyInstance, { metrics, log }: ApiOptions): void {
  // Whoever is cut off while it still sends never reads why: the rest is read and dropped, for as long as a request may take.
  app.addHook("onSend", async (_request, reply) => {
    if (reply.statusCode === 413) reply.removeHeader("connection");
  });
  const methodsAt = servedMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const detail = `${request.method} ${request.url.slice(0, 200)}`;
    const methods = methodsAt(request.url.split("?", 1)[0] ?? "");
    if (methods.length === 0 || methods.includes(request.method))
      return sendProblem(reply, new ProblemError("path_unknown", detail));
    void reply.header("allow", methods.join(", "));
    return sendProblem(reply, new ProblemError("method_unknown", detail));
  });
  app.setErrorHandler((error, request, reply) => {
    metrics.count("http_errors");
    if (error instanceof ProblemError) return sendProblem(reply, error);
    const { statusCode } = error as { statusCode?: number };
    if (statusCode !== undefined && statusCode < 500) {
      const [kind, parameter] = kindOfStatus[statusCode] ?? ["request_invalid", "(body)"];
      const message = errorMessageOf(error);
      const errors = [{ parameter, message }];
      return sendProblem(reply, new ProblemError(kind, message, { errors }));
    }
    log.error({ err: error, url: request.url }, "request failed");
    const code = errorCodeOf(error);
    const detail = code === undefined ? "see the bridge's log" : `${code}: see the bridge's log`;
    return sendProblem(reply, new ProblemError("failed", detail));
  });
}

/** Tells the methods that are served at a path; routes that are added afterwards are among them. */
function servedMethods(app: FastifyInstance): (path: string) => string[] {
  const served: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    const parts = url.split(/(:\w+|\*)/).map((part) => {
      if (part.startsWith(":")) return "[^/]+";
      return part === "*" ? ".*" : part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&");
    });
    served.push({ pattern: new RegExp(`^${parts.join("")}$`), methods: [method].flat() });
  });
  return (path) => {
    const found = served.filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => methods))].sort();
  };
}
