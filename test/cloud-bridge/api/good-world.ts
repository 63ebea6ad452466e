// What stands in the ledger before good requests, or bad ones, are sent.

import { topics } from "../../../contract/topics.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { catalogued, gtin, type Make, namedTag, type World } from "./good-requests.ts";

/** Three stores with stock, an alert, an event in quarantine, products, a named tag and a plan. */
export async function makeWorld(
  edge: TestClient,
  { ask, make }: { ask: (method: string, path: string) => Promise<{ body: unknown }>; make: Make },
): Promise<World> {
  await edge.subscribe(...["s1", "s2", "s3"].map((storeId) => topics.ack(storeId, "e1")));
  const unpostable = { ...received("s1", gtin), quantity: 0 };
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin, 99), unpostable);
  await new TestOutbox("s2", "e1").send(edge, received("s2", gtin, 9));
  await new TestOutbox("s3", "e1").send(edge, received("s3", gtin, 9));
  const first = async (path: string, name: string) => {
    const { items } = (await ask("GET", path)).body as { items: Record<string, unknown>[] };
    return String(items[0]?.[name]);
  };
  const quarantineId = await first("/v1/quarantine", "id");
  const alertId = await first("/v1/stores/s1/alerts", "alertId");
  const product = { gtin: catalogued, name: "T-shirt" };
  await make("PUT", { path: `/v1/catalogue/${catalogued}`, body: product });
  const products = [{ gtin, name: "Coffee" }];
  await make("POST", { path: "/v1/catalogue", body: { products } });
  await make("PUT", { path: `/v1/unknown-tags/${namedTag}`, body: { gtin, serial: "T0" } });
  const plan = { schemaVersion: 1, storeId: "s1", version: 1, products: [], locations: [] };
  await make("PUT", { path: "/v1/stores/s1/plan", body: { ...plan, facings: [] } });
  return { make, quarantineId, alertId };
}
