// What a client with a certificate of the chain, or a stranger without one, can do to a bridge; each gives what it counted
// and what the bridge should not have let happen.

import { setTimeout as delay } from "node:timers/promises";
import type { Packet } from "mqtt-packet";
import { topics } from "../../contract/topics.ts";
import { seededRandom } from "../../simulators/random.ts";
import { connectTimeoutMs, good, type HostileBridge, hostile } from "./hostile-bridge.ts";
import { connectPacket, encoded, mutatedPacket, samplePackets } from "./hostile-packets.ts";
import { HostileSocket } from "./hostile-socket.ts";

/** How hard an attack is. */
export interface Force {
  readonly bridge: HostileBridge;
  readonly packetCount: number;
  readonly lastsMs: number;
  readonly seed: number;
}

/** What came of it. */
export interface Outcome {
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const { storeId, edgeId } = hostile;
/** For a busy machine: how much later than the named time a connection may end. */
const graceMs = 3000;
const messagesPerSecondMax = 200;
const addressConnectionCountMax = 100;

const publish = (topic: string, payload: string | Buffer = "hostile", qos: 0 | 1 = 1): Packet => ({
  ...{ cmd: "publish", topic, payload, qos, messageId: 7 },
  ...{ dup: false, retain: topic.endsWith("/status") },
});

/** What one connection does; a problem where the bridge does not cut it off. */
async function isCutOff(bridge: HostileBridge, what: string, ...packets: Packet[]) {
  const one = await HostileSocket.connected(bridge);
  one.send(...packets);
  const isEnded = await one.endsWithin(graceMs);
  one.end();
  const isTaken = one.packets.some(({ cmd }) => cmd === "puback");
  return isEnded && !isTaken ? [] : [`${what}: ${isTaken ? "acknowledged" : "not cut off"}`];
}

/** The good store's topics and those of the bridge, spoken on. */
export async function foreignTopics({ bridge }: Force): Promise<Outcome> {
  const foreign = [
    topics.events(good.storeId, good.edgeId),
    topics.status(good.storeId, good.edgeId),
    topics.reply(good.storeId, good.edgeId),
    topics.command(good.storeId, good.edgeId),
    topics.ack(good.storeId, good.edgeId),
    topics.plan(good.storeId),
    topics.ack(storeId, edgeId),
    topics.events(storeId, "edge-2"),
    `gondola/1/p/1/${storeId}/${edgeId}/events`,
    "$SYS/broker/log",
    "a/b",
  ];
  const before = await bridge.metric("broker_refused_topic_foreign_total");
  const problems = [];
  for (const topic of foreign) problems.push(...(await isCutOff(bridge, topic, publish(topic))));
  const refusedCount = (await bridge.metric("broker_refused_topic_foreign_total")) - before;
  if (refusedCount !== foreign.length) problems.push(`${refusedCount} were counted as refused`);
  return { problems, counts: { refusedCount } };
}

/** A last will in another's name. */
export async function forgedWill({ bridge }: Force): Promise<Outcome> {
  const foreign = [
    topics.status(good.storeId, good.edgeId),
    topics.plan(good.storeId),
    topics.ack(good.storeId, good.edgeId),
    topics.status(storeId, "edge-2"),
  ];
  const problems: string[] = [];
  for (const topic of foreign) {
    const one = await HostileSocket.secure(bridge);
    const will = { topic, payload: Buffer.from("hostile"), qos: 1, retain: true };
    one.send({ ...connectPacket(`${storeId}:${edgeId}`), will } as Packet);
    const answer = await one.answer("connack");
    if (answer?.cmd !== "connack" || answer.returnCode !== 5) problems.push(`will on ${topic}`);
    if (!(await one.endsWithin(graceMs))) problems.push(`will on ${topic}: not cut off`);
    one.end();
  }
  return { problems, counts: { refusedCount: foreign.length - problems.length } };
}

/** What another store hears. */
export async function foreignFilters({ bridge, lastsMs }: Force): Promise<Outcome> {
  const filters = [
    ...["#", "+/#", "$SYS/#", "$share/x/gondola/1/#", "gondola/1/#", "gondola/+/+/+/ack"],
    ...[`gondola/1/${good.storeId}/#`, "gondola/1/p/#", `gondola/1/${storeId}/#`],
    ...[topics.ack(good.storeId, good.edgeId), topics.events(good.storeId, good.edgeId)],
  ];
  const one = await HostileSocket.connected(bridge);
  const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
  one.send({ cmd: "subscribe", messageId: 5, subscriptions });
  const answer = await one.answer("suback");
  const granted = answer?.cmd === "suback" ? answer.granted : [];
  const problems = filters.filter((_, at) => granted[at] !== 128);
  await delay(Math.min(lastsMs, 1000));
  const heardCount = one.packets.filter(({ cmd }) => cmd === "publish").length;
  if (heardCount > 0) problems.push(`${heardCount} messages heard`);
  one.end();
  return { problems, counts: { refusedCount: filters.length } };
}

/** A payload of 1 MB where it may publish, and one of 100 kB where only small ones are taken. */
export async function largePayloads({ bridge }: Force): Promise<Outcome> {
  const large = publish(topics.events(storeId, edgeId), Buffer.alloc(1_000_000));
  const middle = publish(topics.health(storeId, edgeId), Buffer.alloc(100_000), 0);
  const before = await bridge.metric("broker_refused_broker_limit_total");
  const problems = [
    ...(await isCutOff(bridge, "1 MB", large)),
    ...(await isCutOff(bridge, "100 kB of health", middle)),
  ];
  const refusedCount = (await bridge.metric("broker_refused_broker_limit_total")) - before;
  if (refusedCount !== 2) problems.push(`${refusedCount} were counted as refused`);
  return { problems, counts: { refusedCount } };
}

/** 1,000 messages a second, five times what a client may. */
export async function flood({ bridge, lastsMs }: Force): Promise<Outcome> {
  const one = await HostileSocket.connected(bridge);
  const batch = Array.from({ length: 20 }, () => publish(topics.events(storeId, edgeId), "x"));
  const startedMs = performance.now();
  let sentCount = 0;
  while (performance.now() - startedMs < lastsMs && one.isOpen) {
    one.send(...batch);
    sentCount += batch.length;
    await delay(Math.max(0, startedMs + sentCount - performance.now()));
  }
  const tookMs = performance.now() - startedMs;
  const takenCount = one.acknowledgedCount;
  const mostCount = messagesPerSecondMax * (2 + (tookMs + 500) / 1000);
  one.end();
  const problems = takenCount > mostCount ? [`${takenCount} taken of ${sentCount}`] : [];
  if (takenCount === 0) problems.push("nothing was taken, and it is slowed down only");
  return { problems, counts: { sentCount, takenCount } };
}

/** Packets other than messages, which cost the bridge work too, as fast as they go out. */
export async function controlFlood({ bridge, lastsMs }: Force): Promise<Outcome> {
  const filters = Array.from({ length: 2000 }, (_, at) => `gondola/1/${good.storeId}/x-${at}`);
  const subscriptions = filters.map((topic) => ({ topic, qos: 0 as const }));
  const chunk = encoded([
    ...Array.from({ length: 2000 }, (): Packet => ({ cmd: "pingreq" })),
    { cmd: "subscribe", messageId: 5, subscriptions },
    { cmd: "unsubscribe", messageId: 6, unsubscriptions: filters },
  ]);
  const before = await bridge.metric("broker_refused_broker_limit_total");
  const startedMs = performance.now();
  let sentCount = 0;
  let connectionCount = 0;
  const problems: string[] = [];
  while (performance.now() - startedMs < lastsMs) {
    const one = await HostileSocket.connected(bridge);
    connectionCount += 1;
    one.send(...chunk);
    sentCount += chunk.length;
    if (!(await one.endsWithin(graceMs))) problems.push("not cut off");
    one.end();
  }
  const refusedCount = (await bridge.metric("broker_refused_broker_limit_total")) - before;
  if (refusedCount !== connectionCount)
    problems.push(`${refusedCount} of ${connectionCount} counted`);
  return { problems, counts: { sentCount, connectionCount } };
}

/** Packets that are almost right, several on one connection until the bridge ends it. */
export async function mutated({ bridge, packetCount, seed }: Force): Promise<Outcome> {
  const random = seededRandom(seed);
  const samples = encoded(samplePackets(storeId, edgeId));
  const valid = encoded([connectPacket(`${storeId}:${edgeId}`)])[0]!;
  let sentCount = 0;
  let connectionCount = 0;
  const run = async () => {
    while (sentCount < packetCount) {
      const one = await HostileSocket.secure(bridge);
      connectionCount += 1;
      // Now and then what comes first is wrong already.
      if (random() < 0.8) {
        one.send(valid);
        await one.answer("connack");
      }
      for (let turn = 0; turn < 10 && one.isOpen && sentCount < packetCount; turn += 1) {
        const burst = Array.from({ length: 4 }, () => mutatedPacket(samples, random));
        one.send(...burst);
        sentCount += burst.length;
        await delay(1);
      }
      one.end();
    }
  };
  await Promise.all(Array.from({ length: 8 }, run));
  return { problems: [], counts: { sentCount, connectionCount } };
}

/** Connections that never get to the point: in the handshake, before CONNECT, and within a packet after it. */
export async function slowLoris({ bridge }: Force): Promise<Outcome> {
  const each = 20;
  const many = (open: (at: number) => Promise<HostileSocket>) =>
    Promise.all(Array.from({ length: each }, (_, at) => open(at)));
  const handshakes = await many(() => HostileSocket.bare(bridge));
  const unknown = await many(() => HostileSocket.secure(bridge));
  const known = await many((at) => HostileSocket.connected(bridge, `:slow-${at}`, 1));
  // The beginning of a TLS record, of a CONNECT, and of a PUBLISH, a byte at a time.
  const starts: [HostileSocket[], Uint8Array][] = [
    [handshakes, Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc)],
    [unknown, encoded([connectPacket(`${storeId}:${edgeId}`)])[0]!],
    [known, encoded([publish(topics.events(storeId, edgeId), "a".repeat(1000))])[0]!],
  ];
  let at = 0;
  const drip = setInterval(() => {
    for (const [sockets, bytes] of starts) {
      const byte = bytes.subarray(at % bytes.length, (at % bytes.length) + 1);
      if (at < bytes.length - 1) for (const one of sockets) one.send(byte);
    }
    at += 1;
  }, 200);
  const problems: string[] = [];
  let lastMs = 0;
  for (const [index, [sockets]] of starts.entries()) {
    for (const one of sockets) {
      if (!(await one.endsWithin(connectTimeoutMs + graceMs))) problems.push(`kind ${index} stays`);
      else lastMs = Math.max(lastMs, await one.closed);
      one.end();
    }
  }
  clearInterval(drip);
  return { problems, counts: { socketCount: 3 * each, lastMs: Math.round(lastMs) } };
}

/** 500 connections that say nothing. */
export async function idleSockets({ bridge }: Force): Promise<Outcome> {
  const before = await bridge.metric("broker_address_refused_total");
  const sockets = await Promise.all(Array.from({ length: 500 }, () => HostileSocket.bare(bridge)));
  const problems = [];
  for (const one of sockets) {
    if (!(await one.endsWithin(connectTimeoutMs + graceMs))) problems.push("one stays");
    one.end();
  }
  const refusedCount = (await bridge.metric("broker_address_refused_total")) - before;
  // On a slow machine the first may have left before the last are accepted.
  if (refusedCount < 500 - 2 * addressConnectionCountMax) problems.push(`${refusedCount} refused`);
  return { problems, counts: { refusedCount } };
}

/** As many connections as an address may have (half of them when brief), each in the middle of the largest packet. */
export async function partialPackets({ bridge, packetCount }: Force): Promise<Outcome> {
  const socketCount = Math.min(addressConnectionCountMax - 5, Math.ceil(packetCount / 100));
  const payload = Buffer.alloc(500 * 1024);
  const whole = encoded([publish(topics.events(storeId, edgeId), payload)])[0]!;
  const sockets: HostileSocket[] = [];
  for (let at = 0; at < socketCount; at += 1) {
    const one = await HostileSocket.connected(bridge, `:part-${at}`);
    sockets.push(one);
    one.send(whole.subarray(0, -1));
    await one.drained();
  }
  await delay(500);
  const { nowMiB } = await bridge.memoryMiB();
  for (const one of sockets) one.end();
  return { problems: [], counts: { socketCount: sockets.length, heldRssMiB: nowMiB } };
}

/** All of them, in the order in which they are played. */
export const attacks: Readonly<Record<string, (force: Force) => Promise<Outcome>>> = {
  ...{ foreignTopics, forgedWill, foreignFilters, largePayloads, flood, controlFlood },
  ...{ mutated, slowLoris, idleSockets, partialPackets },
};
