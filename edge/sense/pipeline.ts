// All sensing machines of an edge as one. Deadlines fire at their own time, in order over all machines,
// before the next reading, so what is concluded depends on the readings alone and never on when somebody
// happened to look.

import assert from "node:assert/strict";
import type { Plan } from "../../contract/plan.ts";
import type { Recorded, TagReading } from "../../contract/reading.ts";
import type { Sold } from "../../contract/sold.ts";
import { clockStepMsMin } from "../clock.ts";
import { type CountAnswer, countAt } from "./count-order.ts";
import { DeviceClock } from "./device-clock.ts";
import {
  type Arbiter,
  type Count,
  emptyOutput,
  type Machine,
  type Output,
  warning,
} from "./machine.ts";
import { Scanner } from "./scan.ts";
import type { WorkOrder } from "./scan-config.ts";
import { Shelf } from "./shelf.ts";
import type { Tared } from "./shelf-tare.ts";

/** What a pipeline is made of. */
export interface PipelineOptions {
  /** In the order in which a reading is shown to those that take it. */
  readonly machines: readonly Machine[];
  /** In the order in which they look at what the machines concluded. */
  readonly arbiters?: readonly Arbiter[];
  readonly count: Count;
  /** A reading that was longer on its way is of the past: counted and noticed, not applied. */
  readonly latenessMsMax?: number;
}

/** Late readings of one device are noticed once in this time. */
const lateNoticeMs = 600_000;

/** Routes readings to machines and keeps their time. */
export class Pipeline {
  readonly #machines: readonly Machine[];
  readonly #arbiters: readonly Arbiter[];
  readonly #count: Count;
  readonly #latenessMsMax: number;
  readonly #byDevice = new Map<string, Machine[]>();
  readonly #clocks = new Map<string, { readonly clock: DeviceClock; noticeFromMs: number }>();
  #nowMs = 0;

  constructor(options: PipelineOptions) {
    const { machines, arbiters = [], count, latenessMsMax = Number.POSITIVE_INFINITY } = options;
    this.#machines = machines;
    this.#arbiters = arbiters;
    this.#count = count;
    this.#latenessMsMax = latenessMsMax;
    for (const machine of machines) {
      for (const deviceId of machine.deviceIds) {
        this.#byDevice.set(deviceId, [...(this.#byDevice.get(deviceId) ?? []), machine]);
      }
    }
  }

  /**
   * Takes one reading: whatever fell due before it is decided first. A reading a little late counts as now.
   * A step of the clock is no silence and no haste: what fell due by the old clock is decided, then all times move.
   */
  push(reading: Recorded): Output {
    const output = emptyOutput();
    if (reading.kind === "clock") {
      this.#moveTo(reading.receivedAtMs - reading.stepMs, output);
      this.#shiftTime(reading.stepMs);
      return this.#finished(output);
    }
    this.#moveTo(reading.receivedAtMs, output);
    const machines = this.#byDevice.get(reading.deviceId);
    if (machines === undefined) this.#count("readings_of_no_machine");
    else if (reading.kind === "tag" && this.#isPast(reading, output)) {
      return this.#finished(output);
    }
    const isLate = reading.receivedAtMs < this.#nowMs;
    const timely = isLate ? { ...reading, receivedAtMs: this.#nowMs } : reading;
    for (const arbiter of this.#arbiters) arbiter.observe(timely);
    for (const machine of machines ?? []) machine.apply(timely, output);
    return this.#finished(output);
  }

  /** Decides what has fallen due. */
  advance(nowMs: number): Output {
    const output = emptyOutput();
    this.#moveTo(nowMs, output);
    return this.#finished(output);
  }

  /** Nothing falls due before this; Infinity when nothing does. */
  nextDeadlineMs(): number {
    return Math.min(...this.#machines.map((machine) => machine.nextDeadlineMs()));
  }

  /** Everything that happened before this time is decided. */
  decidedThroughMs(nowMs: number): number {
    return Math.min(nowMs, ...this.#machines.map((machine) => machine.decidedThroughMs(nowMs)));
  }

  /** Gives every machine what it stored. Once, before the first reading. */
  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    this.#nowMs = nowMs;
    for (const machine of this.#machines) machine.restore(stored, nowMs);
    for (const arbiter of this.#arbiters) arbiter.restore(stored);
  }

  /** Takes a newer plan. */
  setPlan(plan: Plan): void {
    for (const one of [...this.#machines, ...this.#arbiters]) one.setPlan(plan);
  }

  /** Takes what the ledger has settled as sold. */
  setSold(sold: Sold): void {
    for (const arbiter of this.#arbiters) arbiter.setSold(sold);
  }

  /** Sets what the scans of a device mean, as its command barcodes do; a text says why not. */
  setWorkflow(deviceId: string, order: WorkOrder): Output | string {
    const scanner = this.#byDevice.get(deviceId)?.find((machine) => machine instanceof Scanner);
    if (scanner === undefined) return `no scanner is called ${deviceId}`;
    const output = emptyOutput();
    const refusal = scanner.setWorkflow(order, this.#nowMs, output);
    return refusal ?? this.#finished(output);
  }

  /** Counts every place at `location` and below it that can be counted; after it has decided what fell due. */
  countAt(
    location: string,
    nowMs: number,
  ): { readonly output: Output; readonly answer: CountAnswer } {
    const output = emptyOutput();
    this.#moveTo(nowMs, output);
    const answer = countAt(this.#machines, location, this.#nowMs, output);
    return { output: this.#finished(output), answer };
  }

  /** Sets the tare of a weight shelf's cells, one or all; after it has decided what fell due. */
  tare(
    deviceId: string,
    cell: number | undefined,
    nowMs: number,
  ): { readonly output: Output; readonly tared: readonly Tared[] | string } {
    const output = emptyOutput();
    this.#moveTo(nowMs, output);
    const shelf = this.#byDevice.get(deviceId)?.find((machine) => machine instanceof Shelf);
    const none = `no weight shelf is called ${deviceId}`;
    const tared = shelf?.tare(cell, this.#nowMs, output) ?? none;
    return { output: this.#finished(output), tared };
  }

  #shiftTime(byMs: number): void {
    this.#nowMs = Math.max(this.#nowMs + byMs, 0);
    for (const one of [...this.#machines, ...this.#arbiters]) one.shiftTime(byMs);
    for (const one of this.#clocks.values()) {
      one.clock.shiftTime(byMs);
      one.noticeFromMs += byMs;
    }
  }

  // Only devices of machines have clocks, so there are no more than are configured.
  #isPast(reading: TagReading, output: Output): boolean {
    const { deviceId } = reading;
    let one = this.#clocks.get(deviceId);
    if (one === undefined) {
      one = { clock: new DeviceClock(deviceId), noticeFromMs: 0 };
      this.#clocks.set(deviceId, one);
    }
    const { lateMs, notices } = one.clock.judge(reading);
    output.conclusions.push(...notices);
    if (lateMs <= this.#latenessMsMax) return false;
    this.#count("readings_late");
    if (this.#nowMs >= one.noticeFromMs) {
      output.conclusions.push(warning(deviceId, "readings_late", this.#nowMs, { lateMs }));
    }
    one.noticeFromMs = this.#nowMs + lateNoticeMs;
    return true;
  }

  #moveTo(atMs: number, output: Output): void {
    // A recording that does not tell the steps of its clock.
    if (this.#nowMs - atMs > clockStepMsMin) {
      this.#count("clock_steps_back");
      this.#shiftTime(atMs - this.#nowMs);
    }
    const toMs = Math.max(this.#nowMs, atMs);
    for (let next = this.#nextDue(); next.dueMs <= toMs; next = this.#nextDue()) {
      next.machine?.advance(next.dueMs, output);
      assert(next.machine?.nextDeadlineMs() !== next.dueMs, "a deadline that fired is over");
    }
    this.#nowMs = toMs;
  }

  // A clock set back to its beginning leaves times before it; an event has none.
  #finished(output: Output): Output {
    if (output.conclusions.length > 0) {
      for (const arbiter of this.#arbiters) arbiter.review(output);
    }
    for (const conclusion of output.conclusions) {
      conclusion.occurredAtMs = Math.max(conclusion.occurredAtMs, 0);
    }
    return output;
  }

  #nextDue(): { machine: Machine | undefined; dueMs: number } {
    let machine: Machine | undefined;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const one of this.#machines) {
      const oneDueMs = one.nextDeadlineMs();
      if (oneDueMs >= dueMs) continue;
      machine = one;
      dueMs = oneDueMs;
    }
    return { machine, dueMs };
  }
}
