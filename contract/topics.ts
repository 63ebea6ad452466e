// Every topic of Gondola is written here and nowhere else. `1` is the version of the wire.

import { reservedIds } from "./units.ts";

const root = "gondola/1";

/** Number of partitions that bridge workers share. */
export const partitionCount = 64;

/**
 * Partition of a store: FNV-1a-32 of the id's UTF-8 bytes, modulo 64. Test values: s0042 -> 0,
 * s0001 -> 53, berlin-mitte -> 41.
 */
export function partitionOf(storeId: string): number {
  return fnv1a32(storeId) % partitionCount;
}

/** FNV-1a, 32 bits, of a text's UTF-8 bytes. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

const edge = (storeId: string, edgeId: string) => `${root}/${storeId}/${edgeId}`;

/** Names of topics. QoS and retention as DESIGN section 6 gives them. */
export const topics = {
  /** Edge to ledger: batches. QoS 1. */
  events: (storeId: string, edgeId: string) =>
    `${root}/p/${partitionOf(storeId)}/${storeId}/${edgeId}/events`,
  /** Ledger to edge: acknowledgements and refusals. QoS 1. */
  ack: (storeId: string, edgeId: string) => `${edge(storeId, edgeId)}/ack`,
  /** Online or offline. QoS 1, retained, last will. */
  status: (storeId: string, edgeId: string) => `${edge(storeId, edgeId)}/status`,
  /** Every 30 s. QoS 0. */
  health: (storeId: string, edgeId: string) => `${edge(storeId, edgeId)}/health`,
  /** To the edge. QoS 1. */
  command: (storeId: string, edgeId: string) => `${edge(storeId, edgeId)}/command`,
  /** The edge's answer to a command. QoS 1. */
  reply: (storeId: string, edgeId: string) => `${edge(storeId, edgeId)}/reply`,
  /** To the edges: products, weights, locations. QoS 1, retained. */
  plan: (storeId: string) => `${root}/${storeId}/plan`,
  /** To the edges: what is settled as sold. QoS 1, retained. */
  sold: (storeId: string) => `${root}/${storeId}/sold`,
  /** To consumers: the stock level of one GTIN. QoS 1, retained. */
  stock: (storeId: string, gtin: string) => `${root}/${storeId}/stock/${gtin}`,
  /** To consumers: posted entries. QoS 1. */
  entries: (storeId: string) => `${root}/${storeId}/entries`,
  /** To consumers: what a person should look at. QoS 1. */
  alerts: (storeId: string) => `${root}/${storeId}/alerts`,
  /** To consumers: every posted entry as an event of EPCIS 2.0. QoS 1. */
  epcis: (storeId: string) => `${root}/${storeId}/epcis`,
} as const;

/** Subscriptions of a bridge. */
export const bridgeSubscriptions = {
  events: `${root}/p/+/+/+/events`,
  status: `${root}/+/+/status`,
  health: `${root}/+/+/health`,
  reply: `${root}/+/+/reply`,
} as const;

/** Among bridges that share stores: up to where everything retained of a partition was published. QoS 1, retained. */
export function publishedTopic(partition: number): string {
  return `${root}/p/${partition}/published`;
}

/** The partition of such a topic; undefined for any other one. */
export function partitionOfPublished(topic: string): number | undefined {
  const [, text = ""] = /^gondola\/1\/p\/(\d{1,2})\/published$/.exec(topic) ?? [];
  const partition = Number.parseInt(text, 10);
  return partition < partitionCount ? partition : undefined;
}

/** Their subscription to it. */
export const publishedSubscription = `${root}/p/+/published`;

/** Subscription of the bridge worker that reads a partition. */
export function partitionSubscription(partition: number): string {
  return `${root}/p/${partition}/+/+/events`;
}

const edgeChannels = ["ack", "status", "health", "command", "reply"] as const;
const storeChannels = ["plan", "sold", "entries", "alerts", "epcis"] as const;
const isId = (name: string) =>
  /^[a-z0-9][a-z0-9-]{0,31}$/.test(name) && !(reservedIds as readonly string[]).includes(name);

/** What a topic means. */
export type Topic =
  | { channel: "events"; storeId: string; edgeId: string; partition: number }
  | { channel: (typeof edgeChannels)[number]; storeId: string; edgeId: string }
  | { channel: (typeof storeChannels)[number]; storeId: string }
  | { channel: "stock"; storeId: string; gtin: string };

/** Reads a topic name; undefined for one that is not ours (or names the wrong partition). */
export function parseTopic(topic: string): Topic | undefined {
  if (!topic.startsWith(`${root}/`)) return undefined;
  const names = topic.slice(root.length + 1).split("/");
  if (names[0] === "p") return parseEventsTopic(names);
  const [storeId, second, third] = names;
  if (storeId === undefined || second === undefined || !isId(storeId)) return undefined;
  if (names.length === 2) {
    const channel = storeChannels.find((name) => name === second);
    return channel === undefined ? undefined : { channel, storeId };
  }
  if (names.length !== 3 || third === undefined) return undefined;
  if (second === "stock") {
    return /^\d{14}$/.test(third) ? { channel: "stock", storeId, gtin: third } : undefined;
  }
  const channel = edgeChannels.find((name) => name === third);
  if (channel === undefined || !isId(second)) return undefined;
  return { channel, storeId, edgeId: second };
}

function parseEventsTopic(names: string[]): Topic | undefined {
  const [, partitionText, storeId, edgeId, channel] = names;
  if (names.length !== 5 || channel !== "events") return undefined;
  if (storeId === undefined || edgeId === undefined) return undefined;
  if (!isId(storeId) || !isId(edgeId)) return undefined;
  const partition = partitionOf(storeId);
  if (partitionText !== String(partition)) return undefined;
  return { channel, storeId, edgeId, partition };
}
