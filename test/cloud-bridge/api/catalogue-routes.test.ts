// The catalogue over HTTP, of a real bridge.

import { describe, expect, test } from "vitest";
import type { TestBridge } from "../bridge.ts";
import { withBridge } from "../with-bridge.ts";

const tea = "09506000134352";
const shirt = "09521321001015";
let bridge: TestBridge;

withBridge((opened) => {
  bridge = opened.bridge;
});

async function ask(method: string, path: string, body?: string | object, match?: string) {
  const type = typeof body === "string" ? "text/csv" : "application/json";
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/catalogue${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": type }),
      ...(match === undefined ? {} : { "if-match": match }),
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const etag = response.headers.get("etag");
  return { status: response.status, etag, body: text === "" ? undefined : JSON.parse(text) };
}

test("a product from its first version to its last", async () => {
  const put = (name: string, match?: string) =>
    ask("PUT", `/${tea.slice(1)}?by=ada`, { gtin: tea, name }, match);
  expect(await ask("GET", `/${tea}`)).toMatchObject({ status: 404 });
  expect(await put("Tea", '"1"')).toMatchObject({ status: 412 });
  expect(await put("Tea")).toMatchObject({ status: 200, etag: '"1"', body: { version: 1 } });
  expect(await put("Chai")).toMatchObject({ status: 428 });
  expect(await put("Chai", '"1"')).toMatchObject({ status: 200, etag: '"2"' });
  expect(await put("Thé", '"1"')).toMatchObject({ status: 412 });
  expect(await ask("GET", `/${tea}`)).toMatchObject({ etag: '"2"', body: { name: "Chai" } });
  expect(await ask("DELETE", `/${tea}?by=bob`, undefined, '"2"')).toMatchObject({ status: 204 });
  expect(await ask("GET", `/${tea}/changes`)).toMatchObject({
    body: { items: [{ changedBy: "bob" }, { changedBy: "ada" }, { changedBy: "ada" }] },
  });
});

test("a file that is no UTF-8 is refused, not guessed at", async () => {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/catalogue?by=a`, {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: Buffer.from(`gtin,name\n${tea},Caf\u00e9\n`, "latin1"),
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("no UTF-8");
  expect(await ask("GET", `/${tea}`)).toMatchObject({ status: 404 });
});

describe("many at once", () => {
  test("as CSV and as JSON, by page", async () => {
    const csv = `gtin,name,class\r\n${tea},"Tea, black",A\r\n${shirt},Shirt,\r\n`;
    const sent = await ask("POST", "?by=erp", csv);
    expect(sent).toMatchObject({ status: 200, body: { productCount: 2, changedCount: 2 } });
    const products = [{ gtin: shirt, name: "Shirt" }];
    expect(await ask("POST", "?by=erp", { products })).toMatchObject({ body: { changedCount: 0 } });
    const first = await ask("GET", "?limit=1");
    expect(first.body.items).toMatchObject([{ gtin: tea, name: "Tea, black", class: "A" }]);
    const next = await ask("GET", `?limit=1&cursor=${first.body.next}`);
    expect(next.body.items).toMatchObject([{ gtin: shirt }]);
    expect((await ask("GET", "?name=tEA")).body.items).toHaveLength(1);
  });

  test.each([
    ["", `gtin,name\n${tea},Tea\n`, "by"],
    ["?by=a", "gtin,name\n1,Tea\n", "line 2, gtin"],
    ["?by=a", { products: [] }, "products"],
    ["?by=a", { products: [{ gtin: tea }] }, "products.0.name"],
    ["?by=a", { products: [{ gtin: tea, name: "x", unitWeightGrams: -1 }] }, "unitWeightGrams"],
    ["?by=a", { products: ["a", "b"].map((name) => ({ gtin: tea, name })) }, "products.1.gtin"],
    ["?by=a&colour=red", { products: [] }, "colour"],
  ])("%s %j names %s", async (query, body, parameter) => {
    const before = await ask("GET", "");
    const answer = await ask("POST", query, body);
    expect(answer).toMatchObject({ status: 400 });
    expect(JSON.stringify(answer.body.errors)).toContain(parameter);
    expect(await ask("GET", "")).toEqual(before);
  });
});
