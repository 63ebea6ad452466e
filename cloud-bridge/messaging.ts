// What goes over the broker, and how its parts hang together: the link, batches to the ledger, answers and topics back,
// hellos, and where several bridges share the stores this one's part of them.

import { randomUUID } from "node:crypto";
import {
  bridgeSubscriptions,
  parseTopic,
  partitionOf,
  partitionOfPublished,
  publishedSubscription,
} from "../contract/topics.ts";
import { Feed } from "./api/feed.ts";
import type { Clock } from "./clock.ts";
import type { BridgeConfig } from "./config.ts";
import type { EdgeBook } from "./edges/edge-book.ts";
import { type EdgeName, readStatus } from "./edges/edge-messages.ts";
import { Ingest } from "./ingest.ts";
import type { KnownStores } from "./known-stores.ts";
import { isFeed } from "./ledger/facts.ts";
import type { PostgresOptions } from "./ledger/postgres.ts";
import type { Committed, Incoming, Ledger, Posted } from "./ledger/types.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { BridgeLink, type IncomingMessage, type LinkOptions } from "./link.ts";
import { type Logger, SparingLog } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { HelloRequests } from "./publish/hello-requests.ts";
import { Publishers } from "./publish/publishers.ts";
import { RetainedMarks } from "./publish/retained-marks.ts";
import { Worker } from "./workers/worker.ts";

/** How the broker is reached. */
export type BrokerAccess = Pick<
  LinkOptions,
  "url" | "clientId" | "clean" | "username" | "password" | "certificates" | "backoff"
>;

export interface MessagingOptions {
  readonly config: BridgeConfig;
  readonly access: BrokerAccess;
  /** The server of a ledger that several bridges share. */
  readonly server: PostgresOptions | undefined;
  readonly ledger: Ledger;
  readonly stores: KnownStores;
  readonly edges: EdgeBook;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly life: Lifecycle;
  readonly onOnline: () => void;
  /** What one bridge does for all that share the ledger, until its signal aborts. */
  readonly upkeep: (signal: AbortSignal) => Promise<void>;
}

/** The bridge as its edges and consumers see it. */
export class Messaging {
  readonly link: BridgeLink;
  readonly publishers: Publishers;
  readonly feed: Feed;
  readonly ingest: Ingest;
  /** Undefined where this bridge is the only one. */
  readonly worker: Worker | undefined;
  readonly #options: MessagingOptions;
  readonly #hello: HelloRequests;
  /** Undefined where this bridge is the only one. */
  readonly #marks: RetainedMarks | undefined;

  constructor(options: MessagingOptions) {
    const { config, access, ledger, stores, metrics, log, clock, life } = options;
    const { count } = metrics;
    this.#options = options;
    const workerId = randomUUID().slice(0, 8);
    this.link = new BridgeLink({
      ...{ ...access, clock, random: Math.random, log, count },
      ...sessionOf(config, access.clientId, workerId),
      onMessage: (message) => this.#onMessage(message),
      onConnected: () => this.#marks?.onConnected(),
      onOnline: () => this.#onOnline(),
    });
    const { link } = this;
    if (config.workers !== undefined) {
      this.#marks = new RetainedMarks({ ledger, link, clock, count });
    }
    this.publishers = new Publishers({
      ...{ ...config.publish, ledger, link, clock, count, marks: this.#marks },
      edges: options.edges,
      isHeld: (storeId) => this.#isHeld(storeId),
      storeIds: async () => (await stores.list()).filter((storeId) => this.#isHeld(storeId)),
    });
    this.feed = new Feed({ ledger, clock, count });
    this.#hello = new HelloRequests({
      ...{ link, count, newId: randomUUID, isHeld: (storeId) => this.#isHeld(storeId) },
      knownEdges: async () => (await ledger.positions()).filter(({ edgeId }) => !isFeed(edgeId)),
    });
    const refusals = new SparingLog(log, () => clock.monotonicMs());
    this.ingest = new Ingest({
      ...{ ledger, clock, count, commitDelayMs: config.ingest.commitDelayMs },
      publishAnswer: (topic, answer) =>
        life.watch(link.publish({ topic, payload: JSON.stringify(answer), isAnswer: true })),
      onCommitted: (results, group) => this.#onCommitted(results, group),
      onRefused: (topic, code, message) => refusals.warn(code, { topic, message }, "batch refused"),
      onFailure: (error) => life.fail(error),
    });
    this.worker = this.#openWorker(workerId);
    options.edges.share((storeId) => this.#isHeld(storeId));
  }

  /** Takes what was committed, whoever did it; returns at once. */
  onPosted(posted: Posted): void {
    if (this.worker !== undefined) {
      this.worker.relay.onPosted(posted);
    } else {
      this.publishers.onPosted(posted);
      this.feed.onPosted(posted);
    }
  }

  #isHeld(storeId: string): boolean {
    return this.worker?.holds(storeId) ?? true;
  }

  #onOnline(): void {
    const { life, onOnline } = this.#options;
    onOnline();
    life.watch(this.publishers.onOnline());
    life.watch(this.#hello.onOnline());
  }

  #onCommitted(results: readonly Committed[], group: readonly Incoming[]): void {
    const { clock, edges, metrics } = this.#options;
    const committedAtMs = clock.nowMs();
    edges.onCommitted(group, results);
    for (const committed of results) {
      metrics.onCommitted(committed, committedAtMs);
      this.onPosted(committed);
    }
  }

  #openWorker(workerId: string): Worker | undefined {
    const { config, access, server, metrics, log, clock, life, upkeep } = this.#options;
    const { workers: settings } = config;
    if (settings === undefined || server === undefined) return undefined;
    return new Worker({
      ...{ workerId, settings, server, access, log, clock, upkeep },
      ...{ feed: this.feed, publishers: this.publishers },
      ...{ random: Math.random, count: metrics.count },
      onMessage: (message) => this.#onMessage(message),
      onFailure: (error) => life.fail(error),
      onMembers: (hasCome) => this.publishers.onMembers(hasCome),
      onTaken: (partitions) => life.watch(this.publishers.onTaken(partitions)),
      onHeard: (partitions) =>
        life.watch(this.#hello.onHeard((storeId) => partitions.has(partitionOf(storeId)))),
    });
  }

  #onStatus(edge: EdgeName, payload: Uint8Array, isRetained: boolean): void {
    const { edges, life, metrics } = this.#options;
    const status = readStatus(edge, payload);
    if (typeof status === "string") {
      metrics.count("message_invalid");
      return;
    }
    edges.onStatus(edge, status, isRetained);
    life.watch(this.#hello.onStatus(edge, status, isRetained));
  }

  #onMessage({ topic, payload, isRetained }: IncomingMessage): void {
    const { edges, life, log, metrics } = this.#options;
    const parsed = parseTopic(topic);
    const partition = partitionOfPublished(topic);
    if (partition !== undefined) {
      const isCleared = this.#marks?.onMessage(partition, payload, isRetained);
      if (isCleared) life.watch(this.publishers.onCleared(partition));
    } else if (parsed?.channel === "events") {
      this.ingest.handle(topic, payload);
    } else if (parsed?.channel === "status") {
      this.#onStatus(parsed, payload, isRetained);
    } else if (parsed?.channel === "health") {
      edges.onHealth(parsed, payload, isRetained);
    } else if (parsed?.channel === "reply") {
      log.debug({ topic, payload: Buffer.from(payload).toString("utf8") }, "edge replied");
    } else {
      // Only on a broker of somebody else: the embedded one lets no such topic in.
      metrics.count("topic_foreign");
      log.debug({ code: "TOPIC_FOREIGN", topic }, "message ignored");
    }
  }
}

/** The session of the bridge's own link: a worker reads batches in the sessions of its partitions. */
function sessionOf(
  { workers }: BridgeConfig,
  clientId: string,
  workerId: string,
): { subscriptions: string[]; clientId?: string; clean?: boolean } {
  const { events, ...others } = bridgeSubscriptions;
  if (workers === undefined) return { subscriptions: [events, ...Object.values(others)] };
  const subscriptions = [...Object.values(others), publishedSubscription];
  return { subscriptions, clientId: `${clientId}-${workerId}`, clean: true };
}
