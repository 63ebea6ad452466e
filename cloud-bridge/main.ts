// Composition root of the bridge: read it top to bottom to see the whole daemon. Start order: ledger,
// plans, broker, HTTP, link, publisher, READY. Stop order is the reverse. Clock and chance enter here.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { ApiServer, type HealthReport } from "./api/server.ts";
import { ApiTokens } from "./api/tokens.ts";
import { EmbeddedBroker } from "./broker.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type BridgeConfig, loadPlans } from "./config.ts";
import { EdgeBook, type EdgeBookOptions } from "./edges/edge-book.ts";
import { type FactFolderOptions, watchFactFolder } from "./fact-folder.ts";
import type { Ingest } from "./ingest.ts";
import { KnownStores } from "./known-stores.ts";
import type { Ledger, Posted } from "./ledger/types.ts";
import { openConfiguredLedger, serverAccess } from "./ledger-access.ts";
import { Lifecycle } from "./lifecycle.ts";
import { type BridgeLink, loopbackBackoff, networkBackoff } from "./link.ts";
import { type Logger, SparingLog } from "./log.ts";
import { type BrokerAccess, Messaging } from "./messaging.ts";
import { Metrics } from "./metrics.ts";
import { Outward } from "./outward.ts";
import { runPlanRefresh, storePlans } from "./publish/plans.ts";
import type { Publishers } from "./publish/publishers.ts";
import { readSecret } from "./secret-file.ts";
import { runSettlement } from "./settlement.ts";
import type { SystemdNotify } from "./systemd-notify.ts";
import { softwareVersion } from "./version.ts";

/** Where a bridge is found once it is ready. */
export interface BridgeReady {
  readonly brokerUrl: string;
  /** Of the embedded broker; absent with an external one. */
  readonly brokerPort?: number;
  readonly httpPort: number;
}

export interface BridgeRun {
  readonly log: Logger;
  /** Aborts to stop. */
  readonly signal: AbortSignal;
  readonly notify?: SystemdNotify;
  readonly onReady?: (ready: BridgeReady) => void;
}

const probeTimeoutMs = 5000;

/**
 * Runs a bridge until `signal` aborts. Rejects with the failure that kept it from starting or made it
 * stop: CONFIG_INVALID, BROKER_PORT_BUSY, HTTP_PORT_BUSY, LISTEN_FAILED, LEDGER_FAILED, LEDGER_CORRUPT.
 */
export async function runBridge(config: BridgeConfig, run: BridgeRun): Promise<void> {
  const life = new Lifecycle({ signal: run.signal, log: run.log, clock: systemClock });
  try {
    const ready = await startBridge(config, run, life);
    if (!life.signal.aborted) {
      run.log.info({ ...ready, version: softwareVersion() }, "bridge ready");
      run.notify?.ready(`broker ${ready.brokerUrl}, http port ${ready.httpPort}`);
      run.onReady?.(ready);
    }
  } catch (error) {
    // One that was told to stop while it started has not failed.
    if (!life.signal.aborted) life.fail(error);
  }
  await life.finish(() => {
    run.notify?.stopping();
    run.log.info({}, "bridge stopping");
  });
  run.log.info({}, "bridge stopped");
}

async function startBridge(
  config: BridgeConfig,
  { log, notify }: BridgeRun,
  life: Lifecycle,
): Promise<BridgeReady> {
  const clock = systemClock;
  const metrics = new Metrics();
  const { count } = metrics;

  const plans = await loadPlans(config.plans);
  await mkdir(config.dataDir, { recursive: true });
  const ledger = await openConfiguredLedger(config, clock.nowMs(), {
    ...{ count, signal: life.signal },
    onRefused: (err) => {
      count("ledger_refused");
      log.error({ err, code: err.code }, "ledger refused a transaction");
    },
  });
  life.onStop("ledger", () => ledger.close());
  await tellSetBacks(ledger, metrics, log);
  await storePlans(ledger, plans, { log, nowMs: clock.nowMs() });
  const stores = KnownStores.of(ledger, plans);
  const edges = await openEdges({ config, ledger, clock, count, log, life });

  const { broker, access } = await openBroker(config, { log, count, life });
  let onFirstOnline: (() => void) | undefined;
  const firstOnline = new Promise<void>((resolve) => {
    onFirstOnline = resolve;
  });
  const messaging = new Messaging({
    ...{ config, access, ledger, stores, edges, metrics, log, clock, life },
    server:
      config.workers && config.ledger.postgres && (await serverAccess(config.ledger.postgres)),
    onOnline: () => onFirstOnline?.(),
    upkeep: async (signal) => {
      await Promise.all([settle(signal), outward.run(signal), refreshPlans(signal)]);
    },
  });
  const { link, publishers, feed, ingest, worker } = messaging;
  const onPosted = (posted: Posted) => messaging.onPosted(posted);
  addGauges(metrics, messaging, broker, edges);

  const shipmentLimits = config.receiving;
  const settle = (signal: AbortSignal) =>
    runSettlement({ ledger, clock, count, publishers: { onPosted }, shipmentLimits }, signal);
  const refreshPlans = (signal: AbortSignal) => runPlanRefresh({ ledger, clock, count }, signal);
  const outward = await Outward.open({ config, ledger, link, clock, random: Math.random, count });
  const tokens = await openTokens(config, clock, log);
  const api = await ApiServer.open({
    ...{ ...config.http, ledger, stores, edges, metrics, log, nowMs: clock.nowMs, feed, onPosted },
    gradeValues: config.returns.gradeValues,
    ...outward.forApi,
    ...(tokens === undefined ? {} : { tokens }),
    health: () => healthOf({ link, ingest, publishers, ledger, clock }),
  });
  life.onStop("http", () => api.close());
  // Stopping goes backward: commit and answer what waits, publish it, say goodbye to the broker.
  life.serve("link", (signal) => link.run(signal));
  life.serve("publisher", (signal) => publishers.run(signal));
  serveFolder(life, { config, ledger, stores, clock, count, log, onPosted });
  if (worker === undefined) {
    life.serve("settlement", settle);
    life.serve("outward", (signal) => outward.run(signal));
    life.serve("plans", refreshPlans);
  }
  life.onStop("ingest", () => ingest.close());
  if (worker !== undefined) life.serve("worker", (signal) => worker.run(signal));
  if (notify !== undefined) {
    const isHealthy = () => isAnswering(ledger, clock);
    life.serve("watchdog", (signal) => notify.runWatchdog(isHealthy, clock, signal));
  }
  // With a broker of its own, ready means that edges are heard. Another one may take its time.
  if (broker !== undefined) await Promise.race([firstOnline, life.stopping]);
  const brokerPort = broker === undefined ? {} : { brokerPort: broker.port };
  return { brokerUrl: access.url, ...brokerPort, httpPort: api.port };
}

/** Says that the ledger went back to an earlier state: when that began the epoch that still is. */
async function tellSetBacks(ledger: Ledger, metrics: Metrics, log: Logger): Promise<void> {
  const setBacks = await ledger.setBacks();
  const [last] = setBacks;
  if (last?.ledgerEpoch === ledger.epoch) {
    log.error({ code: "LEDGER_SET_BACK", ...last }, "ledger went back");
  }
  const help = "How often the ledger went back to an earlier state";
  metrics.gauge("ledger_set_backs", help, () => setBacks.length);
}

/** The edges as far as they are known; who else tells of itself is told in the log. */
async function openEdges(
  parts: Pick<EdgeBookOptions, "ledger" | "clock" | "count"> & {
    readonly config: BridgeConfig;
    readonly log: Logger;
    readonly life: Lifecycle;
  },
): Promise<EdgeBook> {
  const { clock, config, log, life } = parts;
  const refusals = new SparingLog(log, () => clock.monotonicMs());
  const edges = await EdgeBook.open({
    ...{ ...parts, settings: config.edges },
    onRefused: (code, fields) => refusals.warn(code, fields, "edge's message refused"),
  });
  life.serve("edges", (signal) => edges.run(signal));
  return edges;
}

/** Facts that come as files. */
function serveFolder(
  life: Lifecycle,
  parts: Omit<FactFolderOptions, "path" | "sourceId" | "intervalMs" | "ledger"> & {
    readonly config: BridgeConfig;
    readonly ledger: Ledger;
  },
): void {
  const { config } = parts;
  if (config.factFolder === undefined) return;
  const { source: sourceId, ...folder } = config.factFolder;
  life.serve("fact folder", (signal) => watchFactFolder({ ...parts, ...folder, sourceId }, signal));
}

async function healthOf(parts: {
  link: BridgeLink;
  ingest: Ingest;
  publishers: Publishers;
  ledger: Ledger;
  clock: Clock;
}): Promise<HealthReport> {
  const { link, ingest, publishers, ledger, clock } = parts;
  return {
    broker: link.isOnline ? "online" : "offline",
    ledger: (await isAnswering(ledger, clock)) ? "answers" : "silent",
    ingest: { waitingCount: ingest.waitingCount },
    publish: { waitingCount: publishers.waitingCount },
    ledgerEpoch: ledger.epoch,
    version: softwareVersion(),
  };
}

function addGauges(
  metrics: Metrics,
  { link, ingest, publishers, feed, worker }: Messaging,
  broker: EmbeddedBroker | undefined,
  edges: EdgeBook,
): void {
  metrics.gauge("link_online", "Whether the broker is connected", () => Number(link.isOnline));
  metrics.gauge("link_in_flight", "Messages not yet acknowledged", () => link.inFlightCount);
  metrics.gauge("ingest_waiting", "Batches that wait for the ledger", () => ingest.waitingCount);
  metrics.gauge("publish_waiting", "What waits to be published", () => publishers.waitingCount);
  metrics.gauge("broker_connections", "Clients of the broker", () => broker?.connectionCount ?? 0);
  metrics.gauge("feed_listeners", "Listeners of the live feed", () => feed.listenerCount);
  metrics.gauge("edges_kept", "Edges whose numbers are kept", () => edges.keptCount);
  const quarantine = "Events and facts that lie in the ledger's quarantine";
  metrics.gauge("quarantined_rows", quarantine, () => edges.quarantinedCount);
  if (worker === undefined) return;
  const heard = () => worker.standing.heardCount;
  metrics.gauge("worker_partitions_heard", "Partitions whose edges are heard here", heard);
  metrics.gauge("workers", "Workers that are there", () => worker.standing.memberCount);
}

async function openTokens({ http }: BridgeConfig, clock: Clock, log: Logger) {
  if (http.tokensFile !== undefined)
    return await ApiTokens.open(http.tokensFile, clock.monotonicMs);
  const message = "no tokens are configured: everybody on this machine may do everything over HTTP";
  log.warn({ host: http.host, message }, "http open");
  return undefined;
}

async function readCertificates({ caFile, certFile, keyFile }: BridgeConfig["broker"]) {
  return {
    ...(caFile && { ca: await readSecret(caFile, "broker.caFile") }),
    ...(certFile && { cert: await readSecret(certFile, "broker.certFile") }),
    ...(keyFile && { key: await readSecret(keyFile, "broker.keyFile") }),
  };
}

/** The broker to use: the embedded one, started here, or the configured one. */
async function openBroker(
  config: BridgeConfig,
  parts: { log: Logger; count: Metrics["count"]; life: Lifecycle },
): Promise<{ broker?: EmbeddedBroker; access: BrokerAccess }> {
  const { embedded, url, clientId, username, passwordFile } = config.broker;
  if (embedded === undefined) {
    assert(url !== undefined);
    const login = username === undefined ? {} : { username };
    const secret =
      passwordFile === undefined
        ? {}
        : { password: await readSecret(passwordFile, "broker.passwordFile") };
    const certificates = () => readCertificates(config.broker);
    // A file that is not there is told at the start, not by a link that never comes up.
    await certificates();
    const shown = { ...login, ...secret, certificates };
    return { access: { url, clientId, clean: false, backoff: networkBackoff, ...shown } };
  }
  const login = {
    clientId: `bridge-${randomUUID()}`,
    username: "bridge",
    password: randomBytes(32).toString("hex"),
  };
  const broker = await EmbeddedBroker.open({ ...parts, settings: embedded, login });
  parts.life.onStop("broker", () => broker.close());
  const asksWho = embedded.tls !== undefined || embedded.passwordsFile !== undefined;
  if (!asksWho && !/^(127\.|::1$|localhost$)/.test(embedded.host)) {
    const message = "the broker listens beyond this machine and asks nobody who they are";
    parts.log.warn({ host: embedded.host, message }, "broker open");
  }
  return {
    broker,
    access: { url: broker.url, clean: true, backoff: loopbackBackoff, ...login },
  };
}

/** Whether the ledger answers a small question in time. */
async function isAnswering(ledger: Pick<Ledger, "plan">, clock: Clock): Promise<boolean> {
  return await new Promise((resolve) => {
    const cancel = clock.timer(probeTimeoutMs, () => resolve(false));
    const settle = (isAlive: boolean) => {
      cancel();
      resolve(isAlive);
    };
    ledger.plan("probe").then(
      () => settle(true),
      () => settle(false),
    );
  });
}
