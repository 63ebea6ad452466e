// What an edge of the simulation hands in: numbered movements, stamped by its clock, and filler that takes up room.

import type { EventDraft } from "../../contract/event.ts";
import { gtinSchema } from "../../contract/units.ts";
import type { EdgeClock } from "../../edge/clock.ts";
import { integerBetween, type Random } from "../../simulators/random.ts";
import type { Attempt } from "./oracle.ts";
import { poisonLot } from "./poison.ts";
import { epochAtMs, type MachineClock, type VirtualTime } from "./virtual-clock.ts";

const gtins = ["09506000134352", "04006381333931"].map((text) => gtinSchema.parse(text));
const placeNames = ["floor/a", "floor/b", "stockroom", "@basket"];
/** Sensing decides up to this much later than a thing happened. */
export const decisionLagMs = 2_000;

/** The two clocks of a process. */
export interface Clocks {
  readonly clock: MachineClock;
  readonly edgeClock: EdgeClock;
}

/** Whose load it is. */
export interface LoadOptions {
  readonly line: string;
  readonly storeId: string;
  /** Movements are numbered from the next one on. */
  readonly firstNumber: number;
  /** Each append takes so much more room. */
  readonly fillerBytes: number;
}

/** Makes the events of one edge. */
export class EdgeLoad {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #options: LoadOptions;
  #eventCount = 0;

  constructor(world: { time: VirtualTime; random: Random }, options: LoadOptions) {
    this.#time = world.time;
    this.#random = world.random;
    this.#options = options;
  }

  /** The next movement; `isPoison`: one that the ledger's database refuses. */
  attempt({ clock, edgeClock }: Clocks, isPoison: boolean): Attempt {
    const random = this.#random;
    const { storeId, line, firstNumber } = this.#options;
    this.#eventCount += 1;
    const number = firstNumber + this.#eventCount;
    const fromIndex = integerBetween(random, 0, placeNames.length - 1);
    const toIndex =
      (fromIndex + integerBetween(random, 1, placeNames.length - 1)) % placeNames.length;
    const place = (index: number) =>
      ({ location: `${storeId}/${placeNames[index]}`, state: "sellable" }) as const;
    const lagMs = integerBetween(random, 0, decisionLagMs);
    const draft = {
      type: "moved",
      step: "relocating",
      occurredAtMs: clock.nowMs() - lagMs,
      deviceId: "shelf-1",
      item: { gtin: gtins[number % gtins.length]!, ...(isPoison ? { lot: poisonLot } : {}) },
      quantity: number,
      from: place(fromIndex),
      to: place(toIndex),
      ...edgeClock.reading(),
    } as const;
    const trueAtMs = epochAtMs + this.#time.nowMs - lagMs;
    return { number, line, draft, trueAtMs, isDoomed: false, isRefused: false, isPoison };
  }

  /** What takes up room. */
  filler({ clock, edgeClock }: Clocks): EventDraft[] {
    const { fillerBytes } = this.#options;
    if (fillerBytes === 0) return [];
    const detail = { text: "f".repeat(fillerBytes) };
    const notice = { type: "noticed", code: "filler", severity: "info", detail } as const;
    const stamp = { occurredAtMs: clock.nowMs(), deviceId: "shelf-1", ...edgeClock.reading() };
    return [{ ...notice, ...stamp }];
  }
}
