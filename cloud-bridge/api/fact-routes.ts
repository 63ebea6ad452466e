// The way in for tills and ERPs: sales, returns and receipts over HTTP, settled like the events of edges.

import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { rejectionSchema } from "../../contract/delivery.ts";
import { canonicalJson } from "../../contract/digest.ts";
import { itemSchema } from "../../contract/event.ts";
import { atMsSchema, idSchema, isWithin, locationSchema } from "../../contract/units.ts";
import {
  factAheadMsMax,
  factCountMax,
  factItem,
  factKinds,
  sourceIdSchema,
} from "../ledger/facts.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import {
  gtinParameter,
  idempotencyKeyOf,
  keyReused,
  requireStore,
  type Stores,
  wholeParameter,
} from "./parameters.ts";
import { ProblemError } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface FactRoutesOptions {
  readonly ledger: Pick<Ledger, "facts">;
  readonly stores: Stores;
  readonly nowMs: () => number;
  /** Stock changed: what did must be published. */
  readonly onPosted: (posted: Posted) => void;
  readonly metrics: { count(name: string, by?: number): void };
}

/** A request of as many facts as it may have, each with all of its fields. */
const bodySizeBytesMax = 512 * 1024;
/** After how long one who was refused may come again. */
const retryAfterSeconds = 1;

const { serial, lot, expiry } = itemSchema.shape;
const factSchema = z
  .strictObject({
    kind: z.enum(factKinds, { error: `must be one of ${factKinds.join(", ")}` }),
    occurredAtMs: atMsSchema,
    gtin: gtinParameter,
    ...{ serial, lot, expiry },
    quantity: wholeParameter(1, 1_000_000).default(1),
    location: locationSchema.optional(),
    reference: z
      .strictObject({ type: z.string().min(1).max(40), id: z.string().min(1).max(100) })
      .optional(),
  })
  .refine((fact) => fact.serial === undefined || fact.quantity === 1, {
    path: ["quantity"],
    error: "a unit with a serial is one unit",
  });
const countError = `must be at most ${factCountMax} facts`;
const factsBody = z.strictObject({
  store: idSchema,
  source: sourceIdSchema,
  facts: z.array(factSchema, { error: "must be a list" }).max(factCountMax, { error: countError }),
  /** Until when the source has told everything; without facts this alone is told. */
  completeThroughAtMs: atMsSchema.optional(),
});
const factsAnswer = z.strictObject({
  edgeId: z.string(),
  outboxId: z.string(),
  firstSequence: z.int(),
  /** One less than the first where there were no facts. */
  lastSequence: z.int(),
  recordedAtMs: atMsSchema,
  /** Facts that lie in quarantine. */
  rejected: z.array(rejectionSchema),
});

/** Adds POST /v1/facts. */
export function addFactRoutes(app: FastifyInstance, options: FactRoutesOptions): void {
  const { ledger, stores, nowMs, onPosted, metrics } = options;
  addRoute(app, {
    ...{ method: "POST", path: "/v1/facts", allows: "facts.write", body: factsBody },
    summary:
      "What a till or an ERP knows: sales, returns and receipts, settled like the events of edges",
    headers: { "Idempotency-Key": "A request sent twice with the same key is posted once" },
    answers: { 200: factsAnswer },
    example: {
      ...{ store: "s1", source: "till-1" },
      facts: [
        {
          ...{ kind: "sale", occurredAtMs: 1_772_000_000_000, gtin: "09506000134352" },
          ...{ quantity: 1, reference: { type: "receipt", id: "R-1001" } },
        },
      ],
    },
    bodySizeBytesMax,
    handler: async ({ body, request, actor, reply }) => {
      const key = idempotencyKeyOf(request);
      const { store: storeId, source: sourceId, completeThroughAtMs } = body;
      await requireStore(stores, storeId);
      const receivedAtMs = nowMs();
      requirePlausible(body, receivedAtMs);
      const facts = body.facts.map(
        ({ gtin, serial: serialText, lot: lotText, expiry: day, ...fact }) => ({
          ...fact,
          item: factItem({ gtin, serial: serialText, lot: lotText, expiry: day }),
        }),
      );
      const digest = createHash("sha256").update(canonicalJson(body)).digest("hex");
      const asked = { storeId, sourceId, key, digest, facts, completeThroughAtMs, by: actor.name };
      const outcome = await ledger.facts.take(asked, receivedAtMs);
      if (!outcome.ok) {
        const { code, message } = outcome;
        metrics.count(`facts_refused_${code.toLowerCase()}`);
        if (code === "KEY_REUSED") throw keyReused(message);
        void reply.header("retry-after", String(retryAfterSeconds));
        throw new ProblemError("facts_busy", message, { code });
      }
      metrics.count(outcome.isRepeated ? "facts_requests_repeated" : "facts_requests_posted");
      if (outcome.posted !== undefined) {
        metrics.count("facts_posted", facts.length);
        onPosted(outcome.posted);
      }
      return outcome.receipt;
    },
  });
}

/** Refuses what no till of this store can have seen yet, before anything of it is posted. */
function requirePlausible(body: z.infer<typeof factsBody>, nowMs: number): void {
  const { store, facts, completeThroughAtMs } = body;
  const lastMs = nowMs + factAheadMsMax;
  const late = `lies more than ${factAheadMsMax / 60_000} min ahead of the bridge's clock (${nowMs})`;
  const errors = facts.flatMap(({ occurredAtMs, location }, index) => [
    ...(occurredAtMs > lastMs ? [{ parameter: `facts.${index}.occurredAtMs`, message: late }] : []),
    ...(location !== undefined && !isWithin(location, store)
      ? [{ parameter: `facts.${index}.location`, message: `lies outside store ${store}` }]
      : []),
  ]);
  if ((completeThroughAtMs ?? 0) > lastMs) {
    errors.push({ parameter: "completeThroughAtMs", message: late });
  }
  if (facts.length === 0 && completeThroughAtMs === undefined) {
    errors.push({ parameter: "facts", message: "must not be empty without completeThroughAtMs" });
  }
  if (errors.length === 0) return;
  const detail = errors.map(({ parameter, message }) => `${parameter}: ${message}`).join("; ");
  throw new ProblemError("query_invalid", detail.slice(0, 2000), { errors: errors.slice(0, 100) });
}
