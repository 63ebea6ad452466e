// What shoppers took from a shelf and may put back, here or on another cell: each with the weight that it was found to
// have, which tells it from others better than the catalogue does.

import { z } from "zod";
import { type Gtin, gtinSchema } from "../../contract/units.ts";
import { readStored } from "./stored.ts";
import type { WeighedProduct } from "./weight-match.ts";

/** Things that are remembered; the oldest are forgotten first. */
const heldCountMax = 40;
/** How much likelier what is held is put back where it has its place, or somewhere else, than something nobody took. */
const homePrior = 4;
const elsewherePrior = 0.8;
/** Somewhere else is any of so many cells, and rarely two of one product. */
const otherCellCountMin = 4;
const elsewhereMoreShare = 0.15;
/** What was taken just now is put back; what was taken long ago has been carried on. */
const recencyMs = 180_000;

const heldSchema = z.array(z.tuple([gtinSchema, z.number(), z.int().min(1), z.number()]));

interface Held {
  readonly gtin: Gtin;
  /** Of one unit, as it was weighed. */
  readonly unitGrams: number;
  quantity: number;
  takenAtMs: number;
}

/** What is in hand before one shelf. */
export class ShelfHand {
  readonly #holdMs: number;
  readonly #strangePrior: number;
  #held: Held[] = [];

  /** `cellCount` cells are within reach; what was taken is remembered for `holdMs`. */
  constructor(holdMs: number, cellCount: number) {
    this.#holdMs = holdMs;
    this.#strangePrior = elsewherePrior / Math.max(cellCount - 1, otherCellCountMin);
  }

  /** Somebody took it. */
  add(gtin: Gtin, quantity: number, weightGrams: number, takenAtMs: number): void {
    const taken = { gtin, unitGrams: weightGrams / quantity, quantity, takenAtMs };
    this.#held = [...this.#recent(takenAtMs), taken].slice(-heldCountMax);
  }

  /** What could be put back now, as products with their own weights. `homes` have their place there. */
  candidates(nowMs: number, homes: ReadonlySet<Gtin>, sdGrams: number): WeighedProduct[] {
    return this.#recent(nowMs).map(({ gtin, unitGrams, quantity, takenAtMs }) => ({
      gtin,
      unitWeightGrams: unitGrams,
      // One of several weighs what they weigh on average, about.
      unitWeightSdGrams: quantity === 1 ? sdGrams : sdGrams + 0.015 * unitGrams,
      prior:
        (homes.has(gtin) ? homePrior : this.#strangePrior) *
        Math.exp(-Math.max(0, nowMs - takenAtMs) / recencyMs),
      ...(homes.has(gtin) ? {} : { moreShare: elsewhereMoreShare }),
      quantityMax: quantity,
      isHeld: true,
    }));
  }

  /** Somebody put it back: of those that weigh nearest to it. */
  remove(gtin: Gtin, quantity: number, weightGrams: number): void {
    const unitGrams = weightGrams / quantity;
    const nearest = this.#held
      .filter((held) => held.gtin === gtin)
      .sort(
        (one, other) => Math.abs(one.unitGrams - unitGrams) - Math.abs(other.unitGrams - unitGrams),
      );
    let left = quantity;
    for (const held of nearest) {
      const some = Math.min(left, held.quantity);
      held.quantity -= some;
      left -= some;
    }
    this.#held = this.#held.filter((held) => held.quantity > 0);
  }

  get stored(): string | null {
    const rows = this.#held.map(({ gtin, unitGrams, quantity, takenAtMs }) => [
      gtin,
      Math.round(unitGrams * 10) / 10,
      quantity,
      takenAtMs,
    ]);
    return rows.length === 0 ? null : JSON.stringify(rows);
  }

  /** False for text that cannot be read. */
  restore(text: string): boolean {
    const rows = readStored(heldSchema, text);
    this.#held = (rows ?? []).map(([gtin, unitGrams, quantity, takenAtMs]) => ({
      gtin,
      unitGrams,
      quantity,
      takenAtMs,
    }));
    return rows !== undefined;
  }

  shiftTime(byMs: number): void {
    for (const held of this.#held) held.takenAtMs += byMs;
  }

  #recent(nowMs: number): Held[] {
    return this.#held.filter(({ takenAtMs }) => nowMs - takenAtMs <= this.#holdMs);
  }
}
