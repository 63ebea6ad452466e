// A shelf, a till and an exit, each an edge of its own, tell of the same unit over a real bridge, the exit first.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { topics } from "../../contract/topics.ts";
import { startBridge } from "../cloud-bridge/bridge.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { temporaryFolder } from "../cloud-bridge/temporary-folder.ts";
import { TestOutbox } from "../cloud-bridge/test-outbox.ts";

const gtin = "09506000134352";
const storeId = "s1";
const shelf = `${storeId}/floor/c1`;

const plan = {
  ...{ schemaVersion: 1, storeId, version: 1, products: [{ gtin, name: "Coffee" }] },
  locations: [{ location: shelf, role: "shelf", picksSensed: true }],
  facings: [{ location: shelf, gtin }],
};

function moved(step: string, agoMs: number, fields: object = {}) {
  return {
    ...{ type: "moved", occurredAtMs: Date.now() - agoMs, deviceId: "dev-1", step },
    ...{ item: { gtin }, quantity: 1, bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true },
    ...fields,
  };
}
const at = (location: string) => ({ location, state: "sellable" });

test("one unit ends sold, whoever told first, and consumers see it", async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const planFile = join(folder.path, "plan.yaml");
  await writeFile(planFile, JSON.stringify(plan));
  const bridge = await startBridge(folder.path, { plans: [planFile] });
  onTestFinished(() => bridge.stop());
  const client = await TestClient.open(bridge.brokerPort);
  onTestFinished(async () => await client.close());
  const edges = ["exit", "till", "shelf"];
  await client.subscribe(...edges.map((edge) => topics.ack(storeId, edge)));
  const [exit, till, shelfEdge] = edges.map((edge) => new TestOutbox(storeId, edge));
  const leaving = { from: at(shelf), to: at(`${storeId}/@exit`) };
  await exit!.send(client, moved("departing", 1000, leaving));
  await till!.send(client, moved("retail_selling", 2000));
  const stock = { quantity: 5, to: at(shelf) };
  await shelfEdge!.send(client, moved("receiving", 9000, stock), moved("customer_pick", 3000));

  const balances = async () => {
    const { body } = await bridge.get(`/v1/stock?store=${storeId}&gtin=${gtin}`);
    const { items } = body as { items: { balances: { location: string; quantity: number }[] }[] };
    const list = items[0]?.balances ?? [];
    return Object.fromEntries(list.map(({ location, quantity }) => [location, quantity]));
  };
  await expect.poll(balances, { timeout: 10_000 }).toEqual({
    [shelf]: 4,
    [`${storeId}/@customer`]: 1,
    [`${storeId}/@supplier`]: -5,
  });
  const { body } = await bridge.get(`/v1/entries?store=${storeId}`);
  const { items } = body as { items: { reason: string; edgeId: string }[] };
  const settled = items.find(({ reason }) => reason === "exit_paid");
  // It names the fact that it stands beside.
  expect(settled?.edgeId).toBe("exit");
});
