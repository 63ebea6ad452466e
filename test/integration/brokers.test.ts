// Delivery over other brokers of MQTT 3.1.1: a fleet of real links and uplinks, the built bridge, and the broker as a
// process that is killed and comes back with nothing. At the end everything accepted is in the ledger once.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { topics } from "../../contract/topics.ts";
import { runFleet } from "../../simulators/fleet/fleet.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { Daemon } from "../support/daemon.ts";

/** Where a program is; undefined where it is not. */
function programFile(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** A broker: its program, and what it is started with. `round` makes every store a new one. */
const brokers = {
  mosquitto: {
    program: programFile("mosquitto"),
    start: async (folder: string, port: number) => {
      const file = join(folder, "mosquitto.conf");
      const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["-c", file];
    },
  },
  "nats-server": {
    program: programFile("nats-server"),
    start: async (folder: string, port: number, round: number) => {
      const file = join(folder, "nats.conf");
      const store = JSON.stringify(join(folder, `nats-${round}`));
      const lines = [
        ...["server_name: test", 'listen: "127.0.0.1:-1"', `jetstream { store_dir: ${store} }`],
        `mqtt { listen: "127.0.0.1:${port}" }`,
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["-c", file];
    },
  },
};

let folder: string;
const running = new Set<ChildProcess>();
let bridge: Daemon | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-brokers-"));
});
afterEach(async () => {
  await bridge?.end("SIGKILL");
  for (const child of running) await kill(child);
  await rm(folder, { recursive: true, force: true });
});

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a broker and waits until it listens. */
async function startBroker(
  { program, start }: (typeof brokers)[keyof typeof brokers],
  port: number,
  round: number,
): Promise<ChildProcess> {
  const child = spawn(program!, await start(folder, port, round), { stdio: "ignore" });
  running.add(child);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const socket = connect(port, "127.0.0.1");
    const isListening = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isListening) return child;
    await delay(100);
  }
  throw new Error(`${program} does not listen`);
}

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
      const first = await startBroker(broker, port, 1);
      await startBridge(port);
      const fleet = runFleet({
        ...{ url: `mqtt://127.0.0.1:${port}`, storeCount: 20, eventsPerSecond: 100 },
        ...{ durationMs: 8_000, connectsPerSecond: 200, connectMsMax: 20_000, drainMsMax: 90_000 },
        ...{ gtinCount: 5, seed: 3, signal: new AbortController().signal, print: () => undefined },
      });
      await delay(2_500);
      await kill(first);
      await delay(500);
      await startBroker(broker, port, 2);
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
      const verify = Daemon.start("cloud-bridge", "verify", "--ledger", ledger, "--json");
      const verdict = await verify.line((line) => line["eventCount"] !== undefined);
      expect(verdict).toMatchObject({ ok: true, eventCount: report.acceptedCount });
    },
    180_000,
  );
});
