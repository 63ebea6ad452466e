// Packets of MQTT that are almost right: valid ones with bytes flipped, put in, taken out or cut off by seeded chance.

import { generate, type Packet } from "mqtt-packet";
import { topics } from "../../contract/topics.ts";
import { integerBetween, pickOne, type Random } from "../../simulators/random.ts";

/** The CONNECT of an edge that keeps to the rules. */
export function connectPacket(clientId: string, keepaliveSeconds = 0): Packet {
  return {
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4 },
    ...{ clean: true, clientId, keepalive: keepaliveSeconds },
  } as Packet;
}

/** One of each kind of packet that a client may send, and some that only a broker may. */
export function samplePackets(storeId: string, edgeId: string): Packet[] {
  const will = {
    ...{ topic: topics.status(storeId, edgeId), payload: Buffer.from("{}") },
    ...{ qos: 1 as const, retain: true },
  };
  const publish = (topic: string, qos: 0 | 1 | 2, retain = false): Packet => ({
    ...{ cmd: "publish", topic, payload: Buffer.from('{"schemaVersion":1}') },
    ...{ qos, retain, dup: false, messageId: 11 },
  });
  const filters = [topics.ack(storeId, edgeId), topics.plan(storeId)];
  const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
  return [
    connectPacket(`${storeId}:${edgeId}:probe`),
    { ...connectPacket(`${storeId}:${edgeId}`, 30), clean: false, will } as Packet,
    publish(topics.events(storeId, edgeId), 1),
    publish(topics.health(storeId, edgeId), 0),
    publish(topics.reply(storeId, edgeId), 2),
    publish(topics.status(storeId, edgeId), 1, true),
    { cmd: "subscribe", messageId: 12, subscriptions },
    { cmd: "unsubscribe", messageId: 13, unsubscriptions: filters },
    { cmd: "puback", messageId: 14 },
    { cmd: "pubrec", messageId: 11 },
    { cmd: "pubrel", messageId: 11 },
    { cmd: "pubcomp", messageId: 11 },
    { cmd: "pingreq" },
    { cmd: "pingresp" },
    { cmd: "suback", messageId: 12, granted: [1, 1] },
    { cmd: "connack", returnCode: 0, sessionPresent: false },
    { cmd: "disconnect" },
  ];
}

const changes: Record<string, (bytes: number[], at: number, random: Random) => void> = {
  flip(bytes, at, random) {
    bytes[at] = bytes[at]! ^ (1 << integerBetween(random, 0, 7));
  },
  replace(bytes, at, random) {
    bytes[at] = integerBetween(random, 0, 255);
  },
  insert(bytes, at, random) {
    bytes.splice(at, 0, integerBetween(random, 0, 255));
  },
  remove(bytes, at) {
    bytes.splice(at, 1);
  },
  cutOff(bytes, at) {
    bytes.length = at;
  },
};
const changeCountMax = 3;

/** One of the samples with one to three changes. */
export function mutatedPacket(samples: readonly Uint8Array[], random: Random): Uint8Array {
  const bytes = [...pickOne(random, samples)!];
  const names = Object.keys(changes);
  for (let count = integerBetween(random, 1, changeCountMax); count > 0; count -= 1) {
    if (bytes.length === 0) break;
    const at = integerBetween(random, 0, bytes.length - 1);
    changes[pickOne(random, names)!]!(bytes, at, random);
  }
  return Uint8Array.from(bytes);
}

/** Packets as bytes. */
export function encoded(packets: readonly Packet[]): Uint8Array[] {
  return packets.map((packet) => generate(packet));
}
