// What the catalogue calls a product, in answers about stock and about single units.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const shirt = "09506000134352";
const unnamed = "09521321001015";
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  await opened.edge.subscribe(topics.ack("s1", "e1"));
  const unit = { ...received("s1", shirt), item: { gtin: shirt, serial: "7" } };
  await new TestOutbox("s1", "e1").send(opened.edge, unit, received("s1", unnamed));
});

test("name, class and price stand where the catalogue has them, and nothing where it has not", async () => {
  const price = { amountMinor: 1999, currency: "EUR" };
  const product = { name: "Shirt", class: "A", price };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/catalogue?by=ada`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ products: [{ gtin: shirt, ...product, unitWeightGrams: 200 }] }),
  });
  expect(response.status).toBe(200);
  const { items } = (await bridge.get("/v1/stock?store=s1")).body as { items: object[] };
  expect(items).toMatchObject([{ gtin: shirt, product }, { gtin: unnamed }]);
  expect((items[0] as { product: object }).product).toEqual(product);
  expect(items[1]).not.toHaveProperty("product");
  const key = `01/${shirt}/21/7`;
  for (const path of [`/v1/items/history?id=${key}`, `/${key}`]) {
    expect((await bridge.get(path)).body).toMatchObject({ item: shirt, serial: "7", product });
  }
});
