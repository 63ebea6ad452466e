// Counts that people carry out, on a real ledger.

import { describe, expect, test } from "vitest";
import type { SqliteLedger } from "../../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { balancesOf, ledgerPath, onDatabase, openLedger, postOne } from "../edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, place, shirt, startAtMs, tea } from "../fake-edge.ts";
import { at, idOf, opening, statusOf, step } from "./stocktake-fixture.ts";

const floor = "s0042/floor";

async function stocked(
  units: Record<string, number>,
  location = floor,
  priceMinor = 1_00,
): Promise<SqliteLedger> {
  const ledger = await openLedger();
  const edge = new FakeEdge();
  for (const [gtin, quantity] of Object.entries(units)) {
    edge.append(moved("receiving", gtin, { quantity, to: place(location) }));
  }
  await postOne(ledger, edge.batch(1));
  if (priceMinor > 0) await price(ledger, Object.keys(units), priceMinor);
  return ledger;
}

const price = (ledger: SqliteLedger, gtins: readonly string[], priceMinor: number) =>
  ledger.counting.setItems(
    "*",
    gtins.map((gtin) => ({ gtin, priceMinor })),
    { by: "m", nowMs: startAtMs },
  );

async function opened(ledger: SqliteLedger, fields = {}) {
  const outcome = await ledger.counting.open(opening(fields), at(1));
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.stocktake;
}

const line = (gtin: string, quantity: number, minute = 10, location = floor) => ({
  ...{ gtin, location, quantity, observedAtMs: at(minute) },
});
const record = (...lines: ReturnType<typeof line>[]) => ({ step: "record" as const, lines });

describe("tolerance", () => {
  test("within it a count is accepted and anchors at its own time", async () => {
    const ledger = await stocked({ [coffee]: 100, [tea]: 10 });
    const count = await opened(ledger);
    expect(statusOf(count)).toEqual({ [coffee]: "open", [tea]: "open" });
    await step(ledger, count, "ada", record(line(coffee, 98), line(tea, 10)));
    const reviewed = await step(ledger, count, "ada", { step: "submit" });
    expect(statusOf(reviewed)).toEqual({ [coffee]: "accepted", [tea]: "accepted" });
    const done = await step(ledger, count, "ada", { step: "post" });
    expect(done).toMatchObject({ phase: "done", postingCount: 1 });
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 98 });
    const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 2, countMax: 9 });
    expect(entries).toMatchObject([
      { reason: "count_difference", quantity: 2, occurredAtMs: at(10), outboxId: count.countId },
    ]);
    // What happened before the count and is told after it changes no quantity.
    const late = moved("retail_selling", coffee, { from: place(floor), occurredAtMs: at(5) });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(late).batch(1));
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 98 });
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("outside it another person counts; the same one is refused", async () => {
    const ledger = await stocked({ [coffee]: 100 });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 90)));
    expect(statusOf(await step(ledger, count, "ada", { step: "submit" }))).toEqual({
      [coffee]: "recount",
    });
    await expect(step(ledger, count, "ada", record(line(coffee, 90, 20)))).rejects.toThrow(
      "SAME_ACTOR lines.0.gtin",
    );
    await expect(step(ledger, count, "ada", { step: "post" })).rejects.toThrow("STOCKTAKE_LINE");
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 100 });
    const again = await step(ledger, count, "bob", record(line(coffee, 90, 20)));
    expect(statusOf(again)).toEqual({ [coffee]: "accepted" });
    await step(ledger, count, "bob", { step: "post" });
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 90 });
    const [alert] = await ledger.alerts({
      ...{ storeId: "s0042", code: "count_variance", isOpen: true, countMax: 9, nowMs: at(61) },
    });
    expect(alert).toMatchObject({
      detail: { item: coffee, counted: 90, difference: -10, countedBy: ["ada", "bob"] },
    });
  });

  test("two who disagree are followed by a third, then by somebody's decision", async () => {
    const ledger = await stocked({ [coffee]: 100 });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 90)));
    await step(ledger, count, "ada", { step: "submit" });
    const second = await step(ledger, count, "bob", record(line(coffee, 80, 20)));
    expect(statusOf(second)).toEqual({ [coffee]: "recount" });
    const third = await step(ledger, count, "cyd", record(line(coffee, 70, 30)));
    expect(statusOf(third)).toEqual({ [coffee]: "approval" });
  });

  test("a sale between two counts does not make them disagree", async () => {
    const ledger = await stocked({ [coffee]: 100 });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 90)));
    await step(ledger, count, "ada", { step: "submit" });
    const sale = moved("retail_selling", coffee, {
      ...{ quantity: 20, from: place(floor), occurredAtMs: at(15) },
    });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(sale).batch(1));
    const again = await step(ledger, count, "bob", record(line(coffee, 70, 20)));
    expect(statusOf(again)).toEqual({ [coffee]: "accepted" });
  });
});

test("a price that was said of a store is taken back, and what differs then has no known value", async () => {
  const ledger = await stocked({ [coffee]: 100 }, floor, 0);
  const author = { by: "m", nowMs: startAtMs };
  await ledger.counting.setItems("*", [{ gtin: coffee, priceMinor: 3 }], author);
  await ledger.counting.setItems(
    "s0042",
    [{ gtin: coffee, priceMinor: 5, className: "A" }],
    author,
  );
  const known = async () => {
    const { itemOf } = await ledger.counting.demands("s0042", [coffee]);
    return itemOf(coffee);
  };
  expect(await known()).toEqual({ gtin: coffee, priceMinor: 5, className: "A" });
  await ledger.counting.setItems("s0042", [{ gtin: coffee, priceMinor: null }], author);
  expect(await known()).toEqual({ gtin: coffee, priceMinor: 3, className: "A" });
  await ledger.counting.setItems("s0042", [{ gtin: coffee, className: null }], author);
  expect((await known()).className).not.toBe("A");
  await ledger.counting.setItems("*", [{ gtin: coffee, priceMinor: null }], author);
  expect((await known()).priceMinor).toBeUndefined();
  const count = await opened(ledger);
  await step(ledger, count, "ada", record(line(coffee, 90)));
  await step(ledger, count, "ada", { step: "submit" });
  const { lines } = (await ledger.counting.stocktake("s0042", count.countId, at(60)))!;
  expect(lines).toMatchObject([{ gtin: coffee, valueMinor: null }]);
});

describe("authority", () => {
  const approve = (reason = "shrinkage") => ({
    ...{ step: "approve" as const, lines: [{ gtin: coffee, location: floor }] },
    ...{ reason: reason as "shrinkage", cause: "night_theft" },
  });

  test("above a value only a role of enough authority approves, and nobody who counted", async () => {
    const ledger = await stocked({ [coffee]: 100 });
    await ledger.counting.setItems("*", [{ gtin: coffee, priceMinor: 60_00 }], {
      by: "m",
      nowMs: startAtMs,
    });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 90)));
    await step(ledger, count, "ada", { step: "submit" });
    // 10 units of 60.00 are more than a store manager may post.
    const again = await step(ledger, count, "bob", {
      ...record(line(coffee, 90, 20)),
      role: "store_manager",
    });
    expect(again.lines).toMatchObject([{ status: "approval", valueMinor: 600_00 }]);
    await expect(
      step(ledger, count, "mia", { ...approve(), role: "store_manager" }),
    ).rejects.toThrow("AUTHORITY_LOW");
    await expect(
      step(ledger, count, "bob", { ...approve(), role: "regional_lead" }),
    ).rejects.toThrow("SAME_ACTOR");
    await expect(step(ledger, count, "tec", { ...approve(), role: "technician" })).rejects.toThrow(
      "AUTHORITY_LOW",
    );
    await step(ledger, count, "rex", { ...approve(), role: "regional_lead" });
    const done = await step(ledger, count, "rex", { step: "post" });
    expect(done.lines).toMatchObject([
      { status: "posted", approvedBy: "rex", reason: "shrinkage", cause: "night_theft" },
    ]);
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 90 });
  });

  test("without a price a difference may be worth anything", async () => {
    const ledger = await stocked({ [coffee]: 100, [tea]: 100 }, floor, 0);
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 10), line(tea, 10)));
    await step(ledger, count, "ada", { step: "submit" });
    const again = await step(ledger, count, "bob", record(line(coffee, 10, 20), line(tea, 10, 20)));
    expect(statusOf(again)).toEqual({ [coffee]: "approval", [tea]: "approval" });
    await expect(step(ledger, count, "bob", { step: "post" })).rejects.toThrow("STOCKTAKE_LINE");
    for (const role of ["store_manager", "regional_lead"] as const) {
      await expect(step(ledger, count, "mia", { ...approve(), role })).rejects.toThrow(
        `AUTHORITY_LOW lines.0.gtin: ${coffee} has no price`,
      );
    }
    await step(ledger, count, "dir", { ...approve(), role: "network_director" });
    // Once it has a price, it is worth what it is worth.
    await price(ledger, [tea], 3_00);
    const ofTea = { ...approve(), lines: [{ gtin: tea, location: floor }] };
    await expect(step(ledger, count, "ann", { ...ofTea, role: "associate" })).rejects.toThrow(
      "differs by a value of 27000; a associate approves up to 2000",
    );
    await step(ledger, count, "mia", { ...ofTea, role: "store_manager" });
    expect((await step(ledger, count, "mia", { step: "post" })).phase).toBe("done");
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 10 });
    const query = { storeId: "s0042", code: "count_variance", isOpen: true, countMax: 9 };
    const alerts = await ledger.alerts({ ...query, nowMs: at(61) });
    const worthOf = Object.fromEntries(
      alerts.map(({ detail }) => [detail["item"], detail["valueMinor"]]),
    );
    expect(worthOf).toEqual({ [coffee]: undefined, [tea]: 270_00 });
  });

  test("a small difference of much value is out of tolerance", async () => {
    const ledger = await stocked({ [shirt]: 100 });
    await ledger.counting.setItems("s0042", [{ gtin: shirt, priceMinor: 80_00, className: "B" }], {
      by: "m",
      nowMs: startAtMs,
    });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(shirt, 99)));
    expect(statusOf(await step(ledger, count, "ada", { step: "submit" }))).toEqual({
      [shirt]: "recount",
    });
  });
});

describe("what moves meanwhile", () => {
  test("a line whose stock moved is outdated, and still right at its time", async () => {
    const ledger = await stocked({ [coffee]: 20, [tea]: 5 });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 20), line(tea, 5)));
    await step(ledger, count, "ada", { step: "submit" });
    const sale = moved("retail_selling", coffee, {
      ...{ quantity: 3, from: place(floor), occurredAtMs: at(20) },
    });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(sale).batch(1));
    const seen = await ledger.counting.stocktake("s0042", count.countId, at(60));
    expect(seen!.lines.map(({ gtin, isOutdated }) => [gtin, isOutdated])).toEqual([
      [coffee, true],
      [tea, false],
    ]);
    const done = await step(ledger, count, "ada", { step: "post" });
    expect(done.phase).toBe("done");
    expect(done.lines.map(({ isOutdated }) => isOutdated)).toEqual([true, false]);
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 17 });
  });

  test("a late fact that changes the difference sends the line to recount", async () => {
    const ledger = await stocked({ [coffee]: 20, [tea]: 5 });
    const count = await opened(ledger);
    await step(ledger, count, "ada", record(line(coffee, 20), line(tea, 5)));
    await step(ledger, count, "ada", { step: "submit" });
    const late = moved("retail_selling", coffee, {
      ...{ quantity: 8, from: place(floor), occurredAtMs: at(2) },
    });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(late).batch(1));
    const posted = await step(ledger, count, "ada", { step: "post" });
    expect(statusOf(posted)).toEqual({ [coffee]: "recount", [tea]: "posted" });
    expect(posted.phase).toBe("review");
    const again = await step(ledger, count, "bob", record(line(coffee, 20, 40)));
    expect(statusOf(again)).toMatchObject({ [coffee]: "accepted" });
    expect((await step(ledger, count, "bob", { step: "post" })).phase).toBe("done");
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 20 });
    expect((await ledger.verify()).problems).toEqual([]);
  });
});

describe("kinds", () => {
  test("a full count: what is not found is absent, and its tasks are closed", async () => {
    const ledger = await stocked({ [coffee]: 100, [tea]: 2 }, `${floor}/a`);
    const sale = moved("retail_selling", shirt, { from: place(`${floor}/b`) });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(sale).batch(1));
    expect(await ledger.tasks({})).toHaveLength(1);
    const count = await opened(ledger, { kind: "full" });
    await step(ledger, count, "ada", record(line(coffee, 100)));
    const reviewed = await step(ledger, count, "ada", { step: "submit" });
    expect(statusOf(reviewed)).toEqual({
      ...{ [coffee]: "accepted", [tea]: "accepted", [shirt]: "accepted" },
    });
    expect((await step(ledger, count, "ada", { step: "post" })).phase).toBe("done");
    expect(await balancesOf(ledger, tea)).toMatchObject({ "@variance sellable": 2 });
    expect((await balancesOf(ledger, tea))["floor/a sellable"]).toBeUndefined();
    expect(await ledger.tasks({})).toEqual([]);
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("what arrived during a full count has to be counted before it ends", async () => {
    const ledger = await stocked({ [coffee]: 10 });
    const count = await opened(ledger, { kind: "full" });
    await step(ledger, count, "ada", record(line(coffee, 10)));
    const goods = moved("receiving", tea, { quantity: 6, to: place(floor), occurredAtMs: at(15) });
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(goods).batch(1));
    const reviewed = await step(ledger, count, "ada", { step: "submit" });
    expect(statusOf(reviewed)).toEqual({ [coffee]: "accepted", [tea]: "open" });
    expect((await step(ledger, count, "ada", { step: "post" })).phase).toBe("review");
    expect(await balancesOf(ledger, tea)).toMatchObject({ "floor sellable": 6 });
    await step(ledger, count, "ada", record(line(tea, 6, 59)));
    expect((await step(ledger, count, "ada", { step: "post" })).phase).toBe("done");
    expect(await balancesOf(ledger, tea)).toEqual({
      "@supplier sellable": -6,
      "floor sellable": 6,
    });
  });

  test("a sample says how right the rest is", async () => {
    const gtins = [coffee, tea, shirt];
    const ledger = await stocked(Object.fromEntries(gtins.map((gtin) => [gtin, 4])));
    const count = await opened(ledger, { kind: "sample", sampleCount: 2 });
    expect(count.lines).toHaveLength(2);
    expect(count.populationCount).toBe(3);
    const outside = gtins.find((gtin) => count.lines.every((each) => each.gtin !== gtin))!;
    await expect(step(ledger, count, "ada", record(line(outside, 4)))).rejects.toThrow("sample");
  });

  test("what an edge counted meanwhile need not be counted again", async () => {
    const ledger = await stocked({ [coffee]: 10, [tea]: 5 });
    const count = await opened(ledger);
    const seen = counted(
      floor,
      {},
      {
        ...{ complete: false, occurredAtMs: at(5) },
        lines: [{ gtin: coffee, quantity: 4, observedAtMs: at(5) }],
      },
    );
    await postOne(ledger, new FakeEdge("0b0b0b0b-0001", "edge-2").append(seen).batch(1));
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 4 });
    await step(ledger, count, "ada", record(line(tea, 5)));
    const reviewed = await step(ledger, count, "ada", { step: "submit" });
    expect(statusOf(reviewed)).toEqual({ [coffee]: "recount", [tea]: "accepted" });
    expect(reviewed.lines[0]!.observations).toMatchObject([
      { by: "edge-2", quantity: 4, book: 10, isAnchored: true },
    ]);
    const again = await step(ledger, count, "ada", record(line(coffee, 4, 20)));
    expect(statusOf(again)).toMatchObject({ [coffee]: "accepted" });
  });
});

test("verify finds a line that says it was posted and was not", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const stock = moved("receiving", coffee, { quantity: 5, to: place(floor) });
  await postOne(ledger, new FakeEdge().append(stock).batch(1));
  const count = await opened(ledger);
  await step(ledger, count, "ada", record(line(coffee, 5)));
  await step(ledger, count, "ada", { step: "submit" });
  await step(ledger, count, "ada", { step: "post" });
  expect((await ledger.verify()).problems).toEqual([]);
  await onDatabase(path, "UPDATE count_lines SET quantity = 6");
  expect((await ledger.verify()).problems).toMatchObject([
    { check: "counts", where: `count ${count.countId} ${coffee} ${floor}` },
  ]);
});

describe("bad requests", () => {
  test("change nothing and say why", async () => {
    const ledger = await stocked({ [coffee]: 10 });
    const count = await opened(ledger);
    const other = await ledger.counting.open(opening({ digest: "e" }), at(1));
    expect(other).toMatchObject({ ok: false, code: "KEY_REUSED" });
    expect(await ledger.counting.open(opening(), at(1))).toMatchObject({ ok: true });
    const empty = await ledger.counting.open(
      opening({ countId: idOf("two"), location: "s0042/attic" }),
      at(1),
    );
    expect(empty).toMatchObject({ ok: false, code: "STOCKTAKE_LINE" });
    const early = { ...line(coffee, 9), observedAtMs: startAtMs };
    await expect(step(ledger, count, "ada", record(line(tea, 1), early))).rejects.toThrow(
      "STOCKTAKE_TIME lines.1.observedAtMs",
    );
    await expect(step(ledger, count, "ada", { step: "post" })).rejects.toThrow("STOCKTAKE_PHASE");
    await expect(step(ledger, count, "ada", { step: "submit" })).rejects.toThrow("no line");
    expect(await ledger.counting.stocktake("s0042", count.countId, at(60))).toEqual(count);
    await expect(
      step(ledger, { ...count, countId: idOf("x") }, "ada", { step: "submit" }),
    ).rejects.toThrow("STOCKTAKE_UNKNOWN");
    expect((await step(ledger, count, "ada", { step: "cancel" })).phase).toBe("cancelled");
    await expect(step(ledger, count, "ada", record(line(coffee, 9)))).rejects.toThrow("PHASE");
  });
});

test("of counts that were opened in one millisecond a list loses none between two pages", async () => {
  const ledger = await stocked({ [coffee]: 1 });
  for (let index = 0; index < 12; index += 1) {
    const about = { countId: idOf(`page ${index}`), location: `s0042/floor/g${index}` };
    await opened(ledger, { ...about, lines: [{ gtin: coffee, location: about.location }] });
  }
  for (const countMax of [1, 5]) {
    const query = { storeId: "s0042", isOpen: true, countMax };
    const ids: string[] = [];
    let page = await ledger.counting.stocktakes(query);
    while (page.length > 0) {
      ids.push(...page.map(({ countId }) => countId));
      const { openedAtMs, countId } = page.at(-1)!;
      page = await ledger.counting.stocktakes({ ...query, before: [openedAtMs, countId] });
    }
    expect(ids).toHaveLength(12);
    expect(new Set(ids).size).toBe(12);
  }
});
