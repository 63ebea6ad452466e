// A till of one edge sells; the bridge tells it to the exits; the portal of another edge does not ring.

import { expect, onTestFinished, test } from "vitest";
import { soldSchema } from "../../contract/sold.ts";
import { topics } from "../../contract/topics.ts";
import { startBridge } from "../cloud-bridge/bridge.ts";
import { health, status } from "../cloud-bridge/edges/health-message.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { temporaryFolder } from "../cloud-bridge/temporary-folder.ts";
import { TestOutbox } from "../cloud-bridge/test-outbox.ts";
import { type Bench, epcOf, tag, tagGtin } from "../edge/sense/harness.ts";
import { exitEdge } from "./exit-edge.ts";

const storeId = "s0042";

function leave(bench: Bench, atMs: number, number: number): void {
  const at = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
  const reads = at.map((ms) => tag(atMs + ms, ms < 500 ? 1 : 2, epcOf(number)));
  bench.feed(reads, atMs + 10_000);
}

const codesOf = ({ conclusions }: Bench) =>
  conclusions.flatMap((one) =>
    one.type === "noticed" && one.code.startsWith("exit_") ? [one.code] : [],
  );

function sale(serial: string | undefined, step = "retail_selling") {
  const item = { gtin: tagGtin, ...(serial === undefined ? {} : { serial }) };
  return {
    ...{ type: "moved", occurredAtMs: Date.now(), deviceId: "till-1", step, item, quantity: 1 },
    ...{ bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true },
  };
}

/** A bridge, and clients of the edge with the till and of the one at the exit. */
async function openStore(
  settings: Record<string, unknown> = {},
): Promise<{ till: TestClient; exit: TestClient }> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const bridge = await startBridge(folder.path, settings);
  onTestFinished(() => bridge.stop());
  const till = await TestClient.open(bridge.brokerPort);
  const exit = await TestClient.open(bridge.brokerPort);
  onTestFinished(async () => {
    await till.close();
    await exit.close();
  });
  await till.subscribe(topics.ack(storeId, "tills"));
  return { till, exit };
}

test("what another edge's till sold leaves in silence; what came back, or nobody paid, rings", async () => {
  const { till, exit } = await openStore();
  const outbox = new TestOutbox(storeId, "tills");
  await outbox.send(till, sale("7"), sale("8"), sale(undefined));
  await outbox.send(till, sale("8", "returning"));
  // An exit that connects later finds the list with the broker.
  await exit.subscribe(topics.sold(storeId));
  const message = await exit.message(
    ({ topic, payload }) =>
      topic === topics.sold(storeId) &&
      soldSchema.parse(JSON.parse(payload.toString())).serials.length === 1,
  );
  const sold = soldSchema.parse(JSON.parse(message.payload.toString()));
  expect(sold.units).toMatchObject([{ gtin: tagGtin, quantity: 1 }]);
  expect(sold.through?.entryNumber).toBeGreaterThanOrEqual(4);

  const nowMs = Date.now();
  const told = exitEdge(storeId, nowMs);
  told.pipeline.setSold(sold);
  leave(told, nowMs + 1000, 7);
  expect(codesOf(told)).toEqual([]);
  // One unit was sold by its GTIN alone: it lets one out, whichever it is.
  leave(told, nowMs + 20_000, 8);
  expect(codesOf(told)).toEqual([]);
  leave(told, nowMs + 40_000, 9);
  expect(codesOf(told)).toEqual(["exit_unpaid"]);

  const untold = exitEdge(storeId, nowMs);
  leave(untold, nowMs + 1000, 7);
  expect(codesOf(untold)).toEqual(["exit_unverified"]);
});

test("a last will that came late is mended by a report, and one that was lost by silence", async () => {
  const often = { publish: { soldRefreshMs: 1000 }, edges: { silentMs: 3000 } };
  const { till, exit } = await openStore(often);
  await exit.subscribe(topics.sold(storeId));
  await new TestOutbox(storeId, "tills").send(till, sale("7"));
  const toldAtMs = Date.now();
  for (const state of ["online", "offline"] as const) {
    const said = JSON.stringify(status(storeId, "tills", state));
    await till.publish(topics.status(storeId, "tills"), said, true);
  }
  /** The last list is of this moment, not of when the till told something. */
  const isLive = () => {
    const last = exit.received.findLast(({ topic }) => topic === topics.sold(storeId));
    const asOfAtMs = last && soldSchema.parse(JSON.parse(last.payload.toString())).asOfAtMs;
    return asOfAtMs === undefined ? undefined : asOfAtMs > toldAtMs;
  };
  const poll = { timeout: 15_000, interval: 200 };
  await expect.poll(isLive, poll).toBe(false);
  const report = async () => {
    await till.publish(topics.health(storeId, "tills"), JSON.stringify(health()));
    return isLive();
  };
  await expect.poll(report, poll).toBe(true);
  await expect.poll(isLive, poll).toBe(false);
}, 60_000);
