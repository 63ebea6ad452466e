// Plans over HTTP: replaced by who names the version that is replaced, and who that was is kept.

import { expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import { topics } from "../../../contract/topics.ts";
import { productsAt } from "../../../edge/sense/shelf-products.ts";
import type { TestBridge } from "../bridge.ts";
import type { Received, TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtin = "09506000134352";
let bridge: TestBridge;
let edge: TestClient;

withBridge(async (opened) => {
  ({ bridge, edge } = opened);
  await edge.subscribe(topics.ack("s1", "e1"));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin));
});

const planOf = (version: number) => ({
  ...{ schemaVersion: 1, storeId: "s1", version, products: [{ gtin, name: "Coffee" }] },
  ...{ locations: [], facings: [] },
});
async function put(
  version: number,
  query: string,
  headers: Record<string, string> = {},
  fields: object = {},
) {
  const url = `http://127.0.0.1:${bridge.httpPort}/v1/stores/s1/plan${query}`;
  const response = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...planOf(version), ...fields }),
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

test("what stands where a collection point is made leaves the level, which is published anew", async () => {
  const topic = topics.stock("s1", gtin);
  await edge.subscribe(topic);
  const sellableIn = ({ payload }: Received) => JSON.parse(payload.toString()).sellable;
  await edge.message((message) => message.topic === topic && sellableIn(message) === 1);
  const locations = [{ location: "s1/stockroom", role: "collection_point" }];
  const headers = { "if-match": '"2"' };
  expect(await put(3, "?by=max", headers, { locations })).toMatchObject({ status: 200 });
  await edge.message((message) => message.topic === topic && sellableIn(message) === 0);
});

test("a weight of the catalogue reaches the shelf, in the retained plan of the store, each change once", async () => {
  const cell = "s1/floor/g1/c1";
  const ask = async (method: string, path: string, body: object, match?: string) => {
    const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/${path}?by=ada`, {
      method,
      headers: { "content-type": "application/json", ...(match && { "if-match": match }) },
      body: JSON.stringify(body),
    });
    return { etag: response.headers.get("etag"), body: await response.json() };
  };
  const weigh = (unitWeightGrams: number) =>
    ask("POST", "catalogue", { products: [{ gtin, name: "Beans", unitWeightGrams }] });
  await weigh(512);
  const given = {
    ...{ ...planOf(4), products: [{ gtin }], facings: [{ gtin, location: cell }] },
    locations: [{ location: cell, role: "shelf", picksSensed: true }],
  };
  const put = await ask("PUT", "stores/s1/plan", given, '"3"');
  expect(put).toMatchObject({ etag: '"4"', body: { products: [{ gtin, unitWeightGrams: 512 }] } });
  const planTopic = topics.plan("s1");
  await edge.subscribe(planTopic);
  await weigh(520);
  const planIn = ({ payload }: Received) => planSchema.parse(JSON.parse(payload.toString()));
  const plan = planIn(
    await edge.message((message) => message.topic === planTopic && planIn(message).version === 5),
  );
  expect(productsAt(plan, cell)).toMatchObject([{ gtin, unitWeightGrams: 520 }]);
  // The plan that it was given is stale; the same again, with its version, is not.
  expect(await ask("PUT", "stores/s1/plan", { ...given, version: 5 }, '"4"')).toMatchObject({
    body: { errors: [{ parameter: "If-Match", message: 'the plan is now "5"' }] },
  });
  expect(await ask("PUT", "stores/s1/plan", given, '"5"')).toMatchObject({ etag: '"5"' });
  const plans = edge.received.filter(({ topic }) => topic === planTopic).map(planIn);
  expect(plans.map(({ version }) => version)).not.toContain(6);
});
