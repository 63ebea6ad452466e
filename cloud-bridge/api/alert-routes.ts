// Alerts over HTTP: list, acknowledge, mute.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { atMsSchema, idSchema } from "../../contract/units.ts";
import type { Ledger } from "../ledger/types.ts";
import { requireStore, type Stores } from "./parameters.ts";
import { checked, ProblemError } from "./problem.ts";

export interface AlertRoutesOptions {
  readonly ledger: Pick<Ledger, "alerts" | "acknowledgeAlert" | "muteAlert">;
  readonly stores: Stores;
  readonly nowMs: () => number;
}

const whole = (name: string, max: number) => {
  const error = `must be ${name}`;
  return z.coerce.number({ error }).int({ error }).min(1, { error }).max(max, { error });
};
const alertId = whole("an alert number", Number.MAX_SAFE_INTEGER);
const listQuery = z.strictObject({
  code: z.string().max(64).optional(),
  state: z.enum(["open", "all"], { error: "must be open or all" }).default("open"),
  after: alertId.optional(),
  limit: whole("1..1000", 1000).default(100),
});
const storeParams = z.strictObject({ store: idSchema });
const alertParams = z.strictObject({ store: idSchema, alertId });
const by = z.string().min(1).max(100);
const acknowledgeBody = z.strictObject({
  by,
  /** What was behind it, as a code, where it was something else than supposed. */
  cause: z
    .string()
    .regex(/^[a-z][a-z0-9_]{2,63}$/, "must be lower-case words joined by _")
    .optional(),
});
const muteBody = z.strictObject({ by, untilMs: atMsSchema });

/** Adds the routes under /v1/stores/{store}/alerts. */
export function addAlertRoutes(app: FastifyInstance, options: AlertRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  const known = (storeId: string) => requireStore(stores, storeId);
  const found = (isFound: boolean, detail: string) => {
    if (!isFound) throw new ProblemError("alert_unknown", detail);
  };

  app.get("/v1/stores/:store/alerts", async (request) => {
    const { store: storeId } = checked(storeParams, request.params);
    const { code, state, after, limit } = checked(listQuery, request.query);
    await known(storeId);
    const items = await ledger.alerts({
      ...{ storeId, isOpen: state === "open", countMax: limit, nowMs: nowMs() },
      ...(code === undefined ? {} : { code }),
      ...(after === undefined ? {} : { beforeAlertId: after }),
    });
    const last = items.at(-1);
    return last === undefined || items.length < limit
      ? { items }
      : { items, next: String(last.alertId) };
  });
  app.post("/v1/stores/:store/alerts/:alertId/acknowledge", async (request) => {
    const { store: storeId, alertId: id } = checked(alertParams, request.params);
    const { by: name, cause } = checked(acknowledgeBody, request.body);
    await known(storeId);
    const why = cause === undefined ? {} : { cause };
    const change = { storeId, alertId: id, by: name, ...why, nowMs: nowMs() };
    found(await ledger.acknowledgeAlert(change), `no alert ${id} is open in store ${storeId}`);
    return { alertId: id, acknowledgedBy: name };
  });
  app.post("/v1/stores/:store/alerts/:alertId/mute", async (request) => {
    const { store: storeId, alertId: id } = checked(alertParams, request.params);
    const { by: name, untilMs } = checked(muteBody, request.body);
    await known(storeId);
    const isMuted = await ledger.muteAlert({ storeId, alertId: id, by: name, untilMs });
    found(isMuted, `store ${storeId} has no alert ${id}`);
    return { alertId: id, mutedUntilMs: untilMs };
  });
}
