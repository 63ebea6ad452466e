// Requests for claims, and stock for them to be about.

import { randomUUID } from "node:crypto";
import type { ReserveRequest } from "../../../cloud-bridge/ledger/claims.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { coffee, counted, FakeEdge, startAtMs } from "./fake-edge.ts";

export const claimId = () => randomUUID().replaceAll("-", "");

/** One unit of coffee in s0042 for an hour, unless said otherwise. */
export function reserve(fields: Partial<ReserveRequest> = {}): ReserveRequest {
  return {
    ...{ step: "reserve", claimId: claimId(), key: randomUUID(), digest: "a", storeId: "s0042" },
    ...{ owner: "ada", channel: "web", expiresAtMs: startAtMs + 3_600_000 },
    lines: [{ gtin: coffee, quantity: 1 }],
    ...fields,
  };
}

/** Counts what stands on the floor of a store, before the tests begin. */
export async function stock(
  ledger: SqliteLedger,
  units: Record<string, number>,
  storeId = "s0042",
): Promise<void> {
  const occurredAtMs = startAtMs - 1000;
  const lines = Object.entries(units).map(([gtin, quantity]) => ({
    ...{ gtin, quantity, observedAtMs: occurredAtMs },
  }));
  const edge = new FakeEdge(undefined, "edge-1", storeId);
  edge.append(counted(`${storeId}/floor`, {}, { occurredAtMs, lines }));
  await ledger.post([edge.batch(1)], startAtMs);
}

/** What can be promised of coffee in a store. */
export async function available(ledger: SqliteLedger, nowMs = startAtMs, storeId = "s0042") {
  const query = { gtin: coffee, channel: "web", storeIds: [storeId], nowMs };
  return (await ledger.availability(query))[0]!;
}
