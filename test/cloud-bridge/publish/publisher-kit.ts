// What the tests of publishers share: a real ledger with receipts in it, and a link that the test rules.

import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Committed } from "../../../cloud-bridge/ledger/types.ts";
import type { OutgoingMessage } from "../../../cloud-bridge/link.ts";
import { decodeBatch } from "../../../contract/batch-codec.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { received, type TestOutbox } from "../test-outbox.ts";

/** A new ledger for each test; `ledger()` is the present one. */
export function useLedger(): () => SqliteLedger {
  let ledger: SqliteLedger;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    const folder = await temporaryFolder();
    remove = folder.remove;
    ledger = await SqliteLedger.open({ path: join(folder.path, "ledger.db"), nowMs: Date.now() });
  });
  afterEach(async () => {
    await ledger.close();
    await remove();
  });
  return () => ledger;
}

/** Posts one batch of receipts, as an edge would send them. */
export async function postReceipts(
  ledger: SqliteLedger,
  outbox: TestOutbox,
  gtins: readonly string[],
): Promise<Committed> {
  const drafts = gtins.map((gtin) => received(outbox.storeId, gtin));
  const decoded = decodeBatch(outbox.batch(...drafts));
  if (!decoded.ok) throw new Error(decoded.refusal.message);
  const { storeId, edgeId } = outbox;
  const [committed] = await ledger.post([{ storeId, edgeId, batch: decoded.batch }], Date.now());
  return committed!;
}

/** A link to a broker that takes what `isTaking` says, while it is online; what it took, in order. */
export class TestLink {
  isOnline = true;
  isTaking = (_message: OutgoingMessage) => true;
  readonly sent: OutgoingMessage[] = [];

  async publish(message: OutgoingMessage): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    const isTaken = this.isOnline && this.isTaking(message);
    if (isTaken) this.sent.push(message);
    return isTaken;
  }
}

/** Counters by name, and what counts. */
export function counting() {
  const counts = new Map<string, number>();
  const count = (name: string, by = 1) => {
    counts.set(name, (counts.get(name) ?? 0) + by);
  };
  return { counts, count };
}
