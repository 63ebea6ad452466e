// Delivery over other brokers of MQTT 3.1.1: a fleet of real links and uplinks, the built bridge, and the broker as a
// process that is killed and comes back with nothing. At the end everything accepted is in the ledger once.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { topics } from "../../contract/topics.ts";
import { runFleet } from "../../simulators/fleet/fleet.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import {
  brokers,
  freePort,
  killBroker,
  killBrokers,
  startBroker,
} from "../support/broker-process.ts";
import { Daemon } from "../support/daemon.ts";
import { verdictOf } from "../support/invariants.ts";

let folder: string;
let bridge: Daemon | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-brokers-"));
});
afterEach(async () => {
  await bridge?.end("SIGKILL");
  await killBrokers();
  await rm(folder, { recursive: true, force: true });
});

async function startBridge(port: number): Promise<void> {
  const config = join(folder, "bridge.yaml");
  const broker = { url: `mqtt://127.0.0.1:${port}`, clientId: "bridge-1" };
  await writeFile(config, stringify({ dataDir: join(folder, "data"), broker }));
  bridge = Daemon.start("cloud-bridge", "run", "--config", config, "--http-port", "0");
  await bridge.line((line) => line.msg === "bridge ready");
}

describe.each(Object.entries(brokers))("%s", (name, broker) => {
  test.skipIf(broker.program === undefined)(
    `everything accepted is in the ledger once, though broker and bridge are killed (skipped where ${name} is missing)`,
    async () => {
      const port = await freePort();
      const first = await startBroker(broker, folder, port);
      await startBridge(port);
      const fleet = runFleet({
        ...{ url: `mqtt://127.0.0.1:${port}`, storeCount: 20, eventsPerSecond: 100 },
        ...{ durationMs: 8_000, connectsPerSecond: 200, connectMsMax: 20_000, drainMsMax: 90_000 },
        ...{ gtinCount: 5, seed: 3, signal: new AbortController().signal, print: () => undefined },
      });
      await delay(2_500);
      await killBroker(first);
      await delay(500);
      await startBroker(broker, folder, port, 2);
      await delay(2_000);
      await bridge?.end("SIGKILL");
      await startBridge(port);
      const report = await fleet;
      expect(report.acknowledgedCount).toBe(report.acceptedCount);
      expect(report).toMatchObject({ onlineCount: 20, failedCount: 0 });
      expect(report.acceptedCount).toBeGreaterThan(500);

      // The second broker began with nothing: levels are there again, retained.
      const consumer = await TestClient.open(port, { clientId: "consumer" });
      await consumer.subscribe(topics.stock("f00001", "+"));
      const level = await consumer.message(({ retain }) => retain, 20_000);
      expect(JSON.parse(level.payload.toString())).toMatchObject({ storeId: "f00001" });
      await consumer.close();
      await bridge?.end("SIGTERM");

      const ledger = join(folder, "data/ledger.db");
      const verdict = await verdictOf("--ledger", ledger);
      expect(verdict.code, verdict.text).toBe(0);
      expect(verdict.ledger.eventCount).toBe(report.acceptedCount);
    },
    180_000,
  );
});
