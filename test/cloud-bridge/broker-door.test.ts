// Who is sent away before anything is done for it: more connections than an address may have, and sockets that do not
// say in time who they are. A client from 127.0.0.2 counts like one from anywhere.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import {
  ConnectionRates,
  ConnectionsPerAddress,
  holderOf,
} from "../../cloud-bridge/broker-addresses.ts";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import {
  type BrokerTlsSettings,
  bridgeConfigSchema,
  type EmbeddedBrokerSettings,
} from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import type { Enrolment } from "../../contract/enrolment.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
let counts = new Map<string, number>();
const sockets: Socket[] = [];
let folder: string;
let tls: BrokerTlsSettings;
let own: Enrolment;
let broker: EmbeddedBroker | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-door-"));
  const authority = await CertificateAuthority.create(join(folder, "ca"), Date.now());
  own = await authority.enrol("s0042", "edge-1", Date.now());
  const { certificate, key } = await authority.issueServer(["127.0.0.1"], Date.now());
  await writeFile(join(folder, "server.pem"), certificate);
  await writeFile(join(folder, "server-key.pem"), key);
  tls = {
    certFile: join(folder, "server.pem"),
    keyFile: join(folder, "server-key.pem"),
    clientCaFile: join(folder, "ca/ca.pem"),
    lookIntervalMs: 10_000,
  };
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker?.close();
  broker = undefined;
});

async function start(settings: Partial<EmbeddedBrokerSettings>): Promise<EmbeddedBroker> {
  const defaults = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  // Of this broker alone: one that ended may still be counting.
  const mine = new Map<string, number>();
  counts = mine;
  broker = await EmbeddedBroker.open({
    settings: { ...defaults, port: 0, connectTimeoutMs: 500, ...settings },
    login,
    log: createLog("silent"),
    count: (name, by = 1) => mine.set(name, (mine.get(name) ?? 0) + by),
  });
  return broker;
}

/** A socket that says nothing by itself, and when it was ended by the other side. */
async function silent({ port }: EmbeddedBroker, localAddress = "127.0.0.2") {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  sockets.push(socket);
  socket.on("error", () => undefined);
  const closed = new Promise<number>((resolve) =>
    socket.on("close", () => resolve(performance.now())),
  );
  await Promise.race([once(socket, "connect"), closed]);
  const startedMs = performance.now();
  return { socket, endedAfterMs: async () => (await closed) - startedMs };
}

test("an address has so many connections and no more; another address and this machine are let in", async () => {
  const open = await start({ addressConnectionCountMax: 3, connectTimeoutMs: 60_000 });
  const held = [await silent(open), await silent(open), await silent(open)];
  const over = await silent(open);
  expect(await over.endedAfterMs()).toBeLessThan(400);
  expect(counts.get("broker_address_refused")).toBe(1);
  for (let count = 0; count < 10; count += 1) held.push(await silent(open, "127.0.0.1"));
  held.push(await silent(open, "127.0.0.3"));
  const client = await TestClient.open(open.port);
  await client.close();
  expect(counts.get("broker_address_refused")).toBe(1);
  expect(held.every(({ socket }) => !socket.destroyed)).toBe(true);
  // Who goes makes room.
  held[0]!.socket.destroy();
  await delay(100);
  const next = await silent(open);
  await delay(100);
  expect(next.socket.destroyed).toBe(false);
});

test("with TLS an address is refused before its handshake, and a handshake that goes on counts", async () => {
  const open = await start({ tls, addressConnectionCountMax: 2, connectTimeoutMs: 60_000 });
  await silent(open);
  await silent(open);
  const over = await silent(open);
  expect(await over.endedAfterMs()).toBeLessThan(400);
  expect(counts.get("broker_address_refused")).toBe(1);
  expect(counts.get("broker_handshakes_failed")).toBeUndefined();
});

test("connections of an address that come too fast are refused before their handshake; others are let in", async () => {
  const open = await start({ tls, addressConnectionsPerSecondMax: 2, connectTimeoutMs: 60_000 });
  const held = [];
  for (let count = 0; count < 4; count += 1) held.push(await silent(open));
  const over = await silent(open);
  expect(await over.endedAfterMs()).toBeLessThan(400);
  expect(counts.get("broker_address_rate_refused")).toBe(1);
  expect(counts.get("broker_address_refused")).toBeUndefined();
  for (let count = 0; count < 10; count += 1) held.push(await silent(open, "127.0.0.1"));
  held.push(await silent(open, "127.0.0.3"));
  await delay(1000);
  // In a second comes room for two more.
  held.push(await silent(open));
  await delay(100);
  expect(held.every(({ socket }) => !socket.destroyed)).toBe(true);
  expect(counts.get("broker_handshakes_failed")).toBeUndefined();
});

test("a handshake that is not finished in time is ended, by the byte too", async () => {
  const open = await start({ tls });
  const [half, slow] = [await silent(open), await silent(open)];
  const drip = setInterval(() => slow.socket.write(Uint8Array.of(0x16)), 100);
  try {
    for (const one of [half, slow]) {
      const endedAfterMs = await one.endedAfterMs();
      expect(endedAfterMs).toBeLessThan(2000);
    }
  } finally {
    clearInterval(drip);
  }
  expect(counts.get("broker_handshakes_failed")).toBe(2);
});

test("who sends no CONNECT in time is cut off, in plain text and after a handshake", async () => {
  const plain = await start({});
  expect(await (await silent(plain)).endedAfterMs()).toBeLessThan(2000);
  await plain.close();
  const secure = await start({ tls });
  const { ca, certificate: cert, key } = own;
  const socket = connectTls({ port: secure.port, host: "127.0.0.1", ca, cert, key });
  sockets.push(socket);
  await once(socket, "secureConnect");
  const startedMs = performance.now();
  socket.resume();
  await once(socket, "close");
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

test("a handshake that goes on does not hold up the end", async () => {
  const open = await start({ tls, connectTimeoutMs: 60_000 });
  const half = await silent(open);
  const startedMs = performance.now();
  await open.close();
  broker = undefined;
  await half.endedAfterMs();
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

test("of a stranger no more is kept than a CONNECT needs, and nothing that is none", async () => {
  const open = await start({ smallPayloadSizeBytesMax: 1024, connectTimeoutMs: 60_000 });
  // A CONNECT of 400,000 bytes, and a PUBLISH of 1,000: both are announced and never come.
  for (const head of [
    [0x10, 0x80, 0xb5, 0x18],
    [0x30, 0xe8, 0x07],
  ]) {
    const stranger = await silent(open);
    stranger.socket.write(Uint8Array.from(head));
    expect(await stranger.endedAfterMs()).toBeLessThan(2000);
  }
  expect(counts.get("broker_refused_broker_limit")).toBe(2);
  const client = await TestClient.open(open.port);
  await client.close();
});

test("who sends more packets of control than may be is cut off; the bridge may send what it likes", async () => {
  const open = await start({ controlsPerSecondMax: 10, connectTimeoutMs: 60_000 });
  const flood = (client: TestClient) => {
    for (let at = 0; at < 100; at += 1) client.mqtt.stream.write(Uint8Array.of(0xc0, 0));
  };
  const client = await TestClient.open(open.port);
  flood(client);
  await client.closed;
  expect(counts.get("broker_refused_broker_limit")).toBe(1);
  const inside = await TestClient.open(open.port, login);
  flood(inside);
  expect(await inside.subscribe("gondola/1/+/+/status")).toEqual([1]);
  await inside.close();
});

test.each([
  ["10.1.2.3", "10.1.2.3"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["::1", "::1"],
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:db8::6", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::10.1.2.3", "64:ff9b:0:0::/64"],
])("%s stands for %s", (address, holder) => {
  expect(holderOf(address)).toBe(holder);
});

test("a fleet of 5,000 edges on this machine is let in", () => {
  const addresses = new ConnectionsPerAddress(100);
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    for (let count = 0; count < 5_000; count += 1) expect(addresses.enter(address)).toBeDefined();
  }
});

test("an IPv6 network counts as one, and who has left is forgotten", () => {
  const addresses = new ConnectionsPerAddress(2);
  const leave = addresses.enter("2001:db8::1");
  expect(addresses.enter("2001:db8::2")).toBeDefined();
  expect(addresses.enter("2001:db8::3")).toBeUndefined();
  expect(addresses.enter("2001:db8:0:1::3")).toBeDefined();
  leave?.();
  expect(addresses.enter("2001:db8::3")).toBeDefined();
});

test("an address brings twice its rate at once, then its rate; what is refused costs it nothing, and it is forgotten", () => {
  const rates = new ConnectionRates(10);
  const taken = (atMs: number, count: number) =>
    Array.from({ length: count }, () => rates.takes("10.1.2.3", atMs)).filter(Boolean).length;
  expect(taken(0, 1000)).toBe(20);
  expect(taken(1000, 1000)).toBe(10);
  expect(rates.takes("::ffff:10.1.2.3", 1000)).toBe(false);
  expect(rates.takes("10.1.2.4", 1000)).toBe(true);
  for (let at = 0; at < 5000; at += 1) rates.takes(`2001:db8:${at.toString(16)}::1`, 1500);
  expect(rates.holderCount).toBe(5002);
  rates.takes("10.1.2.4", 4000);
  expect(rates.holderCount).toBe(1);
  for (const address of ["127.0.0.1", "::1"]) {
    for (let count = 0; count < 5000; count += 1) expect(rates.takes(address, 0)).toBe(true);
  }
});
