// Who did what over HTTP, or by a command on the bridge's machine, where no entry says it.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import { auditActs } from "../ledger/sql-audit.ts";
import type { Ledger } from "../ledger/types.ts";
import {
  cursorParameter,
  limitParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
} from "./parameters.ts";
import { addRoute } from "./route.ts";

export interface AuditRoutesOptions {
  readonly ledger: Pick<Ledger, "audit">;
  readonly stores: Stores;
}

const auditQuery = z.strictObject({
  /** Without it: what was done to the chain as a whole. */
  store: idSchema.optional(),
  cursor: cursorParameter(
    z
      .string()
      .regex(/^[1-9]\d{0,14}$/)
      .transform(Number),
  ).optional(),
  limit: limitParameter,
});
const recordSchema = z.strictObject({
  storeId: idSchema.optional(),
  auditNumber: z.int().min(1),
  atMs: atMsSchema,
  by: z.string(),
  act: z.enum(auditActs),
  subject: z.string(),
});

/** Adds GET /v1/audit. */
export function addAuditRoutes(app: FastifyInstance, { ledger, stores }: AuditRoutesOptions): void {
  addRoute(app, {
    ...{ method: "GET", path: "/v1/audit", allows: "audit.read", query: auditQuery },
    summary:
      "Who took which step of a claim, inspected returns, set count policies, reposted, captured, sent facts or changed webhooks",
    answers: { 200: pageSchema(recordSchema) },
    handler: async ({ query: { store: storeId, cursor, limit }, actor }) => {
      if (storeId === undefined) actor.requireAllStores();
      else await requireStore(stores, storeId);
      const query = { storeId, afterNumber: cursor, countMax: limit };
      return page(await ledger.audit(query), limit, ({ auditNumber }) => auditNumber);
    },
  });
}
