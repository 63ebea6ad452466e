// What can be promised of a GTIN in a store to orders of a channel, and from where such an order is picked. Pure.

import { distrustedOf } from "./counting/trust-gate.ts";
import { type OrderPlace, orderPlaceIndex, webChannel } from "./place-roles.ts";

/** Stands for every GTIN, or every channel, in what is withheld. */
export const anyWord = "*";

/** Units kept from being promised: from a channel (a limit), or from all (`*`: safety stock). */
export interface Withheld {
  readonly storeId: string;
  /** GTIN, or `*` where nothing is said of it. */
  readonly gtin: string;
  readonly channel: string;
  readonly quantity: number;
}

/** Units of claims that are reserved and not over: of all of them, and of those of the web channel. */
export interface Reserved {
  readonly quantity: number;
  readonly webQuantity: number;
}

/** Sellable units at a real place. */
export interface SellableStock {
  readonly location: string;
  readonly quantity: number;
}

/** What availability depends on, of one GTIN in one store. */
export interface StockOnOffer {
  readonly accounts: readonly SellableStock[];
  readonly orderPlaces: readonly OrderPlace[];
  readonly reserved: Reserved;
  readonly withheld: readonly Withheld[];
  /** Share of what is on hand that is not trusted, in percent. */
  readonly gatePercent: number;
}

/** Parts of what may be promised of one GTIN in one store to one channel. */
export interface Availability {
  /** At places whose units the channel may have. */
  readonly onHand: number;
  /** Of these, what orders wait for. */
  readonly reserved: number;
  readonly safetyStock: number;
  readonly channelLimit: number;
  /** Kept because the book is not trusted so far; 0 where the store does not ask for that. */
  readonly distrusted: number;
  /** Never below zero. */
  readonly available: number;
}

/** Available to promise: what is on hand less what is reserved, withheld and not trusted. */
export function availabilityOf(
  { accounts, orderPlaces, reserved: held, withheld, gatePercent }: StockOnOffer,
  { storeId, gtin, channel }: { storeId: string; gtin: string; channel: string },
): Availability {
  const kindAt = orderPlaceIndex(orderPlaces);
  const sums = { all: 0, web: 0, none: 0 };
  for (const { location, quantity } of accounts) sums[kindAt(location)] += quantity;
  const isWeb = channel === webChannel;
  const onHand = sums.all + (isWeb ? sums.web : 0);
  // Web orders are served from dark stores first, and keep from others only what these lack.
  const dark = isWeb ? 0 : Math.min(held.webQuantity, Math.max(0, sums.web));
  const reserved = held.quantity - dark;
  const safetyStock = withheldOf(withheld, storeId, gtin, anyWord);
  const channelLimit = withheldOf(withheld, storeId, gtin, channel);
  const distrusted = distrustedOf(onHand, gatePercent);
  const kept = reserved + safetyStock + channelLimit + distrusted;
  const available = Math.max(0, onHand - kept);
  return { onHand, reserved, safetyStock, channelLimit, distrusted, available };
}

/** Where an order of a channel is picked: what was brought to a collection point, then what only the web may have. */
export function pickedFrom<T extends SellableStock>(
  accounts: readonly T[],
  orderPlaces: readonly OrderPlace[],
  channel: string,
): T[] {
  const kindAt = orderPlaceIndex(orderPlaces);
  const order = ["none", ...(channel === webChannel ? ["web"] : []), "all"];
  const rankOf = ({ location }: T) => order.indexOf(kindAt(location));
  return accounts.filter((each) => rankOf(each) >= 0).sort((a, b) => rankOf(a) - rankOf(b));
}

/** What is withheld of a GTIN: what is said of it, else of all GTINs of the store, else nothing. */
function withheldOf(rows: readonly Withheld[], storeId: string, gtin: string, by: string) {
  const of = (item: string) =>
    rows.find((row) => row.storeId === storeId && row.gtin === item && row.channel === by);
  return (of(gtin) ?? of(anyWord))?.quantity ?? 0;
}
