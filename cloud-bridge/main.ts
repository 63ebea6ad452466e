// Composition root of the bridge: read it top to bottom to see the whole daemon. Start order: ledger,
// plans, broker, HTTP, link, publisher, READY. Stop order is the reverse. Clock and chance enter here.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { parseTopic } from "../contract/topics.ts";
import { Feed } from "./api/feed.ts";
import { ApiServer, type HealthReport } from "./api/server.ts";
import { ApiTokens } from "./api/tokens.ts";
import { EmbeddedBroker } from "./broker.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type BridgeConfig, loadPlans } from "./config.ts";
import { type FactFolderOptions, watchFactFolder } from "./fact-folder.ts";
import { Ingest } from "./ingest.ts";
import { KnownStores } from "./known-stores.ts";
import { isFeed } from "./ledger/facts.ts";
import type { Ledger, Posted } from "./ledger/types.ts";
import { openConfiguredLedger } from "./ledger-access.ts";
import { Lifecycle } from "./lifecycle.ts";
import {
  BridgeLink,
  type IncomingMessage,
  type LinkOptions,
  loopbackBackoff,
  networkBackoff,
  type OutgoingMessage,
} from "./link.ts";
import { type Logger, SparingLog } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { Outward } from "./outward.ts";
import { HelloRequests } from "./publish/hello-requests.ts";
import { publishPlans, storePlans } from "./publish/plans.ts";
import { Publishers } from "./publish/publishers.ts";
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
    life.fail(error);
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
  const refusals = new SparingLog(log);

  const plans = await loadPlans(config.plans);
  await mkdir(config.dataDir, { recursive: true });
  const ledger = await openConfiguredLedger(config, clock.nowMs(), count);
  life.onStop("ledger", () => ledger.close());
  await storePlans(ledger, plans, { log, nowMs: clock.nowMs() });
  const stores = KnownStores.of(ledger, plans);

  const { broker, access } = await openBroker(config, { log, count, life });
  let onFirstOnline: (() => void) | undefined;
  const firstOnline = new Promise<void>((resolve) => {
    onFirstOnline = resolve;
  });
  const link: BridgeLink = new BridgeLink({
    ...{ ...access, clock, random: Math.random, log, count },
    onMessage: (message) => route(message, { ingest, hello, publishers, log, count, life }),
    onOnline: () => {
      onFirstOnline?.();
      publishers.onOnline();
      life.watch(greet());
    },
  });
  const publishers = new Publishers({
    ...{ ...config.publish, ledger, link, clock, count },
    storeIds: () => stores.list(),
  });
  const feed = new Feed({ ledger, clock, count });
  const onPosted = (posted: Posted) => {
    publishers.onPosted(posted);
    feed.onPosted(posted);
  };
  const hello = new HelloRequests({
    ...{ link, count, newId: randomUUID },
    knownEdges: async () => (await ledger.positions()).filter(({ edgeId }) => !isFeed(edgeId)),
  });
  const publish = (message: OutgoingMessage) => link.publish(message);
  const greet = async () => {
    await publishPlans({ ledger, storeIds: await stores.list(), publish });
    await hello.onOnline();
  };
  const ingest = new Ingest({
    ...{ ledger, clock, count, commitDelayMs: config.ingest.commitDelayMs },
    publishAnswer: (topic, answer) =>
      life.watch(link.publish({ topic, payload: JSON.stringify(answer) })),
    onCommitted: (group) => {
      const committedAtMs = clock.nowMs();
      for (const committed of group) {
        metrics.onCommitted(committed, committedAtMs);
        onPosted(committed);
      }
    },
    onRefused: (topic, code, message) => refusals.warn(code, { topic, message }, "batch refused"),
    onFailure: (error) => life.fail(error),
  });

  addGauges(metrics, { link, ingest, publishers, broker, feed });

  const outward = await Outward.open({ config, ledger, link, clock, random: Math.random, count });
  const tokens = await openTokens(config, clock, log);
  const api = await ApiServer.open({
    ...{ ...config.http, ledger, stores, metrics, log, nowMs: clock.nowMs, feed, onPosted },
    ...outward.forApi,
    ...(tokens === undefined ? {} : { tokens }),
    health: () => healthOf({ link, ingest, publishers, ledger, clock }),
    onPlan: (storeId) => life.watch(publishPlans({ ledger, storeIds: [storeId], publish })),
  });
  life.onStop("http", () => api.close());
  // Stopping goes backward: commit and answer what waits, publish it, say goodbye to the broker.
  life.serve("link", (signal) => link.run(signal));
  life.serve("publisher", (signal) => publishers.run(signal));
  serveLedgerWork(life, { config, ledger, stores, clock, count, log, onPosted });
  life.serve("outward", (signal) => outward.run(signal));
  life.onStop("ingest", () => ingest.close());
  if (notify !== undefined) {
    const isHealthy = () => isAnswering(ledger, clock);
    life.serve("watchdog", (signal) => notify.runWatchdog(isHealthy, clock, signal));
  }
  // With a broker of its own, ready means that edges are heard. Another one may take its time.
  if (broker !== undefined) await Promise.race([firstOnline, life.stopping]);
  const brokerPort = broker === undefined ? {} : { brokerPort: broker.port };
  return { brokerUrl: access.url, ...brokerPort, httpPort: api.port };
}

/** What goes on in the ledger beside the edges. */
function serveLedgerWork(
  life: Lifecycle,
  parts: Omit<FactFolderOptions, "path" | "sourceId" | "intervalMs" | "ledger"> & {
    readonly config: BridgeConfig;
    readonly ledger: Ledger;
  },
): void {
  const { config, onPosted } = parts;
  life.serve("settlement", (signal) =>
    runSettlement({ ...parts, publishers: { onPosted } }, signal),
  );
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
  parts: {
    link: BridgeLink;
    ingest: Ingest;
    publishers: Publishers;
    broker: EmbeddedBroker | undefined;
    feed: Feed;
  },
): void {
  const { link, ingest, publishers, broker, feed } = parts;
  metrics.gauge("link_online", "Whether the broker is connected", () => Number(link.isOnline));
  metrics.gauge("link_in_flight", "Messages not yet acknowledged", () => link.inFlightCount);
  metrics.gauge("ingest_waiting", "Batches that wait for the ledger", () => ingest.waitingCount);
  metrics.gauge("publish_waiting", "What waits to be published", () => publishers.waitingCount);
  metrics.gauge("broker_connections", "Clients of the broker", () => broker?.connectionCount ?? 0);
  metrics.gauge("feed_listeners", "Listeners of the live feed", () => feed.listenerCount);
}

async function openTokens({ http }: BridgeConfig, clock: Clock, log: Logger) {
  if (http.tokensFile !== undefined)
    return await ApiTokens.open(http.tokensFile, clock.monotonicMs);
  const message = "no tokens are configured: everybody on this machine may do everything over HTTP";
  log.warn({ host: http.host, message }, "http open");
  return undefined;
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
    return {
      access: { url, clientId, clean: false, backoff: networkBackoff, ...login, ...secret },
    };
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

type BrokerAccess = Pick<
  LinkOptions,
  "url" | "clientId" | "clean" | "username" | "password" | "backoff"
>;

function route(
  { topic, payload, isRetained }: IncomingMessage,
  parts: {
    ingest: Ingest;
    hello: HelloRequests;
    publishers: Publishers;
    log: Logger;
    life: Lifecycle;
    count: Metrics["count"];
  },
): void {
  const parsed = parseTopic(topic);
  if (parsed?.channel === "events") {
    parts.ingest.handle(topic, payload);
  } else if (parsed?.channel === "status") {
    parts.publishers.onStatus(parsed, payload);
    parts.life.watch(parts.hello.onStatus(parsed, payload, isRetained));
  } else if (parsed?.channel === "reply") {
    parts.log.debug({ topic, payload: Buffer.from(payload).toString("utf8") }, "edge replied");
  } else {
    // Only on a broker of somebody else: the embedded one lets no such topic in.
    parts.count("topic_foreign");
    parts.log.debug({ code: "TOPIC_FOREIGN", topic }, "message ignored");
  }
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
