// What of a ledger goes out on topics that nobody may miss: every entry, and every alert when it is opened.

import { type Alert, alertSchema, type Entry } from "../../contract/stock.ts";
import { topics } from "../../contract/topics.ts";
import type { StoredAlert } from "../ledger/alerts.ts";
import type { Ledger } from "../ledger/types.ts";
import type { TopicSource } from "./followed-topics.ts";

/** Entries. `onRead`: those that were read from the ledger: their levels may not have gone out either. */
export function entrySource(
  ledger: Pick<Ledger, "entries" | "followers">,
  onRead: (entries: readonly Entry[]) => void,
): TopicSource<Entry> {
  const follower = "entry-topic";
  return {
    follower,
    begin: () => ledger.followers.begin(follower, "now"),
    lags: (countMax) => ledger.followers.lags(follower, countMax),
    read: async ({ afterNumber: afterEntryNumber, ...query }) => {
      const page = await ledger.entries({ ...query, afterEntryNumber });
      onRead(page);
      return page;
    },
    numberOf: ({ entryNumber }) => entryNumber,
    messageOf: (entry) => ({
      topic: topics.entries(entry.storeId),
      payload: JSON.stringify(entry),
    }),
  };
}

/** Alerts. One that is raised again while it is open is the same one, and one that is muted is not told. */
export function alertSource(
  ledger: Pick<Ledger, "followers">,
  nowMs: () => number,
): TopicSource<StoredAlert> {
  const follower = "alert-topic";
  return {
    follower,
    begin: () => ledger.followers.beginAlerts(follower),
    lags: (countMax) => ledger.followers.alertLags(follower, countMax),
    read: ({ afterNumber: afterAlertId, ...query }) =>
      ledger.followers.alerts({ ...query, afterAlertId }),
    numberOf: ({ alertId }) => alertId,
    messageOf: (alert) =>
      (alert.mutedUntilMs ?? 0) > nowMs()
        ? undefined
        : { topic: topics.alerts(alert.storeId), payload: JSON.stringify(messageOf(alert)) },
  };
}

function messageOf(alert: StoredAlert): Alert {
  const { alertId, storeId, edgeId, code, severity, atMs, message, detail } = alert;
  const edge = edgeId === undefined ? {} : { edgeId };
  return alertSchema.parse({ alertId, storeId, ...edge, code, severity, atMs, message, detail });
}
