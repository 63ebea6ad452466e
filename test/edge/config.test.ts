import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { loadEdgeConfig, loadPlan } from "../../edge/config.ts";

const example = "config/edge.example.yaml";
/** The example, loosely typed: the cases break it on purpose. */
interface Sketch {
  readonly devices: [object, object, ...object[]];
  readonly shelves: [object, ...object[]];
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Loads the example after `change`; the error's text. */
async function refusal(change: (config: Sketch) => void): Promise<string> {
  const config: Sketch = parse(await readFile(example, "utf8"));
  change(config);
  const file = join(folder, "edge.yaml");
  await writeFile(file, stringify(config));
  return await loadEdgeConfig(file).then(
    () => "accepted",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
}

describe("the example", () => {
  test("is accepted; relative paths count from the file, defaults are filled in", async () => {
    const config = await loadEdgeConfig(example);
    expect(config.plan).toBe(resolve("config/plans/s0042.yaml"));
    expect(config.dataDir).toBe("/var/lib/gondola-edge");
    expect(config.uplink.answerTimeoutMs).toBe(5_000);
    expect(config.outbox.sizeBytesMax).toBe(256 * 1024 * 1024);
  });
});

describe("a wrong configuration is refused by file, path and range", () => {
  const cases: [string, (config: Sketch) => void, string[]][] = [
    ["unknown key", (c) => Object.assign(c, { brokr: 1 }), ["edge.yaml", '"brokr"']],
    ["an id of a source", (c) => Reflect.set(c, "edgeId", "feed-pos"), ["edgeId", "feed-"]],
    ["missing key", (c) => Reflect.deleteProperty(c, "edgeId"), ["edgeId"]],
    ["reserved id", (c) => Object.assign(c, { storeId: "plan" }), ["storeId", "reserved"]],
    [
      "out of range",
      (c) => Object.assign(c, { uplink: { answerTimeoutMs: 5 } }),
      ["uplink.answerTimeoutMs", ">=100"],
    ],
    ["baud", (c) => Object.assign(c.devices[1], { port: { path: "/x", baudRate: 7 } }), ["300"]],
    [
      "driver option",
      (c) => Object.assign(c.devices[1], { options: { cellCont: 6 } }),
      ["devices[1].options", "load-cell-board", '"cellCont"'],
    ],
    [
      "kind",
      (c) => Object.assign(c.devices[0], { kind: "r9000" }),
      ["DRIVER_KIND_UNKNOWN", "r9000", "serial-scanner"],
    ],
    [
      "sensor without device",
      (c) => Object.assign(c.shelves[0], { deviceId: "shelf-9" }),
      ["shelves[0].deviceId", "shelf-9", "shelf-1"],
    ],
    [
      "zone without device",
      (c) => {
        const antennas = [{ deviceId: "reader-9", antennas: [1] }];
        const zones = [{ location: "s0042/floor", profile: "zone", antennas }];
        Object.assign(c, { presences: [{ id: "floor", zones }] });
      },
      ["presences[0].zones[0].antennas", "reader-9", "shelf-1"],
    ],
    [
      "two devices of one name",
      (c) => Object.assign(c.devices[1], { id: "portal-1" }),
      ["devices[1].id", "portal-1"],
    ],
  ];
  test.each(cases)("%s", async (_name, change, words) => {
    const text = await refusal(change);
    for (const word of words) expect(text).toContain(word);
  });
});

test("a file that is absent or no YAML is CONFIG_UNREADABLE and named", async () => {
  const absent = join(folder, "absent.yaml");
  await expect(loadEdgeConfig(absent)).rejects.toMatchObject({
    code: "CONFIG_UNREADABLE",
    message: expect.stringContaining("absent.yaml"),
  });
  const broken = join(folder, "broken.yaml");
  await writeFile(broken, "devices: [");
  await expect(loadPlan(broken)).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
});
