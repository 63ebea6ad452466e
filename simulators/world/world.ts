// A day in the simulated store: staff count the opening stock, shoppers and staff come and go, the
// store closes, and on request staff count again. Pure: seed and time are arguments.

import type { Plan } from "../../contract/plan.ts";
import { seededRandom, waitMs } from "../random.ts";
import type { Scenario } from "../scenario.ts";
import type { Actor } from "./schedule.ts";
import { shopper } from "./shopper.ts";
import { carrier, count, delivery } from "./staff.ts";
import { Store, type StoreOptions } from "./store.ts";
import type { Truth } from "./truth.ts";

/** `closed`: nobody is left and every sensor has had time to decide. */
export const phases = ["opening", "open", "closing", "closed", "counting", "counted"] as const;
export type Phase = (typeof phases)[number];

/** A world from a scenario and a seed. */
export interface WorldOptions extends Omit<StoreOptions, "random"> {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly seed: number;
  readonly onPhase?: (phase: Phase) => void;
}

/** Before anything happens devices have this long to be found; after a count, to be told of. */
const settleMs = 1000;
/** After the last act (which ends with the rest that people leave there) every sensor has decided. */
const quietMs = 3000;

/** The world. It moves only in `advance`. */
export class World {
  readonly #store: Store;
  readonly #onPhase: ((phase: Phase) => void) | undefined;
  readonly #openMs: number;
  #phase: Phase = "opening";
  /** How many shoppers and staff are at something, and how many of them shop. */
  #activeCount = 0;
  #shopperCount = 0;
  #shopperNumber = 0;

  constructor(options: WorldOptions) {
    this.#onPhase = options.onPhase;
    this.#openMs = options.scenario.openMs;
    this.#store = new Store({ ...options, random: seededRandom(options.seed) });
  }

  /** The day begins now; until then the store lies still. Called once. */
  begin(): void {
    this.#store.schedule.start(this.#day());
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What really happened. */
  get truth(): Truth {
    return this.#store.truth;
  }

  /** When the next thing happens; Infinity when the day is over and nobody asked for a count. */
  get nextAtMs(): number {
    return this.#store.schedule.nextAtMs;
  }

  /** Lets everything happen up to and including `atMs`. */
  advance(atMs: number): void {
    this.#store.schedule.advance(atMs);
  }

  /** Nobody new comes in; who is there finishes. */
  close(): void {
    if (this.#phase === "opening" || this.#phase === "open") this.#enter("closing");
  }

  /** Staff count the whole store; only when closed. */
  beginCount(): void {
    if (this.#phase === "closed") this.#store.schedule.start(this.#closingCount());
  }

  *#day(): Actor {
    const { shoppers, carriers, deliveries } = this.#store.scenario;
    yield settleMs;
    yield* count(this.#store);
    yield settleMs;
    if (this.#phase === "opening") this.#enter("open");
    const store = this.#store;
    store.schedule.start(this.#arrivals(carriers.intervalMs, () => carrier(store)));
    store.schedule.start(this.#arrivals(deliveries.intervalMs, () => delivery(store)));
    store.schedule.start(this.#arrivals(shoppers.intervalMs, () => this.#newShopper()));
    const closeAtMs = store.nowMs + this.#openMs;
    while (this.#phase === "open" && store.nowMs < closeAtMs) yield 200;
    this.close();
    while (this.#activeCount > 0) yield 200;
    yield quietMs;
    this.#enter("closed");
  }

  *#closingCount(): Actor {
    this.#enter("counting");
    yield* count(this.#store);
    yield settleMs;
    this.#enter("counted");
  }

  *#arrivals(intervalMs: number, next: () => Actor): Actor {
    while (this.#phase === "open") {
      this.#store.schedule.start(this.#active(next()));
      yield waitMs(this.#store.random, intervalMs);
    }
  }

  *#active(actor: Actor): Actor {
    this.#activeCount += 1;
    yield* actor;
    this.#activeCount -= 1;
  }

  *#newShopper(): Actor {
    if (this.#shopperCount >= this.#store.scenario.shoppers.countMax) return;
    this.#shopperCount += 1;
    this.#shopperNumber += 1;
    yield* shopper(this.#store, `shopper ${this.#shopperNumber}`);
    this.#shopperCount -= 1;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#onPhase?.(phase);
  }
}
