// Whether the machine's wall clock can be believed, and where an event stands by the clock that never
// jumps. A store device without a battery-backed clock boots in the past: until it learns the time, its
// events say so, and when it does, one `clock_set` tells the ledger by how much they were wrong; where a process ends
// before, the next one of the same boot says it. Pure: both clocks are fed in.

import { z } from "zod";
import type { Conclusion, EventDraft } from "../contract/event.ts";
import { noticeCodes } from "../contract/event.ts";
import type { StateChange } from "./sense/machine.ts";
import { readStored } from "./sense/stored.ts";

/** A wall clock that moves this much against the monotonic one was set, not slewed. */
export const clockStepMsMin = 2_000;

/** Where the outbox keeps by which untrue clock a boot's events are stamped, until the time is learned. */
const stateKey = "clock";
const storedSchema = z.strictObject({ bootId: z.string(), wallAtBootMs: z.number() });

/** By how much a wall clock was set that showed `wallAtBootMs` when the monotonic one began; 0 when it was not. */
export function clockStepMs(wallAtBootMs: number, wallMs: number, monotonicMs: number): number {
  const movedMs = wallMs - monotonicMs - wallAtBootMs;
  return Math.abs(movedMs) > clockStepMsMin ? Math.round(movedMs) : 0;
}

/** What a clock is begun with. */
export interface EdgeClockOptions {
  /** Of the machine's boot, not of this process. */
  readonly bootId: string;
  /** Named as the device in what the clock itself notices. */
  readonly edgeId: string;
  /** The later of build time and last wall time the outbox knows: no true clock shows less. */
  readonly notBeforeAtMs: number;
  readonly wallMs: number;
  /** Milliseconds since boot. */
  readonly monotonicMs: number;
  /** What the system says of its time synchronisation, where it says anything. */
  readonly synchronised?: boolean;
  /** What the outbox keeps of the processes before. */
  readonly stored?: ReadonlyMap<string, string>;
}

/** The edge's clock. */
export class EdgeClock {
  readonly #options: EdgeClockOptions;
  #monotonicMs: number;
  /** Wall time at boot as the wall clock has it: constant but for steps and slewing. */
  #wallAtBootMs: number;
  /** The same when the clock became untrue; what `offsetMs` counts from. */
  #untrueWallAtBootMs: number;
  #synced: boolean;
  #storedText: string | null;

  constructor(options: EdgeClockOptions) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs;
    this.#wallAtBootMs = options.wallMs - options.monotonicMs;
    this.#untrueWallAtBootMs = this.#wallAtBootMs;
    this.#synced = this.#isTrue(options.wallMs, options.synchronised);
    this.#storedText = options.stored?.get(stateKey) ?? null;
    const untrue = readStored(storedSchema, this.#storedText ?? "");
    if (untrue?.bootId !== options.bootId) return;
    // Whatever the clock shows by now: what it showed before has not been told yet.
    this.#synced = false;
    this.#untrueWallAtBootMs = untrue.wallAtBootMs;
  }

  /** Whether the wall clock is believed. */
  get clockSynced(): boolean {
    return this.#synced;
  }

  /** By how much the wall clock was set since it was last observed; 0 when it was not. */
  stepMs(wallMs: number, monotonicMs: number): number {
    return clockStepMs(this.#wallAtBootMs, wallMs, monotonicMs);
  }

  /** Looks at both clocks: `clock_set` once the time is learned, `clock_stepped` when a true clock is set. */
  observe(wallMs: number, monotonicMs: number, synchronised?: boolean): Conclusion[] {
    const wallAtBootMs = wallMs - monotonicMs;
    const stepMs = this.stepMs(wallMs, monotonicMs);
    this.#wallAtBootMs = wallAtBootMs;
    this.#monotonicMs = monotonicMs;
    const wasSynced = this.#synced;
    this.#synced = this.#isTrue(wallMs, synchronised);
    if (wasSynced && !this.#synced) this.#untrueWallAtBootMs = wallAtBootMs;
    if (!wasSynced && this.#synced) {
      const offsetMs = Math.round(wallAtBootMs - this.#untrueWallAtBootMs);
      return [this.#notice(wallMs, noticeCodes.clockSet, { offsetMs })];
    }
    if (stepMs === 0) return [];
    return [this.#notice(wallMs, "clock_stepped", { stepMs })];
  }

  /** What the outbox has to keep, together with what was observed last; nothing where it was given that already. */
  changedState(): StateChange[] {
    const state = this.state();
    if (state.value === this.#storedText) return [];
    this.#storedText = state.value;
    return [state];
  }

  /** The same, given or not. */
  state(): StateChange {
    const { bootId } = this.#options;
    const untrue = { bootId, wallAtBootMs: this.#untrueWallAtBootMs };
    return { key: stateKey, value: this.#synced ? null : JSON.stringify(untrue) };
  }

  /** Stamps a conclusion with the clock as last observed. */
  stamp(conclusion: Conclusion): EventDraft {
    return { ...conclusion, ...this.reading() };
  }

  /** The stamp alone. */
  reading(): { bootId: string; uptimeMs: number; clockSynced: boolean } {
    const { bootId } = this.#options;
    return { bootId, uptimeMs: Math.floor(this.#monotonicMs), clockSynced: this.#synced };
  }

  #isTrue(wallMs: number, synchronised: boolean | undefined): boolean {
    // A clock a moment behind the last life's is the same clock after a small correction.
    return synchronised ?? wallMs >= this.#options.notBeforeAtMs - clockStepMsMin;
  }

  #notice(wallMs: number, code: string, detail: Record<string, number>): Conclusion {
    const { bootId, edgeId } = this.#options;
    return {
      type: "noticed",
      occurredAtMs: Math.max(Math.round(wallMs), 0),
      deviceId: edgeId,
      code,
      severity: "info",
      detail: { bootId, ...detail },
    };
  }
}
