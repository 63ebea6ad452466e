// Which partitions a worker should hold: an equal share for everybody who is there, and everything held by somebody.

import { partitionCount } from "../../contract/topics.ts";

/** The lease beside those of the partitions: settlement, indexes and webhooks are done by its holder alone. */
export const upkeepLease = partitionCount;
/** All leases: 0 to 63 are partitions. */
export const leaseCount = partitionCount + 1;

/** What a look at the database showed. */
export interface LeaseLook {
  /** Workers that are there, this one among them. */
  readonly memberCount: number;
  /** Leases that somebody holds. */
  readonly taken: ReadonlySet<number>;
  /** Those that this worker holds. */
  readonly held: ReadonlySet<number>;
}

/** What this worker should give back and try to take. `start`: where it begins to take, so that not all try the same. */
export function planLeases(
  { memberCount, taken, held }: LeaseLook,
  start: number,
): { readonly give: readonly number[]; readonly take: readonly number[] } {
  const share = Math.ceil(leaseCount / Math.max(1, memberCount));
  if (held.size >= share) {
    // In order of their numbers: upkeep, the last, stays where it is.
    const give = [...held].sort((one, other) => one - other).slice(0, held.size - share);
    return { give, take: [] };
  }
  const all = Array.from({ length: leaseCount }, (_, index) => (start + index) % leaseCount);
  return { give: [], take: all.filter((one) => !taken.has(one)).slice(0, share - held.size) };
}
