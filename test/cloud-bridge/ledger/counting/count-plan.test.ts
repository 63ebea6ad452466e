// Classes by turnover, what is due, and which lines something speaks against.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  classify,
  dueLines,
  problemLines,
  silenceOf,
} from "../../../../cloud-bridge/ledger/counting/count-plan.ts";
import { defaultCountPolicy } from "../../../../cloud-bridge/ledger/counting/count-policy.ts";
import { coffee, shirt, tea } from "../fake-edge.ts";
import { account, dayMs, daysAgo, factsOf, itemsOf, nowMs, soldOf } from "./store-fixture.ts";

describe("classes", () => {
  const shares = { classAShare: 0.8, classABShare: 0.95 };
  const classesOf = (...values: number[]) => {
    const turnover = values.map((valueMinor, index) => ({ gtin: `g${index}`, valueMinor }));
    return classify(turnover, shares).map(({ gtin, abc }) => `${gtin} ${abc}`);
  };

  test("by cumulative share of turnover", () => {
    expect(classesOf(50, 30, 10, 5, 4, 1)).toEqual([
      "g0 A",
      "g1 A",
      "g2 B",
      "g3 B",
      "g4 C",
      "g5 C",
    ]);
  });

  test("one product that sells more than the share is A; what sells nothing is C", () => {
    expect(classesOf(0, 1000, -5, 1)).toEqual(["g1 A", "g3 C", "g0 C", "g2 C"]);
    expect(classesOf(0, 0)).toEqual(["g0 C", "g1 C"]);
  });

  test("class A reaches its share, and would not without its last product", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1 }), (values) => {
        const turnover = values.map((valueMinor, index) => ({ gtin: `g${index}`, valueMinor }));
        const value = new Map(turnover.map((each) => [each.gtin, each.valueMinor]));
        const total = values.reduce((sum, each) => sum + each, 0);
        const best = classify(turnover, shares).filter(({ abc }) => abc === "A");
        if (total === 0) {
          expect(best).toEqual([]);
          return;
        }
        const sum = best.reduce((all, { gtin }) => all + value.get(gtin)!, 0);
        expect(sum).toBeGreaterThanOrEqual(0.8 * total - 1e-6);
        expect(sum - value.get(best.at(-1)!.gtin)!).toBeLessThan(0.8 * total);
      }),
    );
  });
});

describe("what is due", () => {
  const count = (gtin: string, location: string, atMs: number) => ({
    ...{ gtin, location: `s0042/${location}`, atMs, count: 1 },
  });

  test("each class in its rotation, the most overdue first", () => {
    const facts = factsOf({
      items: itemsOf([coffee, "A"], [tea, "B"], [shirt, "C"]),
      accounts: [account(coffee, "floor", 1), account(tea, "floor", 1), account(shirt, "floor", 1)],
      counts: [coffee, tea, shirt].map((gtin) => count(gtin, "floor", daysAgo(190))),
    });
    const { lines } = dueLines(facts);
    expect(lines.map(({ gtin }) => gtin)).toEqual([coffee, tea]);
    expect(lines[0]!.dueAtMs).toBe(daysAgo(190 - 91));
  });

  test("a count of a place above, or a complete one, counts for the account", () => {
    const accounts = [account(coffee, "floor/a", 1), account(tea, "floor/b", 1)];
    const items = itemsOf([coffee, "A"], [tea, "A"]);
    const some = factsOf({ accounts, items, counts: [count(coffee, "floor", daysAgo(1))] });
    expect(dueLines(some).lines.map(({ gtin }) => gtin)).toEqual([tea]);
    const completeCounts = [{ location: "s0042", atMs: daysAgo(1) }];
    expect(dueLines(factsOf({ accounts, items, completeCounts })).lines).toEqual([]);
  });

  test("a new store is due day by day, and all of it within one rotation", () => {
    const gtins = Array.from({ length: 910 }, (_, index) => String(index).padStart(14, "0"));
    const accounts = gtins.map((gtin) => account(gtin, "floor", 1));
    const items = itemsOf(...gtins.map((gtin): [string, string] => [gtin, "A"]));
    const dueAfter = (days: number) =>
      dueLines(factsOf({ accounts, items, firstAtMs: daysAgo(days) })).dueCount;
    expect(dueAfter(0)).toBeLessThan(5);
    // 10 lines a day, within chance.
    expect(Math.abs(dueAfter(45) - 450)).toBeLessThan(70);
    expect(dueAfter(91)).toBe(910);
    expect(dueLines(factsOf({ accounts, items })).lines).toHaveLength(
      defaultCountPolicy.dailyLineCountMax,
    );
  });
});

describe("problem lines", () => {
  const kindsOf = (facts: ReturnType<typeof factsOf>) =>
    problemLines(facts).map(({ gtin, kinds }) => `${gtin} ${kinds}`);

  test("below zero, and differing at the last count", () => {
    const atMs = daysAgo(3);
    const facts = factsOf({
      accounts: [
        account(coffee, "floor", -2),
        account(tea, "floor", 10),
        account(shirt, "floor", 50),
      ],
      differences: [
        { ...account(tea, "floor", -10), atMs },
        { ...account(shirt, "floor", -1), atMs },
      ],
      counts: [tea, shirt].map((gtin) => ({ gtin, location: "s0042/floor", atMs, count: 1 })),
    });
    expect(kindsOf(facts)).toEqual([`${coffee} negative`, `${tea} variance`]);
    // A count since that found nothing ends it.
    const counts = [{ gtin: tea, location: "s0042/floor", atMs: daysAgo(1), count: 2 }];
    expect(kindsOf(factsOf({ ...facts, counts }))).toEqual([`${coffee} negative`]);
  });

  test("the value of what has no price is not known, and may be the greatest", () => {
    const accounts = [coffee, tea, shirt].map((gtin) => account(gtin, "floor", -2));
    const items = itemsOf([coffee, "A", 100], [tea, "A"], [shirt, "A", 300]);
    expect(problemLines(factsOf({ accounts, items }))).toMatchObject([
      { gtin: tea, valueMinor: null },
      { gtin: shirt, valueMinor: 600 },
      { gtin: coffee, valueMinor: 200 },
    ]);
  });

  test("a shelf that is silent for longer than chance has it", () => {
    const accounts = [account(coffee, "floor/c1", 8), account(tea, "floor/c2", 8)];
    const facings = accounts.map(({ gtin, location }) => ({ gtin, location }));
    // 25 sales in 23 days, then none for 5 days: less than 1 in 200. Two sales say nothing.
    const sales = soldOf([coffee, 25, daysAgo(5)], [tea, 2, daysAgo(5)]);
    const facts = factsOf({ accounts, facings, sales });
    expect(silenceOf(facts, coffee)!.probability).toBeCloseTo(Math.exp(-25 * (5 / 23)), 4);
    expect(kindsOf(facts)).toEqual([`${coffee} silent_shelf`]);
    expect(kindsOf(factsOf({ ...facts, sales: soldOf([coffee, 25, daysAgo(1)]) }))).toEqual([]);
  });

  test("what no store sells, once the store was watched long enough", () => {
    const facts = factsOf({ accounts: [account(coffee, "floor", 8)], unsold: new Set([coffee]) });
    expect(kindsOf(facts)).toEqual([`${coffee} sells_nowhere`]);
    expect(kindsOf(factsOf({ ...facts, firstAtMs: nowMs - dayMs }))).toEqual([]);
  });
});
