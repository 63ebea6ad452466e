// What stands in the ledger, as the bridge tells it.

import { entrySchema } from "../../contract/stock.ts";
import type { StoreProcesses } from "./store-processes.ts";

/** How often each accepted event stands in the ledger: moved events as entries, by outbox and sequence. */
export async function entryCounts(store: StoreProcesses): Promise<Map<string, number>> {
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
