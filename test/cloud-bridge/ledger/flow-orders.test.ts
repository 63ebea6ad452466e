// One unit that staff take for an order is one unit, whatever shelf and exit say of it: in every order of arrival, with any
// of them missing.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flowWindows } from "../../../cloud-bridge/ledger/flow-units.ts";
import { reserve } from "./claims-fixture.ts";
import { balancesOf, openLedger, plan, runCountOf } from "./edge-fixture.ts";
import { coffee, FakeEdge, startAtMs } from "./fake-edge.ts";
import {
  day,
  exit,
  type Fact,
  fact,
  hourMs,
  ledgersInTurn,
  minuteMs,
  permutations,
  pick,
  putback,
  type Step,
  sale,
  settleAll,
  shelf,
  stock,
} from "./flow-fixture.ts";

/** Orders in which things may arrive: of one order's steps the pick comes first. */
const arrivals = <T extends Fact | Step>(facts: readonly T[]) =>
  permutations(facts).filter((all) => {
    const steps = all.flatMap((each) => ("step" in each ? [each.step] : []));
    return steps.length < 2 || steps[0] === "pick";
  });

const seen = pick(minuteMs);
const claimed: Step = { order: 1, step: "pick", afterMs: 9 * minuteMs };
const handed: Step = { order: 1, step: "hand_over", afterMs: 20 * minuteMs };
const released: Step = { order: 1, step: "release", afterMs: 20 * minuteMs };
const left = exit(21 * minuteMs);
const back = putback(22 * minuteMs);
const aside = `${shelf} set_aside`;
const whole = { [shelf]: 5, "@supplier": -5 };
const waits = { [shelf]: 4, [aside]: 1, "@supplier": -5 };
const gone = { [shelf]: 4, "@customer": 1, "@supplier": -5 };
const lost = { [shelf]: 4, "@loss": 1, "@supplier": -5 };

describe("shelf, claim and exit of an order, every subset in every order", () => {
  const cases: [string, readonly (Fact | Step)[], Record<string, number>][] = [
    ["taken", [claimed], waits],
    ["taken before the shelf's eyes", [seen, claimed], waits],
    ["taken and said before the shelf told", [pick(15 * minuteMs), claimed], waits],
    ["handed over", [claimed, handed], gone],
    ["handed over, seen by the shelf", [seen, claimed, handed], gone],
    ["handed over, seen by the exit", [claimed, handed, left], gone],
    ["handed over, seen by both", [seen, claimed, handed, left], gone],
    [
      "seen by the exit, never handed over",
      [seen, claimed, left],
      { ...lost, [shelf]: 3, [aside]: 1 },
    ],
    ["released", [claimed, released], whole],
    ["released, seen taken", [seen, claimed, released], whole],
    ["released, seen put back", [claimed, released, back], whole],
    ["released, seen taken and put back", [seen, claimed, released, back], whole],
    ["put back, never released", [seen, claimed, back], waits],
  ];
  test.each(cases)("%s", async (_, facts, end) => {
    const ledger = await openLedger();
    for (const order of arrivals(facts)) {
      for (const isSettledBetween of [true, false]) {
        const { soon, balances } = await day(ledger, [stock, ...order], () => isSettledBetween);
        // Nobody waits for a time-out, but for what was put back and never taken.
        const isUnpicked = facts.includes(back) && !facts.includes(released);
        expect(soon["@basket"] ?? 0).toBe(isUnpicked ? -1 : 0);
        expect(balances).toEqual(end);
      }
    }
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("the last unit, whose shelf told first, is picked for its order and for no other", async () => {
    const ledger = await openLedger();
    const one = fact("receiving", 0, undefined, shelf);
    for (const isSettled of [true, false]) {
      const { balances, storeId } = await day(ledger, [one, seen, claimed], () => isSettled);
      expect(balances).toEqual({ [aside]: 1, "@supplier": -1 });
      expect(await ledger.tasks({ storeId })).toEqual([]);
    }
    await ledger.setPlan(plan);
    const edge = new FakeEdge().append(stock("s0042"));
    await ledger.post([edge.batch(1)], startAtMs);
    const orders = Array.from({ length: 5 }, () => reserve());
    for (const order of orders) await ledger.decideClaim(order, startAtMs);
    // Four are shipped meanwhile: what is left is in somebody's hand.
    edge.append(fact("shipping", 0, shelf, "@customer", { quantity: 4 })("s0042"), seen("s0042"));
    await ledger.post([edge.batch(2)], startAtMs);
    const picked = await Promise.all(
      orders.map(({ claimId }) =>
        ledger.decideClaim({ step: "pick", claimId, by: "ada" }, startAtMs + 2 * minuteMs),
      ),
    );
    expect(picked.filter(({ ok }) => ok)).toHaveLength(1);
    await settleAll(ledger);
    expect(await balancesOf(ledger, coffee)).toMatchObject({ [`${shelf} set_aside`]: 1 });
    expect(await balancesOf(ledger, coffee)).not.toHaveProperty("@basket sellable");
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("a customer's pick of another time or place is no order's", async () => {
    const ledger = await openLedger();
    const late = pick(9 * minuteMs + flowWindows.claimMs + 1);
    const sold = [sale(2 * hourMs), late, claimed];
    const { balances } = await day(ledger, [stock, ...sold]);
    expect(balances).toEqual({ ...waits, [shelf]: 3, "@customer": 1 });
    const elsewhere = fact("customer_pick", minuteMs, "floor/apparel");
    const other = await day(ledger, [stock, elsewhere, claimed]);
    expect(other.balances).toEqual(waits);
    expect(await balancesOf(ledger, coffee, other.storeId)).not.toHaveProperty(
      "floor/apparel sellable",
    );
  });
});

test("what is picked after an order was released is a customer's, in every order of arrival", async () => {
  const ledger = await openLedger();
  const customers = pick(23 * minuteMs);
  const cases: [readonly (Fact | Step)[], Record<string, number>][] = [
    [[claimed, released, customers, exit(24 * minuteMs)], lost],
    [[seen, claimed, released, customers, exit(24 * minuteMs)], lost],
    [[claimed, released, customers, sale(25 * minuteMs)], gone],
  ];
  for (const [facts, end] of cases) {
    for (const order of arrivals(facts)) {
      const { balances, storeId } = await day(ledger, [stock, ...order], (at) => at % 2 === 0);
      expect(balances).toEqual(end);
      const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 99 });
      const claims = entries.filter(({ reason }) => reason === "pick_claimed");
      const units = claims.map(({ from, quantity }) =>
        from.location.endsWith("@basket") ? quantity : -quantity,
      );
      expect(units.reduce((sum, one) => sum + one, 0)).toBe(facts.includes(seen) ? 1 : 0);
    }
  }
  expect((await ledger.verify()).problems).toEqual([]);
});

test("random hours with orders: any order, settled at any time, ends alike and sums to zero", async () => {
  const ledgers = await ledgersInTurn();
  const many = fact("receiving", 0, undefined, shelf, { quantity: 50 });
  const kinds = ["seen", "back", "sold", "left", "order", "order", "handed", "released"] as const;
  const minutes = fc.uniqueArray(
    fc.record({ minute: fc.integer({ min: 1, max: 600 }), kind: fc.constantFrom(...kinds) }),
    { minLength: 1, maxLength: 8, selector: ({ minute }) => minute },
  );
  const hours = minutes.chain((times) => {
    const facts = times.flatMap(({ minute, kind }, number): (Fact | Step)[] => {
      const afterMs = minute * minuteMs;
      if (kind === "seen") return [pick(afterMs)];
      if (kind === "back") return [putback(afterMs)];
      if (kind === "sold") return [sale(afterMs)];
      if (kind === "left") return [exit(afterMs)];
      const step = kind === "released" ? "release" : "hand_over";
      const picked: Step = { order: number, step: "pick", afterMs };
      // Half a minute later, so that no two of all are at one time.
      const end: Step = { order: number, step, afterMs: afterMs + minuteMs / 2 };
      return kind === "order" ? [picked] : [picked, end];
    });
    const { length } = facts;
    return fc.record({
      facts: fc.constant(facts),
      order: fc.shuffledSubarray([...facts.keys()], { minLength: length }),
      settled: fc.array(fc.boolean(), { minLength: length + 1, maxLength: length + 1 }),
    });
  });
  await fc.assert(
    fc.asyncProperty(hours, async ({ facts, order, settled }) => {
      const ledger = await ledgers.next();
      const one = await day(ledger, [many, ...facts]);
      const shuffled = stepsInOrder(order.map((index) => facts[index]!));
      const other = await day(ledger, [many, ...shuffled], (position) => settled[position]!);
      expect(other.soon).toEqual(one.soon);
      expect(other.balances).toEqual(one.balances);
      expect(Object.values(one.balances).reduce((sum, each) => sum + each, 0)).toBe(0);
      expect(one.balances["@basket"] ?? 0).toBe(0);
      const steps = facts.flatMap((each) => ("step" in each ? [each] : []));
      const picks = steps.filter(({ step }) => step === "pick").length;
      expect(one.balances[`${shelf} set_aside`] ?? 0).toBe(2 * picks - steps.length);
    }),
    { numRuns: runCountOf(Number(process.env["GONDOLA_LEDGER_RUNS"] ?? 100)) },
  );
  await ledgers.verify();
}, 3_600_000);

/** The same, with the pick of each order where the first of its steps is. */
function stepsInOrder(facts: readonly (Fact | Step)[]): (Fact | Step)[] {
  const left = new Map<number, Step[]>();
  for (const each of facts) {
    if ("step" in each) left.set(each.order, [...(left.get(each.order) ?? []), each]);
  }
  for (const steps of left.values()) steps.sort((a, b) => a.afterMs - b.afterMs);
  return facts.map((each) => ("step" in each ? left.get(each.order)!.shift()! : each));
}
