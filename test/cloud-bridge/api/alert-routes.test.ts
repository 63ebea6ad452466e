// Alerts over HTTP, of a real bridge.

import { expect, onTestFinished, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import { startBridge } from "../bridge.ts";
import { TestClient } from "../mqtt-client.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { TestOutbox } from "../test-outbox.ts";

const gtin = "09506000134352";

test("alerts are listed, acknowledged and muted; what is wrong is said", async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const bridge = await startBridge(folder.path);
  onTestFinished(() => bridge.stop());
  const edge = await TestClient.open(bridge.brokerPort);
  onTestFinished(async () => await edge.close());
  await edge.subscribe(topics.ack("s1", "e1"), topics.alerts("s1"));
  const sale = {
    ...{ type: "moved", occurredAtMs: Date.now(), deviceId: "till-1", step: "retail_selling" },
    ...{ item: { gtin }, quantity: 1, from: { location: "s1/floor", state: "sellable" } },
    ...{ bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true },
  };
  await new TestOutbox("s1", "e1").send(edge, sale);
  await edge.message(
    ({ topic, payload }) =>
      topic === topics.alerts("s1") && payload.toString().includes("negative_stock"),
  );

  const base = "/v1/stores/s1/alerts";
  expect(await bridge.get(base)).toMatchObject({
    status: 200,
    body: { items: [{ alertId: 1, code: "negative_stock", detail: { item: gtin } }] },
  });
  expect((await bridge.get(`${base}?code=exit_loss`)).body).toEqual({ items: [] });
  expect((await bridge.get(`${base}?limit=1`)).body).toMatchObject({ next: "MQ" });
  expect((await bridge.get(`${base}?limit=1&cursor=MQ`)).body).toEqual({ items: [] });

  const post = async (path: string, body: string) => {
    const url = `http://127.0.0.1:${bridge.httpPort}${base}${path}`;
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const problem = (text: string) => ({ detail: expect.stringContaining(text) });
  const untilMs = Date.now() + 1000;
  expect(await post("/1/mute", JSON.stringify({ by: "ada", untilMs }))).toMatchObject({
    status: 200,
    body: { mutedUntilMs: untilMs },
  });
  expect(await post("/1/mute", '{"by":"ada"}')).toMatchObject({
    status: 400,
    body: problem("untilMs:"),
  });
  expect(await post("/x/mute", "{}")).toMatchObject({ status: 400, body: problem("alertId:") });
  expect(await post("/1/acknowledge", '{"by":"ada","cause":"A B"}')).toMatchObject({
    status: 400,
    body: problem("cause:"),
  });
  expect(await post("/9/acknowledge", '{"by":"ada"}')).toMatchObject({ status: 404 });
  expect(await post("/1/acknowledge", '{"by":"ada"}')).toMatchObject({ status: 200 });
  expect(await post("/1/acknowledge", '{"by":"ada"}')).toMatchObject({ status: 404 });
  expect((await bridge.get(base)).body).toEqual({ items: [] });
  expect((await bridge.get(`${base}?state=all`)).body).toMatchObject({
    items: [{ acknowledgedBy: "ada", mutedBy: "ada" }],
  });
  expect(await bridge.get(`${base}?state=new`)).toMatchObject({
    status: 400,
    body: problem("state: must be open or all"),
  });
  expect(await bridge.get("/v1/stores/s9/alerts")).toMatchObject({ status: 404 });
});
