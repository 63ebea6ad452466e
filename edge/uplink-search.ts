// Where did outbox and ledger part? A binary search whose questions travel as probes in hellos: does
// the ledger have this digest at this sequence? Pure; the uplink asks and tells the answers.

import type { OutboxPosition, OutboxRow } from "./buffer/outbox.ts";

/** One question to the ledger. */
export interface Probe {
  readonly sequence: number;
  readonly digest: string;
}

/** Finds the last sequence that outbox and ledger have in common. */
export class CommonSearch {
  #low: number;
  #high: number;
  #first: number | undefined;
  #asked: { middle: number; probe: Probe } | undefined;

  /**
   * The answer lies in `low`..`high`; `low` is taken without asking because nothing below it is kept.
   * `first`, the acknowledged position, is asked before all others: it is nearly always common.
   */
  constructor({ low, high, first }: { low: number; high: number; first: number }) {
    this.#low = Math.min(low, high);
    this.#high = high;
    this.#first = first;
  }

  /** The last common sequence; undefined while there is something to ask. */
  common(): number | undefined {
    return this.#low >= this.#high ? this.#low : undefined;
  }

  /** The next probe, with `rowAt` reading the row that holds a sequence; undefined when found. */
  async next(
    rowAt: (sequence: number) => Promise<OutboxRow | undefined>,
  ): Promise<Probe | undefined> {
    while (this.#low < this.#high) {
      const first = this.#first;
      this.#first = undefined;
      const asksFirst = first !== undefined && first > this.#low && first <= this.#high;
      const middle = asksFirst ? first : Math.ceil((this.#low + this.#high) / 2);
      const row = await rowAt(middle);
      // Within a gap only the digest at its end is known.
      if (row !== undefined && row.lastSequence <= this.#high) {
        const probe = { sequence: row.lastSequence, digest: row.digest };
        this.#asked = { middle, probe };
        return probe;
      }
      this.#high = middle - 1;
    }
    return undefined;
  }

  /** Takes the answer to the last probe. */
  take(matches: boolean): void {
    if (this.#asked === undefined) return;
    const { middle, probe } = this.#asked;
    this.#asked = undefined;
    if (matches) this.#low = probe.sequence;
    else this.#high = middle - 1;
  }
}

/** The search after an answer that diverged: the whole of what both could have in common. */
export function searchCommon(
  { acknowledgedSequence, lastSequence, oldestSequence }: OutboxPosition,
  answer: { throughSequence: number; agrees: boolean },
): CommonSearch {
  const high = Math.min(lastSequence, answer.throughSequence);
  // Where the ledger's own end is ours too there is nothing to ask: it froze the outbox for a clone.
  const low = answer.agrees ? high : Math.min(oldestSequence - 1, acknowledgedSequence);
  return new CommonSearch({ low, high, first: acknowledgedSequence });
}
