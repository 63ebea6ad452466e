import { describe, expect, test } from "vitest";
import { z } from "zod";
import { asyncApiDocument } from "../../contract/asyncapi.ts";
import { bridgeSubscriptions, parseTopic, partitionOf, topics } from "../../contract/topics.ts";

interface Document {
  readonly channels: Record<
    string,
    { address: string; parameters: Record<string, object>; messages: Record<string, Reference> }
  >;
  readonly operations: Record<
    string,
    { action: string; channel: Reference; messages: Reference[]; bindings: { mqtt: object } }
  >;
  readonly components: { messages: Record<string, { payload: Reference }>; schemas: object };
}
interface Reference {
  readonly $ref: string;
}

const document = asyncApiDocument("1") as Document;
const storeId = "s0042";
const values: Readonly<Record<string, string>> = {
  ...{ storeId, edgeId: "edge-1", gtin: "09506000134352", partition: String(partitionOf(storeId)) },
};
const addressOf = (name: string) =>
  document.channels[name]!.address.replace(/\{(\w+)\}/g, (_, each: string) => values[each]!);
const topicOf: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(topics).map(([name, make]) => {
    const second = name === "stock" ? values["gtin"]! : values["edgeId"]!;
    return [name, (make as (storeId: string, second: string) => string)(storeId, second)];
  }),
);

test("there is a channel for every topic, and no other", () => {
  expect(Object.keys(document.channels).sort()).toEqual(Object.keys(topics).sort());
});

describe.each(Object.keys(topics))("%s", (name) => {
  test("has the address that the contract makes and reads", () => {
    expect(addressOf(name)).toBe(topicOf[name]);
    expect(parseTopic(addressOf(name))?.channel).toBe(name);
    const names = [...document.channels[name]!.address.matchAll(/\{(\w+)\}/g)].map(
      ([, one]) => one,
    );
    expect(Object.keys(document.channels[name]!.parameters)).toEqual(names);
  });

  test("is received by the bridge where the bridge subscribes", () => {
    const subscribed = Object.keys(bridgeSubscriptions).includes(name);
    expect(document.operations[`receive_${name}`] !== undefined).toBe(subscribed);
    expect(document.operations[`send_${name}`] !== undefined && subscribed).toBe(false);
  });
});

test("every reference leads into the document", () => {
  const found = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)];
  expect(found.length).toBeGreaterThan(50);
  for (const [, path = ""] of found) {
    let target: unknown = document;
    for (const part of path.split("/")) target = (target as Record<string, unknown>)[part];
    expect(target, path).toBeTypeOf("object");
  }
  expect(JSON.stringify(document)).not.toMatch(/\$defs|"definitions"/);
});

test("a payload's schema takes a message and refuses another", () => {
  type JsonSchema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;
  const text = JSON.stringify(document.components.schemas);
  const $defs = JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/"));
  const { payload } = document.components.messages["Alert"]!;
  const $ref = payload.$ref.replace("#/components/schemas/", "#/$defs/");
  const schema = z.fromJSONSchema({ $ref, $defs } as JsonSchema);
  const alert = {
    storeId,
    code: "exit_unpaid",
    severity: "warning",
    atMs: 1,
    message: "",
    detail: {},
  };
  expect(schema.safeParse(alert).success).toBe(true);
  expect(schema.safeParse({ ...alert, severity: "loud" }).success).toBe(false);
});
