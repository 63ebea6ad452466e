// What is left of the lots of a product. Pure. Shops sell what expires first, and tills seldom say which lot it was: units
// that left without their lot are taken to be of the lots that expire first.

/** Stands where nobody told when a lot expires; it sorts behind every day. */
export const noExpiry = "9999-99-99";

/** A lot of a product in one store. */
export interface Lot {
  readonly gtin: string;
  readonly lot: string;
  /** The earliest that anybody told, YYYY-MM-DD. */
  readonly expiry?: string;
  /** Units that came under the lot's name less those that left under it. */
  readonly quantity: number;
}

/** The same with what is likely left: no more than the store has of the product. */
export interface LotLeft extends Lot {
  readonly expectedQuantity: number;
}

/** What is left of lots of one product, in order of expiry, where so many units of it are on hand. */
export function lotsLeft(lots: readonly Lot[], onHand: number): LotLeft[] {
  const named = lots.reduce((sum, { quantity }) => sum + quantity, 0);
  let goneCount = Math.max(0, named - Math.max(0, onHand));
  return lots.map((lot) => {
    const gone = Math.min(goneCount, lot.quantity);
    goneCount -= gone;
    return { ...lot, expectedQuantity: lot.quantity - gone };
  });
}
