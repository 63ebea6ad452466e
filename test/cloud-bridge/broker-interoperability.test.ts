// The cases of the public interoperability suite for MQTT 3.1.1 servers (Eclipse Paho, client_test.py) on the embedded
// broker: each that applies to one whose topics are those of the contract.

import { connect as connectTcp, type Socket } from "node:net";
import { generate, type IConnectPacket, type Packet, parser } from "mqtt-packet";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const status = topics.status("s1", "e1");
const [health, reply] = [topics.health("s1", "e1"), topics.reply("s1", "e1")];
let broker: EmbeddedBroker;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  const settings = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  broker = await EmbeddedBroker.open({
    ...{ settings: { ...settings, port: 0 }, login, log: createLog("silent") },
    count: () => undefined,
  });
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  await broker.close();
});

async function open(options = {}): Promise<TestClient> {
  const client = await TestClient.open(broker.port, options);
  opened.push(client);
  return client;
}

/** A client of bytes: it acknowledges nothing by itself. */
class RawClient {
  readonly packets: Packet[] = [];
  readonly #socket: Socket;
  readonly ended: Promise<void>;

  constructor(connect: Partial<IConnectPacket> = {}) {
    this.#socket = connectTcp(broker.port, "127.0.0.1");
    opened.push({ close: () => this.#socket.destroy() });
    const reader = parser();
    reader.on("packet", (packet) => this.packets.push(packet));
    this.#socket.on("data", (chunk) => reader.parse(chunk)).on("error", () => undefined);
    this.ended = new Promise((resolve) => this.#socket.once("close", () => resolve()));
    const plain = { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true } as const;
    this.send({ ...plain, clientId: "raw", keepalive: 0, ...connect });
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet));
  }
  cut(): void {
    this.#socket.destroy();
  }
  async packet<C extends Packet["cmd"]>(cmd: C): Promise<Extract<Packet, { cmd: C }>> {
    await expect.poll(() => this.packets.some((each) => each.cmd === cmd)).toBe(true);
    return this.packets.find((each) => each.cmd === cmd) as Extract<Packet, { cmd: C }>;
  }
}

const texts = ({ received }: TestClient) => received.map(({ payload }) => payload.toString());

test("basic: each quality of service arrives, and none after an unsubscription", async () => {
  const client = await open({ clientId: "one" });
  expect(await client.mqtt.subscribeAsync(status, { qos: 2 })).toMatchObject([{ qos: 2 }]);
  for (const qos of [0, 1, 2] as const)
    await client.mqtt.publishAsync(status, `qos ${qos}`, { qos });
  await client.message(({ payload }) => payload.toString() === "qos 2");
  expect(texts(client).sort()).toEqual(["qos 0", "qos 1", "qos 2"]);
  await client.mqtt.unsubscribeAsync(status);
  await client.mqtt.publishAsync(status, "late", { qos: 2 });
  await client.subscribe(reply);
  await client.publish(reply, "end");
  await client.message(({ topic }) => topic === reply);
  expect(texts(client)).not.toContain("late");
});

test("basic: a second CONNECT, or a first packet that is none, ends the connection", async () => {
  const twice = new RawClient();
  await twice.packet("connack");
  twice.send({ ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4 }, clientId: "raw" });
  await twice.ended;
  const socket = connectTcp(broker.port, "127.0.0.1");
  socket.on("error", () => undefined).write(generate({ cmd: "pingreq" }));
  await new Promise((resolve) => socket.once("close", resolve));
});

test("retained: told to who subscribes later, by wildcards too, and gone with an empty message", async () => {
  const bridge = await open(login);
  const levels = ["00012345600012", "00012345600029", "00012345600036"];
  for (const [index, gtin] of levels.entries()) {
    const qos = index as 0 | 1 | 2;
    await bridge.mqtt.publishAsync(topics.stock("s1", gtin), `qos ${qos}`, { qos, retain: true });
  }
  const reader = await open({ clientId: "reader" });
  await reader.subscribe("gondola/1/+/stock/+");
  await expect.poll(() => texts(reader).sort()).toEqual(["qos 0", "qos 1", "qos 2"]);
  expect(reader.received.every(({ retain }) => retain)).toBe(true);
  for (const gtin of levels) await bridge.publish(topics.stock("s1", gtin), "", true);
  const late = await open({ clientId: "late" });
  await late.subscribe("gondola/1/+/stock/+", status);
  await late.publish(status, "live");
  await late.message(({ topic }) => topic === status);
  expect(texts(late)).toEqual(["live"]);
});

test("offline: what came for a kept session waits for it, and a clean one has none", async () => {
  const away = await open({ clientId: "away", clean: false });
  await away.mqtt.subscribeAsync("gondola/1/+/+/status", { qos: 2 });
  await away.close();
  const other = await open({ clientId: "other" });
  for (const qos of [1, 2] as const) await other.mqtt.publishAsync(status, `qos ${qos}`, { qos });
  const back = await open({ clientId: "away", clean: false });
  await expect.poll(() => texts(back)).toEqual(["qos 1", "qos 2"]);
  await back.close();
  await (await open({ clientId: "away", clean: true })).close();
  await other.publish(status, "lost");
  const clean = new RawClient({ clientId: "away", clean: false });
  expect(await clean.packet("connack")).toMatchObject({ sessionPresent: false });
});

test("will: told when a connection breaks, not when its client says goodbye", async () => {
  const reader = await open({ clientId: "reader" });
  await reader.subscribe(status);
  const will = { topic: status, payload: Buffer.from("gone"), qos: 1 as const, retain: false };
  const polite = new RawClient({
    clientId: "polite",
    will: { ...will, payload: Buffer.from("x") },
  });
  await polite.packet("connack");
  polite.send({ cmd: "disconnect" });
  await polite.ended;
  const torn = new RawClient({ clientId: "torn", will });
  await torn.packet("connack");
  torn.cut();
  await expect.poll(() => texts(reader)).toEqual(["gone"]);
});

test("overlapping subscriptions: once, or once for each", async () => {
  const client = await open({ clientId: "both" });
  await client.mqtt.subscribeAsync({
    "gondola/1/s1/e1/#": { qos: 2 },
    "gondola/1/+/e1/status": { qos: 1 },
  });
  await client.mqtt.publishAsync(status, "twice?", { qos: 2 });
  await client.publish(health, "end");
  await client.message(({ topic }) => topic === health);
  const count = texts(client).filter((text) => text === "twice?").length;
  expect([1, 2]).toContain(count);
});

test("keepalive: who is silent for one and a half times as long is cut off, and the will is told", async () => {
  const reader = await open({ clientId: "reader" });
  await reader.subscribe(status);
  const will = { topic: status, payload: Buffer.from("silent"), qos: 1 as const, retain: false };
  const startedAtMs = Date.now();
  const silent = new RawClient({ clientId: "silent", keepalive: 1, will });
  await silent.ended;
  expect(Date.now() - startedAtMs).toBeGreaterThan(1000);
  await reader.message(({ payload }) => payload.toString() === "silent");
});

test("redelivery: what was not acknowledged comes again under its number, marked as a repeat", async () => {
  const session = { clientId: "slow", clean: false };
  const first = new RawClient(session);
  await first.packet("connack");
  first.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: status, qos: 1 }] });
  await first.packet("suback");
  await (await open({ clientId: "other" })).publish(status, "once more");
  const { messageId } = await first.packet("publish");
  first.cut();
  await first.ended;
  const second = new RawClient(session);
  expect(await second.packet("connack")).toMatchObject({ sessionPresent: true });
  expect(await second.packet("publish")).toMatchObject({ messageId, dup: true, qos: 1 });
  second.send({ cmd: "puback", messageId: messageId! });
  second.send({ cmd: "disconnect" });
  await second.ended;
  const third = new RawClient(session);
  await third.packet("connack");
  third.send({ cmd: "pingreq" });
  await third.packet("pingresp");
  expect(third.packets.map(({ cmd }) => cmd)).not.toContain("publish");
});

test("zero-length client id: with a clean session alone", async () => {
  const clean = new RawClient({ clientId: "", clean: true });
  expect(await clean.packet("connack")).toMatchObject({ returnCode: 0 });
  // mqtt-packet refuses to write the other one.
  const socket = connectTcp(broker.port, "127.0.0.1");
  socket.write(Buffer.from("100c00044d515454040000000000", "hex"));
  const answer = await new Promise((resolve) => socket.once("data", resolve));
  expect(answer).toEqual(Buffer.of(0x20, 2, 0, 2));
  socket.destroy();
});

test("subscribe failure and $ topics: 0x80 for what is not served, and # brings no topic of the broker", async () => {
  const client = await open({ clientId: "one" });
  expect(await client.subscribe("$SYS/#", "#")).toEqual([128, 1]);
  await client.publish(status, "seen");
  await client.message(({ topic }) => topic === status);
  expect(client.received.filter(({ topic }) => topic.startsWith("$"))).toEqual([]);
});
