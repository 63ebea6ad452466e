// Requests for claims on their way to the ledger: those that arrive while a transaction runs share the next
// one, so that many buyers cost one sync of the disk. Each is still decided alone, in order of arrival.

import type { ClaimOutcome, ClaimRequest } from "./claims.ts";
import { answerGroup, type Waiting } from "./whole-or-each.ts";

/** Requests that are decided in one transaction. */
export const claimGroupCountMax = 500;
/** Requests that wait; one more is refused with CLAIM_BUSY. */
export const claimWaitingCountMax = 5000;

/** Gathers requests into groups, one group at a time. */
export class ClaimQueue {
  readonly #decide: (requests: readonly ClaimRequest[], nowMs: number) => Promise<ClaimOutcome[]>;
  readonly #waiting: Waiting<ClaimRequest, ClaimOutcome>[] = [];
  #isRunning = false;

  /** `decide` answers a group in one transaction, in order. */
  constructor(
    decide: (requests: readonly ClaimRequest[], nowMs: number) => Promise<ClaimOutcome[]>,
  ) {
    this.#decide = decide;
  }

  /** What became of the request, once it is committed; rejects with what made it fail. */
  take(request: ClaimRequest, nowMs: number): Promise<ClaimOutcome> {
    if (this.#waiting.length >= claimWaitingCountMax) {
      const message = `${claimWaitingCountMax} requests wait already; come again in a second`;
      return Promise.resolve({ ok: false, code: "CLAIM_BUSY", field: "(request)", message });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, nowMs, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await answerGroup(this.#waiting.splice(0, claimGroupCountMax), this.#decide);
    }
    this.#isRunning = false;
  }
}
