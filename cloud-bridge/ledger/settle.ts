// Settlement: what a fact means as transfers between accounts. Pure. A fact may leave out, or not know,
// where a unit came from or went to; the table `routes` says what the ledger takes then. It depends on
// the plan alone, never on what else has arrived, so the order of arrival does not matter.

import type { CountedEvent, MovedEvent, Place, Step } from "../../contract/event.ts";
import { type StockState, storeOf } from "../../contract/units.ts";

/** A transfer of one item from one account to another, not yet posted. */
export interface Movement {
  /** GTIN, or `epc/HEX` for a tag that is not GS1. */
  readonly item: string;
  readonly serial?: string | undefined;
  readonly lot?: string | undefined;
  /** Of the lot, YYYY-MM-DD. */
  readonly expiry?: string | undefined;
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

/** Transfers, or which rule the event breaks. */
export type Settlement =
  | { readonly ok: true; readonly movements: Movement[] }
  | { readonly ok: false; readonly message: string };

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
  | "supplied"
  | "@basket"
  | "@customer"
  | "@unknown";

const routes: Record<Step, { from: Spot; to: Spot; toState?: StockState }> = {
  receiving: { from: "supplied", to: "seen_or_stockroom" },
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
  const { serial, lot, expiry } = event.item;
  const item = itemKeyOf(event.item);
  const unit = { item, serial, lot, expiry };
  const movement = { ...unit, quantity, from, to, reason, occurredAtMs };
  return { ok: true, movements: [movement] };
}

function locate(spot: Spot, event: MovedEvent, storeId: string, places: Places): string {
  const shelf = places.facings[0]?.location ?? `${storeId}/floor`;
  const stockroom = places.stockroom ?? `${storeId}/stockroom`;
  const isTransfer = event.reference?.type === "transfer";
  const transit = transitOf(storeId, event.reference?.id ?? "unnamed");
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
    case "supplied":
      return isTransfer ? transit : `${storeId}/@supplier`;
    case "shipped":
      return isTransfer ? transit : `${storeId}/@customer`;
    default:
      return `${storeId}/${spot}`;
  }
}

/** A store's account of what is on its way under a transfer's name. */
export function transitOf(storeId: string, transferId: string): string {
  return `${storeId}/@transit/${nameOf(transferId)}`;
}

/** What a location says of the transfer under whose name it is, the same in the sender's store and the receiver's. */
export function transitNameOf(location: string): string | undefined {
  const at = location.indexOf("/@transit/");
  return at < 0 ? undefined : location.slice(at);
}

// A reference's id as a name in a location: lower case, and `-` for what may not stand there.
function nameOf(id: string): string {
  const name = id.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return name.replace(/^-+/, "").slice(0, 64) || "unnamed";
}

/** What is wrong with the location of a count; undefined where nothing is. */
export function countProblem({ location }: CountedEvent, storeId: string): string | undefined {
  if (storeOf(location) === storeId) return undefined;
  return outside("location", location, storeId).message;
}

/** Whether a location is a place in the store, not a virtual one (`@basket` and the like). */
export function isReal(location: string): boolean {
  return !location.includes("/@");
}

/** Whether balances of a location may be negative: the outside of the store, where the sum becomes zero. */
export function isOutside(location: string): boolean {
  return /\/@(supplier|customer|variance|loss|unknown)$/.test(location);
}

function outside(field: string, location: string, storeId: string) {
  return { ok: false as const, message: `${field} ${location} lies outside store ${storeId}` };
}
