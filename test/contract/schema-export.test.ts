import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { exportJsonSchema } from "../../contract/schema-export.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
type JsonSchema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;
const exported = exportJsonSchema() as { $schema: string; $defs: Record<string, JsonSchema> };
/** The schema of one message as an integrator takes it from the document. */
const schemaOf = (message: string): JsonSchema => ({
  $ref: `#/$defs/${message}`,
  $defs: JSON.parse(JSON.stringify(exported.$defs)),
});

/** What may be written to a topic or into a recording: one definition each. */
const messages = [
  ...["Reading", "Event", "Gap", "Batch", "Answer", "EdgeStatus", "Health", "Command", "Reply"],
  ...["Plan", "Sold", "StockLevel", "Entry", "Alert"],
];

test("there is a definition for every message, and no other", () => {
  const names = Object.keys(exported.$defs).filter((name) => !/_part\d+$/.test(name));
  expect(names.sort()).toEqual([...messages].sort());
});

test("every message that a topic carries has a schema in a file of contract/", () => {
  const files = readdirSync(`${root}contract`).filter((name) => name.endsWith(".ts"));
  const source = files.map((name) => readFileSync(`${root}contract/${name}`, "utf8")).join("\n");
  for (const message of messages) {
    const name = message === "Event" ? "StockEvent" : message;
    expect(source).toContain(`export type ${name} = z.infer<`);
  }
});

test("every reference leads to a definition of the document", () => {
  const references = JSON.stringify(exported).matchAll(/"\$ref":"([^"]*)"/g);
  const targets = new Set([...references].map(([, target]) => target));
  expect(targets.size).toBeGreaterThan(0);
  const known = new Set(Object.keys(exported.$defs).map((name) => `#/$defs/${name}`));
  for (const target of targets) expect(known).toContain(target);
});

test("it is draft 2020-12, and the same after JSON", () => {
  expect(exported.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
  expect(JSON.parse(JSON.stringify(exported))).toEqual(exported);
});

describe.each(messages.map((message) => [message]))("%s", (message) => {
  const definition = exported.$defs[message]!;

  test("is a JSON Schema that a validator can be built of", () => {
    expect(() => z.fromJSONSchema(schemaOf(message))).not.toThrow();
  });

  test("names every key it requires, and allows no other", () => {
    const objects = objectsOf(definition);
    expect(objects.length).toBeGreaterThan(0);
    for (const { properties, required, additionalProperties } of objects) {
      expect(additionalProperties).toBe(false);
      for (const key of required ?? []) expect(Object.keys(properties)).toContain(key);
    }
  });
});

test.each([
  ["Reply", { id: "6b1f0f0e-3f6c", ok: true }, true],
  ["Reply", { id: "6b1f0f0e-3f6c", ok: "yes" }, false],
  ["Reply", { id: "6b1f0f0e-3f6c", ok: true, extra: 1 }, false],
  ["Reading", { kind: "device", deviceId: "p-1", state: "online", receivedAtMs: 1 }, true],
  ["Reading", { kind: "device", deviceId: "P 1", state: "online", receivedAtMs: 1 }, false],
  [
    "Plan",
    { schemaVersion: 1, storeId: "s1", version: 1, products: [], locations: [], facings: [] },
    true,
  ],
  [
    "Plan",
    { schemaVersion: 1, storeId: "s1", version: 0, products: [], locations: [], facings: [] },
    false,
  ],
])("as an integrator uses it: %s of %j is %s", (message, value, isTaken) => {
  const validator = z.fromJSONSchema(schemaOf(message));
  expect(validator.safeParse(value).success).toBe(isTaken);
});

test("the command prints the same document", () => {
  const words = ["--import", "tsx", "contract/schema-export.ts"];
  const text = execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  expect(JSON.parse(text)).toEqual(exported);
});

interface ObjectSchema {
  readonly properties: Record<string, unknown>;
  readonly required?: string[];
  readonly additionalProperties?: unknown;
}

/** Every object with named properties in a schema, however deep. */
function objectsOf(schema: unknown): ObjectSchema[] {
  if (schema === null || typeof schema !== "object") return [];
  const below = Object.values(schema).flatMap(objectsOf);
  const isObject = "type" in schema && schema.type === "object" && "properties" in schema;
  return isObject ? [schema as unknown as ObjectSchema, ...below] : below;
}
