import { expect, test } from "vitest";
import { canonicalEvent, genesisDigest, nextDigest } from "../../../contract/digest.ts";
import { MemoryOutbox, waitingCountMax } from "../../../simulators/fleet/memory-outbox.ts";
import { StoreTrade } from "../../../simulators/fleet/store-trade.ts";
import { seededRandom } from "../../../simulators/random.ts";

const outboxId = "00000000-0000-4000-8000-000000000001";
const stamp = { bootId: outboxId, uptimeMs: 1, clockSynced: true };
const limits = { countMax: 500, sizeBytesMax: 100_000 };

function filled(count: number) {
  const latenciesMs: number[] = [];
  const clock = { nowMs: 0 };
  const outbox = new MemoryOutbox(
    outboxId,
    () => clock.nowMs,
    (ms) => latenciesMs.push(ms),
  );
  const trade = new StoreTrade("f00001", 3, seededRandom(1));
  for (let at = 0; at < count; at += 1) outbox.append({ ...trade.next(1000 + at), ...stamp });
  return { outbox, clock, latenciesMs };
}

test("its chain is the contract's", async () => {
  const { outbox } = filled(20);
  let digest = genesisDigest(outboxId);
  for (const row of await outbox.read(1, limits)) {
    digest = nextDigest(digest, canonicalEvent(JSON.parse(row.text)));
    expect(row.digest).toBe(digest);
    expect(await outbox.digestAt(row.lastSequence)).toBe(digest);
  }
  expect(outbox.position()).toMatchObject({ lastSequence: 20, lastDigest: digest });
});

test("what is acknowledged is forgotten, and how long it waited is told", async () => {
  const { outbox, clock, latenciesMs } = filled(10);
  clock.nowMs = 40;
  await outbox.acknowledge(4, (await outbox.digestAt(4))!, 1);
  expect(latenciesMs).toEqual([40, 40, 40, 40]);
  expect(outbox.position()).toMatchObject({ acknowledgedSequence: 4, oldestSequence: 5 });
  const rows = await outbox.read(5, { countMax: 2, sizeBytesMax: 1 });
  expect(rows.map((row) => row.firstSequence)).toEqual([5]);
  await expect(outbox.read(4, limits)).rejects.toThrow("asks for event 4 again");
  await expect(outbox.renew("diverged")).rejects.toThrow("another history");
});

test("it takes no more than its limit", () => {
  const { outbox } = filled(waitingCountMax + 3);
  expect(outbox.waitingCount).toBe(waitingCountMax);
});

test("a store never sells what it has not", () => {
  const trade = new StoreTrade("f00001", 4, seededRandom(3));
  const balances = new Map<string, number>();
  for (let at = 0; at < 2_000; at += 1) {
    const { item, quantity, from, to } = trade.next(at);
    for (const [place, sign] of [
      [from, -1],
      [to, 1],
    ] as const) {
      const key = `${place?.location} ${item.gtin}`;
      balances.set(key, (balances.get(key) ?? 0) + sign * quantity);
      if (!key.includes("@")) expect(balances.get(key)).toBeGreaterThanOrEqual(0);
    }
  }
});
