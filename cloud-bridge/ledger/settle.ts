// Settlement: what a fact means as transfers between accounts. Pure. A fact may leave out, or not know,
// where a unit came from or went to; the table `routes` says what the ledger takes then. It depends on
// the plan alone, never on what else has arrived, so the order of arrival does not matter.

import type { CountedEvent, MovedEvent, Place, Step } from "../../contract/event.ts";
import { isWithin, type StockState, storeOf } from "../../contract/units.ts";

/** A transfer of one item from one account to another, not yet posted. */
export interface Movement {
  /** GTIN, or `epc/HEX` for a tag that is not GS1. */
  readonly item: string;
  readonly serial?: string | undefined;
  readonly lot?: string | undefined;
  readonly quantity: number;
  readonly from: Place;
  readonly to: Place;
  /** The event's step, or `count_difference`. */
  readonly reason: string;
  readonly occurredAtMs: number;
}

/** Where a product has its place in the plan. */
export interface Facing {
  readonly location: string;
  readonly picksSensed: boolean;
}

/** What the plan says that settlement needs. */
export interface Places {
  /** Of this event's product, in the plan's order. */
  readonly facings: readonly Facing[];
  /** The plan's first stockroom. */
  readonly stockroom: string | undefined;
}

/** A balance of one item. */
export interface Holding extends Place {
  readonly item: string;
  readonly quantity: number;
}

/** Transfers, or which rule the event breaks. */
export type Settlement =
  | { readonly ok: true; readonly movements: Movement[] }
  | { readonly ok: false; readonly message: string };

/** Counts at or above this confidence, and a person's (who gives none), change balances. */
export const countConfidenceMin = 0.98;

// `seen`: where the event was observed. `shelf`: where the plan has the product. `stockroom`: the
// plan's first. `sold`: the basket where the plan says that picks are sensed (the pick has moved the
// unit there, or will), else the shelf. `transfer`: on the way, under the reference's id.
type Spot =
  | "seen_or_shelf"
  | "seen_or_stockroom"
  | "stockroom"
  | "sold"
  | "transfer"
  | "shipped"
  | "@basket"
  | "@customer"
  | "@supplier"
  | "@unknown";

const routes: Record<Step, { from: Spot; to: Spot; toState?: StockState }> = {
  receiving: { from: "@supplier", to: "seen_or_stockroom" },
  stocking: { from: "stockroom", to: "seen_or_shelf" },
  customer_pick: { from: "seen_or_shelf", to: "@basket" },
  customer_putback: { from: "@basket", to: "seen_or_shelf" },
  retail_selling: { from: "sold", to: "@customer" },
  returning: { from: "@customer", to: "seen_or_shelf", toState: "returned" },
  shipping: { from: "seen_or_stockroom", to: "shipped" },
  arriving: { from: "transfer", to: "seen_or_stockroom" },
  departing: { from: "seen_or_stockroom", to: "transfer" },
  relocating: { from: "@unknown", to: "seen_or_shelf" },
  first_seen: { from: "@unknown", to: "seen_or_shelf" },
};

/** The name under which an item's balances are kept. */
export function itemKeyOf(item: MovedEvent["item"]): string {
  return item.gtin ?? `epc/${item.epc}`;
}

/** Transfers of a `moved` event. */
export function settleMoved(event: MovedEvent, storeId: string, places: Places): Settlement {
  const route = routes[event.step];
  const from = event.from ?? {
    location: locate(route.from, event, storeId, places),
    state: "sellable",
  };
  const to = event.to ?? {
    location: locate(route.to, event, storeId, places),
    state: route.toState ?? "sellable",
  };
  if (storeOf(from.location) !== storeId) return outside("from.location", from.location, storeId);
  if (storeOf(to.location) !== storeId) return outside("to.location", to.location, storeId);
  if (from.location === to.location && from.state === to.state) return { ok: true, movements: [] };
  const { step: reason, quantity, occurredAtMs } = event;
  const { serial, lot } = event.item;
  const item = itemKeyOf(event.item);
  const movement = { item, serial, lot, quantity, from, to, reason, occurredAtMs };
  return { ok: true, movements: [movement] };
}

function locate(spot: Spot, event: MovedEvent, storeId: string, places: Places): string {
  const shelf = places.facings[0]?.location ?? `${storeId}/floor`;
  const stockroom = places.stockroom ?? `${storeId}/stockroom`;
  const isTransfer = event.reference?.type === "transfer";
  const transit = `${storeId}/@transit/${nameOf(event.reference?.id ?? "unnamed")}`;
  switch (spot) {
    case "seen_or_shelf":
      return event.readPoint ?? shelf;
    case "seen_or_stockroom":
      return event.readPoint ?? stockroom;
    case "stockroom":
      return stockroom;
    case "sold":
      return places.facings.some((facing) => facing.picksSensed) ? `${storeId}/@basket` : shelf;
    case "transfer":
      return transit;
    case "shipped":
      return isTransfer ? transit : `${storeId}/@customer`;
    default:
      return `${storeId}/${spot}`;
  }
}

// A reference's id as a name in a location: lower case, and `-` for what may not stand there.
function nameOf(id: string): string {
  const name = id.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return name.replace(/^-+/, "").slice(0, 64) || "unnamed";
}

/** Whether a count is sure enough to change balances. */
export function isCountSure({ confidence }: CountedEvent): boolean {
  return confidence === undefined || confidence >= countConfidenceMin;
}

/**
 * Transfers of a `counted` event: for each product the difference between what was counted and what
 * `holdings` says of the location and all below it, against `@variance`. Too much is posted at the
 * location itself; too little is taken from the accounts that hold it, the location itself last.
 */
export function settleCounted(
  event: CountedEvent,
  storeId: string,
  holdings: readonly Holding[],
): Settlement {
  const { location, state, complete } = event;
  if (storeOf(location) !== storeId) return outside("location", location, storeId);
  const covered = new Map<string, Holding[]>();
  for (const holding of holdings) {
    if (holding.state !== state || !isReal(holding.location)) continue;
    if (!isWithin(holding.location, location)) continue;
    covered.set(holding.item, [...(covered.get(holding.item) ?? []), holding]);
  }
  const counted = new Map<string, { quantity: number; atMs: number }>();
  for (const { gtin, quantity, observedAtMs } of event.lines) {
    const before = counted.get(gtin);
    const atMs = Math.max(before?.atMs ?? 0, observedAtMs);
    counted.set(gtin, { quantity: (before?.quantity ?? 0) + quantity, atMs });
  }
  for (const item of complete ? covered.keys() : []) {
    const isGtin = !item.startsWith("epc/");
    if (isGtin && !counted.has(item)) counted.set(item, { quantity: 0, atMs: event.occurredAtMs });
  }
  const movements: Movement[] = [];
  for (const [item, { quantity, atMs }] of counted) {
    const place = { location, state };
    const variance = { location: `${storeId}/@variance`, state };
    for (const { account, difference } of spread(place, covered.get(item) ?? [], quantity)) {
      movements.push({
        item,
        quantity: Math.abs(difference),
        from: difference > 0 ? variance : account,
        to: difference > 0 ? account : variance,
        reason: "count_difference",
        occurredAtMs: atMs,
      });
    }
  }
  return { ok: true, movements };
}

// By how much each account has to change so that together they hold what was counted.
function spread(place: Place, held: readonly Holding[], quantity: number) {
  let difference = quantity - held.reduce((sum, holding) => sum + holding.quantity, 0);
  const changes: { account: Place; difference: number }[] = [];
  for (const { location, state, quantity: stock } of difference < 0 ? held : []) {
    if (location === place.location || stock <= 0) continue;
    const taken = Math.min(stock, -difference);
    if (taken > 0) changes.push({ account: { location, state }, difference: -taken });
    difference += taken;
  }
  if (difference !== 0) changes.push({ account: place, difference });
  return changes;
}

/** Whether a location is a place in the store, not a virtual one (`@basket` and the like). */
export function isReal(location: string): boolean {
  return !location.includes("/@");
}

/** Whether balances of a location may be negative: the outside of the store, where the sum becomes zero. */
export function isOutside(location: string): boolean {
  return /\/@(supplier|customer|variance|loss|unknown)$/.test(location);
}

function outside(field: string, location: string, storeId: string): Settlement {
  return { ok: false, message: `${field} ${location} lies outside store ${storeId}` };
}
