// What a change of one cell's weight could have been, with how likely each is beforehand.

import type { ShelfCell } from "./shelf-cell.ts";
import { gtinsOf } from "./shelf-products.ts";
import type { ShelfStock } from "./shelf-stock.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** How likely it is that something is put where it has its place that nobody holds: by staff, then, and several at once. */
const unheldPrior = 0.6;
const stockingMoreShare = 0.9;
/** And that it is one of the shelf's other products, of which nobody is known to hold one: on all cells together. */
const carriedPrior = 0.05;

/** What was taken: no more than lies there, and what was put down among it. */
export function takeable(place: {
  readonly products: readonly WeighedProduct[];
  readonly stock: ShelfStock;
  readonly scale: ShelfCell;
}): WeighedProduct[] {
  const { products, stock, scale } = place;
  const { ownCountMax } = stock;
  const own =
    ownCountMax === undefined || products.length !== 1
      ? products
      : products.map((product) => ({ ...product, quantityMax: ownCountMax }));
  return [...own, ...stock.candidates(scale.sensorSdGrams)];
}

/** What staff alone put there. */
export function stockable(products: readonly WeighedProduct[]): WeighedProduct[] {
  return products.map((product) => ({ ...product, moreShare: stockingMoreShare }));
}

/**
 * What anybody put there: what is held, what staff bring, and one of what has its place elsewhere on the shelf, which
 * may have been carried about for longer than is remembered.
 */
export function placeable(
  products: readonly WeighedProduct[],
  places: readonly { readonly products: readonly WeighedProduct[] }[],
  held: readonly WeighedProduct[],
): WeighedProduct[] {
  const here = gtinsOf(products);
  const prior = carriedPrior / Math.max(places.length - 1, 1);
  const carried = places
    .flatMap((place) => place.products)
    .filter(({ gtin }) => !here.has(gtin))
    .map((product) => ({ ...product, prior, quantityMax: 1, isHeld: true }));
  const stocked = stockable(products).map((product) => ({ ...product, prior: unheldPrior }));
  return [...held, ...stocked, ...carried];
}
