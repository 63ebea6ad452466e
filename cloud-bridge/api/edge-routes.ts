// The chain's edges over HTTP: who is online, how far behind, by whose clock.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  deviceHealthSchema,
  edgeStatusSchema,
  runningConfigSchema,
} from "../../contract/delivery.ts";
import { atMsSchema, durationMsSchema, idSchema } from "../../contract/units.ts";
import type { EdgeBook, EdgeView } from "../edges/edge-book.ts";
import { type EdgeName, edgeKey } from "../edges/edge-messages.ts";
import type { EdgeReport } from "../edges/edge-report.ts";
import { isFeed } from "../ledger/facts.ts";
import type { Ledger, OutboxStanding } from "../ledger/types.ts";
import {
  cursorParameter,
  limitParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
} from "./parameters.ts";
import { ProblemError } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface EdgeRoutesOptions {
  readonly ledger: Pick<Ledger, "positions">;
  readonly stores: Stores;
  readonly edges: Pick<EdgeBook, "view" | "views">;
}

const states = ["online", "offline", "unknown"] as const;
const edgesQuery = z.strictObject({
  store: idSchema.optional(),
  state: z.enum(states, { error: `must be ${states.join(", ")}` }).optional(),
  cursor: cursorParameter(z.string().regex(/^[a-z0-9-]{1,32}\/[a-z0-9-]{1,32}$/)).optional(),
  limit: limitParameter,
});
const edgeParams = z.strictObject({ store: idSchema, edge: idSchema });

/** An edge as it is listed. What only a report tells is left out when the last one is stale. */
const edgeSchema = z.strictObject({
  storeId: idSchema,
  edgeId: idSchema,
  /** `unknown`: it has not said since the bridge started. */
  state: z.enum(states),
  reason: edgeStatusSchema.shape.reason.optional(),
  softwareVersion: edgeStatusSchema.shape.softwareVersion.optional(),
  /** When it started, by its own clock. */
  startedAtMs: atMsSchema.optional(),
  /** By the bridge's clock; absent while it was not heard since the bridge started. */
  lastSeenAtMs: atMsSchema.optional(),
  sinceAcknowledgementMs: durationMsSchema.optional(),
  /** Of its newest outbox, as far as the ledger has it. */
  outbox: z.strictObject({
    outboxId: z.string(),
    throughSequence: z.int(),
    completeThroughAtMs: z.int(),
    isFrozen: z.boolean(),
  }),
  backlog: z
    .strictObject({
      waitingCount: z.int(),
      /** Of the oldest event that waits. */
      ageMs: durationMsSchema,
      bufferUsedShare: z.number(),
    })
    .optional(),
  clock: z
    .strictObject({
      /** How far it is ahead of the bridge's; behind is negative. */
      offsetMs: z.int(),
      isSynced: z.boolean(),
    })
    .optional(),
  /** Which configuration it works by, as it said. */
  config: runningConfigSchema.optional(),
  /** Version of the plan that it works by, as it said. */
  planVersion: z.int().optional(),
  quarantinedCount: z.int(),
});
const edgeWithDevicesSchema = edgeSchema.extend({
  devices: z.array(deviceHealthSchema).optional(),
});

/** Adds /v1/edges and /v1/stores/{store}/edges/{edge}. */
export function addEdgeRoutes(app: FastifyInstance, options: EdgeRoutesOptions): void {
  const { ledger, stores, edges } = options;
  addRoute(app, {
    ...{ method: "GET", path: "/v1/edges", allows: "edges.read" },
    summary: "Edges of all stores or of one: online or not, backlog, clock, version",
    query: edgesQuery,
    answers: { 200: pageSchema(edgeSchema) },
    handler: async ({ query: { store, state, cursor = "", limit }, actor }) => {
      if (store !== undefined) await requireStore(stores, store);
      const isAsked = ({ storeId }: EdgeName) =>
        store === undefined ? actor.reaches(storeId) : storeId === store;
      const newest = newestOf((await ledger.positions()).filter(isAsked), edges);
      const rest = [...newest]
        .filter(([key]) => key > cursor)
        .sort(([one], [other]) => (one < other ? -1 : 1));
      const items = (state === undefined ? rest.slice(0, limit) : rest)
        .map(([, standing]) => edgeOf(standing, edges.view(standing)))
        .filter((item) => state === undefined || item.state === state);
      return page(items.slice(0, limit), limit, edgeKey);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/edges/:edge", allows: "edges.read" },
    summary: "One edge, with its devices",
    params: edgeParams,
    answers: { 200: edgeWithDevicesSchema },
    handler: async ({ params: { store: storeId, edge: edgeId } }) => {
      await requireStore(stores, storeId);
      const key = edgeKey({ storeId, edgeId });
      const standing = newestOf(await ledger.positions(), edges).get(key);
      if (standing === undefined) {
        throw new ProblemError("edge_unknown", `edge ${key} has never delivered an event`);
      }
      const view = edges.view(standing);
      const devices = view?.report?.devices;
      return { ...edgeOf(standing, view), ...(devices && { devices }) };
    },
  });
}

/** The outbox of each edge that it says it writes, or that reaches furthest. */
function newestOf(
  positions: readonly OutboxStanding[],
  edges: EdgeRoutesOptions["edges"],
): Map<string, OutboxStanding> {
  const newest = new Map<string, OutboxStanding>();
  for (const standing of positions) {
    if (isFeed(standing.edgeId)) continue;
    const key = edgeKey(standing);
    const other = newest.get(key);
    const own = other && edges.view(standing)?.report?.outboxId;
    const isNewer =
      other === undefined ||
      standing.outboxId === own ||
      (other.outboxId !== own && standing.completeThroughAtMs > other.completeThroughAtMs);
    if (isNewer) newest.set(key, standing);
  }
  return newest;
}

function edgeOf(standing: OutboxStanding, view: EdgeView | undefined): z.infer<typeof edgeSchema> {
  const { storeId, edgeId, outboxId, throughSequence, completeThroughAtMs, frozen } = standing;
  const { state = "unknown", status, lastSeenAtMs, sinceAcknowledgementMs, report } = view ?? {};
  return {
    ...{ storeId, edgeId, state },
    ...(status && {
      // A report after a late last will says that it was wrong.
      ...(status.state === state ? { reason: status.reason } : {}),
      softwareVersion: status.softwareVersion,
      startedAtMs: status.sinceAtMs,
    }),
    ...(lastSeenAtMs === undefined ? {} : { lastSeenAtMs: Math.floor(lastSeenAtMs) }),
    ...(sinceAcknowledgementMs === undefined
      ? {}
      : { sinceAcknowledgementMs: Math.floor(sinceAcknowledgementMs) }),
    outbox: { outboxId, throughSequence, completeThroughAtMs, isFrozen: frozen },
    ...(report && toldBy(report)),
    quarantinedCount: view?.quarantinedCount ?? 0,
  };
}

function toldBy(report: EdgeReport) {
  const {
    waitingCount,
    backlogAgeMs,
    bufferUsedShare,
    clockOffsetMs,
    clockSynced,
    config,
    planVersion,
  } = report;
  return {
    backlog: { waitingCount, ageMs: backlogAgeMs, bufferUsedShare },
    clock: { offsetMs: clockOffsetMs, isSynced: clockSynced },
    ...(config && { config }),
    ...(planVersion !== undefined && { planVersion }),
  };
}
