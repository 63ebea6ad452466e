// The edge's commands as a technician types them, built and as real processes.

import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { progressText } from "../../contract/commit-progress.ts";
import { recordedSchema } from "../../contract/reading.ts";
import { SqliteFile } from "../../edge/buffer/sqlite.ts";
import { ScanSource } from "../faults/scan-source.ts";
import { Daemon } from "../support/daemon.ts";

let folder: string;
let source: ScanSource;
let config: string;
beforeAll(async () => {
  source = await ScanSource.open();
  source.start(100);
});
afterAll(() => source.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-cli-"));
  config = join(folder, "edge.yaml");
  await writeFile(config, stringify(configuration()));
  return () => rm(folder, { recursive: true });
});

function configuration() {
  return {
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "data",
    // Nobody listens there: the edge is offline all the time.
    broker: { url: "mqtt://127.0.0.1:9" },
    logLevel: "debug",
    devices: [
      { id: "backdoor", kind: "serial-scanner", port: { host: "127.0.0.1", port: source.port } },
    ].map((device) => ({ ...device, options: { prefix: "aim" } })),
    scanners: [{ deviceId: "backdoor", workflow: "receive", location: "s0042/stockroom" }],
    outage: { settleMs: 200 },
  };
}

function command(...words: string[]) {
  const result = spawnSync(process.execPath, ["dist/edge/cli.js", ...words], { encoding: "utf8" });
  return { code: result.status, out: result.stdout, errors: result.stderr };
}

async function runUntilCommitted(count: number): Promise<Daemon> {
  const edge = Daemon.start("edge", "run", "--config", config);
  const isEnough = (line: Record<string, unknown>) =>
    line["msg"] === "committed" && Number(line["lastSequence"]) >= count;
  await edge.line(isEnough);
  return edge;
}

describe("run and outbox", () => {
  test("offline, everything waits; outbox says how much and since when, also while it runs", async () => {
    const edge = await runUntilCommitted(30);
    const running = JSON.parse(command("outbox", "--config", config, "--json").out);
    expect(await edge.end("SIGTERM")).toBe(0);
    const facts = JSON.parse(command("outbox", "--config", config, "--json").out);
    expect(running.waitingCount).toBeGreaterThanOrEqual(30);
    expect(facts.waitingCount).toBeGreaterThanOrEqual(running.waitingCount);
    expect(facts.waitingCount).toBe(facts.lastSequence);
    expect(Date.now() - facts.oldestWaitingAtMs).toBeLessThan(60_000);
    expect(command("outbox", "--config", config).out).toMatch(/^oldestWaitingAtMs +2\d{3}-/m);
  });

  test("killed and started again: the outbox goes on and the blind time is declared", async () => {
    const first = await runUntilCommitted(10);
    await first.end("SIGKILL");
    const before = JSON.parse(command("outbox", "--config", config, "--json").out);
    const second = await runUntilCommitted(before.lastSequence + 30);
    await second.end("SIGTERM");
    const after = JSON.parse(command("outbox", "--config", config, "--json").out);
    expect(after.outboxId).toBe(before.outboxId);
    expect(after.lastSequence).toBeGreaterThan(before.lastSequence);
    const sqlite = await SqliteFile.open({ file: join(folder, "data", "outbox.db"), mode: "read" });
    const gaps = await sqlite.read((sql) =>
      sql.all("SELECT sequence FROM event WHERE instr(body, 'sensing_gap') > 0"),
    );
    await sqlite.close();
    expect(gaps.length).toBeGreaterThan(0);
  });

  test("what is lost of the run before is said at the start, and the daemon runs", async () => {
    const first = await runUntilCommitted(10);
    await first.end("SIGTERM");
    const { outboxId, lastSequence } = JSON.parse(command("outbox", "-c", config, "--json").out);
    const file = join(folder, "data", "outbox.db");
    const ahead = { outboxId, commitSequence: 100_000, lastSequence: lastSequence + 1 };
    await writeFile(`${file}.progress`, progressText(ahead));
    const sqlite = await SqliteFile.open({ file, mode: "write" });
    await sqlite.write((sql) => sql.run("INSERT INTO state VALUES ('hit', 'by a flipped bit')"));
    await sqlite.close();
    const second = await runUntilCommitted(lastSequence + 20);
    const said = second.lines.find(({ msg }) => msg === "outbox set back");
    expect(said).toMatchObject({ cause: "cut", stateCount: 1 });
    expect(await second.end("SIGTERM")).toBe(0);
    const third = await runUntilCommitted(lastSequence + 40);
    expect(third.lines.some(({ msg }) => msg === "outbox set back")).toBe(false);
    await third.end("SIGTERM");
  });

  test("no outbox there: one line that says so", () => {
    const { code, errors } = command("outbox", "--data-dir", join(folder, "nowhere"));
    expect(code).not.toBe(0);
    expect(errors).toContain("nowhere");
  });
});

test("record writes readings that replay understands", async () => {
  const out = join(folder, "recording.jsonl");
  const recorder = Daemon.start("edge", "record", "--config", config, "--out", out);
  for (let text = ""; text.split("\n").length < 20; await new Promise((r) => setTimeout(r, 100))) {
    text = await readFile(out, "utf8").catch(() => "");
  }
  expect(await recorder.end("SIGTERM")).toBe(0);
  const lines = (await readFile(out, "utf8")).trim().split("\n");
  for (const line of lines) recordedSchema.parse(JSON.parse(line));
  const { code, out: events, errors } = command("replay", out, "--config", config);
  expect({ code, errors }).toMatchObject({
    code: 0,
    errors: expect.stringContaining("0 bad lines"),
  });
  const scanCount = lines.filter((line) => line.includes('"kind":"scan"')).length;
  const movedCount = events.split("\n").filter((line) => line.includes('"moved"')).length;
  expect(movedCount).toBe(scanCount);
});

test("an unknown key ends the start with code 2 and its name", async () => {
  await writeFile(config, stringify({ ...configuration(), brokr: {} }));
  const { code, errors } = command("run", "--config", config);
  expect({ code, errors }).toMatchObject({ code: 2, errors: expect.stringContaining('"brokr"') });
});
