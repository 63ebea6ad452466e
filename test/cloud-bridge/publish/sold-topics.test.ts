// The list of what is sold on a real ledger: how far it goes, and of when it is.

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

/** A publisher that runs; `finish` lets it publish what is due. */
function publisher(caughtUpFromAtMs: () => number | undefined) {
  const link = new TestLink();
  const soldTopics = new SoldTopics({
    ...{ ledger: ledger(), edges: { caughtUpFromAtMs }, link, clock: systemClock },
    ...{ storeIds: async () => [storeId], count: counting().count, soldRefreshMs: 30_000 },
  });
  const stop = new AbortController();
  const done = soldTopics.run(stop.signal);
  const finish = async () => {
    stop.abort();
    await done;
  };
  const lists = () => link.sent.map(({ payload }) => soldSchema.parse(JSON.parse(payload)));
  return { soldTopics, lists, finish };
}

test("a list says through which entry of the ledger it goes at least", async () => {
  const { soldTopics, lists, finish } = publisher(() => 0);
  const outbox = new TestOutbox(storeId, "till");
  soldTopics.onPosted(await post(outbox, sold("A")));
  await expect.poll(() => lists().length).toBe(1);
  soldTopics.onPosted(await post(outbox, sold("B"), received(storeId, gtin)));
  await finish();
  const { epoch: ledgerEpoch } = ledger();
  expect(lists().map(({ through, serials }) => [through, serials.length])).toEqual([
    [{ ledgerEpoch, entryNumber: 1 }, 1],
    [{ ledgerEpoch, entryNumber: 3 }, 2],
  ]);
});

test.each([
  ["is of now while the till has caught up", (toldAtMs: number) => toldAtMs, true],
  ["is of the till's word while that is behind", (toldAtMs: number) => toldAtMs + 1, false],
  ["is of the till's word while it may be gone", () => undefined, false],
] as const)("a list %s", async (_, fromOf, isOfNow) => {
  const posted = await post(new TestOutbox(storeId, "till"), sold("A"));
  const [position] = await ledger().positions();
  const toldAtMs = position!.completeThroughAtMs;
  const { soldTopics, lists, finish } = publisher(() => fromOf(toldAtMs));
  await expect.poll(() => Date.now()).toBeGreaterThan(toldAtMs);
  soldTopics.onPosted(posted);
  await finish();
  const [list] = lists();
  expect(list!.asOfAtMs > toldAtMs).toBe(isOfNow);
});
