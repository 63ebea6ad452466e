import { expect, onTestFinished, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import { startBridge } from "../bridge.ts";
import { TestClient } from "../mqtt-client.ts";
import { Receiver } from "../publish/receiver.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { received, TestOutbox } from "../test-outbox.ts";

const gtin = "09506000134352";

test("a webhook is added, told what an edge reports, shown without its secret, and removed", async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const receiver = await Receiver.open();
  onTestFinished(() => receiver.close());
  const webhooks = { allowedNetworks: ["127.0.0.0/8"], retryDelayMsMin: 20, retryDelayMsMax: 40 };
  const bridge = await startBridge(folder.path, { webhooks: { ...webhooks, attemptCountMax: 2 } });
  onTestFinished(() => bridge.stop());
  const client = await TestClient.open(bridge.brokerPort);
  onTestFinished(async () => await client.close());
  await client.subscribe(topics.ack("s1", "e1"));
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/webhooks${path}`, {
      ...{ method, headers: body === undefined ? {} : { "content-type": "application/json" } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  };

  expect(
    await ask("POST", "", { url: "https://169.254.169.254/", kinds: ["entries"] }),
  ).toMatchObject({ status: 400, body: { errors: [{ parameter: "url" }] } });
  expect(await ask("POST", "", { url: receiver.url, kinds: ["sales"] })).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining("must be of entries, alerts") },
  });
  const added = await ask("POST", "", { url: receiver.url, kinds: ["entries"] });
  expect(added).toMatchObject({ status: 201, body: { kinds: ["entries"], stores: [] } });
  const { webhookId, secret } = added.body as { webhookId: string; secret: string };
  receiver.secret = secret;
  const outbox = new TestOutbox("s1", "e1");
  await outbox.send(client, received("s1", gtin));
  await expect.poll(() => receiver.taken.length).toBe(1);
  expect(receiver.receipts[0]?.isSigned).toBe(true);
  const list = await ask("GET", "");
  expect(list.body.items).toMatchObject([{ webhookId, url: receiver.url }]);
  expect(JSON.stringify(list.body)).not.toContain(secret);

  receiver.mood = "fail";
  await outbox.send(client, received("s1", gtin));
  const dead = async () => (await ask("GET", `/${webhookId}/dead`)).body.items;
  await expect.poll(async () => (await dead()).length, { timeout: 5000 }).toBe(1);
  receiver.mood = "take";
  const retried = await ask("POST", `/${webhookId}/retry`, {});
  expect(retried.body).toEqual({ webhookId, retriedCount: 1 });
  await expect.poll(() => receiver.taken.length).toBe(2);
  expect(await ask("DELETE", `/${webhookId}`)).toMatchObject({ status: 204 });
  expect(await ask("DELETE", `/${webhookId}`)).toMatchObject({ status: 404 });
});
