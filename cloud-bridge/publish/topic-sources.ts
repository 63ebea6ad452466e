// What of a ledger goes out on topics that nobody may miss: every entry, and every alert.

import type { Entry } from "../../contract/stock.ts";
import { topics } from "../../contract/topics.ts";
import type { AlertMessage } from "../ledger/sql-alerts.ts";
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
    save: (positions) => ledger.followers.advanceAll(follower, positions),
  };
}

/** What is to be said of alerts: each time that one is raised and nobody has muted it. */
export function alertSource(ledger: Pick<Ledger, "followers">): TopicSource<AlertMessage> {
  const follower = "alert-topic";
  return {
    follower,
    begin: () => ledger.followers.beginAlerts(follower),
    lags: (countMax) => ledger.followers.alertLags(follower, countMax),
    read: (query) => ledger.followers.alerts(query),
    numberOf: ({ number }) => number,
    messageOf: ({ storeId, body }) => ({ topic: topics.alerts(storeId), payload: body }),
    save: (positions) => ledger.followers.advanceAlerts(follower, positions),
  };
}
