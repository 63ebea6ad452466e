// One output of a run: drives its line to what its action says at the time, one command in flight, each
// with its own time-out and a few tries.

import type { OutputAction } from "../../contract/actuation.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../clock.ts";
import { attemptCountMax } from "../frame-feed.ts";
import type { Level } from "../transport/gpio-settings.ts";
import type { OutputLine } from "./options.ts";
import { phaseAt } from "./schedule.ts";

/** Commands of one output that may wait for the line. */
const waitingCountMax = 16;

/** What an output works with. */
export interface OutputParts {
  readonly line: OutputLine;
  readonly offset: number;
  readonly clock: Clock;
  readonly answerTimeoutMs: number;
  readonly drive: (offset: number, level: Level) => void;
  /** Told once when the line does not answer. */
  readonly onSilent: (error: GatewayError) => void;
}

/** Somebody who commanded, and is told what became of it. */
interface Waiter {
  resolve(): void;
  reject(error: GatewayError): void;
}

/** One output. */
export class Output {
  readonly #parts: OutputParts;
  #action: OutputAction = { type: "rest" };
  #sinceMs = 0;
  #driven: Level;
  #inFlight: { readonly level: Level; readonly waiters: Waiter[] } | undefined;
  #waiters: Waiter[] = [];
  #cancelStep: (() => void) | undefined;
  #cancelTimeout: (() => void) | undefined;

  /** Its line is at rest. */
  constructor(parts: OutputParts) {
    this.#parts = parts;
    this.#driven = restLevel(parts.line);
  }

  /** Begins an action. Resolves when the line is where the action begins; DRIVER_COMMAND_REFUSED when too many wait. */
  begin(action: OutputAction): Promise<void> {
    if (this.#waiters.length >= waitingCountMax) {
      const message = `${this.#parts.line.name} has ${waitingCountMax} commands waiting`;
      return Promise.reject(
        new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#action = action;
      this.#sinceMs = this.#parts.clock.monotonicMs();
      this.#step();
    });
  }

  /** The line was driven to this level. */
  confirm(level: Level): void {
    const done = this.#inFlight;
    if (done === undefined || done.level !== level) return;
    this.#cancelTimeout?.();
    this.#inFlight = undefined;
    this.#driven = level;
    for (const waiter of done.waiters) waiter.resolve();
    this.#step();
  }

  /** The run ended: nothing happens any more, and who waits is told why. */
  end(error: GatewayError): void {
    this.#cancelStep?.();
    this.#cancelTimeout?.();
    for (const waiter of [...(this.#inFlight?.waiters ?? []), ...this.#waiters])
      waiter.reject(error);
    this.#inFlight = undefined;
    this.#waiters = [];
  }

  #step(): void {
    const { line, clock } = this.#parts;
    this.#cancelStep?.();
    const elapsedMs = clock.monotonicMs() - this.#sinceMs;
    const { state, untilMs } = phaseAt(this.#action, elapsedMs, line.actionMsMax);
    if (untilMs !== Number.POSITIVE_INFINITY) {
      // Whole milliseconds, rounded up: a timer that fires early would step twice.
      this.#cancelStep = clock.timer(Math.ceil(untilMs - elapsedMs), () => this.#step());
    }
    const level = levelOf(line, state === "rest" ? line.rest : state);
    if (this.#inFlight !== undefined) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    if (level !== this.#driven) {
      this.#inFlight = { level, waiters };
      this.#drive(level, 1);
    } else for (const waiter of waiters) waiter.resolve();
  }

  #drive(level: Level, attempt: number): void {
    const { line, offset, clock, answerTimeoutMs, drive, onSilent } = this.#parts;
    drive(offset, level);
    this.#cancelTimeout = clock.timer(answerTimeoutMs, () => {
      if (attempt < attemptCountMax) return this.#drive(level, attempt + 1);
      const message = `${line.name} (line ${offset}) was not driven: the chip does not answer`;
      onSilent(new GatewayError("DRIVER_SILENT", message, { retryable: true }));
    });
  }
}

/** The level at which the output is at rest. */
export function restLevel(line: OutputLine): Level {
  return levelOf(line, line.rest);
}

function levelOf(line: OutputLine, state: "on" | "off"): Level {
  return (state === "on") !== line.isActiveLow ? 1 : 0;
}
