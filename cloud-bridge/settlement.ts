// Settles after commits, in transactions of its own: posting never waits for it. Each run takes what became
// due, in the time of events, and publishes what it posted.

import type { Alert } from "../contract/stock.ts";
import { type Clock, sleep } from "./clock.ts";
import type { ShipmentLimits } from "./ledger/receiving/sql-shipment-watch.ts";
import type { Ledger, Posted, Settled } from "./ledger/types.ts";
import { unlessRefused } from "./unless-refused.ts";

/** Between two looks at what is due. */
const settleIntervalMs = 500;
/** A run that took long is followed by a rest of so many times that: posting has the ledger for the most part. */
const restFactor = 9;
/** Between two looks at edges that fell silent. */
const silenceIntervalMs = 60_000;

const nothingSettled: Settled = {
  ...{ entries: [], changedItems: [], alerts: [] },
  ...{ itemCount: 0, refusedItemCount: 0 },
};

/** Runs until `signal` aborts. Rejects with LEDGER_FAILED once the ledger cannot write. */
export async function runSettlement(
  options: {
    readonly ledger: Pick<
      Ledger,
      "settle" | "expiredReservations" | "raiseSilences" | "counting" | "receiving"
    >;
    readonly clock: Clock;
    readonly count: (name: string, by?: number) => void;
    readonly publishers: { onPosted(posted: Posted): void };
    readonly shipmentLimits: ShipmentLimits;
  },
  signal: AbortSignal,
): Promise<void> {
  const { ledger, clock, count, publishers, shipmentLimits } = options;
  // Edges that waited for the bridge are given the time to say hello.
  let silenceDueMs = clock.monotonicMs() + silenceIntervalMs;
  let expiredThroughMs = clock.nowMs() - silenceIntervalMs;
  while (!signal.aborted) {
    if (clock.monotonicMs() >= silenceDueMs) {
      silenceDueMs = clock.monotonicMs() + silenceIntervalMs;
      const looks = [
        () => ledger.raiseSilences(clock.nowMs()),
        () => ledger.receiving.raiseOverdue(clock.nowMs(), shipmentLimits),
      ];
      const look = () => ledger.counting.sweep(clock.nowMs());
      const { changedItems, ...swept } = await unlessRefused(look, nothingSettled, count);
      const alerts: Alert[] = [...swept.alerts];
      for (const raise of looks) alerts.push(...(await unlessRefused(raise, [], count)));
      if (alerts.length + changedItems.length > 0) {
        publishers.onPosted({ entries: [], changedItems, alerts });
      }
    }
    const startedMs = clock.monotonicMs();
    const { itemCount, refusedItemCount, ...posted } = await unlessRefused(
      () => ledger.settle(clock.nowMs()),
      nothingSettled,
      count,
    );
    const restMs = restFactor * (clock.monotonicMs() - startedMs);
    if (itemCount > 0) count("settled_items", itemCount);
    if (refusedItemCount > 0) count("settled_items_refused", refusedItemCount);
    if (posted.entries.length > 0) {
      count("settled_entries", posted.entries.length);
      publishers.onPosted(posted);
    }
    const span = { afterMs: expiredThroughMs, throughMs: clock.nowMs() };
    const changedItems = await ledger.expiredReservations(span);
    expiredThroughMs = span.throughMs;
    if (changedItems.length > 0) publishers.onPosted({ entries: [], changedItems, alerts: [] });
    await sleep(clock, Math.max(restMs, itemCount === 0 ? settleIntervalMs : 0), signal);
  }
}
