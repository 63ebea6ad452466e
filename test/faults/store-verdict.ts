// What became of a store's events: what stands in the ledger, as the bridge tells it, held against what was accepted.

import { entrySchema } from "../../contract/stock.ts";
import { deliveryOf } from "../support/invariants.ts";
import type { StoreProcesses } from "./store-processes.ts";

/** Nothing is in `lost`, `repeated` and `problems` where all is well. */
export interface StoreVerdict {
  readonly lost: readonly string[];
  readonly repeated: readonly string[];
  readonly problems: readonly string[];
  readonly acceptedCount: number;
  readonly postedCount: number;
}

/** Waits until the ledger has all that was accepted, for so long at most, and checks everything. */
export async function judgeStore(
  store: StoreProcesses,
  waitMs: number,
  isSetBack = false,
): Promise<StoreVerdict> {
  const through = await store.drained(waitMs);
  const posted = await entryCounts(store);
  const { lost, repeated } = deliveryOf(store.accepted, through, posted);
  const { code, text, ledger } = await store.verify();
  // A ledger that was put back says so, and no other does.
  const isTold = (ledger["setBacks"] as unknown[]).length > 0;
  const isRight = code === 0 && isTold === isSetBack;
  const problems = isRight ? [] : [`verify: ${text}`];
  const counts = { acceptedCount: store.accepted.size, postedCount: posted.size };
  return { lost, repeated, problems, ...counts };
}

/** How often each event stands in the ledger: moved events as entries, by outbox and sequence. */
async function entryCounts(store: StoreProcesses): Promise<Map<string, number>> {
  const posted = new Map<string, number>();
  for (let after = 0; ; ) {
    const path = `/v1/entries?store=s0042&after=${after}&limit=1000`;
    const body = (await store.get(path)) as { items: unknown[] };
    if (body.items.length === 0) return posted;
    for (const value of body.items) {
      const entry = entrySchema.parse(value);
      const key = `${entry.outboxId}/${entry.sequence}`;
      posted.set(key, (posted.get(key) ?? 0) + 1);
      after = entry.entryNumber;
    }
  }
}
