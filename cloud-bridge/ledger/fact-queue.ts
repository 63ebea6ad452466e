// Facts on their way to the ledger: requests that arrive while a transaction runs share the next one. The
// queue is bounded by facts, so that a burst is answered with "come again" before memory grows.

import type { FactRequest } from "./facts.ts";
import type { FactOutcome } from "./sql-facts.ts";
import { answerGroup, type Waiting } from "./whole-or-each.ts";

/** Facts of one transaction; it may exceed this by one request. */
export const factGroupCountMax = 5000;
/** Facts that wait; a request beyond is refused with FACTS_BUSY. */
export const factWaitingCountMax = 20_000;

type TakeGroup = (requests: readonly FactRequest[], nowMs: number) => Promise<FactOutcome[]>;

/** Gathers requests into groups, one group at a time. */
export class FactQueue {
  readonly #takeGroup: TakeGroup;
  readonly #waiting: Waiting<FactRequest, FactOutcome>[] = [];
  #waitingCount = 0;
  #isRunning = false;

  /** `takeGroup` answers a group in one transaction, in order. */
  constructor(takeGroup: TakeGroup) {
    this.#takeGroup = takeGroup;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** What became of the request, once it is committed; rejects with what made it fail. */
  take(request: FactRequest, nowMs: number): Promise<FactOutcome> {
    if (this.#waitingCount + sizeOf(request) > factWaitingCountMax) {
      const message = `${this.#waitingCount} facts wait already; come again with the same key`;
      return Promise.resolve({ ok: false, code: "FACTS_BUSY", message });
    }
    this.#waitingCount += sizeOf(request);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, nowMs, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await answerGroup(this.#nextGroup(), this.#takeGroup);
    this.#isRunning = false;
  }

  #nextGroup(): Waiting<FactRequest, FactOutcome>[] {
    let count = 0;
    const end = this.#waiting.findIndex(({ request }) => {
      const isFull = count >= factGroupCountMax;
      if (!isFull) count += sizeOf(request);
      return isFull;
    });
    this.#waitingCount -= count;
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }
}

/** A request without facts takes its place too. */
function sizeOf({ facts }: FactRequest): number {
  return Math.max(1, facts.length);
}
