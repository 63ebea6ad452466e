// What of a transfer was written off: held equal to what was sent and never came, so that a unit that comes late takes its
// write-off back, in whatever order facts arrive. Pure: works on a book.

import type { Alert, Entry } from "../../../contract/stock.ts";
import type { Book } from "../book.ts";
import { claimEdgeId } from "../claims.ts";
import { transitOf } from "../settle.ts";
import type { Consignment, ConsignmentLine, ReportLine } from "./consignment.ts";

/** Why its entries were posted; the other way round they take a write-off back. */
export const writeOffReason = "transfer_written_off";

/** The device that its entries name. */
const writeOffDeviceId = "transfers";

/** What is to be written off; of what never left there is nothing to lose. */
export function lostLines(report: readonly ReportLine[]): ConsignmentLine[] {
  return report.flatMap(({ item, missing, sent = 0 }) => {
    const quantity = Math.min(missing, sent);
    return quantity > 0 ? [{ item, quantity }] : [];
  });
}

/** Items of which another quantity is written off now than before. */
export function changedLosses(
  before: readonly ConsignmentLine[],
  after: readonly ConsignmentLine[],
): { item: string; before: number; after: number }[] {
  const [old, fresh] = [before, after].map(
    (lines) => new Map(lines.map(({ item, quantity }) => [item, quantity])),
  ) as [Map<string, number>, Map<string, number>];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .sort()
    .map((item) => ({ item, before: old.get(item) ?? 0, after: fresh.get(item) ?? 0 }))
    .filter((each) => each.before !== each.after);
}

/** Who or what changes a write-off, and when. */
export interface WriteOffChange {
  readonly changed: ReturnType<typeof changedLosses>;
  /** 8..40 hex digits: the outbox of its entries. */
  readonly outboxId: string;
  readonly by?: string | undefined;
  readonly nowMs: number;
}

/** Takes back the whole of what stands and posts the whole of what is right: as events, the one corrects the other. */
export function postWriteOff(
  book: Book,
  { consignmentId, from: storeId, storeId: toStoreId, closedAtMs = 0 }: Consignment,
  { changed, outboxId, by, nowMs }: WriteOffChange,
): { entries: Entry[]; alerts: Alert[] } {
  const transit = { location: transitOf(storeId, consignmentId), state: "sellable" } as const;
  const loss = { location: `${storeId}/@loss`, state: "sellable" } as const;
  const source = {
    ...{ storeId, edgeId: claimEdgeId, outboxId, sequence: 1, deviceId: writeOffDeviceId, by },
    ...{ recordedAtMs: nowMs, placedAtMs: closedAtMs, unsyncedBootId: null },
  };
  const entries: Entry[] = [];
  const alerts: Alert[] = [];
  for (const { item, before, after } of changed) {
    const same = { item, reason: writeOffReason, occurredAtMs: closedAtMs };
    if (before > 0) {
      const back = { ...same, quantity: before, from: loss, to: transit };
      entries.push(book.transfer(back, source));
    }
    if (after > 0) {
      const lost = { ...same, quantity: after, from: transit, to: loss };
      entries.push(book.transfer(lost, source));
    }
    if (after >= before) continue;
    const quantity = before - after;
    alerts.push({
      ...{ storeId, code: "item_found", severity: "info", atMs: nowMs },
      message: `${quantity} of ${item} that was written off of transfer ${consignmentId} came to ${toStoreId}`,
      detail: { item, quantity, key: consignmentId, location: transit.location },
    });
  }
  return { entries, alerts };
}
