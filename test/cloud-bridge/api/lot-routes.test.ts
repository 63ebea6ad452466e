// Lots over HTTP, of a real bridge: by expiry and by page, and the life of one.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const coffee = "09506000134352";
const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const day = (days: number) => new Date(today + days * dayMs).toISOString().slice(0, 10);
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  await opened.edge.subscribe(topics.ack("s1", "e1"));
  const lots = [
    { lot: "LATE", expiry: day(30) },
    { lot: "SOON/1", expiry: day(2) },
    { lot: "PAST", expiry: day(-3) },
    { lot: "NONE" },
  ];
  const came = lots.map((lot) => ({
    ...received("s1", coffee, 5),
    item: { gtin: coffee, ...lot },
  }));
  await new TestOutbox("s1", "e1").send(opened.edge, ...came);
});

async function lots(query = "") {
  const { status, body } = await bridge.get(`/v1/stores/s1/lots${query}`);
  const { items = [], ...rest } = body as { items?: { lot: string; leftDays?: number }[] };
  return { status, rest, names: items.map(({ lot, leftDays = "-" }) => `${lot} ${leftDays}`) };
}

test("those that expire soon, and those that have", async () => {
  const all = ["PAST -3", "SOON/1 2", "LATE 30", "NONE -"];
  expect((await lots()).names).toEqual(all);
  expect((await lots("?withinDays=7")).names).toEqual(all.slice(0, 2));
  expect((await lots("?withinDays=-1")).names).toEqual(all.slice(0, 1));
  expect((await lots(`?gtin=${coffee.slice(1)}`)).names).toEqual(all);
  expect((await lots("?gtin=09521321001015")).names).toEqual([]);
});

test("pages go on by their cursor", async () => {
  const found: string[] = [];
  let cursor = "";
  do {
    const { names, rest } = await lots(`?limit=1${cursor}`);
    found.push(...names);
    const { next } = rest as { next?: string };
    cursor = next === undefined ? "" : `&cursor=${next}`;
  } while (cursor !== "");
  expect(found).toEqual(["PAST -3", "SOON/1 2", "LATE 30", "NONE -"]);
});

test.each([
  ["?withinDays=soon", 400, "withinDays"],
  ["?gtin=1", 400, "gtin"],
  ["?cursor=x", 400, "cursor"],
])("%s is refused by its name", async (query, status, parameter) => {
  expect(await lots(query)).toMatchObject({ status, rest: { errors: [{ parameter }] } });
});

test("the life of a lot is asked for as its label names it", async () => {
  const id = encodeURIComponent(`01/${coffee}/10/SOON%2F1`);
  expect((await bridge.get(`/v1/items/history?id=${id}`)).body).toMatchObject({
    ...{ item: coffee, lot: "SOON/1" },
    entries: [{ lot: "SOON/1", quantity: 5 }],
  });
  const product = await bridge.get(`/v1/items/history?id=01/${coffee}`);
  expect(product).toMatchObject({ status: 400, body: { errors: [{ parameter: "id" }] } });
});
