// Collection points and dark stores on a real ledger: who is promised their units, who is not, and what else leaves them out.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StepRequest } from "../../../cloud-bridge/ledger/claims.ts";
import { problemLines } from "../../../cloud-bridge/ledger/counting/count-plan.ts";
import { refillList } from "../../../cloud-bridge/ledger/counting/refill.ts";
import {
  backRoomsOf,
  orderPlaceIndex,
  orderPlacesOf,
  roleMeanings,
} from "../../../cloud-bridge/ledger/place-roles.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { type LocationRole, locationRoles, type Plan, planSchema } from "../../../contract/plan.ts";
import { reserve } from "./claims-fixture.ts";
import { balancesOf, openLedger, postOne, runCountOf, plan as shop } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const storeId = "s0042";
const shelf = "s0042/floor/gondola-1/c1";

const roles = (...places: readonly [name: string, role: LocationRole, picksSensed?: boolean][]) =>
  places.map(([name, role, picksSensed = false]) => ({
    ...{ location: `s0042/${name}`, role, picksSensed },
  }));

/** The shop of the other tests, with a dark store of shelves and a back room of its own, and a collection point. */
const plan: Plan = planSchema.parse({
  ...shop,
  locations: [
    ...roles(["dark/back", "stockroom"], ["dark/a1", "shelf", true], ["dark", "dark_store"]),
    ...shop.locations,
    ...roles(["collect", "collection_point"], ["collect/b", "collection_point"]),
  ],
  facings: [{ location: "s0042/dark/a1", gtin: coffee }, ...shop.facings],
});

/** A ledger with that plan, and so many units of coffee at each place. */
async function stocked(units: Record<string, number>) {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const edge = new FakeEdge();
  for (const [name, quantity] of Object.entries(units)) {
    edge.append(moved("receiving", coffee, { quantity, to: place(`s0042/${name}`) }));
  }
  await postOne(ledger, edge.batch(1));
  const availableTo = async (channel: string) => {
    const query = { gtin: coffee, channel, storeIds: [storeId], nowMs: startAtMs };
    return (await ledger.availability(query))[0]!;
  };
  return { ledger, edge, availableTo };
}

const order = (channel: string, quantity: number) =>
  reserve({ channel, lines: [{ gtin: coffee, quantity }] });

async function take(ledger: SqliteLedger, channel: string, quantity: number): Promise<string> {
  const outcome = await ledger.decideClaim(order(channel, quantity), startAtMs);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.claim.claimId;
}

async function go(ledger: SqliteLedger, id: string, step: "pick" | "hand_over" | "release") {
  const request: StepRequest = { step, claimId: id, by: "bob" };
  expect(await ledger.decideClaim(request, startAtMs)).toMatchObject({ ok: true });
}

describe("roles", () => {
  test("each has a meaning, and what lies in a place is at most what the place is", () => {
    expect(Object.keys(roleMeanings).sort()).toEqual([...locationRoles].sort());
    const kindAt = orderPlaceIndex(orderPlacesOf(plan));
    const names = ["floor/x", "dark", "dark/a1", "darker", "collect/b/c", "collected", "dark/back"];
    expect(names.map((name) => kindAt(`s0042/${name}`))).toEqual(
      "all web web all none all web".split(" "),
    );
    expect(orderPlacesOf(plan)).toHaveLength(2);
    expect(backRoomsOf(plan)).toEqual(["s0042/stockroom"]);
  });

  test("a store may be dark as a whole, and still has a collection point; a place named twice is one", () => {
    const locations = roles(["x", "dark_store"], ["x/c", "collection_point"], ["x", "dark_store"]);
    locations.push({ location: storeId, role: "dark_store", picksSensed: false });
    const places = orderPlacesOf({ locations });
    expect(places).toEqual([
      { location: "s0042/x/c", promisedTo: "none" },
      { location: storeId, promisedTo: "web" },
    ]);
    expect(orderPlaceIndex(places)("s0042/x/c/shelf")).toBe("none");
  });
});

describe("a collection point", () => {
  test("has nothing that may be promised, nor is it in the level", async () => {
    const { ledger, availableTo } = await stocked({ "floor/a": 2, "collect/b": 3 });
    for (const channel of ["web", "shop"]) {
      expect(await availableTo(channel)).toMatchObject({ onHand: 2, available: 2 });
      const outcome = await ledger.decideClaim(order(channel, 3), startAtMs);
      expect(outcome).toMatchObject({ code: "STOCK_SHORT" });
    }
    const [level] = await ledger.stockLevels({ storeId, gtin: coffee, countMax: 1 });
    expect(level).toMatchObject({ sellable: 2 });
    expect(level?.balances).toContainEqual({ ...place("s0042/collect/b"), quantity: 3 });
    const levelBy = async (version: number, ...names: string[]) => {
      const locations = names.flatMap((name) => roles([name, "collection_point"]));
      const next = { ...plan, version, locations, facings: [] };
      const { changedItems } = await ledger.setPlan(next);
      const [{ sellable } = { sellable: 0 }] = await ledger.stockLevels({
        ...{ storeId, gtin: coffee, countMax: 1 },
      });
      return [sellable, changedItems.map(({ gtin }) => gtin)];
    };
    expect(await levelBy(2, "collect", "floor/b")).toEqual([2, []]);
    expect(await levelBy(3, "floor")).toEqual([3, [coffee]]);
    expect(await levelBy(4, "floor", "floor/a")).toEqual([3, []]);
    expect(await levelBy(5)).toEqual([5, [coffee]]);
  });

  test("gives an order what was brought there for it; released, that is not promised to others", async () => {
    const { ledger, edge, availableTo } = await stocked({ "floor/a": 3 });
    const id = await take(ledger, "web", 1);
    edge.append(
      moved("relocating", coffee, { from: place("s0042/floor/a"), to: place("s0042/collect") }),
    );
    await postOne(ledger, edge.batch(edge.lastSequence));
    // Whose it is nobody said yet: rather one too few is promised than one too many.
    expect(await availableTo("web")).toMatchObject({ onHand: 2, reserved: 1, available: 1 });
    await go(ledger, id, "pick");
    expect(await availableTo("web")).toMatchObject({ onHand: 2, reserved: 0, available: 2 });
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "collect set_aside": 1 });
    await go(ledger, id, "release");
    expect(await availableTo("shop")).toMatchObject({ onHand: 2, available: 2 });
    expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
  });
});

describe("a dark store", () => {
  test("serves the web alone, and first; a shop order gets what the web leaves of the shop", async () => {
    const { ledger, availableTo } = await stocked({ "floor/a": 3, "dark/a1": 2 });
    expect(await availableTo("web")).toMatchObject({ onHand: 5, available: 5 });
    expect(await availableTo("shop")).toMatchObject({ onHand: 3, available: 3 });
    const small = await take(ledger, "web", 1);
    expect(await availableTo("shop")).toMatchObject({ reserved: 0, available: 3 });
    const large = await take(ledger, "web", 3);
    expect(await availableTo("web")).toMatchObject({ reserved: 4, available: 1 });
    expect(await availableTo("shop")).toMatchObject({ onHand: 3, reserved: 2, available: 1 });
    const refused = await ledger.decideClaim(order("shop", 2), startAtMs);
    expect(refused).toMatchObject({ code: "STOCK_SHORT" });
    const inShop = await take(ledger, "shop", 1);
    for (const id of [large, inShop, small]) await go(ledger, id, "pick");
    expect(await balancesOf(ledger, coffee)).toMatchObject({
      "dark/a1 set_aside": 2,
      "floor/a set_aside": 3,
    });
    expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
  });

  test("takes part in no till sale, no delivery and no stocking of the shop", async () => {
    const { ledger, edge } = await stocked({ "dark/a1": 2 });
    const steps = ["receiving", "stocking", "retail_selling", "customer_putback"];
    edge.append(...steps.map((step) => moved(step, coffee)));
    await postOne(ledger, edge.batch(edge.lastSequence - 3));
    const balances = await balancesOf(ledger, coffee);
    expect(balances["dark/a1 sellable"]).toBe(2);
    expect(balances).toMatchObject({ "floor/gondola-1/c1 sellable": 2, "@basket sellable": -2 });
  });

  test("of which a till sells after all, a product that stands nowhere else", async () => {
    const { ledger, edge } = await stocked({ "dark/a1": 2 });
    await ledger.setPlan({ ...plan, version: 2, facings: plan.facings.slice(0, 1) });
    await postOne(ledger, edge.append(moved("retail_selling", coffee)).batch(edge.lastSequence));
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "dark/a1 sellable": 1 });
  });
});

test("no shelf is filled from places for orders, none of theirs is told as empty or silent", async () => {
  const { ledger, edge } = await stocked({
    "dark/back": 9,
    "collect/b": 9,
    "floor/gondola-1/c1": 1,
  });
  const atMs = startAtMs + 1000;
  const sales = Array.from({ length: 6 }, () =>
    moved("retail_selling", coffee, { from: place(shelf), occurredAtMs: atMs }),
  );
  edge.append(...sales, counted("s0042/dark/a1", { [coffee]: 4 }));
  await postOne(ledger, edge.batch(4));
  const nowMs = startAtMs + 40 * 86_400_000;
  const facts = await ledger.counting.facts(storeId, nowMs);
  expect(refillList(facts)).toEqual([]);
  const told = (lines: readonly { location: string; kinds: readonly string[] }[]) =>
    lines.map(({ location, kinds }) => `${location} ${kinds}`);
  expect(told(problemLines(facts))).toEqual([`${shelf} negative`]);
  // The same shop without these roles: its back room fills the shelf, and the dark shelf is silent.
  const locations = plan.locations.filter(({ role }) => roleMeanings[role].use !== "orders");
  await ledger.setPlan({ ...plan, version: 2, locations });
  const without = await ledger.counting.facts(storeId, nowMs);
  expect(refillList(without)).toMatchObject([{ location: shelf, backQuantity: 9 }]);
  expect(problemLines(without).map(({ location }) => location)).toContain("s0042/dark/a1");
});

test("random orders: as many are promised as can be picked, in whichever order", async () => {
  const orders = fc.array(
    fc.record({
      channel: fc.constantFrom("web", "shop"),
      quantity: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 12 },
  );
  const units = fc.record({ floor: fc.nat(6), dark: fc.nat(6) });
  await fc.assert(
    fc.asyncProperty(orders, units, fc.nat(), async (asked, { floor, dark }, turn) => {
      const { ledger } = await stocked({ "floor/a": floor + 1, "dark/a1": dark + 1 });
      const held = { web: 0, shop: 0 };
      const ids: string[] = [];
      for (const { channel, quantity } of asked) {
        const wanted = { ...held, [channel]: held[channel] + quantity };
        const fits =
          wanted.web + wanted.shop <= floor + dark + 2 &&
          wanted.shop + Math.max(0, wanted.web - dark - 1) <= floor + 1;
        const outcome = await ledger.decideClaim(order(channel, quantity), startAtMs);
        expect(outcome.ok).toBe(fits);
        if (!outcome.ok) continue;
        Object.assign(held, wanted);
        ids.push(outcome.claim.claimId);
      }
      const from = turn % Math.max(1, ids.length);
      for (const id of [...ids.slice(from), ...ids.slice(0, from)].reverse()) {
        await go(ledger, id, "pick");
      }
      expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
      await ledger.close();
    }),
    { numRuns: runCountOf(60) },
  );
});
