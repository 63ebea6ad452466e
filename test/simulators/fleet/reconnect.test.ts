// Everybody comes back at once: 500 real sockets on the built bridge, and 5,000 edges in virtual time on a broker that is slow.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { bridgeConfigSchema } from "../../../cloud-bridge/config.ts";
import { linkDelayMs } from "../../../edge/link.ts";
import { linkSettingsSchema } from "../../../edge/uplink-settings.ts";
import { runFleet } from "../../../simulators/fleet/fleet.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Daemon } from "../../support/daemon.ts";

const allBackMsMax = 300_000;
const mebibyte = 1024 * 1024;

describe("500 real sockets", () => {
  const storeCount = 500;
  let folder: string;
  let bridge: Daemon | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gondola-reconnect-"));
  });
  afterEach(async () => {
    await bridge?.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  async function startBridge(port: number): Promise<number> {
    const config = join(folder, "bridge.yaml");
    await writeFile(config, stringify({ dataDir: folder }));
    const ports = ["--port", String(port), "--http-port", "0"];
    bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
    const { brokerPort } = await bridge.line((line) => line.msg === "bridge ready", 60_000);
    return Number(brokerPort);
  }

  test("are all back in time after the broker was killed, within its memory, and nothing is lost", async () => {
    const port = await startBridge(0);
    let isTrading: (() => void) | undefined;
    const trading = new Promise<void>((resolve) => {
      isTrading = resolve;
    });
    const fleet = runFleet({
      ...{ url: `mqtt://127.0.0.1:${port}`, storeCount, eventsPerSecond: 100, durationMs: 8_000 },
      ...{ connectsPerSecond: 10_000, connectMsMax: 120_000, drainMsMax: allBackMsMax },
      ...{ gtinCount: 5, seed: 5, signal: new AbortController().signal, print: () => undefined },
      // For its word that trade has begun.
      burst: {
        factor: 1,
        durationMs: 10,
        warmUpMs: 10,
        recoverMsMax: 10,
        onSpan: () => isTrading?.(),
      },
    });
    await trading;
    await delay(1_000);
    await bridge?.end("SIGKILL");
    await startBridge(port);
    let rssBytesMax = 0;
    const look = setInterval(async () => {
      const rssBytes = await bridge?.rssBytes().catch(() => 0);
      rssBytesMax = Math.max(rssBytesMax, rssBytes ?? 0);
    }, 100);
    const report = await fleet.finally(() => clearInterval(look));
    expect(report).toMatchObject({ storeCount, onlineCount: storeCount, failedCount: 0 });
    expect(report.acknowledgedCount).toBe(report.acceptedCount);
    expect(report.acceptedCount).toBeGreaterThan(1_000);
    expect(report.offlineMsMax).toBeGreaterThan(0);
    expect(report.offlineMsMax).toBeLessThan(allBackMsMax);
    expect(rssBytesMax).toBeGreaterThan(50 * mebibyte);
    expect(rssBytesMax).toBeLessThan(384 * mebibyte);
  }, 300_000);
});

/**
 * Edges that all lost their broker at 0, with the link's own waits, on a broker that lets `admittedPerSecond` in, one after
 * the other, has room for so many that wait for it, and cuts those that wait longer than its `connectTimeoutMs`.
 */
function returnOf(edgeCount: number, admittedPerSecond: number, seed: number) {
  const random = seededRandom(seed);
  const settings = linkSettingsSchema.parse({});
  const { embedded } = bridgeConfigSchema.parse({ dataDir: "." }).broker;
  const { connectTimeoutMs } = embedded!;
  const roomCount = edgeCount + 16;
  /** Attempts by their time. */
  const due: { atMs: number; attempt: number }[] = [];
  const again = (fromMs: number, attempt: number) => {
    const atMs = fromMs + linkDelayMs(attempt, settings, random);
    const at = due.findLastIndex((each) => each.atMs <= atMs);
    due.splice(at + 1, 0, { atMs, attempt: attempt + 1 });
  };
  for (let edge = 0; edge < edgeCount; edge += 1) again(0, 0);
  let freeAtMs = 0;
  let backCount = 0;
  let result = { allBackMs: 0, waitingCountMax: 0, attemptCount: 0 };
  for (;;) {
    const next = due.shift();
    if (next === undefined) return { ...result, backCount };
    const { atMs, attempt } = next;
    const { waitingCountMax, attemptCount } = result;
    const waitingMs = Math.max(0, freeAtMs - atMs);
    const waitingCount = Math.ceil((waitingMs * admittedPerSecond) / 1000);
    result = {
      ...result,
      attemptCount: attemptCount + 1,
      waitingCountMax: Math.max(waitingCountMax, waitingCount),
    };
    if (attemptCount > 100 * edgeCount) return { ...result, backCount };
    // Whoever waits too long is cut and gone before the broker came to it.
    if (waitingCount >= roomCount || waitingMs > connectTimeoutMs) {
      again(atMs + Math.min(waitingMs, connectTimeoutMs), attempt);
      continue;
    }
    freeAtMs = Math.max(freeAtMs, atMs) + 1000 / admittedPerSecond;
    backCount += 1;
    result = { ...result, allBackMs: freeAtMs };
  }
}

describe("5,000 edges in virtual time", () => {
  // 370 a second is what one core does (SIZING.md: 2.7 ms each).
  test.each([
    [370, 1],
    [370, 2],
    [100, 1],
    [50, 1],
  ])("are back within five minutes where %i a second are let in, seed %i", (rate, seed) => {
    const { backCount, allBackMs, attemptCount } = returnOf(5_000, rate, seed);
    expect(backCount).toBe(5_000);
    expect(allBackMs).toBeGreaterThanOrEqual((5_000 / rate) * 1000);
    expect(allBackMs).toBeLessThan(allBackMsMax);
    // Waits that double keep the vain attempts few.
    expect(attemptCount).toBeLessThan(6 * 5_000);
  });
});
