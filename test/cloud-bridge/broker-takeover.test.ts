// Clients that come under one id again and again, and leave at any moment: the broker neither forgets one nor keeps one.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { generate, type Packet } from "mqtt-packet";
import { afterEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { topics } from "../../contract/topics.ts";
import { integerBetween, type Random, seededRandom } from "../../simulators/random.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const turnCount = 150;
const atOnceCount = 8;
let broker: EmbeddedBroker;
afterEach(() => broker.close());

const will = {
  ...{ topic: topics.status("s1", "e1"), payload: Buffer.from("{}") },
  ...{ qos: 1, retain: true },
};
const subscribe: Packet = {
  ...{ cmd: "subscribe", messageId: 5 },
  subscriptions: [topics.ack("s1", "e1"), topics.plan("s1")].map((topic) => ({ topic, qos: 1 })),
};

/** Comes, says some of what a client says, and goes without a word. */
async function visit(random: Random): Promise<void> {
  const socket = connect({ port: broker.port, host: "127.0.0.1" });
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  const connecting = {
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "same" },
    ...{ clean: random() < 0.5, ...(random() < 0.5 ? { will } : {}) },
  } as Packet;
  const packets = [connecting, subscribe, { cmd: "disconnect" } as Packet];
  const said = packets.slice(0, integerBetween(random, 1, packets.length));
  socket.write(Buffer.concat(said.map((packet) => generate(packet))));
  if (random() < 0.7) await delay(integerBetween(random, 0, 5));
  socket.destroy();
}

test.each([1, 2, 3])("visits under one id leave nobody behind, seed %i", async (seed) => {
  const random = seededRandom(seed);
  const settings = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  broker = await EmbeddedBroker.open({
    settings: { ...settings, port: 0 },
    login,
    log: createLog("silent"),
    count: () => undefined,
  });
  const visits = async () => {
    for (let turn = 0; turn < turnCount; turn += 1) await visit(random);
  };
  await Promise.all(Array.from({ length: atOnceCount }, visits));
  await expect.poll(() => broker.connectionCount, { timeout: 3000 }).toBe(0);
  // Who is there is counted, and gives way to who comes under the same id.
  const sockets: Socket[] = [];
  for (let at = 0; at < 2; at += 1) {
    const socket = connect({ port: broker.port, host: "127.0.0.1" });
    sockets.push(socket);
    const hello = { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "same" };
    socket.on("error", () => undefined);
    socket.write(generate({ ...hello, clean: true } as Packet));
    await once(socket, "data");
    expect(broker.connectionCount).toBe(1);
  }
  if (!sockets[0]!.destroyed) await once(sockets[0]!.resume(), "close");
  sockets[1]!.destroy();
  await expect.poll(() => broker.connectionCount).toBe(0);
});
