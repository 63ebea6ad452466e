import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeConfig, loadEdgeConfig } from "../../edge/config.ts";
import { replayFile } from "../../edge/replay.ts";

let folder: string;
let config: EdgeConfig;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-replay-"));
  config = await loadEdgeConfig("config/edge.example.yaml");
});
afterAll(() => rm(folder, { recursive: true }));

async function replay(lines: (object | string)[]) {
  const file = join(folder, "recording.jsonl");
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  await writeFile(file, texts.join("\n"));
  const events: Record<string, unknown>[] = [];
  const result = await replayFile(file, config, (line) => events.push(JSON.parse(line)));
  return { ...result, events };
}

const epc = "3034257BF7194E4000001A85";
const startAtMs = 1_763_888_000_000;
const read = (antenna: number, afterMs: number) => ({
  kind: "tag",
  deviceId: "portal-1",
  antenna,
  epc,
  rssiDbm: -50,
  receivedAtMs: startAtMs + afterMs,
});

test("a walk through the portal is one movement, decided though no reading follows", async () => {
  const walk = [1, 1, 2, 1, 3, 4, 3, 4].map((antenna, index) => read(antenna, index * 150));
  const { events, readingCount, badLines } = await replay(walk);
  expect(readingCount).toBe(8);
  expect(badLines).toEqual([]);
  const moved = events.filter((event) => event["type"] === "moved");
  expect(moved).toHaveLength(1);
  expect(moved[0]).toMatchObject({
    step: "stocking",
    from: { location: "s0042/stockroom" },
    to: { location: "s0042/floor" },
    item: { epc },
  });
});

test("the same recording gives the same events", async () => {
  const scans = Array.from({ length: 20 }, (_, index) => ({
    kind: "scan",
    deviceId: "till-1",
    symbology: "]E0",
    data: "9506000134352",
    receivedAtMs: startAtMs + index * 1000,
  }));
  const first = await replay(scans);
  expect(first.events).toHaveLength(20);
  expect((await replay(scans)).events).toEqual(first.events);
});

test("bad lines are named and the rest is replayed", async () => {
  const { badLines, readingCount } = await replay([
    read(1, 0),
    "{half",
    { kind: "tag" },
    read(1, 9),
  ]);
  expect(readingCount).toBe(2);
  expect(badLines.map((line) => line.match(/jsonl:(\d)/)?.[1])).toEqual(["2", "3"]);
});
