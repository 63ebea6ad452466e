// What one count asks for; and counts on a real ledger, with facts and counts in every order of arrival.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anchorOf,
  countOf,
  type Holding,
  settleAnchors,
} from "../../../cloud-bridge/ledger/anchors.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { type CountedEvent, stockEventSchema } from "../../../contract/event.ts";
import { balancesOf, openLedger, postOne, runCountOf } from "./edge-fixture.ts";
import {
  bootId,
  coffee,
  counted,
  FakeEdge,
  moved,
  noticed,
  place,
  startAtMs,
  tea,
} from "./fake-edge.ts";

const minuteMs = 60_000;

describe("a count", () => {
  const outbox = { storeId: "s0042", edgeId: "edge-1", outboxId: "0a0a0a0a-1111" };
  const holding = (location: string, item: string, quantity: number, state = "sellable") =>
    ({ location: `s0042/${location}`, item, quantity, state }) as Holding;
  const settle = (event: object, holdings: Holding[]) => {
    const parsed = stockEventSchema.parse({ ...event, sequence: 1 }) as CountedEvent;
    const count = countOf(parsed, outbox);
    const items = new Set([...count.lines, ...holdings].map(({ item }) => item));
    return [...items].flatMap((item) => {
      const anchor = anchorOf(count, item);
      const balances = holdings.filter((each) => each.item === item);
      const about = { storeId: "s0042", item, balances, entries: [] };
      return anchor === undefined ? [] : settleAnchors({ ...about, anchors: [anchor] });
    });
  };
  const texts = (event: object, holdings: Holding[]) =>
    settle(event, holdings).map(({ item, quantity, from, to }) =>
      [item, quantity, from.location.slice(6), to.location.slice(6)].join(" "),
    );

  test("posts only differences, at the location itself where there is more", () => {
    const holdings = [holding("floor/a", coffee, 3), holding("floor/b", coffee, 1)];
    expect(texts(counted("s0042/floor", { [coffee]: 4 }), holdings)).toEqual([]);
    expect(texts(counted("s0042/floor", { [coffee]: 6 }), holdings)).toEqual([
      `${coffee} 2 @variance floor`,
    ]);
  });

  test("takes what is missing from the accounts below that hold it", () => {
    const holdings = [holding("floor/b", coffee, 1), holding("floor/a", coffee, 3)];
    expect(texts(counted("s0042/floor", { [coffee]: 0 }), holdings)).toEqual([
      `${coffee} 3 floor/a @variance`,
      `${coffee} 1 floor/b @variance`,
    ]);
  });

  test("a complete one means that what is not listed is absent; another does not", () => {
    const holdings = [holding("floor/a", coffee, 3), holding("floor/a", tea, 2)];
    const lines = { [coffee]: 3 };
    expect(texts(counted("s0042/floor/a", lines), holdings)).toEqual([
      `${tea} 2 floor/a @variance`,
    ]);
    expect(texts(counted("s0042/floor/a", lines, { complete: false }), holdings)).toEqual([]);
  });

  test("leaves other states, other places, virtual places and foreign tags alone", () => {
    const others = [
      holding("floor/a", coffee, 3, "returned"),
      holding("floor/ab", coffee, 3),
      holding("@basket", coffee, 3),
      holding("floor/a", "epc/30AB", 1),
    ];
    expect(texts(counted("s0042/floor/a", {}), others)).toEqual([]);
  });

  test("makes every balance what was counted, whatever was there before", () => {
    const quantities = fc.array(fc.integer({ min: -5, max: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(quantities, fc.integer({ min: 0, max: 30 }), (before, quantity) => {
        const holdings = before.map((held, index) => holding(`floor/x${index}`, coffee, held));
        let sum = before.reduce((total, held) => total + held, 0);
        for (const movement of settle(counted("s0042/floor", { [coffee]: quantity }), holdings)) {
          const isAdded = movement.from.location === "s0042/@variance";
          sum += isAdded ? movement.quantity : -movement.quantity;
        }
        expect(sum).toBe(quantity);
      }),
    );
  });
});

type Event = Record<string, unknown>;

/** What each account gained or lost at each time: the history, whatever the order of arrival. */
async function historyOf(ledger: SqliteLedger, storeId: string) {
  const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 10_000 });
  const sums = new Map<string, number>();
  for (const { item, quantity, from, to, occurredAtMs } of entries) {
    for (const [account, change] of [
      [from, -quantity],
      [to, quantity],
    ] as const) {
      const at = occurredAtMs - startAtMs;
      const key = `${at} ${item} ${account.location.slice(storeId.length)} ${account.state}`;
      sums.set(key, (sums.get(key) ?? 0) + change);
    }
  }
  return Object.fromEntries([...sums].filter(([, sum]) => sum !== 0).sort());
}

/** Posts each fact by an edge of its own, in the given order, in a store of its own; `cuts` ends groups. */
async function postInOrder(
  ledger: SqliteLedger,
  storeId: string,
  facts: readonly ((storeId: string) => Event)[],
  order: readonly number[],
  cuts: (position: number) => boolean = () => true,
): Promise<void> {
  let group = [];
  for (const [position, index] of order.entries()) {
    const edge = new FakeEdge(`0a0a0a0a-${String(index).padStart(4, "0")}`, `e${index}`, storeId);
    group.push(edge.append(facts[index]!(storeId)).batch(1));
    if (!cuts(position)) continue;
    await ledger.post(group, startAtMs);
    group = [];
  }
  await ledger.post(group, startAtMs);
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, at) => [...rest.slice(0, at), count - 1, ...rest.slice(at)]),
  );
}

const at = (minute: number) => ({ occurredAtMs: startAtMs + minute * minuteMs });
const fact =
  (step: string, quantity: number, minute: number, from?: string, to?: string) =>
  (storeId: string): Event =>
    moved(step, coffee, {
      quantity,
      ...at(minute),
      ...(from === undefined ? {} : { from: place(`${storeId}/${from}`) }),
      ...(to === undefined ? {} : { to: place(`${storeId}/${to}`) }),
    });
const count =
  (location: string, quantity: number, minute: number, endMinute = minute) =>
  (storeId: string): Event => ({
    ...counted(`${storeId}/${location}`, {}),
    ...at(endMinute),
    lines: [{ gtin: coffee, quantity, observedAtMs: startAtMs + minute * minuteMs }],
  });

/** Every order, in a store each; all of them have to end alike. */
async function inEveryOrder(facts: readonly ((storeId: string) => Event)[]) {
  const ledger = await openLedger();
  const ends = new Map<string, object>();
  for (const [index, order] of permutations(facts.length).entries()) {
    const storeId = `s${String(index).padStart(4, "0")}`;
    // Every third order arrives as one group, the others fact by fact or in pairs.
    await postInOrder(ledger, storeId, facts, order, (position) =>
      index % 3 === 0 ? false : index % 3 === 1 || position % 2 === 1,
    );
    const balances = await balancesOf(ledger, coffee, storeId);
    const history = await historyOf(ledger, storeId);
    ends.set(JSON.stringify([Object.entries(balances).sort(), history]), { balances, history });
  }
  expect((await ledger.verify()).problems).toEqual([]);
  expect([...ends.values()]).toHaveLength(1);
  return [...ends.values()][0] as { balances: Record<string, number>; history: object };
}

describe("in every order of arrival", () => {
  test("a sale that was offline while somebody counted: 93, and one history", async () => {
    const { balances, history } = await inEveryOrder([
      fact("receiving", 100, 0, undefined, "floor"),
      fact("retail_selling", 3, 10, "floor"),
      fact("retail_selling", 2, 20, "floor"),
      count("floor", 95, 30),
      fact("relocating", 2, 40, "floor", "@loss"),
    ]);
    expect(balances["floor sellable"]).toBe(93);
    expect(balances["@variance sellable"]).toBeUndefined();
    expect(Object.keys(history)).toHaveLength(8);
  });

  test("the count found fewer: the difference is posted at its own time", async () => {
    const { balances, history } = await inEveryOrder([
      fact("receiving", 100, 0, undefined, "floor"),
      fact("retail_selling", 2, 20, "floor"),
      count("floor", 95, 30),
      fact("retail_selling", 2, 40, "floor"),
    ]);
    expect(balances["floor sellable"]).toBe(93);
    expect(history).toMatchObject({ [`${30 * minuteMs} ${coffee} /floor sellable`]: -3 });
  });

  test("two counted accounts and a late move between them", async () => {
    const { balances } = await inEveryOrder([
      fact("receiving", 10, 0, undefined, "stockroom"),
      fact("stocking", 4, 10, "stockroom", "floor"),
      count("stockroom", 6, 20),
      count("floor", 4, 25),
      fact("stocking", 1, 30, "stockroom", "floor"),
    ]);
    expect(balances).toEqual({
      "@supplier sellable": -10,
      "floor sellable": 5,
      "stockroom sellable": 5,
    });
  });

  test("a count that ran ten minutes while units were sold", async () => {
    const { balances } = await inEveryOrder([
      fact("receiving", 20, 0, undefined, "floor"),
      fact("retail_selling", 1, 11, "floor"),
      // Seen at minute 12, told with the whole count at minute 20.
      count("floor", 19, 12, 20),
      fact("retail_selling", 2, 15, "floor"),
      count("floor", 17, 40),
    ]);
    expect(balances["floor sellable"]).toBe(17);
    expect(balances["@variance sellable"]).toBeUndefined();
  });

  test("a complete count that does not list a product, told before the product came", async () => {
    const { balances } = await inEveryOrder([
      fact("receiving", 5, 0, undefined, "floor/a"),
      (storeId) => ({ ...counted(`${storeId}/floor`, {}), ...at(10), lines: [] }),
      fact("receiving", 2, 20, undefined, "floor/a"),
      fact("relocating", 1, 5, "floor/a", "floor/b"),
    ]);
    expect(balances["floor/a sellable"]).toBe(2);
    expect(balances["@variance sellable"]).toBe(5);
  });
});

test("random facts and counts, in any order, cut anywhere and repeated, end alike", async () => {
  const ledger = await openLedger();
  const places = ["floor/a", "floor/b", "stockroom"];
  const anyFact = fc
    .record({
      kind: fc.constantFrom("receive", "sell", "move", "count", "count floor"),
      quantity: fc.integer({ min: 1, max: 6 }),
      minute: fc.integer({ min: 0, max: 9 }),
      here: fc.constantFrom(...places),
      there: fc.constantFrom(...places),
    })
    .map(({ kind, quantity, minute, here, there }) => {
      if (kind === "receive") return fact("receiving", quantity, minute, undefined, here);
      if (kind === "sell") return fact("retail_selling", quantity, minute, here);
      if (kind === "move") return fact("relocating", quantity, minute, here, there);
      return count(kind === "count" ? here : "floor", quantity, minute);
    });
  const history = fc
    .array(anyFact, { minLength: 1, maxLength: 9 })
    .chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc.shuffledSubarray([...facts.keys()], { minLength: facts.length }),
        fc.array(fc.boolean(), { minLength: facts.length, maxLength: facts.length }),
      ),
    );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(history, async ([facts, order, cuts]) => {
      const [one, other] = [`a${run}`, `b${run}`];
      run += 1;
      await postInOrder(ledger, one, facts, [...facts.keys()]);
      await postInOrder(ledger, other, facts, order, (position) => cuts[position]!);
      await postInOrder(ledger, other, facts, order);
      const balances = await balancesOf(ledger, coffee, one);
      expect(await balancesOf(ledger, coffee, other)).toEqual(balances);
      expect(await historyOf(ledger, other)).toEqual(await historyOf(ledger, one));
      expect(Object.values(balances).reduce((sum, each) => sum + each, 0)).toBe(0);
    }),
    { numRuns: runCountOf(Number(process.env["GONDOLA_LEDGER_RUNS"] ?? 200)) },
  );
  expect((await ledger.verify()).problems).toEqual([]);
}, 600_000);

test("an edge without the time is never judged older than a count", async () => {
  const ledger = await openLedger();
  const stock = moved("receiving", coffee, { quantity: 5, to: place("s0042/floor") });
  const done = counted("s0042/floor", { [coffee]: 5 }, at(1));
  await postOne(ledger, new FakeEdge().append(stock, done).batch(1));
  const sale = moved("retail_selling", coffee, {
    ...{ from: place("s0042/floor"), occurredAtMs: 1000, clockSynced: false },
  });
  await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(sale).batch(1));
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 4 });
});

test("an edge that learns the time: its sale was before the count, which saw it", async () => {
  const ledger = await openLedger();
  const stock = moved("receiving", coffee, { quantity: 5, to: place("s0042/floor") });
  const done = counted("s0042/floor", {}, at(2));
  const line = { gtin: coffee, quantity: 4, observedAtMs: startAtMs + 2 * minuteMs };
  await postOne(ledger, new FakeEdge().append(stock, { ...done, lines: [line] }).batch(1));
  const sale = moved("retail_selling", coffee, {
    ...{ from: place("s0042/floor"), occurredAtMs: 1000, clockSynced: false },
  });
  const late = new FakeEdge("0b0b0b0b-0001", "edge-2").append(sale);
  await postOne(ledger, late.batch(1));
  await ledger.settle(startAtMs);
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 3 });
  const offsetMs = startAtMs + minuteMs - 1000;
  late.append(noticed("clock_set", { detail: { bootId, offsetMs } }));
  await postOne(ledger, late.batch(2));
  await ledger.settle(startAtMs);
  expect(await balancesOf(ledger, coffee)).toEqual({
    "@customer sellable": 1,
    "@supplier sellable": -5,
    "floor sellable": 4,
  });
  expect((await ledger.verify()).problems).toEqual([]);
});
