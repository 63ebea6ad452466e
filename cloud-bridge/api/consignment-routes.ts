// Deliveries and transfers over HTTP: announced, compared with what came, closed by a person who says what becomes of
// what is missing.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { atMsSchema, idSchema, shortTextSchema } from "../../contract/units.ts";
import { changedItemsOf } from "../ledger/changed-items.ts";
import {
  type Consignment,
  type ConsignmentKind,
  consignmentKinds,
} from "../ledger/receiving/consignment.ts";
import { type ConsignmentReport, consignmentKey } from "../ledger/receiving/sql-consignments.ts";
import type { ConsignmentOutcome } from "../ledger/receiving/sql-receiving.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import type { Actor } from "./actor.ts";
import { consignmentAnswer, consignmentItem } from "./consignment-answers.ts";
import {
  deliveryLines,
  exampleDeliveryLines,
  exampleTransferLines,
  transferLines,
} from "./consignment-lines.ts";
import {
  cursorParameter,
  limitParameter,
  openParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
  timeAndIdInText,
} from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface ConsignmentRoutesOptions {
  readonly ledger: Pick<Ledger, "receiving">;
  readonly stores: Stores;
  readonly nowMs: () => number;
  readonly onPosted: (posted: Posted) => void;
}

/** So many lines with their numbers. */
const bodySizeBytesMax = 256 * 1024;
/** As scanners and facts can name it. */
const referenceId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "an id is 1-64 of A-Z, a-z, 0-9 and -, as a scanner names it");
const common = {
  id: referenceId,
  expectedAtMs: atMsSchema.optional(),
  by: shortTextSchema.optional(),
};
const deliveryBody = z.strictObject({ ...common, from: shortTextSchema, lines: deliveryLines });
/** Without lines it is what is sent. */
const transferBody = z.strictObject({
  ...common,
  to: idSchema,
  lines: transferLines.default([]),
});
const idParams = z.strictObject({ store: idSchema, id: z.string().min(1).max(500) });
/** Which of those that a store sends under one id. */
const oneQuery = z.strictObject({ to: idSchema.optional() });
const listQuery = z.strictObject({
  /** To the store, or what it sends. */
  side: z.enum(["to", "from"], { error: "must be to or from" }).default("to"),
  state: openParameter,
  cursor: cursorParameter(timeAndIdInText(/[a-z0-9-]{1,32}\/.{1,500}/)).optional(),
  limit: limitParameter,
});
const endBody = z.strictObject({
  by: shortTextSchema.optional(),
  reason: shortTextSchema.optional(),
});
const transferCloseBody = endBody.extend({
  /** What was sent and never came is lost, until it comes. Without, it stays on its way. */
  writeOff: z.boolean().default(false),
});

/** Adds /v1/stores/{store}/deliveries and /v1/stores/{store}/transfers. */
export function addConsignmentRoutes(
  app: FastifyInstance,
  options: ConsignmentRoutesOptions,
): void {
  const { ledger, stores, nowMs } = options;
  addRoute(app, {
    ...{ method: "POST", path: "/v1/stores/:store/deliveries", allows: "receiving.write" },
    ...{ summary: "Announces a delivery to the store", params: storeParams, body: deliveryBody },
    ...{ answers: { 201: consignmentAnswer }, bodySizeBytesMax },
    example: { id: "D-1001", from: "Roastery", lines: exampleDeliveryLines },
    handler: async ({ params: { store: storeId }, body, actor, reply }) => {
      await requireStore(stores, storeId);
      const announced = announcedBy(body, actor.nameOr(body.by), nowMs());
      const opened = { ...announced, kind: "delivery", storeId, from: body.from } as const;
      reply.code(201);
      return taken(await ledger.receiving.open(opened), options);
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: "/v1/stores/:store/transfers", allows: "transfers.write" },
    ...{ summary: "Announces a transfer from the store to another one" },
    ...{ params: storeParams, body: transferBody },
    ...{ answers: { 201: consignmentAnswer }, bodySizeBytesMax },
    example: { id: "T-1001", to: "s2", lines: exampleTransferLines },
    handler: async ({ params: { store: from }, body, actor, reply }) => {
      await requireStore(stores, from);
      await requireStore(stores, body.to, "to");
      if (body.to === from) {
        throw wrongParameter("to", "must be another store");
      }
      const announced = announcedBy(body, actor.nameOr(body.by), nowMs());
      const opened = { ...announced, kind: "transfer", storeId: body.to, from } as const;
      reply.code(201);
      return taken(await ledger.receiving.open(opened), options);
    },
  });
  for (const kind of consignmentKinds) {
    addReads(app, options, kind);
    addEnds(app, options, kind);
  }
}

const pathOf = { delivery: "deliveries", transfer: "transfers" } as const;

function addReads(
  app: FastifyInstance,
  { ledger, stores }: ConsignmentRoutesOptions,
  kind: ConsignmentKind,
): void {
  const path = `/v1/stores/:store/${pathOf[kind]}`;
  addRoute(app, {
    ...{ method: "GET", path, allows: "stock.read", params: storeParams, query: listQuery },
    summary: `The ${pathOf[kind]} to a store, or from it, the newest first`,
    answers: { 200: pageSchema(consignmentItem) },
    handler: async ({ params: { store: storeId }, query }) => {
      const { side, state, cursor, limit: countMax } = query;
      await requireStore(stores, storeId);
      const asked = { storeId, side, kind, isOpen: state === "open", before: cursor, countMax };
      const items = await ledger.receiving.consignments(asked);
      return page(items, countMax, (each) => `${each.openedAtMs}/${consignmentKey(each)}`);
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: `${path}/:id`, allows: "stock.read", params: idParams },
    ...(kind === "transfer" ? { query: oneQuery } : {}),
    summary: `A ${kind}: what was to come, what came, what is missing and too much`,
    answers: { 200: consignmentAnswer },
    handler: async ({ params: { store: storeId, id }, query }) => {
      await requireStore(stores, storeId);
      const found = await ledger.receiving.consignment(storeId, id, { kind, to: query?.to });
      if (found !== undefined) return found;
      const detail = `store ${storeId} has no ${kind} ${id.slice(0, 100)}`;
      throw new ProblemError("consignment_unknown", detail);
    },
  });
}

function addEnds(
  app: FastifyInstance,
  options: ConsignmentRoutesOptions,
  kind: ConsignmentKind,
): void {
  const { ledger, stores, nowMs } = options;
  const path = `/v1/stores/:store/${pathOf[kind]}/:id`;
  const allows = kind === "delivery" ? "receiving.write" : "transfers.write";
  // Nothing of a delivery can be written off: what never came was never in the books.
  const closeBody = kind === "transfer" ? transferCloseBody : endBody;
  addRoute(app, {
    ...{ method: "POST", path: `${path}/close`, allows, params: idParams, body: closeBody },
    summary: `Says that all of a ${kind} has come that will; what differs becomes an alert`,
    ...{ example: { by: "ada", reason: "short" }, answers: { 200: consignmentAnswer } },
    handler: async ({ params: { store: storeId, id }, body, actor }) => {
      const by = actor.nameOr(body.by);
      const end = { kind, state: "closed", ...body, by } as const;
      await requireStore(stores, storeId);
      if ("writeOff" in body && body.writeOff) await requireSender(options, actor, storeId, id);
      return taken(await ledger.receiving.end(storeId, id, end, nowMs()), options);
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: `${path}/cancel`, allows, params: idParams, body: endBody },
    summary: `Says that a ${kind} will not come`,
    ...{ example: { by: "ada", reason: "sold out" }, answers: { 200: consignmentAnswer } },
    handler: async ({ params: { store: storeId, id }, body, actor }) => {
      const by = actor.nameOr(body.by);
      const end = { kind, state: "cancelled", by, reason: body.reason } as const;
      await requireStore(stores, storeId);
      return taken(await ledger.receiving.end(storeId, id, end, nowMs()), options);
    },
  });
}

/** What is written off of a transfer is the sender's loss: a problem for a token that is not for that store. */
async function requireSender(
  { ledger }: Pick<ConsignmentRoutesOptions, "ledger">,
  actor: Actor,
  storeId: string,
  transferId: string,
): Promise<void> {
  if (actor.storeIds === undefined) return;
  const to = { kind: "transfer", to: storeId } as const;
  const found = await ledger.receiving.consignment(storeId, transferId, to);
  if (found === undefined || actor.reaches(found.from)) return;
  const message = `is the loss of store ${found.from}, which the token is not for`;
  const errors = [{ parameter: "writeOff", message }];
  throw new ProblemError("forbidden", `writeOff: ${message}`, { errors });
}

function announcedBy(
  body: Pick<z.infer<typeof deliveryBody>, "id" | "expectedAtMs" | "lines">,
  by: string,
  nowMs: number,
): Omit<Consignment, "kind" | "storeId" | "from"> {
  const { id, expectedAtMs } = body;
  return {
    ...{ consignmentId: id, state: "open", openedAtMs: nowMs, openedBy: by },
    ...(expectedAtMs === undefined ? {} : { expectedAtMs }),
    lines: body.lines.map(({ gtin: item, quantity: count, lot, serials = [] }) => ({
      ...{ item, quantity: count },
      ...(lot === undefined ? {} : { lot }),
      ...(serials.length === 0 ? {} : { serials }),
    })),
  };
}

function taken(
  outcome: ConsignmentOutcome,
  { onPosted }: Pick<ConsignmentRoutesOptions, "onPosted">,
): ConsignmentReport {
  if (!outcome.ok) {
    const { code, message } = outcome;
    const kind = code === "CONSIGNMENT_UNKNOWN" ? "consignment_unknown" : "consignment_refused";
    throw new ProblemError(kind, message, { code });
  }
  const [alerts, entries] = [[...outcome.alerts], [...outcome.entries]];
  if (alerts.length + entries.length > 0) {
    onPosted({ entries, changedItems: changedItemsOf(entries), alerts });
  }
  return outcome.consignment;
}
