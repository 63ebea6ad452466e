// A fleet on the built bridge: everything that its edges accepted is in the ledger once, also when the bridge, and
// the broker in it, are killed meanwhile.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { runFleet } from "../../../simulators/fleet/fleet.ts";
import { Daemon } from "../../support/daemon.ts";

let folder: string;
let config: string;
let bridge: Daemon | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-fleet-"));
  config = join(folder, "bridge.yaml");
});
afterEach(async () => {
  await bridge?.end("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Starts the bridge; on a port of before, or on any (0). */
async function startBridge(port: number): Promise<number> {
  await writeFile(config, stringify({ dataDir: folder }));
  const ports = ["--port", String(port), "--http-port", "0"];
  bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
  const { brokerPort } = await bridge.line((line) => line.msg === "bridge ready");
  return Number(brokerPort);
}

const options = {
  storeCount: 30,
  eventsPerSecond: 150,
  connectsPerSecond: 300,
  connectMsMax: 20_000,
  drainMsMax: 60_000,
  gtinCount: 5,
  seed: 7,
  signal: new AbortController().signal,
  print: () => undefined,
};

test("what edges accepted is in the ledger once, though the bridge was killed", async () => {
  const port = await startBridge(0);
  const fleet = runFleet({ ...options, url: `mqtt://127.0.0.1:${port}`, durationMs: 4_000 });
  await delay(1_500);
  await bridge?.end("SIGKILL");
  await startBridge(port);
  const report = await fleet;
  expect(report.acknowledgedCount).toBe(report.acceptedCount);
  expect(report.acceptedCount).toBeGreaterThan(300);
  expect(report).toMatchObject({ storeCount: 30, onlineCount: 30, failedCount: 0 });
  expect(report.offlineMsMax).toBeGreaterThan(0);
  await bridge?.end("SIGTERM");

  const verify = Daemon.start("cloud-bridge", "verify", "--config", config, "--json");
  const { acceptedCount: eventCount } = report;
  const verdict = await verify.line((line) => line["eventCount"] !== undefined);
  expect(verdict).toMatchObject({ ok: true, storeCount: 30, eventCount, entryCount: eventCount });
}, 120_000);

test("without a broker nothing is acknowledged, and that is told", async () => {
  const problems: string[] = [];
  const report = await runFleet({
    ...options,
    ...{ storeCount: 2, connectMsMax: 100, durationMs: 200, drainMsMax: 100 },
    url: "mqtt://127.0.0.1:9",
    print: (line) => problems.push(line),
  });
  expect(report).toMatchObject({ onlineCount: 0, acknowledgedCount: 0, latencyMsP50: null });
  expect(report.acceptedCount).toBeGreaterThan(0);
  expect(problems.join()).toContain("ECONNREFUSED");
});
