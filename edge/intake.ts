// From readings to stored events: the one path by which anything a device said becomes a fact. The
// pipeline decides, the clock stamps, the outbox commits conclusions and state together. The same
// object serves live devices and simulated ones in virtual time.

import type { Conclusion } from "../contract/event.ts";
import type { Plan } from "../contract/plan.ts";
import type { Reading } from "../contract/reading.ts";
import type { Sold } from "../contract/sold.ts";
import type { Clock } from "../drivers/clock.ts";
import type { Outbox } from "./buffer/outbox.ts";
import type { EdgeClock } from "./clock.ts";
import type { CountAnswer } from "./sense/count-order.ts";
import type { Output, Signal, StateChange } from "./sense/machine.ts";
import type { Pipeline } from "./sense/pipeline.ts";
import type { WorkOrder } from "./sense/scan-config.ts";
import type { Tared } from "./sense/shelf-tare.ts";

/** The longest time that passes without looking at deadlines and the clock. */
const tickMsMax = 250;

/** Notices of the clock that wait for a disk with room; older ones go first. */
const clockNoticeCountMax = 100;

/** What an intake works with. */
export interface IntakeParts {
  readonly pipeline: Pipeline;
  readonly outbox: Outbox;
  readonly edgeClock: EdgeClock;
  readonly clock: Clock;
  /** Told of an event that the outbox did not take, with the reason. */
  readonly onRefused: (conclusions: readonly Conclusion[], error: unknown) => void;
  /** Told of a lamp or a buzzer that sensing wants, at once. */
  readonly onSignal: (signal: Signal) => void;
  readonly count: (name: string, by?: number) => void;
}

/** Takes readings, keeps deadlines, appends what was concluded. */
export class Intake {
  readonly #parts: IntakeParts;
  #cancelTick: (() => void) | undefined;
  #appendsUnderWay = 0;
  #decidedThroughAtMs = 0;
  /** What the clock noticed and the disk did not take: it goes with whatever is written next, and the clock's state too. */
  #ofClock: readonly Conclusion[] | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Begins to keep deadlines. */
  start(): void {
    this.#tick();
  }

  /** Stops keeping deadlines; what was concluded is already with the outbox. */
  stop(): void {
    this.#cancelTick?.();
  }

  /** Takes one reading. */
  take(reading: Reading): void {
    this.#parts.count(`readings_${reading.kind}`);
    const stepMs = this.#observeClock();
    const placed = stepMs === 0 ? reading : this.#placedAfter(stepMs, reading);
    void this.#commit(this.#parts.pipeline.push(placed));
  }

  /** A reading beside a step of the clock: where it was received just before, it tells the old time. */
  #placedAfter(stepMs: number, reading: Reading): Reading {
    const receivedAtMs = reading.receivedAtMs + stepMs;
    const isOfOldTime = Math.abs(receivedAtMs - this.#parts.clock.nowMs()) < Math.abs(stepMs) / 2;
    return isOfOldTime ? { ...reading, receivedAtMs } : reading;
  }

  /** Takes a newer plan. */
  setPlan(plan: Plan): void {
    this.#parts.pipeline.setPlan(plan);
  }

  /** Takes what the ledger has settled as sold. */
  setSold(sold: Sold): void {
    this.#parts.pipeline.setSold(sold);
  }

  /** Puts a scanner to work on something else; a text says why not. */
  setWorkflow(deviceId: string, order: WorkOrder): string | undefined {
    const result = this.#parts.pipeline.setWorkflow(deviceId, order);
    if (typeof result === "string") return result;
    void this.#commit(result);
    return undefined;
  }

  /** Counts now what stands at a location and below it. */
  countAt(location: string): CountAnswer {
    this.#observeClock();
    const { output, answer } = this.#parts.pipeline.countAt(location, this.#parts.clock.nowMs());
    void this.#commit(output);
    return answer;
  }

  /** Sets the tare of a shelf's cells to what they show now; a text says why not. */
  tare(deviceId: string, cell: number | undefined): readonly Tared[] | string {
    this.#observeClock();
    const { output, tared } = this.#parts.pipeline.tare(deviceId, cell, this.#parts.clock.nowMs());
    void this.#commit(output);
    return tared;
  }

  /** Appends something the edge itself concluded, with state that belongs to it; whether the outbox has it. Never rejects. */
  note(conclusions: Conclusion[], state: StateChange[] = []): Promise<boolean> {
    return this.#commit({ conclusions, state, signals: [] });
  }

  /** Everything that happened before this time is in the outbox, committed. Never goes back. */
  completeThroughAtMs(): number {
    if (this.#appendsUnderWay === 0) {
      const decidedAtMs = this.#parts.pipeline.decidedThroughMs(this.#parts.clock.nowMs());
      this.#decidedThroughAtMs = Math.max(this.#decidedThroughAtMs, decidedAtMs);
    }
    return this.#decidedThroughAtMs;
  }

  #tick(): void {
    const { clock, pipeline, outbox } = this.#parts;
    this.#observeClock();
    const nowMs = clock.nowMs();
    void this.#commit(pipeline.advance(nowMs));
    outbox.keepAlive(this.completeThroughAtMs());
    const untilDeadlineMs = pipeline.nextDeadlineMs() - nowMs;
    const delayMs = Math.min(Math.max(untilDeadlineMs, 1), tickMsMax);
    this.#cancelTick = clock.timer(delayMs, () => this.#tick());
  }

  /** Before anything that reads the wall clock: a step moves the machines' times with it. Gives the step. */
  #observeClock(): number {
    const { clock, edgeClock, pipeline } = this.#parts;
    const nowMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const stepMs = edgeClock.stepMs(nowMs, monotonicMs);
    // What fell due by the old clock is stamped by it, before the new one is believed.
    if (stepMs !== 0) {
      void this.#commit(pipeline.push({ kind: "clock", receivedAtMs: nowMs, stepMs }));
    }
    const noticed = edgeClock.observe(nowMs, monotonicMs);
    if (edgeClock.changedState().length > 0 || noticed.length > 0) {
      this.#ofClock = [...(this.#ofClock ?? []), ...noticed];
      void this.note([], [edgeClock.state()]);
    }
    return stepMs;
  }

  #commit(output: Output): Promise<boolean> {
    for (const signal of output.signals) this.#parts.onSignal(signal);
    if (output.conclusions.length === 0 && output.state.length === 0) {
      return Promise.resolve(true);
    }
    const { edgeClock, outbox, onRefused, count } = this.#parts;
    const ofClock = this.#ofClock;
    this.#ofClock = undefined;
    const conclusions = [...(ofClock ?? []), ...output.conclusions];
    const state = ofClock === undefined ? output.state : [edgeClock.state(), ...output.state];
    const drafts = conclusions.map((conclusion) => edgeClock.stamp(conclusion));
    this.#appendsUnderWay += 1;
    return outbox
      .append(drafts, state)
      .then(
        ({ refused }) => {
          count("events_accepted", drafts.length);
          // A notice with the error's code stands in the place of each.
          for (const { index, error } of refused) {
            onRefused(conclusions.slice(index, index + 1), error);
          }
          return true;
        },
        (error: unknown) => {
          onRefused(output.conclusions, error);
          if (ofClock !== undefined) {
            this.#ofClock = [...ofClock, ...(this.#ofClock ?? [])].slice(-clockNoticeCountMax);
          }
          return false;
        },
      )
      .finally(() => {
        this.#appendsUnderWay -= 1;
      });
  }
}
