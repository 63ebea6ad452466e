// A technician's walks through a simulated portal: marked, recorded, fitted, and used by the portal.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { systemClock } from "../../../drivers/clock.ts";
import { loadEdgeConfig } from "../../../edge/config.ts";
import { portalConfigSchema } from "../../../edge/sense/portal-config.ts";
import { portalWeights } from "../../../edge/sense/portal-weights.ts";
import { fitToWalks, scoreFit, tooFew, walksOf } from "../../../edge/technician/label.ts";
import { addLabel, markWalks } from "../../../edge/technician/label-commands.ts";
import { portalScenarioSchema } from "../../../simulators/rfid-scenario.ts";
import { playPortal } from "../../../simulators/world/portal-scene.ts";

const portal = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1, 2] },
  sideB: { location: "s0042/floor", antennas: [3, 4] },
};
const kinds = ["in", "out", "pass_by", "turn_back", "in", "out"] as const;
const walkMs = 40_000;
const acts = Array.from({ length: 48 }, (_, index) => ({
  ...{ kind: kinds[index % kinds.length]!, atMs: 5_000 + index * walkMs, tagCount: 3 },
}));
const day = playPortal(
  portalScenarioSchema.parse({
    ...{ name: "walks", climate: "normal", durationMs: acts.length * walkMs, portal, acts },
    standingCount: 5,
  }),
  501,
);
const labels = acts.map(({ kind, atMs }) => ({
  atMs: day.startAtMs + atMs + walkMs - 2_000,
  what: kind,
}));
const walks = walksOf(day.readings, labels, portalConfigSchema.parse(portal));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-label-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("walks", () => {
  test("have their tags, without those that stand there", () => {
    const counts = walks.slice(0, -1).map(({ samples }) => samples.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(8);
    expect(counts.filter((count) => count >= 2).length).toBeGreaterThan(40);
    expect(walks[0]?.samples.every(({ label }) => label === 0)).toBe(true);
  });

  test("fitted weights do better on walks that they were not fitted to, and are seldom wrong", () => {
    const { before, after } = scoreFit(walks, 0.95);
    expect(after.surprise).toBeLessThan(before.surprise);
    expect(after.rightShare).toBeGreaterThan(before.rightShare - 0.03);
    expect(after.wrongShare).toBeLessThan(0.03);
    expect(after.sampleCount).toBe(before.sampleCount);
  });

  test("too few are refused, with what there is", () => {
    expect(tooFew(walks)).toBeUndefined();
    expect(tooFew(walks.slice(0, 12))).toContain("there are 12 (in 4, out 4)");
    const oneWay = walks.filter(({ label }) => label.what !== "out");
    expect(tooFew(oneWay)).toContain("out 0");
    const silent = walks.map((walk) => ({ ...walk, samples: [] }));
    expect(tooFew(silent)).toContain("48 in which no tag was read");
  });
});

describe("label mark", () => {
  test("a word is a label of the time it was typed; undo takes one back; other words are told", async () => {
    const file = join(folder, "marked.jsonl");
    const input = new PassThrough();
    let nowMs = 1_000;
    const clock = { ...systemClock, nowMs: () => (nowMs += 500) };
    const printed: string[] = [];
    const marking = markWalks(file, input, clock, (text) => printed.push(text));
    input.end("in\n OUT \nundo\nsideways\nturn\n\n");
    await marking;
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { atMs: 1_500, what: "in" },
      { atMs: 2_500, what: "turn_back" },
    ]);
    expect(printed.join("")).toContain('"sideways" is none of in, out, pass, turn, stay, undo');
  });
});

describe("label fit", () => {
  const run = async (...words: string[]) => {
    const printed: string[] = [];
    const program = new Command();
    addLabel(program, (text) => printed.push(text), systemClock);
    await program.parseAsync(["label", "fit", ...words], { from: "user" });
    return printed.join("");
  };
  const lines = (list: readonly object[]) => list.map((one) => `${JSON.stringify(one)}\n`).join("");
  const file = (name: string) => join(folder, name);
  const config = (more: object = {}) =>
    stringify({
      ...{ storeId: "s0042", edgeId: "edge-1", dataDir: "data" },
      broker: { url: "mqtt://127.0.0.1:9" },
      devices: [{ id: "portal-1", kind: "r2000", port: { path: "/dev/ttyUSB0" } }],
      portals: [{ ...portal, ...more }],
    });
  const given = (labelFile = "labels.jsonl", name = "portal-1") => [
    ...["--config", file("edge.yaml"), "--portal", name, "--recording", file("walks.jsonl")],
    ...["--labels", file(labelFile), "--out", file("weights.json")],
  ];
  beforeAll(async () => {
    await writeFile(file("edge.yaml"), config());
    await writeFile(file("walks.jsonl"), lines(day.readings));
    await writeFile(file("labels.jsonl"), lines(labels));
    await writeFile(file("few.jsonl"), lines(labels.slice(0, 5)));
    await writeFile(file("bad.jsonl"), '{"atMs":1,"what":"in"}\n{"atMs":2,"what":"up"}\n');
  });

  test("writes weights that the configuration then names", async () => {
    expect(await run(...given())).toMatch(/"before".*"after"[\s\S]*written: /);
    await writeFile(file("fitted.yaml"), config({ weightsFile: "weights.json" }));
    const { weights } = (await loadEdgeConfig(file("fitted.yaml"))).portals[0]!;
    expect(weights).toEqual(fitToWalks(walks));
    expect(weights).not.toEqual(portalWeights);
  });

  test("refuses what it cannot use, and says what it is", async () => {
    await expect(run(...given("few.jsonl"))).rejects.toThrow("too few walks: 24 walks are needed");
    await expect(run(...given("bad.jsonl"))).rejects.toThrow("bad.jsonl:2: ");
    await expect(run(...given("none.jsonl"))).rejects.toThrow("ENOENT");
    await expect(run(...given("labels.jsonl", "portal-9"))).rejects.toThrow("there are: portal-1");
  });

  test("weights of another version's figures are refused at the start", async () => {
    const [, ...short] = portalWeights.movedOdd;
    await writeFile(file("old.json"), JSON.stringify({ ...portalWeights, movedOdd: short }));
    await writeFile(file("old.yaml"), config({ weightsFile: "old.json" }));
    await expect(loadEdgeConfig(file("old.yaml"))).rejects.toThrow("fit them again");
    await writeFile(file("old.json"), "{}");
    await expect(loadEdgeConfig(file("old.yaml"))).rejects.toThrow("movedBias");
  });
});
