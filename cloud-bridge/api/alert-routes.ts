// Alerts over HTTP: list, acknowledge, mute.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import { storedAlertSchema } from "../../contract/webhook.ts";
import type { Ledger } from "../ledger/types.ts";
import {
  cursorParameter,
  limitParameter,
  numberInText,
  openParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
  wordParameter,
} from "./parameters.ts";
import { ProblemError } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface AlertRoutesOptions {
  readonly ledger: Pick<Ledger, "alerts" | "acknowledgeAlert" | "muteAlert">;
  readonly stores: Stores;
  readonly nowMs: () => number;
}

const alertError = { error: "must be an alert number" };
const alertId = z.coerce.number(alertError).int(alertError).min(1, alertError);
const listQuery = z.strictObject({
  code: z.string().max(64).optional(),
  state: openParameter,
  cursor: cursorParameter(numberInText).optional(),
  limit: limitParameter,
});
const alertParams = z.strictObject({ store: idSchema, alertId });
/** Who does it; with a token, the token's name stands instead. */
const by = z.string().min(1).max(100).optional();
const acknowledgeBody = z.strictObject({
  by,
  /** What was behind it, as a code, where it was something else than supposed. */
  cause: wordParameter.optional(),
});
const muteBody = z.strictObject({ by, untilMs: atMsSchema });

/** Adds the routes under /v1/stores/{store}/alerts. */
export function addAlertRoutes(app: FastifyInstance, options: AlertRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const known = (storeId: string) => requireStore(stores, storeId);
  const found = (isFound: boolean, detail: string) => {
    if (!isFound) throw new ProblemError("alert_unknown", detail);
  };

  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/alerts", allows: "alerts.read" },
    summary: "Alerts of a store, newest first",
    ...{ params: storeParams, query: listQuery },
    answers: { 200: pageSchema(storedAlertSchema) },
    handler: async ({ params: { store: storeId }, query: { code, state, cursor, limit } }) => {
      await known(storeId);
      const items = await ledger.alerts({
        ...{ storeId, isOpen: state === "open", countMax: limit, nowMs: nowMs() },
        ...(code === undefined ? {} : { code }),
        ...(cursor === undefined ? {} : { beforeAlertId: cursor }),
      });
      return page(items, limit, (alert) => alert.alertId);
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: "/v1/stores/:store/alerts/:alertId/acknowledge" },
    ...{ allows: "alerts.write", summary: "Closes an alert, with who and why" },
    ...{ params: alertParams, body: acknowledgeBody, example: { by: "ada", cause: "other" } },
    answers: { 200: z.strictObject({ alertId: z.int(), acknowledgedBy: z.string() }) },
    handler: async ({ params: { store: storeId, alertId: id }, body, actor }) => {
      const { by: said, cause } = body;
      const name = actor.nameOr(said);
      await known(storeId);
      const why = cause === undefined ? {} : { cause };
      const change = { storeId, alertId: id, by: name, ...why, nowMs: nowMs() };
      found(await ledger.acknowledgeAlert(change), `no alert ${id} is open in store ${storeId}`);
      return { alertId: id, acknowledgedBy: name };
    },
  });
  addRoute(app, {
    ...{ method: "POST", path: "/v1/stores/:store/alerts/:alertId/mute" },
    ...{ allows: "alerts.write", summary: "Publishes no more of its kind until a time" },
    ...{ params: alertParams, body: muteBody },
    example: { by: "ada", untilMs: 1_800_000_000_000 },
    answers: { 200: z.strictObject({ alertId: z.int(), mutedUntilMs: atMsSchema }) },
    handler: async ({ params: { store: storeId, alertId: id }, body, actor }) => {
      const by = actor.nameOr(body.by);
      await known(storeId);
      const isMuted = await ledger.muteAlert({ storeId, alertId: id, by, untilMs: body.untilMs });
      found(isMuted, `store ${storeId} has no alert ${id}`);
      return { alertId: id, mutedUntilMs: body.untilMs };
    },
  });
}
