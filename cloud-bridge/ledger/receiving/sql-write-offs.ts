// Writes what of a transfer is written off into the sender's books, in the transaction that changes what is missing.

import { createHash } from "node:crypto";
import type { Alert, Entry } from "../../../contract/stock.ts";
import { Book } from "../book.ts";
import type { SqlConnection } from "../database.ts";
import { loadItemsView } from "../sql-load.ts";
import { saveBook } from "../sql-save.ts";
import type { Consignment, ReportLine } from "./consignment.ts";
import { changedLosses, lostLines, postWriteOff } from "./write-off.ts";

/** What became of a write-off: the consignment is to be saved by the caller. */
export interface WrittenOff {
  readonly consignment: Consignment;
  readonly entries: readonly Entry[];
  readonly alerts: readonly Alert[];
}

/** Whether another quantity is missing than was written off, where anything was to be. */
export function isLossChanged({ writtenOff }: Consignment, report: readonly ReportLine[]): boolean {
  return writtenOff !== undefined && changedLosses(writtenOff, lostLines(report)).length > 0;
}

/** Holds what is written off equal to what is missing; the transaction has to hold the sender. */
export async function writeOffMissing(
  connection: SqlConnection,
  consignment: Consignment,
  report: readonly ReportLine[],
  { by, nowMs }: { readonly by?: string | undefined; readonly nowMs: number },
): Promise<WrittenOff> {
  const { storeId, consignmentId, from, closedAtMs = 0, writtenOff = [] } = consignment;
  const lost = lostLines(report);
  const changed = changedLosses(writtenOff, lost);
  const kept = { ...consignment, writtenOff: lost };
  if (changed.length === 0) return { consignment: kept, entries: [], alerts: [] };
  const items = changed.map(({ item }) => ({ storeId: from, item, sinceMs: closedAtMs }));
  const book = new Book(await loadItemsView(connection, items));
  const name = createHash("sha256").update(`${from} ${storeId} ${consignmentId}`).digest("hex");
  const change = { changed, outboxId: name.slice(0, 32), by, nowMs };
  const { entries, alerts } = postWriteOff(book, consignment, change);
  await saveBook(connection, book, nowMs);
  return { consignment: kept, entries, alerts };
}
