// A real broker (aedes), real clients, and the simulated readers that publish there.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aedes } from "aedes";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Reading } from "../../../contract/reading.ts";
import { systemClock } from "../../../drivers/clock.ts";
import type { DeviceModule } from "../../../drivers/device-module.ts";
import { device as impinj } from "../../../drivers/impinj-iot/driver.ts";
import { JsonDecoder } from "../../../drivers/json-decoder.ts";
import { encodeRequest } from "../../../drivers/transport/exchange.ts";
import { messageSizeBytesMax, openMqtt } from "../../../drivers/transport/mqtt.ts";
import {
  openPort,
  portConfigSchema,
  portKey,
  portWarning,
} from "../../../drivers/transport/port.ts";
import { device as zebra } from "../../../drivers/zebra-iot/driver.ts";
import { startDevice } from "../../../simulators/device-process.ts";

let broker: Aedes;
let server: Server;
let url = "";
let folder = "";
let reader: MqttClient;
const sockets = new Set<{ destroy(): void }>();
beforeEach(async () => {
  broker = await Aedes.createBroker();
  broker.authenticate = (_client, user, password, done) => {
    const isKnown = user === undefined || (user === "edge" && password?.toString() === "s3cret");
    done(isKnown ? null : Object.assign(new Error("no"), { returnCode: 4 }), isKnown);
  };
  broker.authorizeSubscribe = (_client, subscription, done) =>
    done(null, subscription.topic.startsWith("secret") ? null : subscription);
  server = createServer((socket) => {
    sockets.add(socket);
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
  folder = mkdtempSync(join(tmpdir(), "gondola-mqtt-"));
  writeFileSync(join(folder, "password"), "s3cret\n");
  reader = await connectAsync(url);
});
afterEach(async () => {
  await reader.endAsync(true);
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const say = (text: string, retain = false) =>
  reader.publishAsync("readers/1/data", text, { qos: 1, retain });
const open = async (more = {}) => {
  const transport = await openMqtt({ url, topic: "readers/1/#", ...more });
  const chunks = transport.chunks[Symbol.asyncIterator]();
  const text = async () => Buffer.from((await chunks.next()).value).toString();
  return { transport, chunks, text };
};

describe("what arrives", () => {
  test("each message by itself, a cut one too; what was retained before is no news", async () => {
    await say('{"old":1}', true);
    const { transport, text } = await open();
    await say('{"a":');
    await say('{"b":1}');
    expect(await text()).toBe('\u001e{"a":\n');
    expect(await text()).toBe('\u001e{"b":1}\n');
    const decoder = new JsonDecoder();
    const found = decoder.push(Buffer.from('\u001e{"a":\n\u001e{"b":1}\n'));
    expect(found).toContainEqual({ kind: "frame", frame: { b: 1 } });
    await transport.close();
    await transport.close();
  });

  test("more than the driver takes waits at the broker, and comes in order", async () => {
    const { transport, text } = await open();
    const long = "x".repeat(1000);
    const said = Promise.all(Array.from({ length: 500 }, (_, index) => say(`${index} ${long}`)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (let index = 0; index < 500; index += 1) {
      expect(await text()).toMatch(new RegExp(`^\u001e${index} `));
    }
    await said;
    await transport.close();
  });

  test("a message that is too long is cut, and told by the decoder", async () => {
    const { transport, chunks } = await open();
    await say(`{"a":"${"x".repeat(messageSizeBytesMax)}"}`);
    const { value } = await chunks.next();
    expect(value.length).toBe(messageSizeBytesMax + 2);
    const found = new JsonDecoder().push(value);
    expect(found).toContainEqual(expect.objectContaining({ reason: "too_long" }));
    await transport.close();
  });

  test("with a name of its own nothing is lost while it is away", async () => {
    const away = await open({ clientId: "gondola:portal-1" });
    await away.transport.close();
    await say('{"a":1}');
    const back = await open({ clientId: "gondola:portal-1" });
    expect(await back.text()).toBe('\u001e{"a":1}\n');
    await back.transport.close();
  });
});

test("nobody can be asked there", async () => {
  const { transport, text } = await open();
  await transport.write(encodeRequest({ method: "GET", path: "/state" }));
  expect(JSON.parse(await text())).toEqual({ answerTo: "/state", statusCode: 501 });
  await expect(transport.write(Uint8Array.of(1))).rejects.toThrow("not a request");
  await transport.close();
});

test("a broker that goes is lost", async () => {
  const { transport, chunks } = await open();
  for (const socket of sockets) socket.destroy();
  await expect(chunks.next()).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
  const written = transport.write(encodeRequest({ method: "GET", path: "/" }));
  await expect(written).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
  await transport.close();
});

test("why it does not open", async () => {
  const code = (options: Parameters<typeof openMqtt>[0]) =>
    openMqtt(options).then(
      () => "open",
      (error: { code: string }) => error.code,
    );
  const topic = "readers/1/#";
  const passwordFile = join(folder, "password");
  expect(await code({ url, topic: "secret/#" })).toBe("DRIVER_PORT_DENIED");
  expect(await code({ url, topic, user: "stranger", passwordFile })).toBe("DRIVER_PORT_DENIED");
  expect(await code({ url, topic, user: "edge", passwordFile: join(folder, "none") })).toBe(
    "DRIVER_PORT_DENIED",
  );
  expect(await code({ url: "mqtt://127.0.0.1:1", topic })).toBe("DRIVER_PORT_MISSING");
  const noBroker = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => noBroker.listen(0, "127.0.0.1", resolve));
  const { port } = noBroker.address() as { port: number };
  expect(await code({ url: `mqtt://127.0.0.1:${port}`, topic })).toBe("DRIVER_PORT_MISSING");
  noBroker.close();
  const { transport } = await open({ user: "edge", passwordFile });
  await transport.close();
});

test("the configuration", () => {
  const port = portConfigSchema.parse({ mqtt: { url, topic: "readers/1/#" } });
  expect(portKey(port)).toBe(`${url} readers/1/#`);
  expect(portWarning(port)).toBeUndefined();
  for (const wrong of [{ url: "http://broker", topic: "a" }, { url }, { url, topic: "" }]) {
    expect(portConfigSchema.safeParse({ mqtt: wrong }).success).toBe(false);
  }
});

test.each<[string, DeviceModule]>([
  ["zebra-iot", zebra],
  ["impinj-iot", impinj],
])("a simulated %s, from its process to readings", async (kind, module) => {
  const topic = "readers/1/data";
  const options = { roundMs: 10 };
  const simulated = await startDevice({ kind: kind as "zebra-iot", mqtt: { url, topic }, options });
  const epc = "3034257BF7194E4000001A85";
  simulated.control({ type: "field", tags: [{ epc, antenna: 1, rssiDbm: -40 }] });
  const transport = await openPort(portConfigSchema.parse({ mqtt: { url, topic } }), 0);
  const readings: Reading[] = [];
  let identified = "";
  const stop = new AbortController();
  const ended = module.createDriver({}).run({
    deviceId: "portal-1",
    transport,
    clock: systemClock,
    onReading: (reading) => readings.push(reading),
    onIdentified: (text) => {
      identified = text;
    },
    count: () => undefined,
    signal: stop.signal,
  });
  while (readings.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(identified).toContain("known by its events");
  expect(readings[0]).toMatchObject({ kind: "tag", epc });
  stop.abort();
  await ended;
  await transport.close();
  await simulated.stop();
});
