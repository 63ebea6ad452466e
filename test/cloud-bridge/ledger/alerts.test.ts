// Alerts on a real ledger: one for what it is about, acknowledged, muted, over by itself.

import { expect, test } from "vitest";
import { alertKeepMs, alertKindOf } from "../../../cloud-bridge/ledger/alerts.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { reserve } from "./claims-fixture.ts";
import { openLedger, plan } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, noticed, place, startAtMs, tea } from "./fake-edge.ts";

const storeId = "s0042";
const unpaid = (gtin: string) =>
  noticed("exit_unpaid", { severity: "alarm", detail: { gtin, to: "s0042/@exit" } });

async function open(ledger: SqliteLedger, nowMs = startAtMs) {
  return await ledger.alerts({ storeId, isOpen: true, countMax: 100, nowMs });
}

test("the same thing raised again is one alert with a count; another thing is another", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(unpaid(coffee), unpaid(tea), unpaid(coffee));
  const [committed] = await ledger.post([edge.batch(1)], startAtMs);
  expect(committed?.alerts).toHaveLength(3);
  expect(await open(ledger)).toMatchObject([
    { alertId: 2, code: "exit_unpaid", count: 1, detail: { gtin: tea } },
    {
      ...{ alertId: 1, count: 2, severity: "alarm", cause: "theft_suspected", edgeId: "edge-1" },
      detail: { gtin: coffee, deviceId: "dev-1", sequence: 3 },
    },
  ]);
  // A batch that comes again raises nothing again.
  await ledger.post([edge.batch(1)], startAtMs);
  expect((await open(ledger))[1]).toMatchObject({ count: 2 });
});

test("an acknowledged one is closed with who and why; the next of its kind is new", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(unpaid(coffee));
  await ledger.post([edge.batch(1)], startAtMs);
  const change = { storeId, alertId: 1, by: "ada", cause: "tag_stuck", nowMs: startAtMs };
  expect(await ledger.acknowledgeAlert(change)).toBe(true);
  expect(await ledger.acknowledgeAlert(change)).toBe(false);
  expect(await ledger.acknowledgeAlert({ ...change, alertId: 9 })).toBe(false);
  expect(await open(ledger)).toEqual([]);
  edge.append(unpaid(coffee));
  await ledger.post([edge.batch(2)], startAtMs);
  expect((await open(ledger)).map(({ alertId }) => alertId)).toEqual([2]);
  const all = await ledger.alerts({ storeId, isOpen: false, countMax: 9, nowMs: startAtMs });
  expect(all[1]).toMatchObject({ acknowledgedBy: "ada", cause: "tag_stuck" });
  const query = { storeId, isOpen: false, countMax: 9, nowMs: startAtMs, beforeAlertId: 2 };
  expect((await ledger.alerts(query)).map(({ alertId }) => alertId)).toEqual([1]);
  expect(await ledger.alerts({ ...query, code: "declared_loss" })).toEqual([]);
});

test("a muted one is stored, not published, until its time", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(unpaid(coffee));
  await ledger.post([edge.batch(1)], startAtMs);
  const mute = { storeId, alertId: 1, by: "ada", untilMs: startAtMs + 1000 };
  expect(await ledger.muteAlert({ ...mute, alertId: 7 })).toBe(false);
  expect(await ledger.muteAlert(mute)).toBe(true);
  edge.append(unpaid(coffee), unpaid(tea));
  const [muted] = await ledger.post([edge.batch(2)], startAtMs + 999);
  expect(muted?.alerts.map(({ detail }) => detail["gtin"])).toEqual([tea]);
  expect((await open(ledger)).find(({ alertId }) => alertId === 1)).toMatchObject({ count: 2 });
  edge.append(unpaid(coffee));
  const [loud] = await ledger.post([edge.batch(4)], startAtMs + 1000);
  expect(loud?.alerts).toHaveLength(1);
});

test("what nobody looked at is over by itself, and forgotten later", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(unpaid(coffee));
  await ledger.post([edge.batch(1)], startAtMs);
  const overAtMs = startAtMs + alertKindOf({ code: "exit_unpaid" }).expiryMs;
  expect(await open(ledger, overAtMs - 1)).toHaveLength(1);
  expect(await open(ledger, overAtMs)).toEqual([]);
  edge.append(unpaid(coffee));
  await ledger.post([edge.batch(2)], overAtMs);
  expect((await open(ledger, overAtMs)).map(({ alertId, count }) => [alertId, count])).toEqual([
    [2, 1],
  ]);
  edge.append(unpaid(coffee));
  await ledger.post([edge.batch(3)], overAtMs + alertKeepMs);
  const query = { storeId, isOpen: false, countMax: 9, nowMs: startAtMs };
  expect((await ledger.alerts(query)).map(({ alertId }) => alertId)).toEqual([3, 2]);
});

test("negative stock, a count beyond its tolerance, events that are gone", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(
    moved("retail_selling", coffee, { from: place("s0042/floor") }),
    counted("s0042/floor", { [coffee]: 0, [tea]: 5 }),
    counted("s0042/stockroom", { [tea]: 1 }),
  );
  await ledger.post([edge.batch(1)], startAtMs);
  edge.append(noticed("x_y"), noticed("x_y")).dropRange(4, 5);
  await ledger.post([edge.batch(4)], startAtMs);
  // The count put the stock right, which ended the first one.
  const asked = { storeId, isOpen: false, countMax: 9, nowMs: startAtMs };
  const alerts = (await ledger.alerts(asked)).reverse();
  expect((await open(ledger)).map(({ alertId }) => alertId)).toEqual([3, 2]);
  expect(alerts.map(({ code, cause }) => [code, cause])).toEqual([
    ["negative_stock", "movement_missed"],
    ["count_variance", "count_difference"],
    ["declared_loss", "events_lost"],
  ]);
  expect(alerts[0]?.detail).toMatchObject({ item: coffee, quantity: -1, location: "s0042/floor" });
  expect(alerts[1]?.detail).toMatchObject({ item: tea, counted: 5, difference: 5 });
});

test("an edge that falls silent is told once, and again when it falls silent again", async () => {
  const ledger = await openLedger();
  const minuteMs = 60_000;
  const edge = new FakeEdge().append(noticed("x_y"));
  await ledger.post([edge.batch(1, 1, { completeThroughAtMs: startAtMs })], startAtMs);
  const codesAt = async (minute: number) =>
    (await ledger.raiseSilences(startAtMs + minute * minuteMs)).map(({ code }) => code);
  expect(await codesAt(29)).toEqual([]);
  expect(await codesAt(31)).toEqual(["edge_silent"]);
  expect(await codesAt(32)).toEqual([]);
  const nowMs = startAtMs + 33 * minuteMs;
  expect(await ledger.acknowledgeAlert({ storeId, alertId: 1, by: "ada", nowMs })).toBe(true);
  expect(await codesAt(34)).toEqual([]);
  const back = { completeThroughAtMs: startAtMs + 60 * minuteMs };
  await ledger.post([edge.hello(2, back)], startAtMs + 60 * minuteMs);
  expect(await codesAt(61)).toEqual([]);
  expect(await codesAt(91)).toEqual(["edge_silent"]);
  expect((await open(ledger)).map(({ code }) => code)).toEqual(["edge_silent"]);
  const later = { completeThroughAtMs: startAtMs + 92 * minuteMs };
  await ledger.post([edge.hello(2, later)], startAtMs + 92 * minuteMs);
  expect(await codesAt(93)).toEqual([]);
  expect(await open(ledger)).toEqual([]);
  expect(await codesAt(91 + 15 * 24 * 60)).toEqual([]);
});

test("an unpaid exit is over once the unit's sale is known, and no other unit's", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const exits = ["S1", "S2"].flatMap((serial) => [
    moved("departing", coffee, {
      ...{ item: { gtin: coffee, serial }, from: place("s0042/floor"), to: place("s0042/@exit") },
    }),
    noticed("exit_unpaid", {
      severity: "alarm",
      detail: { gtin: coffee, serial, key: `01/${coffee}/21/${serial}`, to: "s0042/@exit" },
    }),
  ]);
  const edge = new FakeEdge().append(...exits);
  await ledger.post([edge.batch(1)], startAtMs);
  await ledger.settle(startAtMs);
  const unpaidSerials = async () =>
    (await open(ledger)).flatMap(({ code, detail }) =>
      code === "exit_unpaid" ? detail["serial"] : [],
    );
  expect(await unpaidSerials()).toEqual(["S2", "S1"]);
  const sale = moved("retail_selling", coffee, { item: { gtin: coffee, serial: "S1" } });
  const till = new FakeEdge("0b0b0b0b-0001", "till").append(sale);
  await ledger.post([till.batch(1)], startAtMs);
  await ledger.settle(startAtMs);
  expect(await unpaidSerials()).toEqual(["S2"]);
  const all = await ledger.alerts({ storeId, isOpen: false, countMax: 100, nowMs: startAtMs });
  expect(all.find(({ detail }) => detail["serial"] === "S1")).toMatchObject({
    acknowledgedBy: "ledger",
    cause: "paid",
  });
});

test("stock below zero is told until it is right again, also within one batch", async () => {
  const ledger = await openLedger();
  const shelf = place("s0042/floor/a");
  const pick = (gtin = coffee) => moved("customer_pick", gtin, { from: shelf });
  const fill = (gtin = coffee) => moved("receiving", gtin, { to: shelf });
  const edge = new FakeEdge();
  const post = async (...events: Parameters<FakeEdge["append"]>) => {
    const first = edge.lastSequence + 1;
    await ledger.post([edge.append(...events).batch(first)], startAtMs);
    return (await open(ledger)).map(({ code, detail }) => [code, detail["item"]]);
  };
  expect(await post(pick(), pick(tea))).toEqual([
    ["negative_stock", tea],
    ["negative_stock", coffee],
  ]);
  expect(await post(fill())).toEqual([["negative_stock", tea]]);
  const [, closed] = await ledger.alerts({ storeId, isOpen: false, countMax: 9, nowMs: startAtMs });
  expect(closed).toMatchObject({ acknowledgedBy: "ledger", cause: "movement_missed" });
  expect(await post(pick(), pick(), fill(), fill(), fill(tea))).toEqual([]);
});

test("stock below zero that a claim puts right is told no more", async () => {
  const ledger = await openLedger();
  const shelf = place("s0042/floor/a");
  const edge = new FakeEdge().append(moved("receiving", coffee, { to: shelf }));
  await ledger.post([edge.batch(1)], startAtMs);
  const asked = reserve();
  await ledger.decideClaim(asked, startAtMs);
  const step = async (name: "pick" | "release") =>
    await ledger.decideClaim({ step: name, claimId: asked.claimId, by: "bob" }, startAtMs);
  expect(await step("pick")).toMatchObject({ ok: true });
  edge.append(moved("customer_pick", coffee, { from: shelf }));
  await ledger.post([edge.batch(2)], startAtMs);
  expect((await open(ledger)).map(({ code }) => code)).toEqual(["negative_stock"]);
  expect(await step("release")).toMatchObject({ ok: true });
  expect(await ledger.tasks({ storeId })).toEqual([]);
  expect(await open(ledger)).toEqual([]);
});

test("a loss is told, and that it was found again", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const dayMs = 86_400_000;
  const exit = moved("departing", coffee, {
    ...{ from: place("s0042/floor"), to: place("s0042/@exit") },
  });
  const edge = new FakeEdge().append(exit);
  const told = { completeThroughAtMs: startAtMs + 2 * dayMs };
  await ledger.post([edge.batch(1, 1, told)], startAtMs);
  const lost = await ledger.settle(startAtMs);
  expect(lost.alerts.map(({ code }) => code)).toEqual(["exit_loss"]);
  const till = new FakeEdge("0b0b0b0b-0001", "till").append(moved("retail_selling", coffee));
  await ledger.post([till.batch(1, 1, told)], startAtMs);
  const found = await ledger.settle(startAtMs);
  // It came back to the floor, and was sold off its shelf, which never got any.
  expect(found.alerts.map(({ code }) => code)).toEqual(["item_found", "negative_stock"]);
  expect((await open(ledger)).map(({ code }) => code)).toContain("exit_loss");
});
