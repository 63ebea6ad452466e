// The shape of every sensing machine: pure and deterministic. Readings and a clock value in,
// conclusions and state out. No timers, no I/O: deadlines fire at their own time, in order, before
// the next reading, so live and replay agree whatever the ticks.

import { z } from "zod";
import { outputCommandSchema } from "../../contract/actuation.ts";
import type { Conclusion, NoticedConclusion } from "../../contract/event.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Reading } from "../../contract/reading.ts";
import type { Sold } from "../../contract/sold.ts";
import { idSchema } from "../../contract/units.ts";

/** A durable fact a machine wants to find again after a restart; `null` deletes it. */
export interface StateChange {
  /** `machine/device/...`, unique over the edge. At most 200 characters. */
  readonly key: string;
  /** JSON text. At most 4 KiB. */
  readonly value: string | null;
}

/** A lamp or a buzzer of a device, for the people who stand there: at once, and lost where it does not work. */
export const signalSchema = z.strictObject({ deviceId: idSchema, ...outputCommandSchema.shape });
export type Signal = z.output<typeof signalSchema>;

/** What one step decided. Conclusions and state of one step are committed together. */
export interface Output {
  readonly conclusions: Conclusion[];
  readonly state: StateChange[];
  readonly signals: Signal[];
}

/** An output with nothing in it. */
export function emptyOutput(): Output {
  return { conclusions: [], state: [], signals: [] };
}

/** Counts something worth counting that is no event: readings left out, passages discarded. */
export type Count = (name: string, by?: number) => void;

/** One sensing machine: a portal, a shelf, a scanner. */
export interface Machine {
  /** Devices whose readings it takes. */
  readonly deviceIds: readonly string[];
  /** No own decision falls due before this; Infinity when none does. After `advance` to it there is a later one. */
  nextDeadlineMs(): number;
  /** Fires every deadline up to and including `atMs`, each at its own time. */
  advance(atMs: number, output: Output): void;
  /** Takes one reading; the caller has advanced to its time before. */
  apply(reading: Reading, output: Output): void;
  /** Everything that happened before this time is decided (at most `nowMs`). */
  decidedThroughMs(nowMs: number): number;
  /** Locations that it can count as a whole, when asked. */
  countablePlaces?(): Iterable<string>;
  /** Counts one of them now; gives why it cannot. The caller has advanced to `atMs` before. */
  countPlace?(location: string, atMs: number, output: Output): string | undefined;
  /** Takes back what it stored out of everything that is stored. Called once, first. */
  restore(stored: ReadonlyMap<string, string>, nowMs: number): void;
  /** Takes a newer plan. */
  setPlan(plan: Plan): void;
  /** The wall clock was set: every time the machine holds moves by `byMs`, and nothing else happens. */
  shiftTime(byMs: number): void;
}

/** What looks at all that the machines concluded in one step, and may leave out, change or add. */
export interface Arbiter {
  /** Sees every reading. */
  observe(reading: Reading): void;
  review(output: Output): void;
  restore(stored: ReadonlyMap<string, string>): void;
  setPlan(plan: Plan): void;
  /** Takes what the ledger has settled as sold. */
  setSold(sold: Sold): void;
  shiftTime(byMs: number): void;
}

/** A notice of something a person may want to look at. */
export function warning(
  deviceId: string,
  code: string,
  occurredAtMs: number,
  detail: NoticedConclusion["detail"],
): NoticedConclusion {
  return { type: "noticed", occurredAtMs, deviceId, code, severity: "warning", detail };
}
