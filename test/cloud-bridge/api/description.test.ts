// The description of the API, of a real bridge: every route is in it, with what it takes and what it answers.

import { expect, test } from "vitest";
import type { TestBridge } from "../bridge.ts";
import { withBridge } from "../with-bridge.ts";

let bridge: TestBridge;
withBridge(async (opened) => {
  bridge = opened.bridge;
});

interface Content {
  readonly content?: Readonly<Record<string, object>>;
}
interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { in: string; name: string; required?: boolean }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

async function operations(): Promise<Map<string, Operation>> {
  const { paths } = (await bridge.get("/openapi.json")).body as {
    paths: Record<string, Record<string, Operation>>;
  };
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    ),
  );
}
const typesOf = (part: Content | undefined) => Object.keys(part?.content ?? {});

test("each says what it is, where it takes what, and that its errors are problem documents", async () => {
  const all = await operations();
  expect(all.size).toBeGreaterThan(100);
  for (const [name, { summary, parameters = [], responses }] of all) {
    expect([name, summary ?? ""]).toEqual([name, expect.stringMatching(/./)]);
    const inPath = parameters.flatMap((each) => (each.in === "path" ? [each.name] : []));
    const wanted = [...name.matchAll(/\{([^}]+)\}/g)].map(([, word]) => word);
    expect([name, inPath.sort()]).toEqual([name, wanted.sort()]);
    if (name.includes(" /v1/") || name.includes(" /01/"))
      expect([name, typesOf(responses["4XX"])]).toEqual([name, ["application/problem+json"]]);
  }
});

test("bodies, types and headers are those that the routes take", async () => {
  const all = await operations();
  const bodyOf = (name: string) => typesOf(all.get(name)?.requestBody);
  const xml = ["application/xml", "text/xml"];
  const json = ["application/json", "application/ld+json"];
  expect(bodyOf("POST /v1/epcis/capture")).toEqual([...json, ...xml]);
  expect(bodyOf("POST /v1/epcis/events")).toEqual(json);
  expect(bodyOf("POST /v1/catalogue")).toEqual(["application/json", "text/csv"]);
  const answerOf = (name: string) => typesOf(all.get(name)?.responses["200"]);
  expect(answerOf("GET /v1/stores/{store}/feed")).toEqual(["text/event-stream"]);
  const namesOf = (name: string) => all.get(name)?.parameters?.map((each) => each.name);
  expect(namesOf("GET /v1/epcis/events")).toEqual(
    expect.arrayContaining(["EQ_bizStep", "MATCH_epc", "GE_eventTime", "perPage"]),
  );
  expect(namesOf("GET /v1/epcis/expected-receipts")).toContain("store");
  const keys = [...all].flatMap(([name, { parameters = [] }]) =>
    parameters
      .filter((each) => each.name === "Idempotency-Key")
      .map(({ required }) => [name, required]),
  );
  expect(keys.length).toBeGreaterThan(3);
  expect(keys.filter(([, isRequired]) => isRequired !== true)).toEqual([]);
});
