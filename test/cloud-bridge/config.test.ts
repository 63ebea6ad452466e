import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadBridgeConfig, loadPlans } from "../../cloud-bridge/config.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: string, name = "bridge.yaml"): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test("one line is a whole configuration", async () => {
  const config = await loadBridgeConfig(await file("dataDir: data"));
  expect(config.dataDir).toBe(join(folder, "data"));
  expect(config.broker.embedded).toMatchObject({ host: "127.0.0.1", port: 1883 });
  expect(config.http).toMatchObject({ host: "127.0.0.1", port: 8080 });
  expect(config.plans).toEqual([]);
});

test("paths count from the file", async () => {
  const content =
    "dataDir: /var/lib/x\nplans: [a/b.yaml]\nbroker: {url: 'mqtts://m:8883', passwordFile: p}";
  const config = await loadBridgeConfig(await file(content));
  expect(config.dataDir).toBe("/var/lib/x");
  expect(config.plans).toEqual([join(folder, "a/b.yaml")]);
  expect(config.broker).toMatchObject({ url: "mqtts://m:8883", passwordFile: join(folder, "p") });
});

test.each([
  ["dataDir: d\nhttp: {port: 99999}", "http.port: must be 1..65535, got 99999 (FILE)"],
  ["dataDir: d\nhttp: {port: eighty}", "http.port: must be 1..65535, got eighty (FILE)"],
  ["dataDir: 3", "dataDir: must be a text, got 3 (FILE)"],
  ["http: {}", "dataDir: must be a text, but is missing (FILE)"],
  ["dataDir: d\nhtpp: {}", "unknown key htpp (known are dataDir, logLevel,"],
  [
    "dataDir: d\nhttp: {prot: 1}",
    "http: unknown key prot (known are host, port, connectionCountMax, tokensFile) (FILE)",
  ],
  ["dataDir: d\nbroker: {}", "broker: needs either embedded or url (FILE)"],
  [
    "dataDir: d\nbroker: {embedded: {}, url: 'mqtt://a'}",
    "broker: needs either embedded or url (FILE)",
  ],
  [
    "dataDir: d\nbroker: {url: 'mqtt://u:secret@a'}",
    "broker.url: must be mqtt://host:port or mqtts://host:port, got mqtt://u:***@a (FILE)",
  ],
  [
    "dataDir: d\nledger: {postgres: {url: 'postgres://u@a/b?password=secret'}}",
    "(see passwordFile), got postgres://u@a/b?password=*** (FILE)",
  ],
  [
    "dataDir: d\nlogLevel: loud",
    "logLevel: must be one of trace, debug, info, warn, error, silent, got loud",
  ],
  [
    "dataDir: d\ningest: {commitDelayMs: 1.5}",
    "ingest.commitDelayMs: must be 0..1000, got 1.5 (FILE)",
  ],
  [
    "dataDir: d\nreceiving: {shipmentEndMs: 17280000000}",
    "receiving.shipmentKeepMs: must be at least shipmentEndMs",
  ],
  ["", "must be a group of the keys dataDir,"],
  ["a: [", "not YAML:"],
])("refuses %j", async (content, message) => {
  const path = await file(content);
  await expect(loadBridgeConfig(path)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(message.replace("FILE", path)),
  });
});

test("a file that is not there is CONFIG_UNREADABLE", async () => {
  const path = join(folder, "none.yaml");
  const message = expect.stringContaining(path);
  await expect(loadBridgeConfig(path)).rejects.toMatchObject({
    code: "CONFIG_UNREADABLE",
    message,
  });
});

test("a store has one plan, and a plan is checked", async () => {
  const plan =
    "{schemaVersion: 1, storeId: s1, version: 1, products: [], locations: [], facings: []}";
  const one = await file(plan, "one.yaml");
  const two = await file(plan, "two.yaml");
  expect(await loadPlans([one])).toMatchObject([{ storeId: "s1" }]);
  await expect(loadPlans([one, two])).rejects.toThrow(
    `storeId: ${one} has a plan for s1 too (${two})`,
  );
  const bad = await file(plan.replace("version: 1,", "version: 0,"), "bad.yaml");
  await expect(loadPlans([bad])).rejects.toThrow(`got 0 (${bad})`);
});

test("the example validates", async () => {
  const example = new URL("../../config/bridge.example.yaml", import.meta.url).pathname;
  const config = await loadBridgeConfig(example);
  expect(await loadPlans(config.plans)).not.toEqual([]);
});
