// The simulated store as its shoppers and staff find it: what stands where, who is at what, and how
// every act becomes something a device senses and a movement in the truth.

import assert from "node:assert/strict";
import type { Place } from "../../contract/event.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Random } from "../random.ts";
import type { Scenario } from "../scenario.ts";
import { type Barcode, Factory, type Unit } from "./goods.ts";
import { type HeardTag, hear, reachMetres } from "./radio.ts";
import { Schedule } from "./schedule.ts";
import { type Movement, Truth } from "./truth.ts";

/** What the world tells a simulated device. */
export type Control =
  | { readonly type: "field"; readonly tags: readonly HeardTag[] }
  | { readonly type: "cells"; readonly weightGrams: readonly number[] }
  | ({ readonly type: "scan" } & Barcode);

/** What a store is made of, and who listens. */
export interface StoreOptions {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly random: Random;
  readonly startMs: number;
  /** The world acts on a device. */
  readonly onControl: (deviceId: string, message: Control) => void;
  /** Something really moved. */
  readonly onMovement?: (movement: Movement) => void;
  /** One plain line about what happens. */
  readonly onNote?: (text: string) => void;
}

/** How a unit moved. */
type Recorded = Pick<Movement, "kind" | "from" | "to" | "deviceId"> &
  Partial<Pick<Movement, "beganAtMs">>;

/** One carried piece and how far from the portal's door it is. */
export interface Carried {
  readonly unit: Unit;
  readonly metres: number;
}

/** The store's state. Everything that changes it goes through here, so truth and devices never part. */
export class Store {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly truth = new Truth();
  readonly factory: Factory;
  /** Places where only one person can be at a time: cells, the till, the portal. */
  readonly occupied = new Set<string>();
  readonly #options: StoreOptions;
  readonly #storeId: string;
  readonly #units = new Map<string, Unit[]>();
  readonly #handGrams = new Map<number, number>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#storeId = options.plan.storeId;
    this.scenario = options.scenario;
    this.random = options.random;
    this.schedule = new Schedule(options.startMs);
    this.factory = new Factory(options.plan, options.random);
    for (const { location } of options.plan.locations) this.#units.set(location, []);
    for (const line of options.scenario.opening) {
      for (let count = 0; count < line.quantity; count += 1) {
        const unit = this.factory.make(line.gtin, line.tagged);
        this.unitsAt(line.location).push(unit);
        const to = sellable(line.location);
        this.record(unit, { kind: "opening", from: this.virtual("variance"), to });
      }
    }
    this.#emitWeights();
  }

  get nowMs(): number {
    return this.schedule.nowMs;
  }

  /** A virtual account of the store: `@basket`, `@customer`, `@supplier`. */
  virtual(name: "basket" | "customer" | "supplier" | "variance"): Place {
    return sellable(`${this.#storeId}/@${name}`);
  }

  /** Every place where goods can stand. */
  locations(): string[] {
    return [...this.#units.keys()];
  }

  /** The units that stand at a location, in place. */
  unitsAt(location: string): Unit[] {
    const units = this.#units.get(location);
    assert(units !== undefined, `${location} is not a place of this store`);
    return units;
  }

  /** Takes down that one unit moved; it ends now, and began now unless said otherwise. */
  record({ gtin, tag }: Unit, what: Recorded): void {
    const serial = tag === undefined ? {} : { serial: tag.serial };
    const times = { beganAtMs: this.nowMs, endedAtMs: this.nowMs };
    const movement = { ...times, gtin, ...serial, quantity: 1, ...what };
    this.truth.add(movement);
    this.#options.onMovement?.(movement);
  }

  /** A hand lies on a cell with this much force; 0 takes it away. Also tells the cell's new weight. */
  touch(cell: number, handGrams: number): void {
    this.#handGrams.set(cell, handGrams);
    this.#emitWeights();
  }

  /** Pieces are carried at the portal; those out of reach are not heard. Empty: nobody is there. */
  carry(pieces: readonly Carried[]): void {
    const { deviceId, sideA, sideB } = this.scenario.portal;
    const antennas = { a: sideA.antennas, b: sideB.antennas };
    const tags = pieces.flatMap(({ unit, metres }) =>
      unit.tag === undefined || Math.abs(metres) > reachMetres
        ? []
        : hear(unit.tag.epc, metres, antennas, this.random),
    );
    this.#options.onControl(deviceId, { type: "field", tags });
  }

  /** Somebody scans a label. */
  scan(deviceId: string, barcode: Barcode): void {
    this.#options.onControl(deviceId, { type: "scan", ...barcode });
  }

  /** Says in a plain line what happens. */
  note(text: string): void {
    this.#options.onNote?.(text);
  }

  #emitWeights(): void {
    const { deviceId, cells } = this.scenario.gondola;
    const weightGrams: number[] = new Array(Math.max(...cells.map(({ cell }) => cell))).fill(0);
    for (const { cell, location } of cells) {
      const goodsGrams = this.unitsAt(location).reduce((sum, unit) => sum + unit.weightGrams, 0);
      weightGrams[cell - 1] = goodsGrams + (this.#handGrams.get(cell) ?? 0);
    }
    this.#options.onControl(deviceId, { type: "cells", weightGrams });
  }
}

/** The sellable stock at a location. */
export function sellable(location: string): Place {
  return { location, state: "sellable" };
}
