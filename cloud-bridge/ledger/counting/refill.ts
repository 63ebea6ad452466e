// What the floor lacks while the back room has it, by the sales that are lost until the next delivery. Pure.

import type { Alert } from "../../../contract/stock.ts";
import { isWithin } from "../../../contract/units.ts";
import { orderPlaceIndex } from "../place-roles.ts";
import { type StoreFacts, salesPerDay } from "./store-facts.ts";

const dayMs = 86_400_000;
/** Above this rate a Poisson distribution is as good as its mean. */
const poissonMeanMax = 400;

/** A product that is to be carried to its place. */
export interface RefillLine {
  readonly gtin: string;
  readonly location: string;
  /** At its place, all its places, and in back rooms. */
  readonly shelfQuantity: number;
  readonly floorQuantity: number;
  readonly backQuantity: number;
  readonly salesPerDay: number;
  /** Units that would be sold until the next delivery and cannot, but could if the back room were emptied. */
  readonly lostUnits: number;
  readonly lostValueMinor: number;
  readonly refillQuantity: number;
  readonly from: string;
}

/** When the next delivery comes. */
export function nextDeliveryAtMs(
  { deliveryAtMs, deliveryIntervalMs }: { deliveryAtMs: number; deliveryIntervalMs: number },
  nowMs: number,
): number {
  if (deliveryAtMs > nowMs) return deliveryAtMs;
  const passed = Math.floor((nowMs - deliveryAtMs) / deliveryIntervalMs) + 1;
  return deliveryAtMs + passed * deliveryIntervalMs;
}

/**
 * Expected units that are asked for and not there: E[(D - stock)+] for Poisson demand. Without stock it is the
 * rate of sale times the time.
 */
export function expectedLost(demandMean: number, stock: number): number {
  if (stock <= 0) return demandMean;
  if (demandMean > poissonMeanMax) return Math.max(0, demandMean - stock);
  // E[(D - s)+] = mean - s + sum over k < s of (s - k) P(D = k)
  let probability = Math.exp(-demandMean);
  let lost = demandMean - stock;
  for (let count = 0; count < stock; count += 1) {
    lost += (stock - count) * probability;
    probability *= demandMean / (count + 1);
  }
  return Math.max(0, lost);
}

/** What is to be carried to the floor, the most lost sales first. */
export function refillList(facts: StoreFacts): RefillLine[] {
  const { nowMs, policy, items } = facts;
  const untilMs = nextDeliveryAtMs(policy, nowMs) - nowMs;
  const { isShop, isBack } = placesOf(facts);
  const facings = facts.facings.filter(isShop);
  const byGtin = new Map<string, StoreFacts["accounts"][number][]>();
  for (const account of facts.accounts.filter(isShop)) {
    byGtin.set(account.gtin, [...(byGtin.get(account.gtin) ?? []), account]);
  }
  const placeCounts = new Map<string, number>();
  for (const { gtin } of facings) placeCounts.set(gtin, (placeCounts.get(gtin) ?? 0) + 1);
  const lines = facings.flatMap(({ gtin, location }): RefillLine[] => {
    const accounts = byGtin.get(gtin) ?? [];
    const back = accounts.filter((each) => isBack(each.location) && each.quantity > 0);
    const backQuantity = sum(back);
    if (backQuantity === 0 || isBack(location)) return [];
    const floorQuantity = sum(accounts.filter((each) => !isBack(each.location)));
    const shelfQuantity = sum(accounts.filter((each) => isWithin(each.location, location)));
    const rate = salesPerDay(facts, gtin);
    const demand = (rate * untilMs) / dayMs;
    // Customers find a product at any of its places; none of them alone loses its sales.
    const placeCount = placeCounts.get(gtin) ?? 1;
    const isEmpty = shelfQuantity <= 0;
    const lost = expectedLost(demand, Math.max(0, floorQuantity));
    const lostUnits = Math.min(backQuantity, lost) / (floorQuantity > 0 ? 1 : placeCount);
    if (!isEmpty && Math.ceil(demand) <= floorQuantity) return [];
    const wanted = Math.max(1, Math.ceil(demand) - Math.max(0, floorQuantity));
    return [
      {
        ...{ gtin, location, shelfQuantity, floorQuantity, backQuantity, salesPerDay: rate },
        ...{
          lostUnits,
          lostValueMinor: Math.round(lostUnits * (items.get(gtin)?.priceMinor ?? 0)),
        },
        refillQuantity: Math.min(backQuantity, wanted),
        from: [...back].sort((a, b) => b.quantity - a.quantity)[0]!.location,
      },
    ];
  });
  return lines.sort(
    (a, b) =>
      b.lostUnits - a.lostUnits || (`${a.gtin} ${a.location}` < `${b.gtin} ${b.location}` ? -1 : 1),
  );
}

/** Alerts of shelves that are empty while the back room has stock. */
export function emptyShelfAlerts(
  { storeId, nowMs }: Pick<StoreFacts, "storeId" | "nowMs">,
  lines: readonly RefillLine[],
): Alert[] {
  return lines
    .filter(({ shelfQuantity }) => shelfQuantity <= 0)
    .map(({ gtin: item, location, from, backQuantity, lostUnits, salesPerDay: rate, ...rest }) => ({
      ...{ storeId, code: "shelf_empty", severity: "warning", atMs: nowMs },
      message: `${item} is not at ${location}, and ${backQuantity} are in the back: about ${lostUnits.toFixed(1)} sales are lost until the next delivery`,
      detail: {
        ...{ item, location, from, backQuantity, shelfQuantity: rest.shelfQuantity },
        ...{ salesPerDay: rate, lostUnits, refillQuantity: rest.refillQuantity },
      },
    }));
}

/** Why a shelf that was told of as empty is none any more: what became of it, of the back room or of its place in the plan. */
export function shelfEnd(
  facts: StoreFacts,
  { gtin, location }: { readonly gtin: string; readonly location: string },
): ShelfEnd {
  const { isShop, isBack } = placesOf(facts);
  const accounts = facts.accounts.filter((each) => each.gtin === gtin && isShop(each));
  if (sum(accounts.filter((each) => isWithin(each.location, location))) > 0) return "refilled";
  const hasBack = accounts.some((each) => isBack(each.location) && each.quantity > 0);
  return hasBack ? "place_changed" : "back_room_empty";
}

/** Causes of the ends of alerts of empty shelves. */
export const shelfEnds = ["refilled", "back_room_empty", "place_changed"] as const;
export type ShelfEnd = (typeof shelfEnds)[number];

function placesOf({ orderPlaces, backRooms }: Pick<StoreFacts, "orderPlaces" | "backRooms">) {
  const kindAt = orderPlaceIndex(orderPlaces);
  return {
    isShop: ({ location }: { location: string }) => kindAt(location) === "all",
    isBack: (location: string) => backRooms.some((room) => isWithin(location, room)),
  };
}

function sum(accounts: readonly { readonly quantity: number }[]): number {
  return accounts.reduce((total, { quantity }) => total + quantity, 0);
}
