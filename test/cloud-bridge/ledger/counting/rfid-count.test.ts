// Counts of tags: the comparison, how complete it was, and on a real ledger.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareSet,
  completenessOf,
  type HeldSerial,
} from "../../../../cloud-bridge/ledger/counting/rfid-count.ts";
import type { ReportMark } from "../../../../cloud-bridge/ledger/counting/sql-rfid.ts";
import { balancesOf, openLedger, postOne } from "../edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, place } from "../fake-edge.ts";
import { at, opening, statusOf, step } from "./stocktake-fixture.ts";

const key = (serial: number | string) => `01/${coffee}/21/${serial}`;
const range = (count: number) => Array.from({ length: count }, (_, index) => key(index + 1));
const floor = { storeId: "s0042", location: "s0042/floor", state: "sellable" } as const;
const held = (serial: number, location: string): HeldSerial => ({
  ...{ key: key(serial), location: `s0042/${location}`, state: "sellable" },
});

describe("a comparison", () => {
  test("tells what is missing, unexpected and found again", () => {
    const serials = [
      ...[held(1, "floor/a"), held(2, "floor/b"), held(3, "floor")],
      ...[held(4, "stockroom"), held(5, "@loss"), held(6, "@basket")],
    ];
    const seen = new Set([1, 3, 4, 5, 6, 7].map(key));
    expect(compareSet(floor, [seen], serials, new Set([key(3)]))).toMatchObject({
      ...{ expectedCount: 3, seenCount: 6, missing: [key(2)] },
      found: [
        { key: key(3), from: "s0042/floor" },
        { key: key(5), from: "s0042/@loss" },
      ],
      unexpected: [
        { key: key(4), from: "s0042/stockroom" },
        { key: key(6), from: "s0042/@basket" },
        { key: key(7) },
      ],
    });
  });

  test("every tag that was seen or expected is told once", () => {
    const tag = fc.record({ serial: fc.nat(30), location: fc.constantFrom("floor", "x", "@loss") });
    fc.assert(
      fc.property(
        fc.uniqueArray(tag, { selector: (t) => t.serial }),
        fc.uniqueArray(fc.nat(30)),
        (all, seen) => {
          const serials = all.map(({ serial, location }) => held(serial, location));
          const found = compareSet(floor, [new Set(seen.map(key))], serials);
          const hits = found.expectedCount - found.missingCount;
          expect(hits + found.unexpectedCount + found.foundCount).toBe(seen.length);
          expect(found.expectedCount).toBe(all.filter((t) => t.location === "floor").length);
        },
      ),
    );
  });
});

describe("completeness", () => {
  test("of one pass: a handful of tags proves little", () => {
    const one = [new Set(range(5))];
    expect(completenessOf(one, 5, 5)).toBeCloseTo(0.566, 3);
    expect(completenessOf(one, 200, 200)).toBeCloseTo(0.981, 3);
    expect(completenessOf(one, 180, 200)).toBeLessThan(0.95);
    expect(completenessOf(one, 0, 0)).toBe(0);
  });

  test("of two passes: by what the second saw that the first did not", () => {
    const all = range(100);
    expect(completenessOf([new Set(all), new Set(all)], 0, 0)).toBe(1);
    // 90 and 90 of 100, 81 of them twice: 99 were seen of about 100.
    const [first, second] = [all.slice(0, 90), [...all.slice(9, 90), ...all.slice(90, 99)]];
    expect(completenessOf([new Set(first), new Set(second)], 0, 0)).toBeCloseTo(99 / 99.99, 3);
  });
});

async function tagged(units: number) {
  const ledger = await openLedger();
  const edge = new FakeEdge();
  for (let serial = 1; serial <= units; serial += 1) {
    const item = { gtin: coffee, serial: String(serial) };
    edge.append(moved("receiving", coffee, { item, to: place("s0042/floor") }));
  }
  await postOne(ledger, edge.batch(1));
  return ledger;
}

test("passes with a hand reader become lines that are as sure as the passes are complete", async () => {
  const ledger = await tagged(20);
  const opened = await ledger.counting.open(opening(), at(1));
  if (!opened.ok) throw new Error(opened.message);
  const count = opened.stocktake;
  const pass = (keys: string[], minute: number) => ({ observedAtMs: at(minute), keys });
  const record = (...passes: ReturnType<typeof pass>[]) =>
    ledger.counting.recordTags(
      count,
      { by: "ada", role: "associate", location: undefined, passes },
      at(60),
    );
  const once = await record(pass(range(19), 5));
  expect(once.report).toMatchObject({ missing: [key(20)], expectedCount: 20 });
  const reviewed = await step(ledger, count, "ada", { step: "submit" });
  expect(statusOf(reviewed)).toEqual({ [coffee]: "recount" });
  // The same person may walk by again: the second pass is what tells.
  const twice = await record(pass(range(19), 7), pass(range(19), 8));
  expect(twice).toMatchObject({ ok: true, report: { completenessShare: 1, sequence: 2 } });
  expect((await step(ledger, count, "ada", { step: "post" })).phase).toBe("done");
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 19 });
  expect(await ledger.counting.rfidReports({ storeId: "s0042", countMax: 9 })).toHaveLength(2);
  expect((await ledger.verify()).problems).toEqual([]);
});

test("an edge's count of tags is compared, and what was missed and is seen again is told", async () => {
  const ledger = await tagged(3);
  const edge = new FakeEdge("0b0b0b0b-0001", "edge-2");
  const seen = (keys: string[], minute: number) => {
    const serials = keys.map((each) => ({ key: each, observedAtMs: at(minute) }));
    const lines = [{ gtin: coffee, quantity: keys.length, observedAtMs: at(minute) }];
    const fields = { occurredAtMs: at(minute), confidence: 0.99, lines, serials };
    return counted("s0042/floor", {}, fields);
  };
  await postOne(ledger, edge.append(seen(range(2), 5)).batch(1));
  const later = await postOne(ledger, edge.append(seen(range(3), 9)).batch(2));
  expect(later.alerts).toMatchObject([{ code: "item_found", detail: { key: key(3) } }]);
  // Repeated, it is not told again.
  expect((await postOne(ledger, edge.batch(1))).alerts).toEqual([]);
  const reports = await ledger.counting.rfidReports({ storeId: "s0042", countMax: 9 });
  expect(reports).toMatchObject([
    { foundCount: 1, missingCount: 0, completenessShare: 0.99, edgeId: "edge-2" },
    { foundCount: 0, missing: [key(3)] },
  ]);
});

test("of counts of one millisecond a list loses none between two pages", async () => {
  const ledger = await tagged(1);
  const edge = new FakeEdge("0b0b0b0b-0001", "edge-2");
  const observedAtMs = at(5);
  for (let index = 0; index < 12; index += 1) {
    const serials = [{ key: key(1), observedAtMs }];
    const lines = [{ gtin: coffee, quantity: 1, observedAtMs }];
    const fields = { occurredAtMs: observedAtMs, confidence: 0.99, lines, serials };
    edge.append(counted("s0042/floor", {}, fields));
  }
  await postOne(ledger, edge.batch(1));
  const sequences: number[] = [];
  let before: ReportMark | undefined;
  do {
    const page = await ledger.counting.rfidReports({ storeId: "s0042", before, countMax: 5 });
    sequences.push(...page.map(({ sequence }) => sequence));
    const last = page.at(-1);
    before = last && [last.atMs, last.edgeId, last.outboxId, last.sequence];
  } while (before !== undefined);
  expect(sequences).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
});
