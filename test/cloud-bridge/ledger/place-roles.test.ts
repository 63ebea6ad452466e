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
    const [level] = await ledger.stockLevels({
      storeId,
      gtin: coffee,
      countMax: 1,
      nowMs: startAtMs,
    });
    expect(level).toMatchObject({ sellable: 2 });
    expect(level?.balances).toContainEqual({ ...place("s0042/collect/b"), quantity: 3 });
    const levelBy = async (version: number, ...names: string[]) => {
      const locations = names.flatMap((name) => roles([name, "collection_point"]));
      const next = { ...plan, version, locations, facings: [] };
      const { changedItems } = await ledger.setPlan(next);
      const [{ sellable } = { sellable: 0 }] = await ledger.stockLevels({
        ...{ storeId, gtin: coffee, countMax: 1, nowMs: startAtMs },
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
    // The order that waits is picked from there: it takes nothing off the shelf any more.
    expect(await availableTo("web")).toMatchObject({ onHand: 2, reserved: 0, available: 2 });
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

test("a web order leaves at the collection point what a shop order has nothing else for", async () => {
  const { ledger, edge, availableTo } = await stocked({ "floor/a": 1, "dark/a1": 1 });
  const inShop = await take(ledger, "shop", 1);
  edge.append(
    moved("relocating", coffee, { from: place("s0042/floor/a"), to: place("s0042/collect") }),
  );
  await postOne(ledger, edge.batch(edge.lastSequence));
  expect(await availableTo("shop")).toMatchObject({ onHand: 0, reserved: 0, available: 0 });
  expect(await availableTo("web")).toMatchObject({ onHand: 1, reserved: 0, available: 1 });
  for (const id of [await take(ledger, "web", 1), inShop]) await go(ledger, id, "pick");
  expect(await balancesOf(ledger, coffee)).toMatchObject({
    "dark/a1 set_aside": 1,
    "collect set_aside": 1,
  });
});

test("random orders, units brought to the collection point, and picks: as many are promised as can be picked", async () => {
  const channel = fc.constantFrom("web" as const, "shop" as const);
  const quantity = fc.integer({ min: 1, max: 3 });
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("order" as const), channel, quantity }),
      fc.record({
        kind: fc.constant("bring" as const),
        from: fc.constantFrom("floor/a", "dark/a1"),
      }),
      fc.record({ kind: fc.constant("pick" as const), turn: fc.nat(9) }),
    ),
    { maxLength: 20 },
  );
  const units = fc.record({ floor: fc.integer({ min: 1, max: 7 }), dark: fc.nat(6) });
  await fc.assert(
    fc.asyncProperty(steps, units, async (asked, { floor, dark }) => {
      const { ledger, edge } = await stocked({ "floor/a": floor, "dark/a1": dark + 1 });
      const waiting: Waiting[] = [];
      const standing = async () => {
        const balances = await balancesOf(ledger, coffee);
        const at = (name: string) => balances[`${name} sellable`] ?? 0;
        return { floor: at("floor/a"), dark: at("dark/a1"), collect: at("collect") };
      };
      const pick = async (turn: number) => {
        const [next] = waiting.splice(turn % Math.max(1, waiting.length), 1);
        if (next !== undefined) await go(ledger, next.id, "pick");
      };
      for (const step of asked) {
        const stands = await standing();
        if (step.kind === "pick") await pick(step.turn);
        else if (step.kind === "order") {
          const outcome = await ledger.decideClaim(order(step.channel, step.quantity), startAtMs);
          expect(outcome.ok).toBe(fitsBeside(waiting, stands, step));
          if (outcome.ok) waiting.push({ ...step, id: outcome.claim.claimId });
        } else {
          const isThere = stands[step.from === "floor/a" ? "floor" : "dark"] > 0;
          if (!isThere || stands.collect >= unitsOf(waiting)) continue;
          const [from, to] = [place(`s0042/${step.from}`), place("s0042/collect")];
          await postOne(
            ledger,
            edge.append(moved("relocating", coffee, { from, to })).batch(edge.lastSequence),
          );
        }
      }
      while (waiting.length > 0) await pick(waiting.length - 1);
      expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
      await ledger.close();
    }),
    { numRuns: runCountOf(60) },
  );
});

interface Waiting {
  readonly id: string;
  readonly channel: "web" | "shop";
  readonly quantity: number;
}

function unitsOf(waiting: readonly Waiting[], channel?: string): number {
  return waiting.reduce(
    (sum, each) => sum + (channel === undefined || each.channel === channel ? each.quantity : 0),
    0,
  );
}

/** Whether some of the orders that wait can be given what was brought, and the rest and a new one what stands elsewhere. */
function fitsBeside(
  waiting: readonly Waiting[],
  stands: { floor: number; dark: number; collect: number },
  order: Pick<Waiting, "channel" | "quantity">,
): boolean {
  const [web, shop] = [unitsOf(waiting, "web"), unitsOf(waiting, "shop")];
  for (let toShop = 0; toShop <= Math.min(shop, stands.collect); toShop++) {
    const toWeb = Math.min(web, stands.collect - toShop);
    const ofShop = shop - toShop + (order.channel === "shop" ? order.quantity : 0);
    const ofWeb = web - toWeb + (order.channel === "web" ? order.quantity : 0);
    if (ofShop <= stands.floor && ofShop + ofWeb <= stands.floor + stands.dark) return true;
  }
  return false;
}
