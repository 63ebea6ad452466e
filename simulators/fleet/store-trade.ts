// What happens in a store of a fleet: goods come into the stockroom, go to the floor and are sold, by chance but
// never more than is there, so that a right ledger has no negative stock.

import type { MovedConclusion } from "../../contract/event.ts";
import { checkDigitOf } from "../../contract/gs1/check-digit.ts";
import { type Gtin, gtinSchema } from "../../contract/units.ts";
import { integerBetween, type Random } from "../random.ts";

/** Units of one delivery. */
const deliveryQuantity = 24;
/** Units that staff take to the floor at once. */
const shelfQuantity = 6;

/** Trade of one store. */
export class StoreTrade {
  readonly #storeId: string;
  readonly #random: Random;
  readonly #gtinCount: number;
  readonly #stockroom = new Map<string, number>();
  readonly #floor = new Map<string, number>();

  constructor(storeId: string, gtinCount: number, random: Random) {
    this.#storeId = storeId;
    this.#gtinCount = gtinCount;
    this.#random = random;
  }

  /** The next movement, of a product that chance names. */
  next(atMs: number): MovedConclusion {
    const gtin = gtinOf(integerBetween(this.#random, 0, this.#gtinCount - 1));
    const onFloor = this.#floor.get(gtin) ?? 0;
    const inStockroom = this.#stockroom.get(gtin) ?? 0;
    const common = { type: "moved", occurredAtMs: atMs, item: { gtin } } as const;
    if (onFloor > 0) {
      this.#floor.set(gtin, onFloor - 1);
      const place = { from: this.#place("floor"), to: this.#place("@customer") };
      return { ...common, ...place, step: "retail_selling", quantity: 1, deviceId: "till-1" };
    }
    if (inStockroom > 0) {
      this.#stockroom.set(gtin, inStockroom - shelfQuantity);
      this.#floor.set(gtin, shelfQuantity);
      const place = { from: this.#place("stockroom"), to: this.#place("floor") };
      return {
        ...common,
        ...place,
        step: "stocking",
        quantity: shelfQuantity,
        deviceId: "portal-1",
      };
    }
    this.#stockroom.set(gtin, deliveryQuantity);
    const place = { from: this.#place("@supplier"), to: this.#place("stockroom") };
    return {
      ...common,
      ...place,
      step: "receiving",
      quantity: deliveryQuantity,
      deviceId: "dock-1",
    };
  }

  #place(name: string) {
    return { location: `${this.#storeId}/${name}`, state: "sellable" } as const;
  }
}

/** GTINs of GS1's range for examples. */
function gtinOf(index: number): Gtin {
  const body = `0952${String(index).padStart(9, "0")}`;
  return gtinSchema.parse(`${body}${checkDigitOf(body)}`);
}
