// What shoppers and staff do at a weight shelf: take one or more, hesitate, put back where it was or elsewhere, press
// on a shelf without taking, restock; alone or several at once. Gives loads for the cells and the truth of it.

import { checkDigitOf } from "../../contract/gs1/check-digit.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Gtin } from "../../contract/units.ts";
import { gaussian, integerBetween, type Random } from "../random.ts";
import type { LoadChange } from "./load-cells.ts";

/** How a shelf is used. */
export interface ShelfUse {
  /** Columns of products. */
  readonly columnCount: number;
  /** Whether each column has a cell of its own; else one cell carries all. */
  readonly hasCellPerColumn: boolean;
  readonly actionCount: number;
  /** From the end of an action to the next, on average. */
  readonly gapMs: number;
  /** Share of actions that begin while another one goes on at another column. */
  readonly overlapShare: number;
  /** Shares of what is done; the rest are picks. */
  readonly putbackShare: number;
  /** Of put-backs. */
  readonly wrongPlaceShare: number;
  readonly touchShare: number;
  readonly restockShare: number;
  readonly slowLiftShare: number;
  /** Standard deviation between units, relative; the median product's. */
  readonly unitSdShare: number;
  /** Of picks: the hand lies on the shelf for seconds before it lifts anything. */
  readonly holdShare?: number | undefined;
  /** Of picks: two are lifted, one is put back in the same breath. */
  readonly returnOneShare?: number | undefined;
  /** Of picks: what was taken from the next column is put down where one is taken. */
  readonly swapShare?: number | undefined;
  /** Each second column weighs what the one before it does, within half a percent. */
  readonly hasTwins?: boolean | undefined;
  /** A plan that keeps alike weights apart: no two products on the shelf are nearer than this share; 0 by default. */
  readonly apartShare?: number | undefined;
}

/** A change of stock that really happened at a column. */
export interface ShelfTruth {
  readonly atMs: number;
  readonly endMs: number;
  readonly column: number;
  readonly gtin: Gtin;
  /** Negative for what was taken. */
  readonly quantity: number;
}

/** A shelf, what was done to it, and what is true. */
export interface ShelfDay {
  readonly plan: Plan;
  readonly changes: LoadChange[];
  readonly truth: ShelfTruth[];
  /** Units per column and product, `column/gtin`, at the beginning and at the end. */
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  readonly endMs: number;
}

export const shelfStoreId = "s0042";
/** Location of a column. */
export const columnLocation = (column: number) => `${shelfStoreId}/floor/gondola-1/c${column}`;
/** Location of the whole shelf. */
export const shelfLocation = `${shelfStoreId}/floor/gondola-1`;

/** A hand does not press evenly: so much of its force, standard deviation. */
const tremorShare = 0.1;

interface Product {
  readonly gtin: Gtin;
  readonly column: number;
  readonly unitWeightGrams: number;
  readonly sdGrams: number;
}

interface Unit {
  readonly product: Product;
  readonly weightGrams: number;
}

/** Plays a day. */
export function playShelf(use: ShelfUse, fromMs: number, random: Random): ShelfDay {
  const play = new ShelfPlay(use, fromMs, random);
  return play.run();
}

class ShelfPlay {
  readonly #use: ShelfUse;
  readonly #random: Random;
  readonly #products: Product[];
  readonly #columns: Unit[][];
  readonly #changes: LoadChange[] = [];
  readonly #truth: ShelfTruth[] = [];
  readonly #busyUntilMs: number[];
  /** Taken, and perhaps put back. */
  #inHand: { unit: Unit; column: number }[] = [];
  #nowMs: number;

  constructor(use: ShelfUse, fromMs: number, random: Random) {
    this.#use = use;
    this.#random = random;
    this.#nowMs = fromMs;
    this.#products = [];
    while (this.#products.length < use.columnCount) {
      this.#products.push(this.#product(this.#products.length + 1));
    }
    this.#columns = this.#products.map((product) =>
      Array.from({ length: integerBetween(random, 8, 20) }, () => this.#unit(product)),
    );
    this.#busyUntilMs = this.#columns.map(() => fromMs);
    for (const [at, units] of this.#columns.entries()) {
      for (const unit of units) this.#load(at + 1, fromMs, unit.weightGrams, 1);
    }
  }

  run(): ShelfDay {
    const before = this.#counts();
    this.#nowMs += 10_000;
    for (let count = 0; count < this.#use.actionCount; count += 1) {
      const endMs = this.#act();
      const isOverlapping = this.#random() < this.#use.overlapShare;
      const gapMs = -Math.log(1 - this.#random()) * this.#use.gapMs + 3_000;
      this.#nowMs = isOverlapping ? this.#nowMs + 400 : Math.max(endMs, this.#nowMs) + gapMs;
    }
    const endMs = Math.max(...this.#busyUntilMs, this.#nowMs) + 60_000;
    this.#changes.sort((one, other) => one.atMs - other.atMs);
    return {
      plan: this.#plan(),
      changes: this.#changes,
      truth: this.#truth,
      before,
      after: this.#counts(),
      endMs,
    };
  }

  /** One thing is done; returns when it ends. */
  #act(): number {
    const { putbackShare, touchShare, restockShare } = this.#use;
    const chance = this.#random();
    const held = this.#inHand.at(-1);
    if (chance < putbackShare && held !== undefined) return this.#putBack(held);
    if (chance < putbackShare + touchShare) return this.#touch();
    const emptiest = this.#columns
      .map((units, at) => ({ at, count: units.length }))
      .sort((one, other) => one.count - other.count)[0]!;
    if (chance < putbackShare + touchShare + restockShare || emptiest.count < 3) {
      return this.#restock(emptiest.at + 1);
    }
    return this.#pick();
  }

  #pick(): number {
    const { holdShare = 0, returnOneShare = 0, swapShare = 0 } = this.#use;
    const column = this.#freeColumn();
    const units = this.#columns[column - 1]!;
    if (swapShare > 0 && this.#random() < swapShare) return this.#swap(column);
    if (returnOneShare > 0 && units.length > 1 && this.#random() < returnOneShare) {
      return this.#returnOne(column);
    }
    const wanted = this.#random() < 0.78 ? 1 : integerBetween(this.#random, 2, 3);
    const taken = units.splice(Math.max(0, units.length - wanted));
    if (taken.length === 0) return this.#touch();
    const startMs = this.#nowMs;
    const isHeld = holdShare > 0 && this.#random() < holdShare;
    const holdMs = isHeld ? integerBetween(this.#random, 3_000, 12_000) : undefined;
    const handMs = this.#hand(column, startMs, holdMs);
    const isSlow = this.#random() < this.#use.slowLiftShare;
    const riseMs = isSlow
      ? integerBetween(this.#random, 1_000, 3_000)
      : integerBetween(this.#random, 120, 500);
    const weightGrams = taken.reduce((sum, unit) => sum + unit.weightGrams, 0);
    this.#load(column, handMs, -weightGrams, riseMs);
    const endMs = handMs + riseMs;
    this.#tell(column, startMs, endMs, taken, -1);
    this.#inHand = [...this.#inHand, ...taken.map((unit) => ({ unit, column }))].slice(-6);
    return endMs;
  }

  /** Two are lifted, and one put back, before the shelf comes to rest. */
  #returnOne(column: number): number {
    const [kept, back] = this.#columns[column - 1]!.splice(-2);
    const startMs = this.#nowMs;
    const handMs = this.#hand(column, startMs);
    this.#load(column, handMs, -kept!.weightGrams - back!.weightGrams, 300);
    const backMs = handMs + 300 + integerBetween(this.#random, 200, 500);
    this.#load(column, backMs, back!.weightGrams, 200);
    this.#columns[column - 1]!.push(back!);
    this.#tell(column, startMs, backMs + 200, [kept!], -1);
    return backMs + 200;
  }

  /** One is taken from the twin column, and left here in the place of one that is taken instead. */
  #swap(column: number): number {
    const twin = column % 2 === 0 ? column - 1 : column + 1;
    const brought = this.#columns[twin - 1]?.pop();
    const taken = this.#columns[column - 1]!.pop();
    if (brought === undefined || taken === undefined) return this.#touch();
    const startMs = Math.max(this.#nowMs, this.#busyUntilMs[twin - 1]!);
    this.#load(twin, startMs, -brought.weightGrams, 300);
    this.#tell(twin, startMs, startMs + 300, [brought], -1);
    const hereMs = Math.max(startMs + 4_000, this.#busyUntilMs[column - 1]!);
    this.#load(column, hereMs, -taken.weightGrams, 300);
    this.#load(column, hereMs + 600, brought.weightGrams, 300);
    this.#columns[column - 1]!.push(brought);
    this.#tell(column, hereMs, hereMs + 900, [taken], -1);
    this.#tell(column, hereMs, hereMs + 900, [brought], 1);
    return hereMs + 900;
  }

  #putBack(held: { unit: Unit; column: number }): number {
    this.#inHand.pop();
    const isWrong = this.#random() < this.#use.wrongPlaceShare;
    const column = isWrong ? this.#freeColumn() : held.column;
    const startMs = Math.max(this.#nowMs, this.#busyUntilMs[column - 1]!);
    const riseMs = integerBetween(this.#random, 150, 600);
    this.#load(column, startMs, held.unit.weightGrams, riseMs);
    const endMs = this.#hand(column, startMs + riseMs);
    this.#columns[column - 1]!.push(held.unit);
    this.#tell(column, startMs, endMs, [held.unit], 1);
    return endMs;
  }

  #touch(): number {
    return this.#hand(this.#freeColumn(), this.#nowMs);
  }

  /** Staff put several on it, one after the other. */
  #restock(column: number): number {
    const product = this.#products[column - 1]!;
    const startMs = Math.max(this.#nowMs, this.#busyUntilMs[column - 1]!);
    const units = Array.from({ length: integerBetween(this.#random, 3, 8) }, () =>
      this.#unit(product),
    );
    let atMs = startMs;
    for (const unit of units) {
      this.#load(column, atMs, unit.weightGrams, 300);
      atMs += integerBetween(this.#random, 500, 1_200);
    }
    this.#columns[column - 1]!.push(...units);
    this.#tell(column, startMs, atMs, units, 1);
    return atMs;
  }

  /** A hand presses on the column and lets go; returns when. */
  #hand(column: number, atMs: number, longMs?: number): number {
    const force = (this.#random() < 0.3 ? -1 : 1) * (30 + this.#random() * 250);
    const holdMs = longMs ?? integerBetween(this.#random, 200, 1_200);
    let pressedGrams = force;
    this.#load(column, atMs, force, 150);
    for (let heldMs = 150; heldMs < holdMs; heldMs += 100) {
      const nextGrams = force * gaussian(this.#random, 1, tremorShare);
      this.#load(column, atMs + heldMs, nextGrams - pressedGrams, 100);
      pressedGrams = nextGrams;
    }
    this.#load(column, atMs + 150 + holdMs, -pressedGrams, 150);
    return atMs + 300 + holdMs;
  }

  #freeColumn(): number {
    const free = this.#busyUntilMs.flatMap((untilMs, at) =>
      untilMs <= this.#nowMs ? [at + 1] : [],
    );
    const among = free.length > 0 ? free : this.#columns.map((_, at) => at + 1);
    return among[integerBetween(this.#random, 0, among.length - 1)]!;
  }

  #load(column: number, atMs: number, deltaGrams: number, riseMs: number): void {
    const cell = this.#use.hasCellPerColumn ? column : 1;
    this.#changes.push({ atMs, cell, deltaGrams, riseMs });
  }

  #tell(column: number, atMs: number, endMs: number, units: readonly Unit[], sign: 1 | -1): void {
    this.#busyUntilMs[column - 1] = endMs + 2_500;
    const gtins = new Set(units.map(({ product }) => product.gtin));
    for (const gtin of gtins) {
      const count = units.filter(({ product }) => product.gtin === gtin).length;
      this.#truth.push({ atMs, endMs, column, gtin, quantity: sign * count });
    }
  }

  #counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [at, units] of this.#columns.entries()) {
      for (const { product } of units) {
        const key = `${at + 1}/${product.gtin}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    return counts;
  }

  #product(column: number): Product {
    const digits = `0952132100${String(column).padStart(3, "0")}`;
    const { apartShare = 0, hasTwins = false } = this.#use;
    const before = this.#products.at(-1);
    const isAlike = (grams: number) =>
      this.#products.some((one) => Math.abs(Math.log(grams / one.unitWeightGrams)) < apartShare);
    // Between a tin of tea and a bottle.
    const draw = () => Math.round(Math.exp(Math.log(80) + this.#random() * Math.log(14)));
    let unitWeightGrams = draw();
    while (isAlike(unitWeightGrams)) unitWeightGrams = draw();
    if (hasTwins && column % 2 === 0 && before !== undefined) {
      unitWeightGrams = Math.round(before.unitWeightGrams * 10.05) / 10;
    }
    const share = Math.min(0.06, this.#use.unitSdShare * Math.exp(gaussian(this.#random, 0, 0.6)));
    const gtin = `${digits}${checkDigitOf(digits)}` as Gtin;
    return { gtin, column, unitWeightGrams, sdGrams: unitWeightGrams * share };
  }

  #unit(product: Product): Unit {
    const sigmas = Math.max(-2.5, Math.min(2.5, gaussian(this.#random, 0, 1)));
    return { product, weightGrams: product.unitWeightGrams + sigmas * product.sdGrams };
  }

  #plan(): Plan {
    const { hasCellPerColumn } = this.#use;
    const locations = [
      shelfLocation,
      ...this.#products.map(({ column }) => columnLocation(column)),
    ];
    return {
      schemaVersion: 1,
      storeId: shelfStoreId,
      version: 1,
      products: this.#products.map(({ gtin, unitWeightGrams, sdGrams }) => ({
        gtin,
        name: `Product ${gtin}`,
        unitWeightGrams,
        unitWeightSdGrams: sdGrams,
      })),
      locations: locations.map((location) => ({ location, role: "shelf", picksSensed: true })),
      facings: this.#products.map(({ gtin, column }) => ({
        gtin,
        location: hasCellPerColumn ? columnLocation(column) : shelfLocation,
      })),
    };
  }
}
