// Health of edges over the embedded broker, and the metrics of the bridge that heard it.

import { describe, expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { health, reader, status } from "./health-message.ts";

const gtin = "09506000134352";
const holders = {
  director: newToken({ name: "dir", role: "network-director", stores: "all" }),
  manager: newToken({ name: "max", role: "store-manager", stores: "s1" }),
};
let bridge: TestBridge;
let edge: TestClient;

withBridge(
  async (opened) => {
    ({ bridge, edge } = opened);
    await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    const bad = { ...received("s1", gtin), quantity: -7 };
    await new TestOutbox("s1", "e1").send(edge, received("s1", gtin), bad, received("s1", gtin));
    await new TestOutbox("s2", "e1").send(edge, received("s2", gtin));
  },
  async (folder) => ({
    ...(await withTokens(Object.values(holders).map(({ token }) => token))(folder)),
    edges: { refreshMs: 100, staleMs: 2000, seriesCountMax: 6 },
  }),
);

/** With QoS 0, as an edge does. */
async function say(storeId: string, edgeId: string, report: unknown): Promise<void> {
  const text = typeof report === "string" ? report : JSON.stringify(report);
  await edge.mqtt.publishAsync(topics.health(storeId, edgeId), text, { qos: 0 });
}

async function metrics(holder: keyof typeof holders | "nobody" = "director") {
  const headers: Record<string, string> =
    holder === "nobody" ? {} : { authorization: `Bearer ${holders[holder].secret}` };
  const url = `http://127.0.0.1:${bridge.httpPort}/metrics`;
  return await (await fetch(url, { headers })).text();
}

/** The sample of a series; undefined where it is not served. */
async function sample(series: string): Promise<number | undefined> {
  const line = (await metrics()).split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
const ofEdge = (name: string, more = "") =>
  `gondola_bridge_edge_${name}{store="s1",edge="e1"${more}}`;
const total = (name: string) => sample(`gondola_bridge_${name}_total`);

test("a report is served as numbers with store, edge, device and antenna, and is gone when stale", async () => {
  await edge.publish(topics.status("s1", "e1"), JSON.stringify(status("s1", "e1")), true);
  const atMs = Date.now() - 120_000;
  const waiting = { waitingCount: 5, oldestWaitingAtMs: atMs - 7000 };
  const devices = [reader("portal-1", { 1: 40, 2: 2 })];
  await say("s1", "e1", health({ atMs, ...waiting, sinceAcknowledgementMs: 9000, devices }));
  await expect.poll(() => sample(ofEdge("backlog_events"))).toBe(5);
  expect(await sample(ofEdge("online"))).toBe(1);
  expect(await sample(ofEdge("backlog_age_seconds"))).toBe(7);
  expect(await sample(ofEdge("buffer_used_ratio"))).toBe(0.25);
  expect(await sample(ofEdge("clock_synced"))).toBe(1);
  const offset = (await sample(ofEdge("clock_offset_seconds")))!;
  expect(offset).toBeLessThanOrEqual(-120);
  expect(offset).toBeGreaterThan(-125);
  expect(await sample(ofEdge("last_acknowledgement_age_seconds"))).toBeGreaterThanOrEqual(9);
  expect(await sample(ofEdge("device_online", ',device="portal-1"'))).toBe(1);
  expect(await sample(ofEdge("device_readings_total", ',device="portal-1"'))).toBe(42);
  const antenna = ofEdge("antenna_readings_total", ',device="portal-1",antenna="1"');
  expect(await sample(antenna)).toBe(40);
  await expect.poll(() => sample(ofEdge("quarantined_rows")), { timeout: 10_000 }).toBe(1);
  expect(await sample("gondola_bridge_quarantined_rows")).toBe(1);
  await expect.poll(() => sample(antenna), { timeout: 5000 }).toBeUndefined();
  expect(await sample(ofEdge("backlog_age_seconds"))).toBeUndefined();
  expect(await sample(ofEdge("last_acknowledgement_age_seconds"))).toBeGreaterThan(10);
});

test("an edge that loses its connection is offline by its last will", async () => {
  const lost = JSON.stringify(status("s1", "e1", "offline"));
  const will = { topic: topics.status("s1", "e1"), payload: lost, qos: 1, retain: true } as const;
  const own = await TestClient.open(bridge.brokerPort, { clientId: "s1:e1", will: will as never });
  await own.publish(topics.status("s1", "e1"), JSON.stringify(status("s1", "e1")), true);
  await expect.poll(() => sample(ofEdge("online"))).toBe(1);
  own.mqtt.stream.destroy();
  await expect.poll(() => sample(ofEdge("online"))).toBe(0);
});

describe("refused and counted, and the bridge goes on:", () => {
  test.each([
    ["no JSON", "s1", "{", "edge_health_invalid"],
    ["another shape", "s1", { ...health(), waitingCount: -1 }, "edge_health_invalid"],
    ["other ids than the topic's", "s1", health({ storeId: "s2" }), "edge_health_foreign"],
    ["an edge that never delivered", "s9", health(), "edge_health_unknown"],
  ])("%s", async (_what, storeId, report, counter) => {
    const before = await total(counter);
    await say(storeId, "e1", report);
    await expect.poll(() => total(counter)).toBe(before! + 1);
    expect(await metrics()).not.toContain('store="s9"');
  });

  test("devices beyond the limit of series", async () => {
    const devices = [reader("a", { 1: 1 }), reader("b", { 1: 1 }), reader("c", { 1: 1 })];
    await say("s1", "e1", health({ devices }));
    await expect.poll(() => total("edge_series_over_limit")).toBe(1);
    const text = await metrics();
    expect(text).toContain('edge="e1",device="b",antenna="1"} 1');
    expect(text).not.toContain('device="c"');
  });
});

describe("with tokens", () => {
  test("nobody sees stores without one, and a store's sees its own alone", async () => {
    await say("s1", "e1", health());
    await say("s2", "e1", health());
    await expect.poll(() => metrics()).toMatch(/edge_backlog_events\{store="s2",edge="e1"\} 0/);
    const anonymous = await metrics("nobody");
    expect(anonymous).toContain("gondola_bridge_quarantined_rows");
    expect(anonymous).not.toContain("store=");
    const own = await metrics("manager");
    expect(own).toContain('store="s1"');
    expect(own).not.toContain('store="s2"');
  });

  test("a wrong one is refused", async () => {
    const headers = { authorization: "Bearer nobody" };
    const answer = await fetch(`http://127.0.0.1:${bridge.httpPort}/metrics`, { headers });
    expect(answer.status).toBe(401);
  });
});
