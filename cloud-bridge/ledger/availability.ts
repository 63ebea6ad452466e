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

/** Units in baskets by the place that they were taken from. */
export interface InHand extends SellableStock {
  readonly storeId: string;
  readonly gtin: string;
}

/** What availability depends on, of one GTIN in one store. */
export interface StockOnOffer {
  readonly accounts: readonly SellableStock[];
  /** Below zero where tills sold what no shelf has told to be taken. */
  readonly inBasket: number;
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
  /** Sold, and still in the book where they stood: no shelf has told yet. */
  readonly soldUnseen: number;
  readonly safetyStock: number;
  readonly channelLimit: number;
  /** Kept because the book is not trusted so far; 0 where the store does not ask for that. */
  readonly distrusted: number;
  /** Never below zero. */
  readonly available: number;
}

/** Available to promise: what is on hand less what is reserved, sold, withheld and not trusted. */
export function availabilityOf(
  { accounts, inBasket, orderPlaces, reserved: held, withheld, gatePercent }: StockOnOffer,
  { storeId, gtin, channel }: { storeId: string; gtin: string; channel: string },
): Availability {
  const isWeb = channel === webChannel;
  const { all, web, none } = sumsByKind(accounts, orderPlaces);
  const onHand = all + (isWeb ? web : 0);
  // Orders are picked from collection points first; those units were brought for some that wait, and are not on hand.
  const waiting = (quantity: number) => Math.max(0, quantity - Math.max(0, none));
  // Web orders are served from dark stores first, and keep from others only what these lack.
  const ofOthers = waiting(held.quantity - held.webQuantity);
  const reserved = isWeb
    ? waiting(held.quantity)
    : Math.max(ofOthers, waiting(held.quantity) - Math.max(0, web));
  const safetyStock = withheldOf(withheld, storeId, gtin, anyWord);
  const channelLimit = withheldOf(withheld, storeId, gtin, channel);
  const distrusted = distrustedOf(onHand, gatePercent);
  const soldUnseen = Math.max(0, -inBasket);
  const kept = reserved + soldUnseen + safetyStock + channelLimit + distrusted;
  const available = Math.max(0, onHand - kept);
  return { onHand, reserved, soldUnseen, safetyStock, channelLimit, distrusted, available };
}

/**
 * Where an order of a channel is picked: what was brought to a collection point, then what only the web may have. What lies
 * at a collection point and other channels' orders have nothing else to be picked from is a web order's last choice. A
 * place may come twice.
 */
export function pickedFrom(
  {
    accounts,
    orderPlaces,
    reserved: held,
  }: Omit<StockOnOffer, "withheld" | "gatePercent" | "inBasket">,
  channel: string,
): SellableStock[] {
  const kindAt = orderPlaceIndex(orderPlaces);
  const at = (kind: ReturnType<typeof kindAt>) =>
    accounts.filter(({ location }) => kindAt(location) === kind);
  if (channel !== webChannel) return [...at("none"), ...at("all")];
  const { all } = sumsByKind(accounts, orderPlaces);
  let lacking = Math.max(0, held.quantity - held.webQuantity - Math.max(0, all));
  const left: SellableStock[] = [];
  const brought = at("none").map(({ location, quantity }) => {
    const kept = Math.min(lacking, Math.max(0, quantity));
    lacking -= kept;
    left.push({ location, quantity: kept });
    return { location, quantity: quantity - kept };
  });
  return [...brought, ...at("web"), ...at("all"), ...left];
}

/**
 * The accounts of one product as whoever picks it finds them: the shelf may have told of what staff took for the order
 * before they did, and settlement puts it back (`flow.ts`).
 */
export function withInHand(
  accounts: readonly SellableStock[],
  inHand: readonly SellableStock[],
): SellableStock[] {
  const sums = new Map<string, number>();
  for (const { location, quantity } of [...accounts, ...inHand]) {
    sums.set(location, (sums.get(location) ?? 0) + quantity);
  }
  return [...sums].map(([location, quantity]) => ({ location, quantity }));
}

/** Units by whose orders they may be promised to. */
function sumsByKind(accounts: readonly SellableStock[], orderPlaces: readonly OrderPlace[]) {
  const kindAt = orderPlaceIndex(orderPlaces);
  const sums = { all: 0, web: 0, none: 0 };
  for (const { location, quantity } of accounts) sums[kindAt(location)] += quantity;
  return sums;
}

/** What is withheld of a GTIN: what is said of it, else of all GTINs of the store, else nothing. */
function withheldOf(rows: readonly Withheld[], storeId: string, gtin: string, by: string) {
  const of = (item: string) =>
    rows.find((row) => row.storeId === storeId && row.gtin === item && row.channel === by);
  return (of(gtin) ?? of(anyWord))?.quantity ?? 0;
}
