// The trust score: its bounds, what raises and lowers it, and a worked example.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accountTrusts,
  blindMsSince,
  storeScores,
  type TrustEvidence,
  trustScore,
  withheldPercent,
} from "../../../../cloud-bridge/ledger/counting/trust.ts";
import { distrustedOf } from "../../../../cloud-bridge/ledger/counting/trust-gate.ts";
import { coffee, tea } from "../fake-edge.ts";
import { account, dayMs, daysAgo, factsOf, itemsOf } from "./store-fixture.ts";

const evidence: fc.Arbitrary<TrustEvidence> = fc.record({
  ageMs: fc.option(fc.nat(1000 * dayMs), { nil: undefined }),
  rotationMs: fc.integer({ min: dayMs, max: 1000 * dayMs }),
  differenceShare: fc.double({ min: 0, max: 100, noNaN: true }),
  uncertainCount: fc.nat(100),
  blindMs: fc.nat(100 * dayMs),
  isNegative: fc.boolean(),
});
const sure: TrustEvidence = {
  ...{ ageMs: 0, rotationMs: 91 * dayMs, differenceShare: 0, uncertainCount: 0, blindMs: 0 },
  isNegative: false,
};

describe("a score", () => {
  test("is 1 where nothing speaks against the book, and within 0..1 always", () => {
    expect(trustScore(sure)).toBe(1);
    fc.assert(
      fc.property(evidence, (each) => {
        expect(trustScore(each)).toBeGreaterThanOrEqual(0);
        expect(trustScore(each)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("falls with all that speaks against the book", () => {
    const worse: ((each: TrustEvidence) => TrustEvidence)[] = [
      (each) => ({ ...each, ageMs: (each.ageMs ?? 0) + dayMs }),
      (each) => ({ ...each, differenceShare: each.differenceShare + 0.1 }),
      (each) => ({ ...each, uncertainCount: each.uncertainCount + 1 }),
      (each) => ({ ...each, blindMs: each.blindMs + dayMs }),
      (each) => ({ ...each, isNegative: true }),
    ];
    fc.assert(
      fc.property(evidence, fc.nat(worse.length - 1), (each, index) => {
        const known = { ...each, ageMs: each.ageMs ?? 0, isNegative: false };
        expect(trustScore(worse[index]!(known))).toBeLessThan(trustScore(known) + 1e-12);
      }),
    );
  });

  test("by its formula", () => {
    const half = { ...sure, ageMs: 91 * dayMs };
    expect(trustScore(half)).toBeCloseTo(0.5, 9);
    expect(trustScore({ ...sure, ageMs: undefined })).toBe(0.25);
    const all = { ...half, differenceShare: 0.25, uncertainCount: 2, blindMs: 2 * dayMs };
    expect(trustScore(all)).toBeCloseTo(0.5 * 0.8 * 0.9025 * 0.5, 9);
    expect(trustScore({ ...all, isNegative: true })).toBeCloseTo(0.036_1, 5);
  });
});

test("blind time counts once, and only since the count", () => {
  const gaps = [
    { fromAtMs: 100, toAtMs: 300 },
    { fromAtMs: 0, toAtMs: 120 },
    { fromAtMs: 200, toAtMs: 250 },
    { fromAtMs: 900, toAtMs: 2000 },
  ];
  expect(blindMsSince(gaps, 50, 1000)).toBe(250 + 100);
  expect(blindMsSince(gaps, 1000, 1000)).toBe(0);
});

test("accounts of a store, and their mean by what stands there", () => {
  const facts = factsOf({
    items: itemsOf([coffee, "A"], [tea, "C"]),
    accounts: [
      account(coffee, "floor/a", 9),
      account(coffee, "stockroom", 1),
      account(tea, "floor/b", -1),
    ],
    counts: [{ gtin: coffee, location: "s0042/floor", atMs: daysAgo(91), count: 2 }],
    differences: [{ ...account(coffee, "floor/a", -9), atMs: daysAgo(91) }],
    uncertain: new Map([[coffee, [daysAgo(100), daysAgo(10)]]]),
  });
  const trusts = accountTrusts(facts);
  expect(
    trusts.map(({ evidence: { differenceShare, uncertainCount, ageMs } }) => [
      ...[differenceShare, uncertainCount, ageMs],
    ]),
  ).toEqual([
    [0.5, 1, 91 * dayMs],
    [0, 2, undefined],
    [0, 0, undefined],
  ]);
  const floor = (0.5 / 1.5) * 0.95;
  const back = 0.25 * 0.95 ** 2;
  const scores = storeScores(trusts);
  expect(scores.get(coffee)).toBeCloseTo((9 * floor + back) / 10, 9);
  expect(scores.get(tea)).toBeCloseTo(0.05, 9);
});

test("promises are reduced below the score that a store asks for, by as much as it is missed", () => {
  const reduce = { mode: "reduce", scoreShareMin: 0.4 } as const;
  expect(withheldPercent(0.4, reduce)).toBe(0);
  expect(withheldPercent(0.3, reduce)).toBe(25);
  expect(withheldPercent(0, reduce)).toBe(100);
  expect(withheldPercent(0.39, { ...reduce, mode: "withhold" })).toBe(100);
  expect(withheldPercent(0, { ...reduce, mode: "off" })).toBe(0);
  expect([distrustedOf(10, 25), distrustedOf(0, 100), distrustedOf(-3, 100)]).toEqual([3, 0, 0]);
});
