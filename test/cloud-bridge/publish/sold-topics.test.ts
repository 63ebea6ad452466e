// The list of what is sold on a real ledger: how far it goes.

import { expect, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { SoldTopics } from "../../../cloud-bridge/publish/sold-topics.ts";
import { decodeBatch } from "../../../contract/batch-codec.ts";
import { soldSchema } from "../../../contract/sold.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { counting, TestLink, useLedger } from "./publisher-kit.ts";

const storeId = "s0042";
const gtin = "09506000134352";
const ledger = useLedger();

function sold(serial: string) {
  return {
    ...{ type: "moved", occurredAtMs: Date.now(), deviceId: "till-1", step: "retail_selling" },
    ...{ item: { gtin, serial }, quantity: 1 },
    ...{ bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true },
  };
}

async function post(outbox: TestOutbox, ...drafts: object[]) {
  const decoded = decodeBatch(outbox.batch(...drafts));
  if (!decoded.ok) throw new Error(decoded.refusal.message);
  const { edgeId } = outbox;
  const [committed] = await ledger().post([{ storeId, edgeId, batch: decoded.batch }], Date.now());
  return committed!;
}

test("a list says through which entry of the ledger it goes at least", async () => {
  const link = new TestLink();
  const soldTopics = new SoldTopics({
    ...{ ledger: ledger(), link, clock: systemClock, count: counting().count },
    ...{ storeIds: async () => [storeId], soldRefreshMs: 30_000 },
  });
  const stop = new AbortController();
  const done = soldTopics.run(stop.signal);
  const outbox = new TestOutbox(storeId, "till");
  const lists = () => link.sent.map(({ payload }) => soldSchema.parse(JSON.parse(payload)));
  soldTopics.onPosted(await post(outbox, sold("A")));
  await expect.poll(() => lists().length).toBe(1);
  soldTopics.onPosted(await post(outbox, sold("B"), received(storeId, gtin)));
  stop.abort();
  await done;
  const { epoch: ledgerEpoch } = ledger();
  expect(lists().map(({ through, serials }) => [through, serials.length])).toEqual([
    [{ ledgerEpoch, entryNumber: 1 }, 1],
    [{ ledgerEpoch, entryNumber: 3 }, 2],
  ]);
});
