import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { payloadDigest } from "../../contract/batch-codec.ts";
import { progressText } from "../../contract/commit-progress.ts";
import { answerSchema, commandSchema } from "../../contract/delivery.ts";
import { planSchema } from "../../contract/plan.ts";
import { entrySchema, stockLevelSchema } from "../../contract/stock.ts";
import { topics } from "../../contract/topics.ts";
import { startBridge, type TestBridge } from "./bridge.ts";
import { type Received, TestClient } from "./mqtt-client.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { received, TestOutbox } from "./test-outbox.ts";

const gtin = "09506000134352";
const plan = {
  schemaVersion: 1,
  storeId: "s1",
  version: 1,
  products: [],
  locations: [],
  facings: [],
};
const closers: (() => Promise<unknown>)[] = [];
let folder = "";

beforeEach(async () => {
  const temporary = await temporaryFolder();
  folder = temporary.path;
  closers.push(temporary.remove);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function bridge(settings: Record<string, unknown> = {}): Promise<TestBridge> {
  const started = await startBridge(folder, settings);
  closers.push(() => started.stop());
  return started;
}

async function client(port: number, ...filters: string[]): Promise<TestClient> {
  const opened = await TestClient.open(port);
  closers.push(() => opened.close());
  if (filters.length > 0) await opened.subscribe(...filters);
  return opened;
}

const on = (topic: string) => (message: Received) => message.topic === topic;
const json = ({ payload }: Received) => JSON.parse(payload.toString()) as unknown;

test("a batch is acknowledged, and stock, entries and HTTP show it", async () => {
  const { brokerPort, get, text } = await bridge();
  const edge = await client(brokerPort, topics.ack("s1", "e1"));
  const consumer = await client(brokerPort, topics.entries("s1"));
  const watcher = await client(brokerPort, topics.stock("s1", gtin));
  const outbox = new TestOutbox("s1", "e1");
  const answer = await outbox.send(edge, received("s1", gtin, 3), received("s1", gtin, 2));
  expect(answer).toMatchObject({ throughSequence: 2, rejected: [] });

  await consumer.message((message) => entrySchema.parse(json(message)).entryNumber === 2);
  expect(consumer.received.map((message) => entrySchema.parse(json(message)).quantity)).toEqual([
    3, 2,
  ]);

  await watcher.message((message) => stockLevelSchema.parse(json(message)).revision === 2);
  const late = await client(brokerPort, "gondola/1/s1/stock/+");
  // It may be told again, too: what is kept is marked.
  const isKept = (message: Received) => message.retain && on(topics.stock("s1", gtin))(message);
  const level = stockLevelSchema.parse(json(await late.message(isKept)));
  expect(level).toMatchObject({ gtin, revision: 2, sellable: 5 });

  expect(await get(`/v1/stock?store=s1&gtin=${gtin}`)).toMatchObject({
    status: 200,
    body: { items: [level] },
  });
  expect((await get("/v1/entries?store=s1&after=1")).body).toMatchObject({
    items: [{ entryNumber: 2 }],
  });
  expect((await get("/v1/positions")).body).toMatchObject({
    items: [{ edgeId: "e1", throughSequence: 2 }],
  });
  expect(await get("/health")).toMatchObject({
    status: 200,
    body: { status: "ok", broker: "online" },
  });
  const metrics = await text("/metrics");
  expect(metrics).toMatch(/^gondola_bridge_ingest_events_posted_total 2$/m);
  expect(metrics).toMatch(/^gondola_bridge_event_to_commit_seconds_count 2$/m);
  expect(metrics).toMatch(/^gondola_bridge_link_online 1$/m);
});

test("garbage and oversized payloads are answered and block nobody", async () => {
  const { brokerPort, text } = await bridge();
  const edge = await client(brokerPort, topics.ack("s1", "e1"));
  const garbage = Buffer.from("no batch at all");
  const large = Buffer.from(`{"padding":"${"x".repeat(300_000)}"}`);
  for (const [payload, code] of [
    [garbage, "BATCH_UNREADABLE"],
    [large, "BATCH_TOO_LARGE"],
  ] as const) {
    await edge.publish(topics.events("s1", "e1"), payload);
    const digest = payloadDigest(payload);
    await edge.message((message) => {
      const answer = answerSchema.parse(json(message));
      return "payloadDigest" in answer && answer.code === code && answer.payloadDigest === digest;
    });
  }
  const answer = await new TestOutbox("s1", "e1").send(edge, received("s1", gtin));
  expect(answer.throughSequence).toBe(1);
  expect(await text("/metrics")).toMatch(/unreadable/i);
});

test("an event that cannot be posted lies in quarantine, its neighbours are posted", async () => {
  const { brokerPort, get } = await bridge();
  const edge = await client(brokerPort, topics.ack("s1", "e1"));
  const bad = { ...received("s1", gtin), quantity: -7 };
  const answer = await new TestOutbox("s1", "e1").send(
    edge,
    received("s1", gtin),
    bad,
    received("s1", gtin),
  );
  expect(answer.rejected).toMatchObject([{ sequence: 2 }]);
  const { items } = (await get("/v1/quarantine")).body as { items: unknown[] };
  expect(items).toMatchObject([{ storeId: "s1", sequence: 2 }]);
  expect((await get(`/v1/stock?store=s1&gtin=${gtin}`)).body).toMatchObject({
    items: [{ sellable: 2 }],
  });
});

test("a restarted bridge asks its edges for a hello and publishes plan and stock anew", async () => {
  await writeFile(join(folder, "plan.yaml"), JSON.stringify(plan));
  const first = await bridge({ plans: [join(folder, "plan.yaml")] });
  const edge = await client(first.brokerPort, topics.ack("s1", "e1"));
  const outbox = new TestOutbox("s1", "e1");
  await outbox.send(edge, received("s1", gtin));
  await first.stop();

  const external = await startExternalBroker();
  const waiting = await client(external.port, topics.command("s1", "e1"), "gondola/1/s1/plan");
  const other = await client(external.port, topics.command("s9", "e9"));
  await other.publish(topics.status("s9", "e9"), JSON.stringify(onlineStatus), true);
  await bridge({ broker: await accessTo(external) });
  const command = commandSchema.parse(json(await waiting.message(on(topics.command("s1", "e1")))));
  expect(command.command).toBe("hello_request");
  await other.message(on(topics.command("s9", "e9")));
  expect(planSchema.parse(json(await waiting.message(on(topics.plan("s1")))))).toEqual(plan);
  await waiting.subscribe("gondola/1/s1/stock/+");
  const level = stockLevelSchema.parse(json(await waiting.message(on(topics.stock("s1", gtin)))));
  expect(level.sellable).toBe(1);
});

test("while its broker is away the bridge says so, and goes on when it is back", async () => {
  const first = await startExternalBroker();
  const { get } = await bridge({ broker: await accessTo(first) });
  const health = async () => (await get("/health")).status;
  await expect.poll(health).toBe(200);
  await first.close();
  await expect.poll(health).toBe(503);
  expect((await get("/health")).body).toMatchObject({
    status: "failing",
    broker: "offline",
    ledger: "answers",
  });
  await startExternalBroker(first.port);
  await expect.poll(health, { timeout: 10_000 }).toBe(200);
  const edge = await client(first.port, topics.ack("s1", "e1"));
  expect((await new TestOutbox("s1", "e1").send(edge, received("s1", gtin))).throughSequence).toBe(
    1,
  );
});

/** Settings for a broker that asks for name and password. */
async function accessTo(external: EmbeddedBroker) {
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, "secret\n");
  return { url: external.url, username: "bridge", passwordFile };
}

const onlineStatus = {
  ...{ storeId: "s9", edgeId: "e9", state: "online", reason: "started" },
  ...{ bootId: "0f0f0f0f0f0f", outboxId: "0f0f0f0f0f0f", softwareVersion: "1", sinceAtMs: 1 },
};

/** A broker outside of the bridge; its rules let the bridge in under the name of one. */
async function startExternalBroker(port = 0): Promise<EmbeddedBroker> {
  const settings = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  const login = { clientId: "gondola-bridge", username: "bridge", password: "secret" };
  const broker = await EmbeddedBroker.open({
    settings: { ...settings, port },
    login,
    log: createLog("silent"),
    count: () => undefined,
  });
  closers.push(() => broker.close());
  return broker;
}

test("a ledger behind what was committed is told: an alert, a number, a new epoch", async () => {
  const before = await bridge();
  const edge = await client(before.brokerPort, topics.ack("s1", "e1"));
  const outbox = new TestOutbox("s1", "e1");
  const { ledgerEpoch } = await outbox.send(edge, received("s1", gtin));
  await closers.pop()!();
  await closers.pop()!();
  await writeFile(join(folder, "ledger.db.progress"), progressText({ commitSequence: 1000 }));

  const { brokerPort, text, get } = await bridge();
  const alerts = (await get("/v1/stores/s1/alerts")).body["items"];
  expect(alerts).toMatchObject([{ code: "ledger_set_back", detail: { lastEntryNumber: 1 } }]);
  expect(await text("/metrics")).toContain("gondola_bridge_ledger_set_backs 1\n");
  const again = await client(brokerPort, topics.ack("s1", "e1"));
  expect((await outbox.send(again, received("s1", gtin))).ledgerEpoch).toBeGreaterThan(ledgerEpoch);
});
