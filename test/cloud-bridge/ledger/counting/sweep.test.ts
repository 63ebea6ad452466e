// What a look at a whole store finds on a real ledger: empty shelves, classes, and what trust takes from promises.

import { expect, test } from "vitest";
import { problemLines } from "../../../../cloud-bridge/ledger/counting/count-plan.ts";
import { sweepIntervalMs } from "../../../../cloud-bridge/ledger/counting/sql-sweep.ts";
import { accountTrusts } from "../../../../cloud-bridge/ledger/counting/trust.ts";
import type { SqliteLedger } from "../../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { encodeSgtin96 } from "../../../../contract/gs1/epc.ts";
import type { Gtin } from "../../../../contract/units.ts";
import { reserve } from "../claims-fixture.ts";
import { openLedger, plan, postOne } from "../edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, noticed, place, shirt } from "../fake-edge.ts";
import { at } from "./stocktake-fixture.ts";

const shelf = "s0042/floor/gondola-1/c1";
const dayMinutes = 24 * 60;
const tag = encodeSgtin96({ gtin: coffee as Gtin, serial: "1", companyPrefixDigits: 8 });
const coffeeEpc = tag.ok ? tag.epc : "";

async function stocked(): Promise<{ ledger: SqliteLedger; edge: FakeEdge }> {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const edge = new FakeEdge();
  edge.append(
    moved("receiving", coffee, { quantity: 30, to: place("s0042/stockroom"), occurredAtMs: at(0) }),
    moved("stocking", coffee, {
      ...{ quantity: 4, from: place("s0042/stockroom"), to: place(shelf), occurredAtMs: at(1) },
    }),
    moved("receiving", shirt, {
      quantity: 2,
      to: place("s0042/floor/apparel"),
      occurredAtMs: at(2),
    }),
    moved("retail_selling", coffee, { quantity: 4, from: place(shelf), occurredAtMs: at(3) }),
  );
  await postOne(ledger, edge.batch(1));
  return { ledger, edge };
}

const openAlerts = (ledger: SqliteLedger, nowMs: number) =>
  ledger.alerts({ storeId: "s0042", code: "shelf_empty", isOpen: true, countMax: 9, nowMs });

const allAlerts = (ledger: SqliteLedger) =>
  ledger.alerts({
    ...{ storeId: "s0042", code: "shelf_empty", isOpen: false, countMax: 9, nowMs: at(0) },
  });

test("an empty shelf is told once, and over when the shelf is filled", async () => {
  const { ledger, edge } = await stocked();
  const nowMs = at(dayMinutes);
  const { alerts: told } = await ledger.counting.sweep(nowMs);
  expect(told).toMatchObject([
    { code: "shelf_empty", detail: { item: coffee, location: shelf, backQuantity: 26 } },
  ]);
  // Four were sold in the day that the store was watched, and the next delivery is a day away at most.
  expect(told[0]!.detail["salesPerDay"]).toBeCloseTo(4, 1);
  expect(await openAlerts(ledger, nowMs)).toMatchObject([{ cause: "refill_missed", count: 1 }]);
  const nothing = { alerts: [], changedItems: [] };
  expect(await ledger.counting.sweep(nowMs + 1)).toEqual(nothing);
  expect(await ledger.counting.sweep(nowMs + sweepIntervalMs)).toEqual(nothing);
  expect(await openAlerts(ledger, nowMs)).toMatchObject([{ count: 1 }]);
  edge.append(
    moved("stocking", coffee, { quantity: 4, from: place("s0042/stockroom"), to: place(shelf) }),
  );
  await postOne(ledger, edge.batch(5));
  expect(await ledger.counting.sweep(nowMs + 2 * sweepIntervalMs)).toEqual(nothing);
  expect(await openAlerts(ledger, nowMs)).toEqual([]);
  expect(await allAlerts(ledger)).toMatchObject([{ acknowledgedBy: "ledger", cause: "refilled" }]);
});

test("an empty shelf is no alert any more when nothing is left to fill it with", async () => {
  const { ledger, edge } = await stocked();
  const nowMs = at(dayMinutes);
  await ledger.counting.sweep(nowMs);
  const away = { quantity: 26, from: place("s0042/stockroom"), occurredAtMs: at(5) };
  await postOne(ledger, edge.append(moved("shipping", coffee, away)).batch(5));
  await ledger.counting.sweep(nowMs + sweepIntervalMs);
  const [ended] = await allAlerts(ledger);
  expect(ended).toMatchObject({ acknowledgedBy: "ledger", cause: "back_room_empty" });
  // More comes, and it is told anew.
  const more = { quantity: 5, to: place("s0042/stockroom"), occurredAtMs: at(6) };
  await postOne(ledger, edge.append(moved("receiving", coffee, more)).batch(6));
  const { alerts } = await ledger.counting.sweep(nowMs + 2 * sweepIntervalMs);
  expect(alerts).toMatchObject([{ code: "shelf_empty", detail: { backQuantity: 5 } }]);
  const inPlan = plan.facings.filter(({ gtin }) => gtin !== coffee);
  await ledger.setPlan({ ...plan, version: 2, facings: inPlan });
  await ledger.counting.sweep(nowMs + 3 * sweepIntervalMs);
  expect((await allAlerts(ledger))[0]).toMatchObject({ cause: "place_changed" });
});

test("products are classified by what they sold, and a catalogue's class goes before", async () => {
  const { ledger } = await stocked();
  await ledger.counting.sweep(at(dayMinutes));
  const classes = async () =>
    [...(await ledger.counting.facts("s0042", at(dayMinutes))).items.values()].map(
      ({ gtin, className }) => `${gtin} ${className}`,
    );
  expect((await classes()).sort()).toEqual([`${shirt} C`, `${coffee} A`]);
  await ledger.counting.setItems("*", [{ gtin: shirt, className: "apparel" }], {
    by: "m",
    nowMs: 0,
  });
  expect(await classes()).toEqual(expect.arrayContaining([`${shirt} apparel`, `${coffee} A`]));
});

test("what devices did not see lowers trust until somebody counts", async () => {
  const { ledger, edge } = await stocked();
  edge.append(
    noticed("sensing_gap", { severity: "warning", detail: { fromAtMs: at(10), toAtMs: at(2890) } }),
    noticed("passage_uncertain", {
      ...{ severity: "warning", occurredAtMs: at(20), detail: { epc: coffeeEpc } },
    }),
  );
  await postOne(ledger, edge.batch(5));
  const nowMs = at(4 * dayMinutes);
  const evidence = async () => {
    const facts = await ledger.counting.facts("s0042", nowMs);
    return accountTrusts(facts, coffee).find(({ location }) => location === "s0042/stockroom")!;
  };
  const before = await evidence();
  expect(before.evidence).toMatchObject({ blindMs: 2880 * 60_000, ageMs: undefined });
  expect(before.evidence.uncertainCount).toBe(1);
  expect(before.score).toBeCloseTo(0.25 * 0.95 * 0.5, 9);
  const lines = [{ gtin: coffee, quantity: 20, observedAtMs: at(3 * dayMinutes) }];
  const fields = { occurredAtMs: at(3 * dayMinutes), complete: false, lines };
  edge.append(counted("s0042/stockroom", {}, fields));
  await postOne(ledger, edge.batch(7));
  const after = await evidence();
  expect(after.evidence).toMatchObject({ uncertainCount: 0, ageMs: dayMinutes * 60_000 });
  expect(after.evidence).toMatchObject({ blindMs: 0, differenceShare: 6 / 20 });
  expect(after.score).toBeGreaterThan(before.score);
  const facts = await ledger.counting.facts("s0042", nowMs);
  expect(problemLines(facts)).toMatchObject([{ gtin: coffee, kinds: ["variance"] }]);
});

test("a look at a store says of which products more or less is promised now", async () => {
  const { ledger, edge } = await stocked();
  const nowMs = at(dayMinutes);
  const policy = await ledger.counting.policy("s0042");
  const trust = { mode: "reduce", scoreShareMin: 0.5 } as const;
  await ledger.counting.setPolicy("s0042", { ...policy, trust }, { by: "m", nowMs });
  expect((await ledger.counting.sweep(nowMs)).changedItems).toEqual([]);
  for (const [location, quantity] of [["s0042/stockroom", 26] as const, [shelf, 0] as const]) {
    const lines = [{ gtin: coffee, quantity, observedAtMs: nowMs }];
    edge.append(counted(location, {}, { occurredAtMs: nowMs, lines }));
  }
  await postOne(ledger, edge.batch(5));
  const { changedItems } = await ledger.counting.sweep(nowMs + sweepIntervalMs);
  expect(changedItems).toEqual([{ storeId: "s0042", gtin: coffee }]);
});

test("a store that asks for it promises less of what it does not trust; by default it does not", async () => {
  const { ledger } = await stocked();
  const nowMs = at(dayMinutes);
  await ledger.counting.sweep(nowMs);
  const query = { gtin: coffee, channel: "web", storeIds: ["s0042"], nowMs };
  expect(await ledger.availability(query)).toMatchObject([{ available: 26, distrusted: 0 }]);
  const policy = await ledger.counting.policy("s0042");
  const trust = { mode: "reduce", scoreShareMin: 0.5 } as const;
  const author = { by: "m", nowMs };
  const changed = [{ storeId: "s0042", gtin: coffee }];
  const isOfCoffee = ({ gtin }: { gtin: string }) => gtin === coffee;
  const gated = await ledger.counting.setPolicy("s0042", { ...policy, trust }, author);
  expect(gated.filter(isOfCoffee)).toEqual(changed);
  expect(await ledger.counting.setPolicy("s0042", { ...policy, trust }, author)).toEqual([]);
  // Never counted: 0.25 of the 0.5 that are asked for, so half of 26.
  expect(await ledger.availability(query)).toMatchObject([{ available: 13, distrusted: 13 }]);
  const order = (quantity: number) =>
    reserve({ lines: [{ gtin: coffee, quantity }], expiresAtMs: nowMs + 3_600_000 });
  expect(await ledger.decideClaim(order(14), nowMs)).toMatchObject({ code: "STOCK_SHORT" });
  expect(await ledger.decideClaim(order(13), nowMs)).toMatchObject({ ok: true });
  const open = await ledger.counting.setPolicy("s0042", policy, author);
  expect(open.filter(isOfCoffee)).toEqual(changed);
  expect(await ledger.availability(query)).toMatchObject([{ available: 13, distrusted: 0 }]);
});
