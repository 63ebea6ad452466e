// A reader's own clock beside the edge's: how late a reading comes. A network that was down, or a reader
// that keeps reads while nobody listens, delivers the past; it must not look like the present. Pure.

import type { NoticedConclusion } from "../../contract/event.ts";
import type { TagReading } from "../../contract/reading.ts";
import { clockStepMsMin } from "../clock.ts";

/** Times are compared over this long ... */
export const offsetWindowMs = 600_000;
/** ... in so many parts; a part without readings is no part, so that an outage forgets nothing. */
const partCount = 20;
const partMs = offsetWindowMs / partCount;
/** No reader of ours is older: a clock that shows less was never set. */
const deadBeforeAtMs = Date.UTC(2015, 0);

/** What a device's clock says of one reading. */
export interface Lateness {
  /** How long the reading was on its way, beyond the least that any was. */
  readonly lateMs: number;
  readonly notices: readonly NoticedConclusion[];
}

interface Part {
  readonly beganAtMs: number;
  offsetMsMin: number;
}

/** The clock of one device. */
export class DeviceClock {
  readonly #deviceId: string;
  /** Least of (received - reader's time), by parts of the window, oldest first. */
  #parts: Part[] = [];
  #offsetMs = 0;
  /** The latest time the reader told in this epoch of its clock. */
  #readerAtMs = 0;

  constructor(deviceId: string) {
    this.#deviceId = deviceId;
  }

  /**
   * Looks at a reading. A reader without a clock is never late; one whose clock was never set is compared
   * all the same. `device_clock_stepped`: its clock was set by more than 2 s, a new epoch begins.
   */
  judge({ readerAtMs, receivedAtMs }: TagReading): Lateness {
    if (readerAtMs === undefined) return { lateMs: 0, notices: [] };
    const offsetMs = receivedAtMs - readerAtMs;
    // Forward: sooner than the fastest ever was. Back: behind what it told itself, which no queue does.
    const isStep =
      this.#parts.length > 0 &&
      (this.#offsetMs - offsetMs > clockStepMsMin ||
        this.#readerAtMs - readerAtMs > clockStepMsMin);
    const isFirst = this.#parts.length === 0;
    const notices: NoticedConclusion[] = [];
    if (isStep) {
      const stepMs = this.#offsetMs - offsetMs;
      notices.push(this.#notice("device_clock_stepped", receivedAtMs, { stepMs }));
    }
    if ((isFirst || isStep) && readerAtMs < deadBeforeAtMs) {
      notices.push(this.#notice("device_clock_dead", receivedAtMs, { readerAtMs }));
    }
    if (isStep) this.#parts = [];
    this.#readerAtMs = isStep ? readerAtMs : Math.max(this.#readerAtMs, readerAtMs);
    this.#learn(receivedAtMs, offsetMs);
    return { lateMs: offsetMs - this.#offsetMs, notices };
  }

  /** The edge's own clock was set by `byMs`: all offsets move with it. */
  shiftTime(byMs: number): void {
    this.#parts = this.#parts.map(({ beganAtMs, offsetMsMin }) => ({
      beganAtMs: beganAtMs + byMs,
      offsetMsMin: offsetMsMin + byMs,
    }));
    this.#offsetMs += byMs;
  }

  #learn(receivedAtMs: number, offsetMs: number): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && receivedAtMs - last.beganAtMs < partMs) {
      last.offsetMsMin = Math.min(last.offsetMsMin, offsetMs);
      this.#offsetMs = Math.min(this.#offsetMs, offsetMs);
      return;
    }
    this.#parts.push({ beganAtMs: receivedAtMs, offsetMsMin: offsetMs });
    if (this.#parts.length > partCount) this.#parts.shift();
    this.#offsetMs = Math.min(...this.#parts.map((part) => part.offsetMsMin));
  }

  #notice(code: string, occurredAtMs: number, detail: Record<string, number>): NoticedConclusion {
    const deviceId = this.#deviceId;
    return { type: "noticed", occurredAtMs, deviceId, code, severity: "info", detail };
  }
}
