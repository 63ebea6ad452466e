// Relays of several workers that tell each other, as PostgreSQL would carry it: at most 8,000 bytes a notice, to all.

import { expect, test } from "vitest";
import type { Posted } from "../../../cloud-bridge/ledger/types.ts";
import { Relay } from "../../../cloud-bridge/workers/relay.ts";
import type { Entry } from "../../../contract/stock.ts";

const entry = (storeId: string, entryNumber: number) => ({ storeId, entryNumber }) as Entry;
const posted = (part: Partial<Posted>): Posted => ({
  ...{ entries: [], changedItems: [], alerts: [] },
  ...part,
});

/** Workers by what they hold; what each published, and what its listeners heard. */
function workers(holdings: Record<string, string[]>) {
  const sizes: number[] = [];
  const counts = new Map<string, number>();
  const all = Object.entries(holdings).map(([workerId, stores]) => {
    const said: string[] = [];
    const relay: Relay = new Relay({
      workerId,
      isHeld: (storeId) => stores.includes(storeId),
      notify: async (payload) => {
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
  return { all, sizes, counts };
}

test("whoever posts: the holder publishes, every listener hears, nobody says it twice", async () => {
  const { all } = workers({ a: ["s1"], b: ["s2"], c: [] });
  const [a, b, c] = all;
  const alerts = [{ storeId: "s2" }] as Posted["alerts"];
  const changedItems = [
    { storeId: "s1", gtin: "1" },
    { storeId: "s2", gtin: "2" },
  ];
  a!.relay.onPosted(posted({ entries: [entry("s1", 7), entry("s2", 3)], changedItems, alerts }));
  await expect.poll(() => b!.said.length).toBeGreaterThan(0);
  expect(a!.said).toEqual([...["feed s1", "feed s2", "entry s1 7", "level s1 1", "alert s2"]]);
  expect(b!.said).toEqual(["feed s1", "feed s2", "news s2", "level s2 2"]);
  expect(c!.said).toEqual(["feed s1", "feed s2"]);
});

test("much is told in notices that fit, too much is dropped and counted, garbage is counted", async () => {
  const { all, sizes, counts } = workers({ a: [], b: ["s1"] });
  const [a, b] = all;
  const items = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...{ storeId: "s".repeat(32), gtin: String(index).padStart(14, "0") },
    }));
  a!.relay.onPosted(posted({ changedItems: items(2_500) }));
  await expect.poll(() => counts.get("relay_notices")).toBe(25);
  expect(Math.max(...sizes)).toBeLessThan(7_900);
  a!.relay.onPosted(posted({ changedItems: items(20_000) }));
  expect(counts.get("relay_lines_dropped")).toBe(20_000);
  b!.relay.onNotice("{");
  b!.relay.onNotice('{"from":"x"}');
  expect(counts.get("relay_notices_invalid")).toBe(2);
});
