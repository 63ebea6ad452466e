// The unknown bin over HTTP, of a real bridge: a tag is listed, gets its name, and is a unit of its product from then on.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtin = "09506000134352";
const epc = "E2801160600002054CC2096F";
const other = "E2801160600002054CC20970";
const list = "/v1/stores/s1/unknown-tags";
const outbox = new TestOutbox("s1", "e1");
let bridge: TestBridge;
let edge: TestClient;

const seen = (tag: string, fields: object) => ({
  ...{ ...received("s1", gtin), step: "relocating", item: { epc: tag } },
  ...fields,
});
const place = (name: string) => ({ location: `s1/${name}`, state: "sellable" });

withBridge(async (opened) => {
  bridge = opened.bridge;
  edge = opened.edge;
  await edge.subscribe(topics.ack("s1", "e1"));
  const tags = [epc, other].map((tag) => seen(tag, { to: place("stockroom") }));
  await outbox.send(edge, ...tags);
});

async function put(path: string, body: object, headers: object = {}) {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method: "PUT", headers: { "content-type": "application/json", ...headers } },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function tags(query = "") {
  const { items } = (await bridge.get(`${list}${query}`)).body as { items: { epc: string }[] };
  return items.map((item) => item.epc);
}

test("a tag is listed until it has a name", async () => {
  expect(await tags()).toEqual([epc, other]);
  const first = await bridge.get(`${list}?limit=1`);
  expect(await tags(`?limit=1&cursor=${first.body["next"]}`)).toEqual([other]);
  const path = `/v1/unknown-tags/${epc}`;
  const name = { gtin, serial: "T1", by: "ada" };
  expect(await put(path, name)).toMatchObject({
    ...{ status: 400, body: { errors: [{ parameter: "gtin" }] } },
  });
  await put(`/v1/catalogue/${gtin}?by=ada`, { gtin, name: "Coffee" });
  expect(await put(path, name)).toMatchObject({ status: 200, body: { movedCount: 1 } });
  expect(await put(path, name)).toMatchObject({ status: 200, body: { movedCount: 0 } });
  expect(await put(path, { ...name, serial: "T2" })).toMatchObject({ status: 428 });
  expect(await tags()).toEqual([other]);
  expect(await tags("?state=all")).toEqual([epc, other]);
  const stock = await bridge.get(`/v1/stock?store=s1&gtin=${gtin}`);
  expect(stock.body).toMatchObject({ items: [{ onHand: 1, product: { name: "Coffee" } }] });
});

test("what an edge tells of it afterwards is told of the unit", async () => {
  await outbox.send(edge, seen(epc, { from: place("stockroom"), to: place("floor") }));
  const { body } = await bridge.get(`/v1/items/history?id=01/${gtin}/21/T1`);
  expect(body).toMatchObject({
    entries: [
      { item: gtin, to: place("stockroom"), by: "ada" },
      { item: gtin, serial: "T1", from: place("stockroom"), to: place("floor") },
    ],
  });
  expect(await tags()).toEqual([other]);
});

test.each([
  ["a GS1 tag", "3034257BF7194E4000001A85", { gtin, by: "ada" }, "epc"],
  ["no tag", "xyz", { gtin, by: "ada" }, "epc"],
  ["a wrong GTIN", epc, { gtin: "1", by: "ada" }, "gtin"],
  ["nobody", epc, { gtin }, "by"],
])("%s is refused by its name", async (_, tag, body, parameter) => {
  expect(await put(`/v1/unknown-tags/${tag}`, body)).toMatchObject({
    ...{ status: 400, body: { errors: [{ parameter }] } },
  });
});

test("a wrong name is corrected by who says which one, and its unit goes over", async () => {
  const path = `/v1/unknown-tags/${epc}`;
  const right = "09521321001015";
  await put(`/v1/catalogue/${right}?by=ada`, { gtin: right, name: "Shirt" });
  const { body: known } = await bridge.get(path);
  expect(known).toMatchObject({ epc, gtin, serial: "T1", namedBy: "ada" });
  const stale = { "if-match": '"99"' };
  const fresh = { "if-match": `"${known["namedAtMs"]}"` };
  const name = { gtin: right, serial: "T7", by: "eve" };
  expect(await put(path, name)).toMatchObject({ status: 428 });
  expect(await put(path, name, stale)).toMatchObject({ status: 412 });
  expect(await put(path, name, fresh)).toMatchObject({ status: 200, body: { movedCount: 1 } });
  expect(await put(path, name, fresh)).toMatchObject({ status: 200, body: { movedCount: 0 } });
  const onHand = async (asked: string) => {
    const { items } = (await bridge.get(`/v1/stock?store=s1&gtin=${asked}`)).body as {
      items: { onHand: number }[];
    };
    return items[0]?.onHand;
  };
  expect([await onHand(gtin), await onHand(right)]).toEqual([0, 1]);
  const unit = await bridge.get(`/v1/items/history?id=01/${right}/21/T7`);
  expect(unit.body).toMatchObject({ entries: [{ item: right, to: place("floor"), by: "eve" }] });
  // In a customer's hands it cannot be booked over.
  await outbox.send(edge, seen(epc, { from: place("floor"), to: place("@basket") }));
  const { body: now } = await bridge.get(path);
  const back = { "if-match": `"${now["namedAtMs"]}"` };
  expect(await put(path, { gtin, serial: "T1", by: "eve" }, back)).toMatchObject({
    ...{ status: 409, body: { detail: expect.stringContaining("on its way, at s1/@basket") } },
  });
  expect(await bridge.get(`/v1/unknown-tags/${other}`)).toMatchObject({ status: 404 });
});

test("a serial is one unit's: another tag does not get it", async () => {
  const path = `/v1/unknown-tags/${other}`;
  const name = { gtin: "09521321001015", by: "ada" };
  const refused = await put(path, { ...name, serial: "T7" });
  const message = expect.stringContaining("/21/T7 is at s1/");
  expect(refused).toMatchObject({
    ...{ status: 409, body: { type: "urn:gondola:problem:tag_refused" } },
    body: { detail: message, errors: [{ parameter: "serial", message }] },
  });
  expect(await bridge.get(path)).toMatchObject({ status: 404 });
  expect(await put(path, { ...name, serial: "T8" })).toMatchObject({
    ...{ status: 200, body: { movedCount: 1 } },
  });
  expect(await put(path, { ...name, serial: "T8" })).toMatchObject({ status: 200 });
  const { body: known } = await bridge.get(path);
  const fresh = { "if-match": `"${known["namedAtMs"]}"` };
  expect(await put(path, { ...name, serial: "T7" }, fresh)).toMatchObject({
    ...{ status: 409, body: { errors: [{ parameter: "serial", message }] } },
  });
});
