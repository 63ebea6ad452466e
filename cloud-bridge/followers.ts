// What goes after the ledger in its own time: indexes, proofs, published events. Each follower takes a piece of what it
// has not seen and keeps how far it came; posting never waits for it.

import { type Clock, sleep } from "./clock.ts";
import { unlessRefused } from "./unless-refused.ts";

/** Does a piece of work; gives how many entries it took, 0 when there is nothing to do. */
export type Follower = () => Promise<number>;

/** Between two looks when there was nothing to do. */
const lookIntervalMs = 250;
/** A piece of work is followed by a rest of so many times that: posting has the ledger for the most part. */
const restFactor = 2;

/** Runs until `signal` aborts. Rejects with LEDGER_FAILED once the ledger cannot be read or written. */
export async function runFollowers(
  options: {
    readonly followers: readonly Follower[];
    readonly clock: Clock;
    readonly count: (name: string, by?: number) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { followers, clock, count } = options;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    let entryCount = 0;
    for (const follow of followers) {
      if (signal.aborted) return;
      entryCount += await unlessRefused(follow, 0, count);
    }
    if (entryCount > 0) count("followed_entries", entryCount);
    const restMs = restFactor * (clock.monotonicMs() - startedMs);
    await sleep(clock, entryCount === 0 ? lookIntervalMs : restMs, signal);
  }
}
