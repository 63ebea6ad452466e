import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { Aedes } from "aedes";
import { afterEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { type Clock, systemClock } from "../../cloud-bridge/clock.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import {
  BridgeLink,
  backoffDelayMs,
  type LinkOptions,
  networkBackoff,
} from "../../cloud-bridge/link.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { bridgeSubscriptions, topics } from "../../contract/topics.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const stoppers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stoppers.splice(0).reverse()) await stop();
});

async function startBroker(port = 0, connectionCountMax = 10): Promise<EmbeddedBroker> {
  const settings = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  return await EmbeddedBroker.open({
    settings: { ...settings, port, connectionCountMax },
    login,
    log: createLog("silent"),
    count: () => undefined,
  });
}

function startLink(port: number, options: Partial<LinkOptions> = {}) {
  const seen = {
    ...{ onlineCount: 0, payloads: [] as string[], counts: new Map<string, number>() },
    reasons: [] as string[],
  };
  const log = createLog("silent");
  log.warn = (({ reason }: { reason: string }) => seen.reasons.push(reason)) as typeof log.warn;
  const link = new BridgeLink({
    ...{ ...login, clean: true, clock: systemClock, random: () => 0.5, log },
    subscriptions: Object.values(bridgeSubscriptions),
    url: `mqtt://127.0.0.1:${port}`,
    backoff: { delayMsMin: 10, delayMsMax: 50 },
    count: (name, by = 1) => seen.counts.set(name, (seen.counts.get(name) ?? 0) + by),
    onMessage: ({ payload }) => seen.payloads.push(Buffer.from(payload).toString()),
    onOnline: () => {
      seen.onlineCount += 1;
    },
    ...options,
  });
  const stop = new AbortController();
  const done = link.run(stop.signal);
  stoppers.push(() => {
    stop.abort();
    return done;
  });
  return { link, seen };
}

const online = (link: BridgeLink) => expect.poll(() => link.isOnline, { timeout: 5000 });

test("messages come in and go out, and the broker may go and come back", async () => {
  const first = await startBroker();
  const { link, seen } = startLink(first.port);
  await online(link).toBe(true);
  expect(await link.publish({ topic: topics.entries("s1"), payload: "x" })).toBe(true);

  await first.close();
  await online(link).toBe(false);
  expect(await link.publish({ topic: topics.entries("s1"), payload: "x" })).toBe(false);
  expect(seen.counts.get("link_publish_refused")).toBe(1);

  const second = await startBroker(first.port);
  stoppers.unshift(() => second.close());
  await online(link).toBe(true);
  expect(seen.onlineCount).toBe(2);
  const edge = await TestClient.open(second.port);
  stoppers.push(() => edge.close());
  await edge.publish(topics.events("s1", "e1"), "after the restart");
  await expect.poll(() => seen.payloads).toEqual(["after the restart"]);
});

test("a refused CONNACK is tried again", async () => {
  const broker = await startBroker(0, 1);
  stoppers.unshift(() => broker.close());
  const occupant = await TestClient.open(broker.port);
  const { link, seen } = startLink(broker.port, { clientId: "not-the-bridge" });
  await expect.poll(() => seen.counts.get("link_connections_lost")).toBeGreaterThan(2);
  expect(link.isOnline).toBe(false);
  await occupant.close();
  await online(link).toBe(true);
});

test("with a kept session, what came while the link was away is delivered", async () => {
  const broker = await startBroker();
  stoppers.unshift(() => broker.close());
  const edge = await TestClient.open(broker.port);
  stoppers.push(() => edge.close());
  const before = startLink(broker.port, { clean: false, clientId: "external" });
  await online(before.link).toBe(true);
  await stoppers.pop()!();
  await edge.publish(topics.events("s1", "e1"), "meanwhile");
  const after = startLink(broker.port, { clean: false, clientId: "external" });
  await expect.poll(() => after.seen.payloads).toEqual(["meanwhile"]);
});

test("batches are subscribed with QoS 1, what is retained or said again with QoS 0", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stoppers.unshift(async () => server.close());
  const aedes = await Aedes.createBroker();
  server.on("connection", (socket) => aedes.handle(socket));
  const granted: { topic: string; qos: number }[] = [];
  aedes.on("subscribe", (subscriptions) => granted.push(...subscriptions));
  const { link } = startLink((server.address() as AddressInfo).port);
  await online(link).toBe(true);
  const { events, ...others } = bridgeSubscriptions;
  expect(granted.filter(({ qos }) => qos === 1).map(({ topic }) => topic)).toEqual([events]);
  const rest = granted.filter(({ qos }) => qos === 0).map(({ topic }) => topic);
  expect(rest.sort()).toEqual(Object.values(others).sort());
});

/** A broker that hangs: it answers CONNECT, and SUBSCRIBE if `grants`, and nothing else. */
async function startMute(grants: boolean): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const mute = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(Uint8Array.of(0x20, 2, 0, 0));
      socket.once("data", (subscribe) => {
        if (!grants) return;
        socket.write(Uint8Array.of(0x90, 6, subscribe[2]!, subscribe[3]!, 1, 1, 0, 1));
      });
    });
  });
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  stoppers.unshift(async () => mute.close());
  return { port: (mute.address() as AddressInfo).port, sockets };
}

test("subscriptions that nobody answers are given up", async () => {
  const { port, sockets } = await startMute(false);
  const timer: Clock["timer"] = (ms, fire) => systemClock.timer(ms / 100, fire);
  const { link, seen } = startLink(port, { clock: { ...systemClock, timer } });
  await expect.poll(() => seen.reasons).toContain("the subscriptions were not answered");
  await expect.poll(() => sockets.length).toBeGreaterThan(1);
  expect(link.isOnline).toBe(false);
});

test("certificates that TLS cannot use are tried again", async () => {
  const half = "-----BEGIN CERTIFICATE-----\nMIIBhalf";
  const certificates = async () => ({ cert: half, key: half });
  const { seen } = startLink(1, { url: "mqtts://127.0.0.1:1", certificates });
  await expect.poll(() => seen.reasons.length).toBeGreaterThan(2);
  expect(seen.reasons[0]).toMatch(/PEM|asn1|no start line/i);
});

test("what others publish leaves room for answers", async () => {
  const { port } = await startMute(true);
  const { link, seen } = startLink(port);
  await online(link).toBe(true);
  const message = { topic: topics.entries("s1"), payload: "x" };
  for (let count = 0; count < 1_600; count += 1) void link.publish(message);
  expect([link.inFlightCount, seen.counts.get("link_publish_refused")]).toEqual([1_500, 100]);
  for (let count = 0; count < 600; count += 1) void link.publish({ ...message, isAnswer: true });
  expect([link.inFlightCount, seen.counts.get("link_publish_refused")]).toEqual([2_000, 200]);
});

test("what is in flight when the connection ends has failed, and nothing waits for ever", async () => {
  const { port, sockets } = await startMute(true);
  const { link, seen } = startLink(port, { clean: false });
  await online(link).toBe(true);
  const publishing = link.publish({ topic: topics.entries("s1"), payload: "x" });
  expect(link.inFlightCount).toBe(1);
  sockets[0]!.destroy();
  expect(await publishing).toBe(false);
  expect(link.inFlightCount).toBe(0);
  expect(seen.counts.get("link_publish_failed")).toBe(1);
});

test("the back-off doubles between its bounds and is spread", () => {
  const at = (attempt: number, chance: number) =>
    backoffDelayMs(attempt, networkBackoff, () => chance);
  expect([0, 1, 2, 3].map((attempt) => at(attempt, 1))).toEqual([1000, 2000, 4000, 8000]);
  expect(at(10_000, 1)).toBe(60_000);
  expect(at(10, 0)).toBe(1000);
});
