// Plans over HTTP: replaced by who names the version that is replaced, and who that was is kept.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtin = "09506000134352";
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  await opened.edge.subscribe(topics.ack("s1", "e1"));
  await new TestOutbox("s1", "e1").send(opened.edge, received("s1", gtin));
});

const planOf = (version: number) => ({
  ...{ schemaVersion: 1, storeId: "s1", version, products: [{ gtin, name: "Coffee" }] },
  ...{ locations: [], facings: [] },
});
async function put(version: number, query: string, headers: Record<string, string> = {}) {
  const url = `http://127.0.0.1:${bridge.httpPort}/v1/stores/s1/plan${query}`;
  const response = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(planOf(version)),
  });
  return { status: response.status, body: await response.json() };
}

test("each version of a plan has who gave it", async () => {
  expect(await put(1, "")).toMatchObject({
    status: 400,
    body: { errors: [{ parameter: "by" }] },
  });
  expect(await put(1, "?by=ada")).toMatchObject({ status: 200 });
  expect(await put(2, "?by=max", { "if-match": '"7"' })).toMatchObject({
    status: 412,
    body: { errors: [{ parameter: "If-Match", message: 'the plan is now "1"' }] },
  });
  expect(await put(2, "?by=max", { "if-match": '"1"' })).toMatchObject({ status: 200 });
  // The same again changes nothing, and is nobody's change.
  expect(await put(2, "?by=eve", { "if-match": '"2"' })).toMatchObject({ status: 200 });
  const { body } = await bridge.get("/v1/stores/s1/plan/changes");
  expect(body["items"]).toMatchObject([
    { version: 2, changedBy: "max" },
    { version: 1, changedBy: "ada" },
  ]);
});
