// The life of single units by page, over stores, in order of time.

import { expect, test } from "vitest";
import type { HistoryMark } from "../../../cloud-bridge/ledger/sql-history.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Entry } from "../../../contract/stock.ts";
import { openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const unit = { item: coffee, serial: "7" };
const nameOf = ({ storeId, entryNumber }: Entry) => `${storeId}/${entryNumber}`;

/** The unit wanders about in two stores, several times in a millisecond; another one does too. */
async function wandered(count: number): Promise<SqliteLedger> {
  const ledger = await openLedger();
  for (const storeId of ["s1", "s2"]) {
    const edge = new FakeEdge("0a0a0a0a-1111", "edge-1", storeId);
    for (let index = 0; index < count; index += 1) {
      const [from, to] = ["a", "b"].map((name) => place(`${storeId}/${name}${index % 2}`));
      const occurredAtMs = startAtMs + Math.floor(((index * 7) % count) / 3);
      for (const serial of ["7", "8"]) {
        const item = { gtin: coffee, serial };
        edge.append(moved("relocating", coffee, { item, occurredAtMs, from, to }));
      }
    }
    for (let first = 1; first <= edge.lastSequence; first += 500) {
      const last = Math.min(edge.lastSequence, first + 499);
      await ledger.post([edge.batch(first, last)], startAtMs + 60_000);
    }
  }
  return ledger;
}

/** All pages, the latest first, and how many entries each has. */
async function pagesOf(ledger: SqliteLedger, countMax: number, storeIds?: string[]) {
  const only = storeIds === undefined ? {} : { storeIds };
  const sizes: number[] = [];
  const entries: Entry[] = [];
  let before: HistoryMark | undefined;
  do {
    const page = await ledger.history.ofItem({ ...unit, ...only, before, countMax });
    sizes.push(page.entries.length);
    entries.unshift(...page.entries);
    before = page.next;
  } while (before !== undefined);
  return { sizes, entries };
}

test("pages of any size are the whole life, each entry once, as the stores' chains have it", async () => {
  const ledger = await wandered(20);
  const whole = await pagesOf(ledger, 1000);
  expect(whole.sizes).toEqual([40]);
  const times = whole.entries.map(({ occurredAtMs }) => occurredAtMs);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(new Set(times).size).toBeLessThan(10);
  for (const storeId of ["s1", "s2"]) {
    const chain = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 100 });
    const own = whole.entries.filter((entry) => entry.storeId === storeId);
    own.sort((a, b) => a.entryNumber - b.entryNumber);
    expect(own).toEqual(chain.filter(({ serial }) => serial === "7"));
  }
  for (const [countMax, sizes] of [
    [1, Array(40).fill(1)],
    [7, [7, 7, 7, 7, 7, 5]],
    [20, [20, 20]],
  ] as const) {
    const paged = await pagesOf(ledger, countMax);
    expect(paged.sizes).toEqual(sizes);
    expect(paged.entries.map(nameOf)).toEqual(whole.entries.map(nameOf));
  }
  const one = await pagesOf(ledger, 6, ["s2"]);
  expect(one.entries.map(nameOf)).toEqual(
    whole.entries.filter(({ storeId }) => storeId === "s2").map(nameOf),
  );
});

test("a unit of more than a thousand entries is read to its beginning", async () => {
  const ledger = await wandered(601);
  const { sizes, entries } = await pagesOf(ledger, 1000);
  expect(sizes).toEqual([1000, 202]);
  expect(new Set(entries.map(nameOf)).size).toBe(1202);
});
