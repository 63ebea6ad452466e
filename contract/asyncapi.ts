// The topics as an AsyncAPI 3.0 document, from the bridge's point of view: what it takes from edges and what it tells
// consumers. Addresses, messages and schemas come from the contract itself: `npm run schema:topics`.

import { epcisEventSchema } from "./epcis/event.ts";
import { definitionsOf, wireSchemas } from "./schema-export.ts";
import type { topics } from "./topics.ts";
import { webhookDeliverySchema } from "./webhook.ts";

type Channel = keyof typeof topics;
type Message = keyof typeof wireSchemas | "EpcisEvent";

interface ChannelText {
  readonly address: string;
  readonly message: Message;
  readonly description: string;
  /** What the bridge does with it; absent where only edges and tools talk. */
  readonly action?: "send" | "receive";
  readonly qos: 0 | 1;
  readonly isRetained?: true;
}

const ofEdge = "gondola/1/{storeId}/{edgeId}";
const ofStore = "gondola/1/{storeId}";

/** Every topic of the contract. */
const channels: Readonly<Record<Channel, ChannelText>> = {
  events: {
    address: "gondola/1/p/{partition}/{storeId}/{edgeId}/events",
    ...{ message: "Batch", action: "receive", qos: 1 },
    description:
      "Batches of events of an edge, one in flight; gzip above 1 KiB, known by its magic bytes. A batch without events is a hello.",
  },
  ack: {
    address: `${ofEdge}/ack`,
    ...{ message: "Answer", action: "send", qos: 1 },
    description: "How far the ledger has committed an outbox, or why a batch is refused.",
  },
  status: {
    address: `${ofEdge}/status`,
    ...{ message: "EdgeStatus", action: "receive", qos: 1, isRetained: true },
    description: "Whether an edge is online; its last will says offline.",
  },
  health: {
    address: `${ofEdge}/health`,
    ...{ message: "Health", action: "receive", qos: 0 },
    description: "How an edge does, every 30 s.",
  },
  command: {
    address: `${ofEdge}/command`,
    ...{ message: "Command", qos: 1 },
    description: "What a tool asks of an edge; a bridge asks for a hello.",
    action: "send",
  },
  reply: {
    address: `${ofEdge}/reply`,
    ...{ message: "Reply", action: "receive", qos: 1 },
    description: "The edge's answer to a command.",
  },
  plan: {
    address: `${ofStore}/plan`,
    ...{ message: "Plan", action: "send", qos: 1, isRetained: true },
    description: "Products and locations of a store; an edge ignores a lower version.",
  },
  sold: {
    address: `${ofStore}/sold`,
    ...{ message: "Sold", action: "send", qos: 1, isRetained: true },
    description: "What the ledger has settled as sold, for the exits.",
  },
  stock: {
    address: `${ofStore}/stock/{gtin}`,
    ...{ message: "StockLevel", action: "send", qos: 1, isRetained: true },
    description: "The stock of one GTIN; ignore a revision lower than one that you have seen.",
  },
  entries: {
    address: `${ofStore}/entries`,
    ...{ message: "Entry", action: "send", qos: 1 },
    description:
      "Posted entries in order, each at least once: one whose entryNumber was seen before is a repeat.",
  },
  alerts: {
    address: `${ofStore}/alerts`,
    ...{ message: "Alert", action: "send", qos: 1 },
    description:
      "What a person should look at, in order, each at least once: a number that is not above the last one seen is a repeat.",
  },
  epcis: {
    address: `${ofStore}/epcis`,
    ...{ message: "EpcisEvent", action: "send", qos: 1 },
    description:
      "Every entry as an event of EPCIS 2.0, at least once, in order of the store. One with errorDeclaration takes an earlier one back.",
  },
};

const parameters: Readonly<Record<string, object>> = {
  partition: { description: "FNV-1a-32 of the UTF-8 storeId, modulo 64" },
  storeId: { description: "A store, ^[a-z0-9][a-z0-9-]{0,31}$", examples: ["s0042"] },
  edgeId: { description: "An edge of the store, written as a store is", examples: ["edge-1"] },
  gtin: { description: "A GTIN of 14 digits", examples: ["09506000134352"] },
};

/** The document (AsyncAPI 3.0.0); every `$ref` stays in it. */
export function asyncApiDocument(version: string): object {
  const schemas = definitionsOf(
    { ...wireSchemas, EpcisEvent: epcisEventSchema, WebhookDelivery: webhookDeliverySchema },
    "draft-7",
  );
  const names = Object.keys(channels) as Channel[];
  const used = new Set(names.map((name) => channels[name].message));
  const document = {
    asyncapi: "3.0.0",
    info: {
      title: "Gondola wire 1",
      version,
      description: "Stock events of shops to a ledger, and what the ledger tells, over MQTT 3.1.1.",
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(names.map((name) => [name, channelOf(channels[name])])),
    operations: Object.fromEntries(
      names
        .filter((name) => channels[name].action !== undefined)
        .map((name) => [`${channels[name].action}_${name}`, operationOf(name, channels[name])]),
    ),
    components: {
      messages: Object.fromEntries(
        [...used].map((name) => [
          name,
          { name, payload: { $ref: `#/components/schemas/${name}` } },
        ]),
      ),
      schemas,
    },
  };
  return JSON.parse(JSON.stringify(document).replaceAll("#/$defs/", "#/components/schemas/"));
}

function channelOf({ address, message, description }: ChannelText): object {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return {
    address,
    description,
    parameters: Object.fromEntries(names.map((name) => [name, parameters[name]])),
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
  };
}

function operationOf(name: Channel, { action, message, qos, isRetained }: ChannelText): object {
  return {
    action,
    channel: { $ref: `#/channels/${name}` },
    messages: [{ $ref: `#/channels/${name}/messages/${message}` }],
    bindings: { mqtt: { qos, retain: isRetained ?? false, bindingVersion: "0.2.0" } },
  };
}
