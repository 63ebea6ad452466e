// All sensing machines of an edge as one. Deadlines fire at their own time, in order over all machines,
// before the next reading, so what is concluded depends on the readings alone and never on when somebody
// happened to look.

import assert from "node:assert/strict";
import type { Plan } from "../../contract/plan.ts";
import type { Reading, TagReading } from "../../contract/reading.ts";
import { clockStepMsMin } from "../clock.ts";
import { DeviceClock } from "./device-clock.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { Scanner } from "./scan.ts";
import type { Workflow } from "./scan-config.ts";

/** What a pipeline is made of. */
export interface PipelineOptions {
  /** In the order in which a reading is shown to those that take it. */
  readonly machines: readonly Machine[];
  readonly count: Count;
  /** A reading that was longer on its way is of the past: counted and noticed, not applied. */
  readonly latenessMsMax?: number;
}

/** Late readings of one device are noticed once in this time. */
const lateNoticeMs = 600_000;

/** Routes readings to machines and keeps their time. */
export class Pipeline {
  readonly #machines: readonly Machine[];
  readonly #count: Count;
  readonly #latenessMsMax: number;
  readonly #byDevice = new Map<string, Machine[]>();
  readonly #clocks = new Map<string, { readonly clock: DeviceClock; noticeFromMs: number }>();
  #nowMs = 0;

  constructor({ machines, count, latenessMsMax = Number.POSITIVE_INFINITY }: PipelineOptions) {
    this.#machines = machines;
    this.#count = count;
    this.#latenessMsMax = latenessMsMax;
    for (const machine of machines) {
      for (const deviceId of machine.deviceIds) {
        this.#byDevice.set(deviceId, [...(this.#byDevice.get(deviceId) ?? []), machine]);
      }
    }
  }

  /** Takes one reading: whatever fell due before it is decided first. A reading a little late counts as now. */
  push(reading: Reading): Output {
    const output = emptyOutput();
    this.#moveTo(reading.receivedAtMs, output);
    const machines = this.#byDevice.get(reading.deviceId);
    if (machines === undefined) this.#count("readings_of_no_machine");
    else if (reading.kind === "tag" && this.#isPast(reading, output)) return finished(output);
    const isLate = reading.receivedAtMs < this.#nowMs;
    const timely = isLate ? { ...reading, receivedAtMs: this.#nowMs } : reading;
    for (const machine of machines ?? []) machine.apply(timely, output);
    return finished(output);
  }

  /** Decides what has fallen due. */
  advance(nowMs: number): Output {
    const output = emptyOutput();
    this.#moveTo(nowMs, output);
    return finished(output);
  }

  /** When something falls due next; Infinity when nothing does. */
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
  }

  /** Takes a newer plan. */
  setPlan(plan: Plan): void {
    for (const machine of this.#machines) machine.setPlan(plan);
  }

  /** Sets what the scans of a device mean, as its command barcodes do; a text says why not. */
  setWorkflow(deviceId: string, workflow: Workflow, location?: string): Output | string {
    const scanner = this.#byDevice.get(deviceId)?.find((machine) => machine instanceof Scanner);
    if (scanner === undefined) return `no scanner is called ${deviceId}`;
    const output = emptyOutput();
    const refusal = scanner.setWorkflow(workflow, location, this.#nowMs, output);
    return refusal ?? finished(output);
  }

  /** The wall clock was set by `byMs`: no silence and no haste, the machines' times move with it. */
  shiftTime(byMs: number): void {
    this.#nowMs = Math.max(this.#nowMs + byMs, 0);
    for (const machine of this.#machines) machine.shiftTime(byMs);
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
    if (this.#nowMs - atMs > clockStepMsMin) {
      this.#count("clock_steps_back");
      this.shiftTime(atMs - this.#nowMs);
    }
    const toMs = Math.max(this.#nowMs, atMs);
    for (let next = this.#nextDue(); next.dueMs <= toMs; next = this.#nextDue()) {
      next.machine?.advance(next.dueMs, output);
      assert(next.machine?.nextDeadlineMs() !== next.dueMs, "a deadline that fired is over");
    }
    this.#nowMs = toMs;
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

function emptyOutput(): Output {
  return { conclusions: [], state: [] };
}

// A clock set back to its beginning leaves times before it; an event has none.
function finished(output: Output): Output {
  for (const conclusion of output.conclusions) {
    conclusion.occurredAtMs = Math.max(conclusion.occurredAtMs, 0);
  }
  return output;
}
