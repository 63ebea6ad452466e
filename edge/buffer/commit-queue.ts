// Group commit: what arrives within a short time is committed together, because each commit costs a
// sync of the disk. Commits never overlap, and nothing is committed while nothing waits.

import { GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import type { StateChange } from "../sense/machine.ts";
import type { CheckedEvent } from "./draft.ts";
import type { OutboxSettings } from "./settings.ts";

/** Events and state of one `append`, which are committed in one transaction. */
export interface Entry {
  readonly events: readonly CheckedEvent[];
  readonly state: readonly StateChange[];
  readonly sizeBytes: number;
  readonly accept: (firstSequence: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Most events of one transaction; a single entry may have more. */
const groupEventCountMax = 1000;
const groupSizeBytesMax = 1024 * 1024;

/** Collects entries and hands them on in groups. */
export class CommitQueue {
  readonly #clock: Clock;
  readonly #settings: OutboxSettings;
  readonly #commit: (group: readonly Entry[]) => Promise<void>;
  readonly #groupSizeBytesMax: number;
  #entries: Entry[] = [];
  #eventCount = 0;
  #sizeBytes = 0;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: () => void = () => undefined;
  #tail: Promise<void> = Promise.resolve();

  /** `commit` takes a group, which may be empty, settles its entries and never rejects. */
  constructor(
    clock: Clock,
    settings: OutboxSettings,
    commit: (group: readonly Entry[]) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#commit = commit;
    // A group has to fit into what shedding leaves free of a small page cap.
    this.#groupSizeBytesMax = Math.min(groupSizeBytesMax, settings.sizeBytesMax / 32);
  }

  /** Events that wait. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Takes an entry, or throws GatewayError OUTBOX_QUEUE_FULL. */
  add(entry: Entry): void {
    const { queuedEventCountMax, queuedSizeBytesMax, commitDelayMs } = this.#settings;
    const eventCount = this.#eventCount + entry.events.length;
    const sizeBytes = this.#sizeBytes + entry.sizeBytes;
    if (eventCount > queuedEventCountMax || sizeBytes > queuedSizeBytesMax) {
      const message = `${this.#eventCount} events (${this.#sizeBytes} bytes) already wait for the disk`;
      throw new GatewayError("OUTBOX_QUEUE_FULL", message, { retryable: true });
    }
    this.#entries.push(entry);
    this.#eventCount = eventCount;
    this.#sizeBytes = sizeBytes;
    this.commitWithin(eventCount >= groupEventCountMax ? 0 : commitDelayMs);
  }

  /** Commits after `delayMs` at the latest, whatever waits then. */
  commitWithin(delayMs: number): void {
    const dueAtMs = this.#clock.monotonicMs() + delayMs;
    if (dueAtMs >= this.#dueAtMs) return;
    this.#cancelTimer();
    this.#dueAtMs = dueAtMs;
    this.#cancelTimer = this.#clock.timer(delayMs, () => void this.flush());
  }

  /** Commits what waits now; resolves when that is done. */
  flush(): Promise<void> {
    this.stop();
    this.#tail = this.#tail.then(() => this.#drain());
    return this.#tail;
  }

  /** Forgets the timer. */
  stop(): void {
    this.#cancelTimer();
    this.#dueAtMs = Number.POSITIVE_INFINITY;
  }

  /** Takes everything that waits, without a commit. */
  takeAll(): Entry[] {
    return this.#take(this.#entries.length);
  }

  // What arrives meanwhile has a timer of its own, and so gets its own time to collect.
  async #drain(): Promise<void> {
    let waitingCount = this.#entries.length;
    do {
      const group = this.#take(this.#groupLength(waitingCount));
      waitingCount -= group.length;
      await this.#commit(group);
    } while (waitingCount > 0 && this.#entries.length > 0);
  }

  #groupLength(lengthMax: number): number {
    let eventCount = 0;
    let sizeBytes = 0;
    for (let length = 0; length < lengthMax; length += 1) {
      const entry = this.#entries[length] as Entry;
      eventCount += entry.events.length;
      sizeBytes += entry.sizeBytes;
      const isFull = eventCount > groupEventCountMax || sizeBytes > this.#groupSizeBytesMax;
      if (isFull && length > 0) return length;
    }
    return lengthMax;
  }

  #take(length: number): Entry[] {
    const taken = this.#entries.splice(0, length);
    for (const entry of taken) {
      this.#eventCount -= entry.events.length;
      this.#sizeBytes -= entry.sizeBytes;
    }
    return taken;
  }
}
