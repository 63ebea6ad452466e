// A unit with a serial leaves once: it is paid for, or lost, as often as it passes an exit, until it is in the store again.

import { describe, expect, test } from "vitest";
import { openLedger } from "./edge-fixture.ts";
import {
  day,
  exit,
  type Fact,
  fact,
  hourMs,
  minuteMs,
  ordersOf,
  sale,
  serial,
  shelf,
  standing,
  stock,
} from "./flow-fixture.ts";

describe("a unit that was brought back", () => {
  const end = async (...facts: Fact[]) =>
    (await day(await openLedger(), [stock, ...facts])).balances;

  test("one that was paid and brought back is stolen when it leaves again, in every order of arrival", async () => {
    const a = serial("A");
    const back = fact("returning", 9 * minuteMs, undefined, shelf, a);
    const ledger = await openLedger();
    for (const facts of ordersOf([
      ...[sale(minuteMs, a), exit(2 * minuteMs, a), back, exit(20 * minuteMs, a)],
    ])) {
      const { balances, codes } = await day(ledger, [stock, ...facts]);
      expect(balances).toEqual({ [shelf]: 4, "@loss": 1, "@supplier": -5 });
      expect(codes).toContain("exit_loss");
    }
    // Bought again, it is the customer's.
    const again = sale(15 * minuteMs, a);
    expect(
      await end(sale(minuteMs, a), exit(2 * minuteMs, a), back, again, exit(20 * minuteMs, a)),
    ).toMatchObject({ [shelf]: 4, "@customer": 1 });
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("a sale before a unit was brought back does not pay for it, whether or not the till knew the serial", async () => {
    const a = serial("A");
    const back = fact("returning", 30 * minuteMs, undefined, shelf, a);
    const ledger = await openLedger();
    for (const facts of ordersOf([sale(minuteMs), back, exit(60 * minuteMs, a)])) {
      const { balances, codes } = await day(ledger, [stock, ...facts]);
      expect(balances).toEqual({ [shelf]: 4, "@loss": 1, "@supplier": -5 });
      expect(codes).toContain("exit_loss");
    }
  });

  test("a sale after a unit was brought back pays for the exit after it, not for the one before", async () => {
    const back = fact("returning", 5 * minuteMs, undefined, shelf, serial("A"));
    const ledger = await openLedger();
    for (const soldAs of [undefined, serial("A")]) {
      const facts = [back, sale(10 * minuteMs, soldAs), exit(12 * minuteMs, serial("A"))];
      for (const order of ordersOf([exit(minuteMs, serial("A")), ...facts])) {
        const { storeId } = await day(ledger, [stock, ...order]);
        const wanted = { exit_timeout: [1], exit_paid: [12] };
        expect(await standing(ledger, storeId)).toMatchObject(wanted);
      }
    }
  });
});

describe("a unit that passes an exit again", () => {
  const a = serial("A");
  /** Other customers' movements, every two hours. */
  const others = [2, 4, 6].map((hour) => exit(hour * hourMs, serial(`B${hour}`)));

  test("is paid as it was the first time, whatever others do meanwhile and whichever arrives first", async () => {
    const facts = [sale(0, a), exit(minuteMs, a), exit(8 * hourMs, a)];
    const ledger = await openLedger();
    for (const order of ordersOf(facts)) {
      for (const between of [[], others]) {
        const { storeId, balances } = await day(ledger, [stock, ...order, ...between]);
        expect((await standing(ledger, storeId))["exit_paid"]).toEqual([1, 480]);
        expect(balances["@loss"] ?? 0).toBe(between.length);
      }
    }
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("is lost once, though it is seen again after it was lost, and with others between", async () => {
    const ledger = await openLedger();
    const facts = [exit(0, a), exit(12.5 * hourMs, a), exit(25 * hourMs, serial("B"))];
    const late = [exit(40 * hourMs, a), sale(41 * hourMs), exit(200 * hourMs, a)];
    const all = [...facts, ...late];
    for (const order of [all, all.toReversed(), [...late, ...facts]]) {
      const through = (position: number) =>
        order === all ? ([0, 12.5, 24.2, 25.2, 40.5, 65][position] ?? 201) : 0;
      const { storeId, balances } = await day(
        ledger,
        [stock, ...order],
        () => true,
        (position) => through(position - 1) * hourMs,
      );
      expect(balances).toMatchObject({ "@loss": 2, "@customer": 1 });
      expect(await standing(ledger, storeId)).toMatchObject({
        exit_timeout: [0, 1500],
        exit_repeated: [750, 2400, 12_000],
      });
    }
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("has left again where it came in meanwhile, or was sold", async () => {
    const ledger = await openLedger();
    const facts = [sale(0, a), exit(minuteMs, a)];
    const delivered = fact("receiving", hourMs, undefined, "stockroom", a);
    for (const order of ordersOf([...facts, delivered])) {
      const { storeId } = await day(ledger, [stock, ...order, exit(30 * hourMs, a)]);
      expect((await standing(ledger, storeId))["exit_timeout"]).toEqual([1800]);
    }
    for (const order of ordersOf([exit(0, a), sale(20 * hourMs, a), exit(20.1 * hourMs, a)])) {
      const { storeId } = await day(ledger, [stock, ...order]);
      expect(await standing(ledger, storeId)).toMatchObject({
        exit_timeout: [0],
        exit_paid: [1206],
      });
    }
  });
});
