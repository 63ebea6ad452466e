import { connect as connectTcp, type Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { bridgeConfigSchema, type EmbeddedBrokerSettings } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { topics } from "../../contract/topics.ts";
import { seededRandom } from "../../simulators/random.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const plainConnect = {
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  clientId: "a",
} as const;
const counts = new Map<string, number>();
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  counts.clear();
});

async function startBroker(
  settings: Partial<EmbeddedBrokerSettings> = {},
): Promise<EmbeddedBroker> {
  const defaults = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  const broker = await EmbeddedBroker.open({
    settings: { ...defaults, port: 0, ...settings },
    login,
    log: createLog("silent"),
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
  });
  opened.push(broker);
  return broker;
}

async function open(broker: EmbeddedBroker, options = {}): Promise<TestClient> {
  const client = await TestClient.open(broker.port, options);
  opened.push(client);
  return client;
}

test("an edge's message reaches the bridge, the bridge's answer reaches the edge", async () => {
  const broker = await startBroker();
  const bridge = await open(broker, login);
  const edge = await open(broker, { clientId: "edge" });
  await bridge.subscribe("gondola/1/p/+/+/+/events");
  await edge.subscribe(topics.ack("s1", "e1"));
  await edge.publish(topics.events("s1", "e1"), "batch");
  await bridge.message(({ payload }) => payload.toString() === "batch");
  await bridge.publish(topics.ack("s1", "e1"), "answer");
  await edge.message(({ payload }) => payload.toString() === "answer");
});

test("who publishes too fast is slowed down, loses nothing, and holds up nobody else", async () => {
  const broker = await startBroker({ messagesPerSecondMax: 50 });
  const bridge = await open(broker, login);
  await bridge.subscribe("gondola/1/p/+/+/+/events");
  const [fast, slow] = [
    await open(broker, { clientId: "f" }),
    await open(broker, { clientId: "s" }),
  ];
  const startedMs = performance.now();
  const flood = Promise.all(
    Array.from({ length: 150 }, (_, at) => fast.publish(topics.events("s1", "e1"), `fast ${at}`)),
  );
  await slow.publish(topics.events("s2", "e1"), "slow");
  await bridge.message(({ payload }) => payload.toString() === "slow");
  const arrived = () => bridge.received.filter(({ topic }) => topic === topics.events("s1", "e1"));
  expect(arrived().length).toBeLessThan(150);
  await flood;
  await expect.poll(() => arrived().length).toBe(150);
  expect(arrived().map(({ payload }) => payload.toString())).toEqual(
    Array.from({ length: 150 }, (_, at) => `fast ${at}`),
  );
  // Twice the rate comes at once; the other fifty take a second.
  expect(performance.now() - startedMs).toBeGreaterThan(900);
  expect(counts.get("broker_messages_slowed")).toBeGreaterThan(40);
}, 60_000);

test("a topic outside the contract ends the connection and is counted", async () => {
  const broker = await startBroker();
  const watcher = await open(broker);
  await watcher.subscribe("#");
  for (const topic of ["elsewhere", topics.ack("s1", "e1"), topics.stock("s1", "09506000134352")]) {
    const edge = await open(broker);
    const publishing = edge.publish(topic, "x").catch(() => "refused");
    await edge.closed;
    await edge.close();
    expect(await publishing).toBe("refused");
  }
  expect(counts.get("broker_refused_topic_foreign")).toBe(3);
  expect(watcher.received).toEqual([]);
});

test("a last will outside the contract is refused at CONNECT", async () => {
  const broker = await startBroker();
  const will = {
    topic: topics.plan("s1"),
    payload: Buffer.from("{}"),
    qos: 1 as const,
    retain: true,
  };
  await expect(open(broker, { will })).rejects.toThrow("Not authorized");
  const own = { ...will, topic: topics.status("s1", "e1") };
  await open(broker, { will: own });
});

test("an empty client id needs a clean session, and nobody takes the bridge's id", async () => {
  const broker = await startBroker();
  // As bytes, because mqtt.js does not even send this: protocol MQTT 4, no flags, keepalive 0, id "".
  const socket = connectTcp(broker.port, "127.0.0.1");
  socket.write(Buffer.from("100c00044d515454040000000000", "hex"));
  const connack = await new Promise((resolve) => socket.once("data", resolve));
  expect(connack).toEqual(Buffer.of(0x20, 2, 0, 2));
  await new Promise((resolve) => socket.once("close", resolve));
  const bridge = await open(broker, login);
  await expect(open(broker, { ...login, password: "guess" })).rejects.toThrow(
    "Bad username or password",
  );
  expect(bridge.mqtt.connected).toBe(true);
  expect(counts.get("broker_refused_broker_limit")).toBe(2);
});

test("shared subscriptions fail, others are granted", async () => {
  const broker = await startBroker({ subscriptionCountMax: 2 });
  const client = await open(broker);
  expect(await client.subscribe("$share/g/gondola/1/#", "gondola/1/+/entries")).toEqual([128, 1]);
  expect(await client.subscribe("a", "b")).toEqual([1, 128]);
  await client.mqtt.unsubscribeAsync("a");
  expect(await client.subscribe("b")).toEqual([1]);
});

test("a packet that is too large ends the connection before it is collected; the bridge's own pass", async () => {
  const broker = await startBroker({ packetSizeBytesMax: 300_000 });
  const edge = await open(broker);
  const socket = edge.mqtt.stream as unknown as Socket;
  // Type byte and length of 200 MB; nothing of it follows.
  socket.write(Uint8Array.of(0x30, 0x80, 0x84, 0xaf, 0x5f));
  await edge.closed;
  const bridge = await open(broker, login);
  await bridge.publish(topics.plan("s1"), Buffer.alloc(2_000_000), true);
  expect(counts.get("broker_refused_broker_limit")).toBe(1);
});

test("connections, kept sessions and retained messages have an end", async () => {
  const broker = await startBroker({
    connectionCountMax: 2,
    sessionCountMax: 1,
    retainedCountMax: 1,
  });
  const one = await open(broker, { clientId: "one", clean: false });
  await one.publish(topics.status("s1", "e1"), "a", true);
  await one.publish(topics.status("s1", "e1"), "b", true);
  one.mqtt.publish(topics.status("s1", "e2"), "c", { qos: 1, retain: true });
  await one.closed;
  await one.close();
  await expect(open(broker, { clientId: "two", clean: false })).rejects.toThrow(
    "Server unavailable",
  );
  await open(broker, { clientId: "one", clean: false });
  await open(broker);
  await expect(open(broker)).rejects.toThrow("Server unavailable");
  await open(broker, login);
});

test("a client that is away finds a bounded number of messages", async () => {
  const broker = await startBroker({ sessionQueueCountMax: 3 });
  const away = await open(broker, { clientId: "erp", clean: false });
  await away.subscribe(topics.entries("s1"));
  await away.close();
  const bridge = await open(broker, login);
  for (let number = 1; number <= 5; number += 1)
    await bridge.publish(topics.entries("s1"), `${number}`);
  await expect.poll(() => counts.get("broker_session_overflow")).toBe(2);
  const back = await open(broker, { clientId: "erp", clean: false });
  await back.message(({ payload }) => payload.toString() === "3");
  expect(back.received.map(({ payload }) => payload.toString())).toEqual(["1", "2", "3"]);
  await bridge.publish(topics.entries("s1"), "6");
  await back.message(({ payload }) => payload.toString() === "6");
});

test("only a status stays retained", async () => {
  const broker = await startBroker();
  const edge = await open(broker);
  await edge.publish(topics.status("s1", "e1"), "here", true);
  await edge.publish(topics.events("s1", "e1"), "batch", true);
  const late = await open(broker);
  await late.subscribe("gondola/1/#");
  await late.message(({ topic }) => topic === topics.status("s1", "e1"));
  // What is kept comes before what is published then.
  await edge.publish(topics.reply("s1", "e1"), "later");
  await late.message(({ topic }) => topic === topics.reply("s1", "e1"));
  expect(late.received).toHaveLength(2);
  expect(counts.get("broker_retain_cleared")).toBe(1);
});

test("a busy port names its holder", async () => {
  const broker = await startBroker();
  await expect(startBroker({ port: broker.port })).rejects.toMatchObject({
    code: "BROKER_PORT_BUSY",
    message: expect.stringContaining(`127.0.0.1:${broker.port} is in use by pid ${process.pid} (`),
  });
});

test("garbage from many connections leaves the broker serving", async () => {
  const broker = await startBroker();
  const random = seededRandom(42);
  for (let round = 0; round < 300; round += 1) {
    const socket = connectTcp(broker.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.on("error", () => socket.destroy());
    for (const packet of hostilePackets(random)) socket.write(mutated(packet, random));
    if (round % 3 === 0) socket.destroy();
    else socket.end();
  }
  const bridge = await open(broker, login);
  const edge = await open(broker);
  await bridge.subscribe("gondola/1/p/+/+/+/events");
  await edge.publish(topics.events("s1", "e1"), "still here");
  await bridge.message(({ payload }) => payload.toString() === "still here");
});

function hostilePackets(random: () => number): Packet[] {
  const name = ["__proto__", "constructor", "a", "", "/".repeat(120), "$share/x/y"][
    Math.floor(random() * 6)
  ]!;
  const will = { topic: name || "w", payload: Buffer.from("x"), qos: 1 as const, retain: true };
  return [
    { ...plainConnect, clientId: name, will },
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: name || "#", qos: 1 }] },
    {
      cmd: "publish",
      topic: name || "t",
      payload: "x",
      qos: 2,
      messageId: 2,
      dup: false,
      retain: true,
    },
    { cmd: "pubrel", messageId: 2 },
    { cmd: "puback", messageId: 9 },
    { cmd: "unsubscribe", messageId: 3, unsubscriptions: [name || "#"] },
  ];
}

/** The packet's bytes, half of the time with some of them changed or cut off. */
function mutated(packet: Packet, random: () => number): Buffer {
  const bytes = Buffer.from(generate(packet));
  if (random() < 0.5) return bytes;
  for (let change = 0; change < 3; change += 1) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}
