// Relays of several workers that tell each other, as PostgreSQL would carry it: at most 8,000 bytes a notice, to all.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Posted } from "../../../cloud-bridge/ledger/types.ts";
import { Relay } from "../../../cloud-bridge/workers/relay.ts";
import type { Entry } from "../../../contract/stock.ts";

const entry = (storeId: string, entryNumber: number) => ({ storeId, entryNumber }) as Entry;
const posted = (part: Partial<Posted>): Posted => ({
  ...{ entries: [], changedItems: [], alerts: [] },
  ...part,
});

/** Workers by what they hold; what each published, and what its listeners heard. `session.isLost`: nobody can be told. */
function workers(holdings: Record<string, string[]>) {
  const sizes: number[] = [];
  const session = { isLost: false };
  const counts = new Map<string, number>();
  const all = Object.entries(holdings).map(([workerId, stores]) => {
    const said: string[] = [];
    const relay: Relay = new Relay({
      workerId,
      isHeld: (storeId) => stores.includes(storeId),
      notify: async (payload) => {
        if (session.isLost) return false;
        sizes.push(Buffer.byteLength(payload));
        for (const other of all) other.relay.onNotice(payload);
        return true;
      },
      publishers: {
        onPosted: ({ entries, changedItems, alerts }) => {
          said.push(...entries.map((one) => `entry ${one.storeId} ${one.entryNumber}`));
          said.push(...changedItems.map(({ storeId, gtin }) => `level ${storeId} ${gtin}`));
          said.push(...alerts.map(({ storeId }) => `alert ${storeId}`));
        },
        onNews: (storeId) => said.push(`news ${storeId}`),
      },
      feed: {
        onPosted: ({ entries }) => said.push(...entries.map((one) => `feed ${one.storeId}`)),
        onNews: (storeId) => said.push(`feed ${storeId}`),
      },
      count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
    });
    return { relay, said };
  });
  return { all, sizes, counts, session };
}

test("whoever posts: the holder publishes, every listener hears, nobody says it twice", async () => {
  const { all } = workers({ a: ["s1"], b: ["s2"], c: [] });
  const [a, b, c] = all;
  const alerts = [{ storeId: "s1" }, { storeId: "s2" }] as Posted["alerts"];
  const changedItems = [
    { storeId: "s1", gtin: "1" },
    { storeId: "s2", gtin: "2" },
  ];
  a!.relay.onPosted(posted({ entries: [entry("s1", 7), entry("s2", 3)], changedItems, alerts }));
  await expect.poll(() => b!.said.length).toBeGreaterThan(0);
  expect(a!.said).toEqual([...["feed s1", "feed s2", "entry s1 7", "level s1 1", "alert s1"]]);
  expect(b!.said).toEqual(["feed s1", "feed s2", "news s2", "level s2 2"]);
  expect(c!.said).toEqual(["feed s1", "feed s2"]);
});

test("what cannot be told waits until the others are there again, each line once", async () => {
  const { all, counts, session } = workers({ a: [], b: ["s2"] });
  const [a, b] = all;
  session.isLost = true;
  const claimed = posted({ changedItems: [{ storeId: "s2", gtin: "2" }] });
  a!.relay.onPosted(claimed);
  a!.relay.onPosted(claimed);
  a!.relay.onPosted(posted({ entries: [entry("s2", 3)] }));
  await expect.poll(() => counts.get("relay_notices_failed")).toBeGreaterThan(0);
  expect(b!.said).toEqual([]);
  a!.relay.onMembers();
  await sleep(10);
  session.isLost = false;
  a!.relay.onMembers();
  await expect.poll(() => b!.said).toEqual(["feed s2", "news s2", "level s2 2"]);
  a!.relay.onMembers();
  await sleep(10);
  expect(b!.said).toHaveLength(3);
  expect(counts.get("relay_notices")).toBe(1);
});

test("of an alert without an entry its store's holder is told", async () => {
  const { all } = workers({ a: [], b: ["s2"] });
  const [a, b] = all;
  a!.relay.onPosted(posted({ alerts: [{ storeId: "s2" }] as Posted["alerts"] }));
  await expect.poll(() => b!.said).toEqual(["feed s2", "news s2"]);
});

test("much is told in notices that fit, of too much whole stores are told, garbage is counted", async () => {
  const { all, sizes, counts } = workers({ a: [], b: ["s1"] });
  const [a, b] = all;
  const items = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...{ storeId: "s".repeat(32), gtin: String(index).padStart(14, "0") },
    }));
  a!.relay.onPosted(posted({ changedItems: items(2_500) }));
  await expect.poll(() => counts.get("relay_notices")).toBe(25);
  expect(Math.max(...sizes)).toBeLessThan(7_900);
  const others = items(20_000).map(({ gtin }) => ({ storeId: "s1", gtin }));
  a!.relay.onPosted(posted({ changedItems: [...items(100), ...others] }));
  expect(counts.get("relay_lines_dropped")).toBe(20_100);
  // A level of every item, as after a limit for all of them.
  await expect.poll(() => b!.said).toEqual(["level s1 *"]);
  b!.relay.onNotice("{");
  b!.relay.onNotice('{"from":"x"}');
  expect(counts.get("relay_notices_invalid")).toBe(2);
});
