// What is known of a store, made up for tests of count plan, trust and refill.

import {
  type CountItem,
  defaultCountPolicy,
} from "../../../../cloud-bridge/ledger/counting/count-policy.ts";
import type { StoreFacts } from "../../../../cloud-bridge/ledger/counting/store-facts.ts";
import { startAtMs } from "../fake-edge.ts";

export const dayMs = 86_400_000;
export const nowMs = startAtMs + 400 * dayMs;
export const daysAgo = (days: number) => nowMs - days * dayMs;

/** A store that has been watched for 400 days and of which nothing is known, unless said otherwise. */
export function factsOf(fields: Partial<StoreFacts> = {}): StoreFacts {
  return {
    ...{ storeId: "s0042", nowMs, policy: defaultCountPolicy, items: new Map() },
    ...{ accounts: [], counts: [], completeCounts: [], differences: [], sales: new Map() },
    ...{ unsold: new Set(), firstAtMs: startAtMs, facings: [], backRooms: ["s0042/stockroom"] },
    ...{ orderPlaces: [], gaps: [], uncertain: new Map() },
    ...fields,
  };
}

export function account(gtin: string, location: string, quantity: number) {
  return { gtin, location: `s0042/${location}`, quantity };
}

export function itemsOf(
  ...items: readonly [gtin: string, className: string, priceMinor?: number][]
) {
  return new Map(
    items.map(([gtin, className, priceMinor]): [string, CountItem] => [
      gtin,
      { gtin, className, priceMinor },
    ]),
  );
}

export function soldOf(...sold: readonly [gtin: string, quantity: number, lastAtMs: number][]) {
  return new Map(
    sold.map(([gtin, quantity, lastAtMs]) => [gtin, { quantity, saleCount: quantity, lastAtMs }]),
  );
}
