// What facts mean as transfers, seen in the balances of a real ledger; and the property that the sum is zero.

import { describe, expect, test } from "vitest";
import { itemKeyOf, settleMoved } from "../../../cloud-bridge/ledger/settle.ts";
import { type MovedEvent, stockEventSchema } from "../../../contract/event.ts";
import { balancesOf, openLedger, plan, postOne } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, place, shirt, startAtMs } from "./fake-edge.ts";

const places = {
  facings: [{ location: "s0042/floor/gondola-1/c1", picksSensed: true }],
  stockroom: "s0042/stockroom",
};

function routeOf(event: object, known = places): string {
  const parsed = stockEventSchema.parse({ ...event, sequence: 1 }) as MovedEvent;
  const settlement = settleMoved(parsed, "s0042", known);
  if (!settlement.ok) return settlement.message;
  const [movement] = settlement.movements;
  if (movement === undefined) return "nothing";
  const { from, to } = movement;
  const name = ({ location, state }: typeof from) =>
    `${location.replace("s0042/", "")}${state === "sellable" ? "" : ` ${state}`}`;
  return `${name(from)} -> ${name(to)}`;
}

describe("what a fact leaves out", () => {
  const transfer = { reference: { type: "transfer", id: "T 17/Ü" } };
  const cases: [string, Record<string, unknown>, string][] = [
    ["receiving", {}, "@supplier -> stockroom"],
    ["receiving", { readPoint: "s0042/dock" }, "@supplier -> dock"],
    ["receiving", transfer, "@transit/t-17-- -> stockroom"],
    ["stocking", {}, "stockroom -> floor/gondola-1/c1"],
    ["customer_pick", {}, "floor/gondola-1/c1 -> @basket"],
    ["customer_putback", { readPoint: "s0042/floor/x" }, "@basket -> floor/x"],
    ["retail_selling", {}, "@basket -> @customer"],
    ["retail_selling", { from: place("s0042/till") }, "till -> @customer"],
    ["returning", { to: place("s0042/till", "damaged") }, "@customer -> till damaged"],
    ["returning", {}, "@customer -> floor/gondola-1/c1 returned"],
    ["shipping", {}, "stockroom -> @customer"],
    ["shipping", transfer, "stockroom -> @transit/t-17--"],
    ["departing", transfer, "stockroom -> @transit/t-17--"],
    ["arriving", {}, "@transit/unnamed -> stockroom"],
    ["first_seen", { readPoint: "s0042/floor/y" }, "@unknown -> floor/y"],
    ["relocating", { from: place("s0042/a"), to: place("s0042/a") }, "nothing"],
  ];
  for (const [step, fields, route] of cases) {
    test(`${step} ${JSON.stringify(fields)}: ${route}`, () => {
      expect(routeOf(moved(step, coffee, fields))).toBe(route);
    });
  }

  test("a sale comes from the shelf where picks are not sensed, from the floor where nothing is planned", () => {
    const facings = [{ location: "s0042/floor/apparel", picksSensed: false }];
    const sale = moved("retail_selling", shirt);
    expect(routeOf(sale, { ...places, facings })).toBe("floor/apparel -> @customer");
    expect(routeOf(sale, { ...places, facings: [] })).toBe("floor -> @customer");
  });

  test("a location of another store is a broken rule", () => {
    const away = moved("relocating", coffee, { from: place("s0042/a"), to: place("s0099/a") });
    expect(routeOf(away)).toBe("to.location s0099/a lies outside store s0042");
    const seen = moved("receiving", coffee, { readPoint: "s0099/dock" });
    expect(routeOf(seen)).toBe("to.location s0099/dock lies outside store s0042");
  });

  test("a tag that is not GS1 is an item of its own", () => {
    const item = stockEventSchema.parse({
      ...moved("receiving", "", { item: { epc: "30AB" } }),
      sequence: 1,
    });
    expect(itemKeyOf((item as MovedEvent).item)).toBe("epc/30AB");
  });
});

describe("on a ledger with a plan", () => {
  test("till and shelf agree in either order", async () => {
    const pick = moved("customer_pick", coffee, { from: place("s0042/floor/gondola-1/c1") });
    const sale = moved("retail_selling", coffee);
    const stock = moved("receiving", coffee, {
      quantity: 5,
      to: place("s0042/floor/gondola-1/c1"),
    });
    for (const events of [
      [stock, pick, sale],
      [sale, pick, stock],
    ]) {
      const ledger = await openLedger();
      await ledger.setPlan(plan);
      const { entries } = await postOne(ledger, new FakeEdge().append(...events).batch(1));
      expect(entries).toHaveLength(3);
      expect(await balancesOf(ledger, coffee)).toEqual({
        "@customer sellable": 1,
        "@supplier sellable": -5,
        "floor/gondola-1/c1 sellable": 4,
      });
      const asked = { storeId: "s0042", gtin: coffee, countMax: 1, nowMs: startAtMs };
      const [level] = await ledger.stockLevels(asked);
      expect([level?.sellable, level?.revision, level?.atMs]).toEqual([4, 3, startAtMs + 60_000]);
      expect(await ledger.tasks({})).toEqual([]);
    }
  });

  test("an unsure count is only observed", async () => {
    const ledger = await openLedger();
    const unsure = counted("s0042/floor", { [coffee]: 4 }, { confidence: 0.97 });
    const { entries, alerts } = await postOne(ledger, new FakeEdge().append(unsure).batch(1));
    expect([entries, alerts.map(({ code }) => code)]).toEqual([[], ["count_observed"]]);
  });

  test("a store says how sure its counts must be, and another one, or all, may say otherwise", async () => {
    const ledger = await openLedger();
    const unsure = counted("s0042/floor", { [coffee]: 4 }, { confidence: 0.97 });
    const postedCount = async (edge: FakeEdge) => {
      return (await postOne(ledger, edge.append(unsure).batch(1))).entries.length;
    };
    const say = async (storeId: string, confidenceShareMin: number) => {
      const policy = await ledger.counting.policy(storeId);
      await ledger.counting.setPolicy(
        storeId,
        { ...policy, confidenceShareMin },
        { by: "m", nowMs: startAtMs },
      );
    };
    await say("*", 0.9);
    expect(await postedCount(new FakeEdge("0b0b0b0b-1111", "edge-1"))).toBe(1);
    await say("s0042", 0.99);
    expect(await postedCount(new FakeEdge("0b0b0b0b-2222", "edge-2"))).toBe(0);
    await say("s0042", 0.5);
    await say("*", 1);
    const five = counted("s0042/floor", { [coffee]: 5 }, { confidence: 0.6 });
    const edge = new FakeEdge("0b0b0b0b-3333", "edge-3").append(five);
    expect((await postOne(ledger, edge.batch(1))).entries).toHaveLength(1);
  });

  test("a count's differences carry its reason and the line's own time", async () => {
    const ledger = await openLedger();
    const sure = counted("s0042/floor", { [coffee]: 4 }, { confidence: 0.98 });
    const { entries } = await postOne(ledger, new FakeEdge().append(sure).batch(1));
    expect(entries).toMatchObject([
      { reason: "count_difference", occurredAtMs: startAtMs + 1, quantity: 4 },
    ]);
  });

  test("plans replace each other by growing version only", async () => {
    const ledger = await openLedger();
    await ledger.setPlan(plan);
    await ledger.setPlan(plan);
    const changed = { ...plan, facings: [] };
    await expect(ledger.setPlan(changed)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await ledger.setPlan({ ...changed, version: 2 });
    expect((await ledger.plan("s0042"))?.facings).toEqual([]);
    expect(await ledger.plan("s0099")).toBeUndefined();
    await postOne(ledger, new FakeEdge().append(moved("retail_selling", coffee)).batch(1));
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": -1 });
  });
});

test("after a restore a plan's version is above any that an edge may have had", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  await ledger.restoreMark(startAtMs);
  const restored = await ledger.plan("s0042");
  expect(restored).toEqual({ ...plan, version: startAtMs / 1000 });
  // The file that is configured still is what it was; a changed one goes on from its own last version.
  await ledger.setPlan(plan);
  expect(await ledger.plan("s0042")).toEqual(restored);
  await ledger.setPlan({ ...plan, version: 2, facings: [] });
  expect((await ledger.plan("s0042"))?.version).toBe(startAtMs / 1000 + 1);
  await ledger.restoreMark(startAtMs - 5_000_000);
  // By a clock that is behind nobody knows what edges have had.
  expect((await ledger.plan("s0042"))?.version).toBe(startAtMs / 1000 + 1 + 100_000_000_000);
  expect(await ledger.planChanges({ storeId: "s0042", countMax: 9 })).toMatchObject([
    { changedBy: "restore" },
    { changedBy: "restore" },
  ]);
});
