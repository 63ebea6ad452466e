// The hash chain over a store's entries: each hash covers the previous one and the entry itself.

import { hash } from "node:crypto";
import type { Entry } from "../../contract/stock.ts";

/** The hash before the first entry of a store: binds the chain to the store. */
export function genesisHash(storeId: string): string {
  return hash("sha256", `gondola ledger ${storeId}`);
}

/**
 * The hash of an entry: SHA-256 of previous hash, newline, and the entry without its two hashes as
 * canonical JSON. The members are listed in their sorted order, which makes `JSON.stringify` canonical;
 * those that an entry lacks (`by`, `lot`, `serial`) are not in it.
 */
export function entryHash(
  previousHash: string,
  entry: Omit<Entry, "hash" | "previousHash">,
): string {
  const { from, to } = entry;
  const text = JSON.stringify({
    by: entry.by,
    deviceId: entry.deviceId,
    edgeId: entry.edgeId,
    entryNumber: entry.entryNumber,
    from: { location: from.location, state: from.state },
    item: entry.item,
    lot: entry.lot,
    occurredAtMs: entry.occurredAtMs,
    outboxId: entry.outboxId,
    quantity: entry.quantity,
    reason: entry.reason,
    recordedAtMs: entry.recordedAtMs,
    sequence: entry.sequence,
    serial: entry.serial,
    storeId: entry.storeId,
    to: { location: to.location, state: to.state },
  });
  return hash("sha256", `${previousHash}\n${text}`);
}
