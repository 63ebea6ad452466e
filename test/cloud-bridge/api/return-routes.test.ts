// Returns over HTTP, of a real bridge with a till that sells over HTTP.

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";
import { allOf } from "./pages.ts";

const gtin = "09506000134352";
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  const { edge } = opened;
  await edge.subscribe(topics.ack("s1", "e1"));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin, 9));
});

async function ask(method: string, path: string, body: object, key: string = randomUUID()) {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1${path}`, {
    method,
    headers: { "content-type": "application/json", ...(key && { "idempotency-key": key }) },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const states = async () => {
  const { body } = await bridge.get(`/v1/stock?store=s1&gtin=${gtin}`);
  const [{ balances }] = body["items"] as [
    { balances: { location: string; state: string; quantity: number }[] },
  ];
  const held = balances.filter(({ location }) => location === "s1/stockroom");
  return Object.fromEntries(held.map(({ state, quantity }) => [state, quantity]));
};

test("from the sale to the shelf again, each step once", async () => {
  const price = { amountMinor: 1000, currency: "EUR" };
  await ask("PUT", `/catalogue/${gtin}?by=erp`, { gtin, name: "Tea", price });
  const reference = { type: "receipt", id: "R-1" };
  const sale = {
    kind: "sale",
    occurredAtMs: Date.now(),
    gtin,
    location: "s1/stockroom",
    reference,
  };
  expect(
    await ask("POST", "/facts", { store: "s1", source: "till-1", facts: [sale] }),
  ).toMatchObject({ status: 200 });
  expect((await bridge.get("/v1/sales/R-1")).body["items"]).toMatchObject([
    { sold: 1, returned: 0 },
  ]);
  expect(await states()).toEqual({ sellable: 8 });
  const body = { gtin, receipt: "R-1", location: "s1/stockroom", by: "ada" };
  const opened = await ask("POST", "/stores/s1/returns", body, "key-1");
  expect(opened).toMatchObject({
    status: 201,
    body: { state: "received", sale: { storeId: "s1" } },
  });
  expect(await ask("POST", "/stores/s1/returns", body, "key-1")).toEqual(opened);
  expect(await states()).toEqual({ sellable: 8, returned: 1 });
  expect(await ask("POST", "/stores/s1/returns", body)).toMatchObject({
    status: 409,
    body: { code: "RETURN_REPEATED" },
  });
  const path = `/stores/s1/returns/${opened.body["returnId"]}`;
  const resell = { disposition: "resell", by: "bob" };
  expect(await ask("POST", `${path}/dispose`, resell)).toMatchObject({ status: 409 });
  expect(await ask("POST", `${path}/inspect`, { grade: "C", by: "bob" })).toMatchObject({
    body: { valueMinor: 500 },
  });
  expect(await ask("POST", `${path}/dispose`, resell)).toMatchObject({
    status: 409,
    body: { code: "RETURN_GRADE" },
  });
  await ask("POST", `${path}/inspect`, { grade: "B", reasons: ["box_opened"], by: "eve" });
  for (let time = 0; time < 2; time += 1) {
    expect(await ask("POST", `${path}/dispose`, resell)).toMatchObject({
      status: 200,
      body: { state: "disposed", valueMinor: 800, disposedBy: "bob" },
    });
  }
  const audit = (await bridge.get("/v1/audit?store=s1")).body["items"] as { act: string }[];
  expect(audit.filter(({ act }) => act === "return_inspected")).toMatchObject([
    { by: "bob", subject: opened.body["returnId"] },
    { by: "eve", subject: opened.body["returnId"] },
  ]);
  expect(await states()).toMatchObject({ sellable: 9 });
  const list = await bridge.get("/v1/stores/s1/returns?state=all");
  expect(list.body).toMatchObject({
    items: [{ grade: "B" }],
    figures: { openCount: 0, byDisposition: { resell: 1 } },
  });
});

test("what a web order was handed over is a sale too, and comes back once", async () => {
  const lines = [{ gtin, quantity: 1 }];
  const order = { store: "s1", owner: "web-77", expiresAtMs: Date.now() + 60_000, lines };
  const { claimId } = (await ask("POST", "/claims", order)).body;
  const sales = async () => (await bridge.get(`/v1/sales/${claimId}`)).body["items"];
  for (const step of ["pick", "hand-over"]) {
    expect(await sales()).toEqual([]);
    expect(await ask("POST", `/claims/${claimId}/${step}`, { by: "ada" })).toMatchObject({
      status: 200,
    });
  }
  expect(await sales()).toMatchObject([{ storeId: "s1", item: gtin, sold: 1, returned: 0 }]);
  const body = { gtin, receipt: claimId, location: "s1/stockroom", by: "ada" };
  expect(await ask("POST", "/stores/s1/returns", body)).toMatchObject({
    ...{ status: 201, body: { sale: { storeId: "s1" } } },
  });
  expect(await sales()).toMatchObject([{ sold: 1, returned: 1 }]);
  expect(await ask("POST", "/stores/s1/returns", body)).toMatchObject({
    body: { code: "RETURN_REPEATED" },
  });
});

test.each([
  [{ gtin: "1", by: "a" }, "key", 400, "gtin"],
  [{ gtin }, "key", 400, "by"],
  [{ gtin, by: "a" }, "", 400, "Idempotency-Key"],
  [{ gtin, by: "a", location: "s2/floor" }, "key", 400, "location"],
  [{ gtin, by: "a", location: "s1/@loss" }, "key", 400, "location"],
])("%j with the key %j is refused", async (body, key, status, text) => {
  const before = await states();
  const answer = await ask("POST", "/stores/s1/returns", body, key);
  expect(answer).toMatchObject({ status });
  expect(JSON.stringify(answer.body)).toContain(text);
  expect(await states()).toEqual(before);
});

test("the list comes in pages", async () => {
  for (let count = 0; count < 5; count += 1) {
    const { status } = await ask("POST", "/stores/s1/returns", { gtin, by: "ada" });
    expect(status).toBe(201);
  }
  const whole = await allOf(bridge, "s1/returns?state=all", 1000);
  expect(whole.length).toBeGreaterThanOrEqual(5);
  for (const limit of [1, 2])
    expect(await allOf(bridge, "s1/returns?state=all", limit)).toEqual(whole);
});
