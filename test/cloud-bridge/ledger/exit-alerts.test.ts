// An edge's word that a unit left unpaid is over exactly when all that it tells of is paid: in every order of arrival of
// passage, notice and sale, with and without serials.

import { describe, expect, test } from "vitest";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { openLedger, plan } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, startAtMs } from "./fake-edge.ts";
import {
  at,
  day,
  exit,
  type Fact,
  fact,
  minuteMs,
  ordersOf,
  sale,
  serial,
  settleAll,
  stock,
} from "./flow-fixture.ts";

const notice =
  (afterMs: number, name?: string): Fact =>
  (storeId) =>
    noticed("exit_unpaid", {
      ...{ ...at(afterMs), severity: "alarm" },
      detail: {
        ...{ gtin: coffee, to: `${storeId}/@exit` },
        ...(name === undefined ? {} : { serial: name, key: `01/${coffee}/21/${name}` }),
      },
    });

/** Alerts of unpaid exits, the first told first: when it was, or how it ended. */
async function exitsOf(ledger: SqliteLedger, storeId: string) {
  const query = { storeId, code: "exit_unpaid", isOpen: false, countMax: 99, nowMs: startAtMs };
  return (await ledger.alerts(query)).reverse();
}

/** Minutes of passages of which an alert is open, and causes of those that the ledger ended. */
async function standOf(ledger: SqliteLedger, storeId: string) {
  const alerts = await exitsOf(ledger, storeId);
  const open = alerts.filter(({ closedAtMs }) => closedAtMs === undefined);
  const ended = alerts.filter(({ acknowledgedBy }) => acknowledgedBy === "ledger");
  expect(open.length + ended.length).toBe(alerts.length);
  return {
    open: open.map(({ atMs }) => (atMs - startAtMs) / minuteMs).sort((a, b) => a - b),
    ended: [...new Set(ended.map(({ cause }) => cause))],
  };
}

const named = (name: string | undefined) => (name === undefined ? {} : serial(name));
const s1 = "S1";
const late = sale(12 * minuteMs);
const paidTwice = [late, sale(13 * minuteMs)];
/** Two units leave, each told by an edge of its own. */
const two = (first?: string, second?: string) => [
  ...[exit(10 * minuteMs, named(first)), notice(10 * minuteMs, first)],
  ...[exit(11 * minuteMs, named(second)), notice(11 * minuteMs, second)],
];

describe("passages, notices and sales in every order", () => {
  const over = { open: [], ended: ["paid"] };
  const cases: [string, readonly Fact[], Awaited<ReturnType<typeof standOf>>][] = [
    ["one, paid", [...two().slice(0, 2), late], over],
    ["one with a serial, paid", [...two(s1).slice(0, 2), sale(12 * minuteMs, serial(s1))], over],
    ["one, paid before", [...two().slice(0, 2), sale(9 * minuteMs)], over],
    ["one, stolen", two().slice(0, 2), { open: [10], ended: [] }],
    [
      "one with a serial, another one sold",
      [...two(s1).slice(0, 2), sale(12 * minuteMs, serial("S9"))],
      { open: [10], ended: [] },
    ],
    ["two, one paid: the first", [...two(), late], { open: [11], ended: ["paid"] }],
    [
      "two with serials, the second paid",
      [...two(s1, "S2"), sale(12 * minuteMs, serial("S2"))],
      { open: [10], ended: ["paid"] },
    ],
    [
      "one with a serial that passes again, paid",
      [...two(s1, s1), sale(12 * minuteMs, serial(s1))],
      over,
    ],
  ];
  test.each(cases)("%s", async (_, facts, stand) => {
    const ledger = await openLedger();
    for (const [index, order] of ordersOf(facts).entries()) {
      const { storeId } = await day(ledger, [stock, ...order], () => index % 2 === 0);
      expect(await standOf(ledger, storeId)).toEqual(stand);
    }
  });

  test("two that are both paid", async () => {
    const ledger = await openLedger();
    for (const order of ordersOf([...two(), ...paidTwice])) {
      const { storeId } = await day(ledger, [stock, ...order]);
      expect(await standOf(ledger, storeId)).toEqual(over);
    }
  });

  test("a unit that was paid, brought back and taken out again is stolen", async () => {
    const ledger = await openLedger();
    const facts = [
      ...[sale(9 * minuteMs, serial(s1)), exit(10 * minuteMs, serial(s1))],
      fact("returning", 15 * minuteMs, undefined, "floor/apparel", serial(s1)),
      ...[exit(20 * minuteMs, serial(s1)), notice(20 * minuteMs, s1)],
    ];
    for (const order of ordersOf(facts)) {
      const { storeId } = await day(ledger, [stock, ...order]);
      expect((await standOf(ledger, storeId)).open).toEqual([20]);
    }
  });
});

/** One edge that tells of several units without serials, and a till; in a store of its own. */
function open(ledger: SqliteLedger, storeId = "s0042") {
  const events = [stock, ...two()].map((each) => each(storeId));
  const edge = new FakeEdge("0a0a0a0a-0001", "edge-1", storeId).append(...events);
  const till = new FakeEdge("0b0b0b0b-0001", "till", storeId);
  till.append(...paidTwice.map((each) => each(storeId)));
  const post = async (from: FakeEdge, first: number, last: number) => {
    const [committed] = await ledger.post([from.batch(first, last)], startAtMs);
    await settleAll(ledger);
    return committed!.alerts.map(({ code }) => code);
  };
  return { edge, till, post };
}

describe("one edge tells of several units without serials in one alert", () => {
  test("which ends with the sale of the last, wherever the sales come between", async () => {
    const ledger = await openLedger();
    for (let before = 0; before <= 5; before += 1) {
      for (let between = before; between <= 5; between += 1) {
        const storeId = `s${before}${between}`;
        const { edge, till, post } = open(ledger, storeId);
        if (before > 0) await post(edge, 1, before);
        await post(till, 1, 1);
        if (between > before) await post(edge, before + 1, between);
        // Two left, and one was paid.
        if (between === 5) {
          const asked = { storeId, isOpen: true, countMax: 9, nowMs: startAtMs };
          const told = (await ledger.alerts(asked)).filter(({ code }) => code === "exit_unpaid");
          expect(told).toHaveLength(1);
        }
        await post(till, 2, 2);
        if (between < 5) await post(edge, between + 1, 5);
        expect(await standOf(ledger, storeId)).toEqual({ open: [], ended: ["paid"] });
      }
    }
  });

  test("and whose notice is not published once it is paid; a batch that comes again changes nothing", async () => {
    const ledger = await openLedger();
    await ledger.setPlan(plan);
    const { edge, till, post } = open(ledger);
    await post(edge, 1, 2);
    await post(till, 1, 1);
    expect(await post(edge, 3, 3)).toEqual([]);
    const paid = { open: [], ended: ["paid"] };
    expect(await standOf(ledger, "s0042")).toEqual(paid);
    expect(await post(edge, 1, 3)).toEqual([]);
    expect(await exitsOf(ledger, "s0042")).toHaveLength(1);
    expect(
      await ledger.followers.alerts({ storeId: "s0042", afterNumber: 0, countMax: 9 }),
    ).toEqual([]);
    expect(await post(edge, 4, 5)).toEqual(["exit_unpaid"]);
    expect(await standOf(ledger, "s0042")).toEqual({ open: [11], ended: ["paid"] });
  });

  test("what was ended as paid is told again where an earlier unit turns out to have been the paid one", async () => {
    const ledger = await openLedger();
    const { edge, till, post } = open(ledger);
    const behind = new FakeEdge("0c0c0c0c-0001", "behind").append(
      moved("departing", coffee, {
        ...{ ...at(9 * minuteMs), from: { location: "s0042/floor", state: "sellable" } },
        to: { location: "s0042/@exit", state: "sellable" },
      }),
    );
    await post(edge, 1, 3);
    await post(till, 1, 1);
    expect(await standOf(ledger, "s0042")).toEqual({ open: [], ended: ["paid"] });
    await ledger.post([behind.batch(1)], startAtMs);
    expect((await ledger.settle(startAtMs)).alerts).toMatchObject([
      { code: "exit_unpaid", severity: "alarm", edgeId: "edge-1", detail: { gtin: coffee } },
    ]);
    expect(await standOf(ledger, "s0042")).toEqual({ open: [10], ended: ["paid"] });
    // And is over when its own sale comes.
    await post(till, 2, 2);
    expect(await standOf(ledger, "s0042")).toEqual({ open: [], ended: ["paid"] });
  });
});

describe("one that a person closed", () => {
  test("stays closed, whatever becomes of the sale", async () => {
    const ledger = await openLedger();
    const { edge, till, post } = open(ledger);
    await post(edge, 1, 3);
    const deed = { storeId: "s0042", alertId: 1, by: "ada", cause: "theft", nowMs: startAtMs };
    expect(await ledger.acknowledgeAlert(deed)).toBe(true);
    await post(till, 1, 1);
    expect(await exitsOf(ledger, "s0042")).toMatchObject([
      { acknowledgedBy: "ada", cause: "theft" },
    ]);
  });

  test("is not told again by the ledger, though it was the second of its passage", async () => {
    const ledger = await openLedger();
    const { edge, till, post } = open(ledger);
    const earlier = (afterMs: number, outboxId: string) =>
      new FakeEdge(outboxId, outboxId).append(
        fact("departing", afterMs, "floor", "@exit")("s0042"),
      );
    await post(edge, 1, 3);
    await post(till, 1, 1);
    await post(earlier(9 * minuteMs, "0c0c0c0c-0001"), 1, 1);
    const [, { alertId } = { alertId: 0 }] = await exitsOf(ledger, "s0042");
    const deed = { storeId: "s0042", alertId, by: "ada", cause: "theft", nowMs: startAtMs };
    expect(await ledger.acknowledgeAlert(deed)).toBe(true);
    // The paid one is another one again: settlement speaks of the product's exits.
    await post(earlier(8 * minuteMs, "0d0d0d0d-0001"), 1, 1);
    expect(await exitsOf(ledger, "s0042")).toMatchObject([
      { acknowledgedBy: "ledger", cause: "paid" },
      { acknowledgedBy: "ada", cause: "theft" },
    ]);
    // Another passage is another alert.
    await post(edge, 4, 5);
    expect((await exitsOf(ledger, "s0042")).map(({ acknowledgedBy }) => acknowledgedBy)).toEqual([
      ...["ledger", "ada", undefined],
    ]);
  });
});
