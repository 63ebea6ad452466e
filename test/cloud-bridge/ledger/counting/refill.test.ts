// The refill list: what is lost until the next delivery, and in which order it is carried.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  emptyShelfAlerts,
  expectedLost,
  nextDeliveryAtMs,
  refillList,
} from "../../../../cloud-bridge/ledger/counting/refill.ts";
import { coffee, shirt, tea } from "../fake-edge.ts";
import { account, dayMs, factsOf, itemsOf, nowMs, soldOf } from "./store-fixture.ts";

const deliveryIn = (days: number) => ({ ...factsOf().policy, deliveryAtMs: nowMs + days * dayMs });
const facing = (gtin: string, location: string) => ({ gtin, location: `s0042/${location}` });

describe("expected lost sales", () => {
  test("of an empty shelf are the rate times the time", () => {
    expect(expectedLost(7.5, 0)).toBe(7.5);
    expect(expectedLost(7.5, -2)).toBe(7.5);
  });

  test("with stock are E[(D - s)+] of a Poisson demand", () => {
    // By hand for mean 1: P(0) = P(1) = 1/e, so with one unit 1 - 1 + P(0).
    expect(expectedLost(1, 1)).toBeCloseTo(Math.exp(-1), 12);
    expect(expectedLost(1, 2)).toBeCloseTo(1 - 2 + 2 * Math.exp(-1) + Math.exp(-1), 12);
  });

  test("fall with stock, never below zero nor below what surely lacks", () => {
    const mean = fc.double({ min: 0, max: 600, noNaN: true });
    fc.assert(
      fc.property(mean, fc.nat(700), (demand, stock) => {
        const lost = expectedLost(demand, stock);
        expect(lost).toBeGreaterThanOrEqual(Math.max(0, demand - stock) - 1e-9);
        expect(expectedLost(demand, stock + 1)).toBeLessThanOrEqual(lost + 1e-9);
      }),
    );
  });
});

test("the next delivery of a rhythm", () => {
  const rhythm = { deliveryAtMs: 1000, deliveryIntervalMs: 100 };
  expect(nextDeliveryAtMs(rhythm, 10)).toBe(1000);
  expect(nextDeliveryAtMs(rhythm, 1000)).toBe(1100);
  expect(nextDeliveryAtMs(rhythm, 1199)).toBe(1200);
});

describe("a list", () => {
  const facts = factsOf({
    policy: deliveryIn(2),
    items: itemsOf([coffee, "A", 400], [tea, "B", 900]),
    facings: [facing(coffee, "floor/c1"), facing(tea, "floor/c2"), facing(shirt, "floor/c3")],
    accounts: [
      ...[account(coffee, "floor/c1", 0), account(coffee, "stockroom", 20)],
      ...[
        account(tea, "floor/c2", 0),
        account(tea, "stockroom/a", 1),
        account(tea, "stockroom/b", 2),
      ],
      ...[account(shirt, "floor/c3", 30), account(shirt, "stockroom", 9)],
    ],
    // In 28 days: 3 a day, 2 a day, 1 a day.
    sales: soldOf([coffee, 84, nowMs], [tea, 56, nowMs], [shirt, 28, nowMs]),
  });

  test("of what is empty and in the back, the most lost sales first", () => {
    expect(refillList(facts)).toMatchObject([
      { gtin: coffee, lostUnits: 6, refillQuantity: 6, backQuantity: 20, from: "s0042/stockroom" },
      // 4 would be sold; the back room has 3.
      {
        gtin: tea,
        lostUnits: 3,
        lostValueMinor: 2700,
        refillQuantity: 3,
        from: "s0042/stockroom/b",
      },
    ]);
  });

  test("without stock in the back there is nothing to carry", () => {
    const accounts = facts.accounts.filter(({ location }) => !location.includes("stockroom"));
    expect(refillList({ ...facts, accounts })).toEqual([]);
  });

  test("a second place that has the product keeps its sales, and is still told as empty", () => {
    const facings = [facing(coffee, "floor/c1"), facing(coffee, "floor/c9")];
    const accounts = [...facts.accounts, account(coffee, "floor/c9", 12)];
    const [line] = refillList({ ...facts, facings, accounts });
    expect(line).toMatchObject({
      location: "s0042/floor/c1",
      floorQuantity: 12,
      refillQuantity: 1,
    });
    expect(line!.lostUnits).toBeLessThan(0.05);
  });

  test("alerts tell the empty ones with their evidence", () => {
    expect(emptyShelfAlerts(facts, refillList(facts))).toMatchObject([
      { code: "shelf_empty", detail: { item: coffee, location: "s0042/floor/c1", lostUnits: 6 } },
      { code: "shelf_empty", detail: { item: tea } },
    ]);
  });
});
