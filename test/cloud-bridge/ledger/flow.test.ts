// One unit seen by shelf, till and exit is one unit: in every order of arrival, with any of them missing, with
// settlement run at any time between.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flowWindows } from "../../../cloud-bridge/ledger/flow-units.ts";
import { balancesOf, openLedger, plan, runCountOf } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, startAtMs } from "./fake-edge.ts";
import {
  at,
  day,
  exit,
  type Fact,
  type Fields,
  fact,
  hourMs,
  ledgersInTurn,
  minuteMs,
  permutations,
  pick,
  putback,
  sale,
  serial,
  settleAll,
  shelf,
  standing,
  stock,
} from "./flow-fixture.ts";

function subsets<T>(list: readonly T[]): T[][] {
  const [one, ...others] = list;
  if (one === undefined) return [[]];
  const rest = subsets(others);
  return [...rest, ...rest.map((set) => [one, ...set])];
}

describe("shelf, till and exit, every subset in every order", () => {
  const facts = { pick: pick(minuteMs), sale: sale(9 * minuteMs), exit: exit(10 * minuteMs) };
  const sold = { [shelf]: 4, "@customer": 1, "@supplier": -5 };
  const lost = { [shelf]: 4, "@loss": 1, "@supplier": -5 };
  const ends: Record<string, Record<string, number>> = {
    "": { [shelf]: 5, "@supplier": -5 },
    pick: { [shelf]: 5, "@supplier": -5 },
    sale: sold,
    exit: lost,
    "pick+sale": sold,
    "pick+exit": lost,
    "sale+exit": sold,
    "pick+sale+exit": sold,
  };
  for (const names of subsets(Object.keys(facts) as (keyof typeof facts)[])) {
    const name = names.join("+");
    test(name === "" ? "none" : name, async () => {
      const ledger = await openLedger();
      for (const order of permutations([stock, ...names.map((each) => facts[each])])) {
        for (const isSettledBetween of [true, false]) {
          const { balances, codes } = await day(ledger, order, () => isSettledBetween);
          expect(balances).toEqual(ends[name]);
          expect(codes).toEqual(ends[name] === lost ? ["exit_loss"] : []);
        }
      }
      expect((await ledger.verify()).problems).toEqual([]);
    });
  }
});

describe("rules", () => {
  const end = async (...facts: Fact[]) =>
    (await day(await openLedger(), [stock, ...facts])).balances;

  test("a sale in an hour of another unit's exit settles one of two exits", async () => {
    const balances = await end(sale(minuteMs), exit(2 * minuteMs), exit(3 * minuteMs));
    expect(balances).toMatchObject({ [shelf]: 3, "@customer": 1, "@loss": 1 });
  });

  test("a sale stamped a little after the exit settles it; one much later does not", async () => {
    const { lateSaleMs } = flowWindows;
    expect(await end(exit(minuteMs), sale(minuteMs + lateSaleMs))).toMatchObject({ [shelf]: 4 });
    expect(await end(exit(minuteMs), sale(minuteMs + lateSaleMs + 1))).toMatchObject({
      [shelf]: 3,
      "@loss": 1,
    });
  });

  test("serials: a sale of one does not pay for another; one read twice at the exit left once", async () => {
    const a = serial("A");
    const balances = await end(
      sale(minuteMs, a),
      exit(2 * minuteMs, serial("B")),
      exit(3 * minuteMs, a),
      exit(4 * minuteMs, serial("B")),
    );
    expect(balances).toMatchObject({ [shelf]: 3, "@customer": 1, "@loss": 1 });
  });

  test("a till that knows the GTIN alone pays for a serial", async () => {
    const balances = await end(pick(0), sale(minuteMs), exit(2 * minuteMs, serial("A")));
    expect(balances).toMatchObject({ [shelf]: 4, "@customer": 1 });
  });

  test("put back, with and without a pick before it", async () => {
    expect(await end(pick(minuteMs), putback(2 * minuteMs))).toMatchObject({ [shelf]: 5 });
    expect(await end(putback(2 * minuteMs))).toEqual({ [shelf]: 5, "@supplier": -5 });
  });

  test("what is put back was taken before, and not by the next one who comes", async () => {
    const sold = fact("retail_selling", 2 * minuteMs, shelf, undefined, serial("B"));
    const next = [pick(minuteMs + 12_000, serial("B")), sold];
    const facts = [pick(minuteMs, serial("A")), putback(minuteMs + 2000), ...next];
    const { soon } = await day(await openLedger(), [stock, ...facts]);
    expect(soon).toEqual({ [shelf]: 4, "@customer": 1, "@supplier": -5 });
  });

  test("a basket times out only when every edge has told all of that time", async () => {
    const ledger = await openLedger();
    await ledger.setPlan(plan);
    const shelfEdge = new FakeEdge().append(stock("s0042"), pick(minuteMs)("s0042"));
    const tillEdge = new FakeEdge("0b0b0b0b-0001", "till").append(moved("receiving", coffee));
    const late = { completeThroughAtMs: startAtMs + 6 * hourMs };
    await ledger.post([tillEdge.batch(1, 1, { completeThroughAtMs: startAtMs })], startAtMs);
    await ledger.post([shelfEdge.batch(1, 2, late)], startAtMs);
    await settleAll(ledger);
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "@basket sellable": 1 });
    await ledger.post([tillEdge.hello(2, late)], startAtMs);
    await settleAll(ledger);
    expect(await balancesOf(ledger, coffee)).not.toHaveProperty("@basket sellable");
    // The sale that nobody expected any more.
    tillEdge.append(sale(hourMs)("s0042"));
    await ledger.post([tillEdge.batch(2, 2, late)], startAtMs);
    await settleAll(ledger);
    expect(await balancesOf(ledger, coffee)).toMatchObject({
      "floor/gondola-1/c1 sellable": 4,
      "@customer sellable": 1,
    });
    expect((await ledger.verify()).problems).toEqual([]);
  });
});

test("a sale of what the book does not have on the shelf is told once settlement takes it from there", async () => {
  const ledger = await openLedger();
  const { storeId, codes, balances } = await day(ledger, [sale(minuteMs)]);
  expect(balances).toEqual({ [shelf]: -1, "@customer": 1 });
  expect(codes).toEqual(["negative_stock"]);
  const [alert] = await ledger.alerts({ storeId, isOpen: true, countMax: 10, nowMs: startAtMs });
  expect(alert).toMatchObject({
    edgeId: "e0",
    detail: { item: coffee, location: `${storeId}/${shelf}`, quantity: -1, sequence: 1 },
  });
});

test("random hours in a shop: any order, settled at any time, ends alike and sums to zero", async () => {
  const ledgers = await ledgersInTurn();
  // Of the first day, and some of the next ones, when what was open is closed already.
  const minute = fc
    .tuple(fc.integer({ min: 0, max: 600 }), fc.constantFrom(0, 0, 0, 13, 24, 49))
    .map(([minutes, hours]) => minutes * minuteMs + hours * hourMs);
  const named = fc.constantFrom<Fields>({}, {}, serial("A"), serial("B"));
  const anyFact = fc.oneof(
    fc.tuple(minute, named).map(([afterMs, more]) => pick(afterMs, more)),
    minute.map(putback),
    fc.tuple(minute, named).map(([afterMs, more]) => sale(afterMs, more)),
    fc.tuple(minute, named).map(([afterMs, more]) => exit(afterMs, more)),
    fc
      .tuple(minute, named)
      .map(([afterMs, more]) => fact("returning", afterMs, undefined, shelf, more)),
    fc.tuple(minute, fc.nat(6)).map(
      ([afterMs, quantity]): Fact =>
        (storeId) => ({
          ...counted(`${storeId}/${shelf}`, {}),
          ...at(afterMs),
          lines: [{ gtin: coffee, quantity, observedAtMs: startAtMs + afterMs }],
        }),
    ),
  );
  const hours = fc.array(anyFact, { minLength: 1, maxLength: 8 }).chain((facts) =>
    fc.record({
      facts: fc.constant(facts),
      order: fc.shuffledSubarray([...facts.keys()], { minLength: facts.length }),
      settled: fc.array(fc.boolean(), { minLength: facts.length, maxLength: facts.length }),
      // By how many hours time goes on after each fact.
      passed: fc.array(fc.constantFrom(0, 0, 1, 5, 14, 25), {
        minLength: facts.length,
        maxLength: facts.length,
      }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(hours, async ({ facts, order, settled, passed }) => {
      const ledger = await ledgers.next();
      // An edge is named after its fact, so that facts of one moment keep their order.
      const one = await day(ledger, facts);
      const isOrdered = new Set(facts.map((each) => each("s")["occurredAtMs"])).size;
      if (isOrdered < facts.length) return;
      const shuffled = order.map((index) => facts[index]!);
      const throughMs = (position: number) =>
        passed.slice(0, position).reduce<number>((sum, hours) => sum + hours, 0) * hourMs;
      const other = await day(ledger, shuffled, (position) => settled[position]!, throughMs);
      expect(other.balances).toEqual(one.balances);
      expect(await standing(ledger, other.storeId)).toEqual(await standing(ledger, one.storeId));
      expect(Object.values(one.balances).reduce((sum, each) => sum + each, 0)).toBe(0);
      expect(one.balances["@basket"] ?? 0).toBe(0);
    }),
    { numRuns: runCountOf(Number(process.env["GONDOLA_LEDGER_RUNS"] ?? 100)) },
  );
  await ledgers.verify();
}, 3_600_000);
