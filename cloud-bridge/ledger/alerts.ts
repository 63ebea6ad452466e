// Alerts as somebody works with them. Pure: which ones are about the same thing, what may be behind them, and
// when they are over by themselves.

import type { Alert } from "../../contract/stock.ts";
import { storableText } from "../storable-text.ts";
import type { Balance } from "./changes.ts";

/** What is known of a kind of alert. */
interface AlertKind {
  /** The likely cause, as a code. */
  readonly cause: string;
  /** Over by itself after this time without another of its kind. */
  readonly expiryMs: number;
}

const dayMs = 86_400_000;
// What ends before its time, because what it tells of is over, is ended by the ledger in `sql-alert-ends.ts`: `exit_unpaid` when
// each passage that it tells of is paid, `negative_stock` when it is right, `edge_silent` when it tells, `shelf_empty` when it is
// filled or the back room has none left, `delivery_overdue` and `transfer_overdue` when it has ended.
const kinds: Record<string, AlertKind> = {
  exit_unpaid: { cause: "theft_suspected", expiryMs: 2 * dayMs },
  exit_loss: { cause: "theft_exit", expiryMs: 30 * dayMs },
  item_found: { cause: "found_again", expiryMs: 7 * dayMs },
  negative_stock: { cause: "movement_missed", expiryMs: 30 * dayMs },
  count_variance: { cause: "count_difference", expiryMs: 30 * dayMs },
  count_observed: { cause: "count_unsure", expiryMs: 2 * dayMs },
  declared_loss: { cause: "events_lost", expiryMs: 30 * dayMs },
  second_outbox: { cause: "events_lost", expiryMs: 30 * dayMs },
  outbox_diverged: { cause: "card_cloned", expiryMs: 90 * dayMs },
  ledger_set_back: { cause: "restored", expiryMs: 90 * dayMs },
  edge_silent: { cause: "edge_offline", expiryMs: 14 * dayMs },
  event_quarantined: { cause: "event_unpostable", expiryMs: 90 * dayMs },
  shelf_empty: { cause: "refill_missed", expiryMs: 2 * dayMs },
  delivery_discrepancy: { cause: "delivery_differs", expiryMs: 30 * dayMs },
  transfer_discrepancy: { cause: "transfer_differs", expiryMs: 30 * dayMs },
  delivery_overdue: { cause: "not_arrived", expiryMs: 14 * dayMs },
  transfer_overdue: { cause: "not_arrived", expiryMs: 14 * dayMs },
  sensing_gap: { cause: "sensing_blind", expiryMs: 7 * dayMs },
  passage_uncertain: { cause: "sensing_uncertain", expiryMs: 2 * dayMs },
};
const otherKind: AlertKind = { cause: "other", expiryMs: 7 * dayMs };

/** Closed alerts are kept for this long. */
export const alertKeepMs = 90 * dayMs;

/** An edge that told nothing for so long is silent: it says hello every 10 minutes. */
export const edgeSilenceMs = 30 * 60_000;
/** After this it is no longer expected. */
export const edgeForgottenMs = 14 * dayMs;

/** Says that an edge told nothing since a time. */
export function silenceAlert(
  edge: { storeId: string; edgeId: string; completeThroughAtMs: number },
  nowMs: number,
): Alert {
  const { storeId, edgeId, completeThroughAtMs } = edge;
  const minutes = Math.floor((nowMs - completeThroughAtMs) / 60_000);
  return {
    ...{ storeId, edgeId, code: "edge_silent", severity: "warning", atMs: nowMs },
    message: `edge ${edgeId} has told nothing for ${minutes} min: is it on, and does its network work?`,
    detail: { completeThroughAtMs },
  };
}

/** Says that stock of a real place fell below zero, and after which fact. */
export function negativeAlert(
  { item, location, state, quantity }: Balance,
  { deviceId, sequence }: { readonly deviceId: string; readonly sequence: number },
): Pick<Alert, "code" | "severity" | "message" | "detail"> {
  return {
    ...{ code: "negative_stock", severity: "warning" },
    message: `${item} stands at ${quantity} in ${location} ${state}`,
    detail: { item, location, state, quantity, deviceId, sequence },
  };
}

/** What of an alert's detail says what it is about; the rest is evidence. */
const subjectNames = ["item", "gtin", "key", "serial", "epc", "location", "deviceId", "outboxId"];

export function alertKindOf({ code }: Pick<Alert, "code">): AlertKind {
  return Object.hasOwn(kinds, code) ? kinds[code]! : otherKind;
}

/** What may be behind an alert: what somebody found, or the likely cause of its kind. */
export function causeOf(alert: Alert): string {
  const found = alert.detail["cause"];
  return typeof found === "string" && /^[a-z][a-z0-9_]{2,63}$/.test(found)
    ? found
    : alertKindOf(alert).cause;
}

/** The same for alerts about the same thing: they are one alert with a count. */
export function alertKeyOf({
  code,
  edgeId,
  detail,
}: Pick<Alert, "code" | "edgeId" | "detail">): string {
  const subject = subjectNames.flatMap((name) => {
    const value = detail[name];
    return typeof value === "string" ? [`${name}=${value}`] : [];
  });
  return storableText([code, edgeId ?? "", ...subject].join("|").slice(0, 500));
}

/** An alert as it is stored. */
export interface StoredAlert extends Alert {
  readonly alertId: number;
  readonly cause: string;
  readonly firstAtMs: number;
  /** How often it was raised; `atMs`, `message` and `detail` are of the last time. */
  readonly count: number;
  readonly expiresAtMs: number;
  /** Acknowledged, or expired. */
  readonly closedAtMs?: number;
  readonly acknowledgedBy?: string;
  /** Until then another of its kind is stored, but not published. */
  readonly mutedUntilMs?: number;
  readonly mutedBy?: string;
}
