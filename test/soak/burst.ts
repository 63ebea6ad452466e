// A burst: a fleet of stores at its usual rate, for a while at 20 times that, then at the usual one again, on a real
// bridge. Events wait at the edges, as each has but one batch in flight; nothing is lost, twice or out of order.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { runFleet } from "../../simulators/fleet/fleet.ts";
import type { SpanName, SpanReport } from "../../simulators/fleet/span.ts";
import { Daemon } from "../support/daemon.ts";

const storeCount = 100;
const burstFactor = 20;
const sampleMs = 250;

/** How long, and how fast. */
export interface BurstPlan {
  /** Of all stores together, before and after. */
  readonly eventsPerSecond: number;
  /** Before and, once the backlog is gone, after. */
  readonly usualMs: number;
  readonly burstMs: number;
  readonly warmUpMs: number;
}

/** The bridge in one stretch. */
interface BridgeLoad {
  rssBytesMax: number;
  /** Batches that waited for the ledger, and messages for consumers. */
  ingestWaitingMax: number;
  publishWaitingMax: number;
}

/** How it went. */
export interface BurstReport {
  readonly storeCount: number;
  readonly spans: readonly (SpanReport & Partial<BridgeLoad>)[];
  /** From the end of the burst until no more events waited than before it. */
  readonly recoveryMs: number | null;
  readonly acceptedCount: number;
  readonly acknowledgedCount: number;
  readonly lostCount: number;
  readonly repeatedCount: number;
  /** Entries that stand before one of an earlier event of the same edge. */
  readonly disorderedCount: number;
  readonly edgeCounters: Readonly<Record<string, number>>;
  readonly bridgeCounters: Readonly<Record<string, number>>;
  /** `gondola-bridge verify`. */
  readonly isRight: boolean;
  readonly verdict: string;
}

/** Plays a burst. */
export async function playBurst(
  plan: BurstPlan,
  print: (line: string) => void = () => undefined,
): Promise<BurstReport> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-burst-"));
  const config = join(folder, "bridge.yaml");
  await writeFile(config, stringify({ dataDir: "bridge" }));
  const ports = ["--port", "0", "--http-port", "0"];
  const bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
  try {
    const { brokerPort, httpPort } = await bridge.line((line) => line.msg === "bridge ready");
    const watch = new BridgeWatch(bridge, Number(httpPort));
    const fleet = await runFleet({
      ...{ url: `mqtt://127.0.0.1:${brokerPort}`, storeCount, connectsPerSecond: 100 },
      ...{
        eventsPerSecond: plan.eventsPerSecond,
        durationMs: plan.usualMs,
        gtinCount: 50,
        seed: 1,
      },
      ...{ connectMsMax: 30_000, drainMsMax: 60_000, signal: new AbortController().signal, print },
      burst: {
        ...{ factor: burstFactor, durationMs: plan.burstMs, warmUpMs: plan.warmUpMs },
        recoverMsMax: 20 * plan.burstMs,
        onSpan: (name) => watch.enter(name),
      },
    });
    await watch.close();
    const bridgeCounters = await watch.counters();
    await bridge.end("SIGTERM");
    const posted = await countPosted(join(folder, "bridge/ledger.db"));
    return {
      storeCount,
      spans: fleet.spans.map((span) => ({ ...span, ...watch.loads.get(span.name) })),
      recoveryMs: fleet.recoveryMs,
      acceptedCount: fleet.acceptedCount,
      acknowledgedCount: fleet.acknowledgedCount,
      lostCount: fleet.acceptedCount - posted.eventCount,
      repeatedCount: posted.entryCount - posted.eventCount,
      disorderedCount: posted.disorderedCount,
      edgeCounters: fleet.counters,
      bridgeCounters,
      ...(await verify(config)),
    };
  } finally {
    await bridge.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Looks at the bridge again and again. */
class BridgeWatch {
  readonly loads = new Map<SpanName, BridgeLoad>();
  readonly #bridge: Daemon;
  readonly #url: string;
  #load: BridgeLoad | undefined;
  #isClosed = false;
  #looking: Promise<void> | undefined;

  constructor(bridge: Daemon, httpPort: number) {
    this.#bridge = bridge;
    this.#url = `http://127.0.0.1:${httpPort}`;
  }

  /** A stretch begins. */
  enter(name: SpanName): void {
    this.#load = { rssBytesMax: 0, ingestWaitingMax: 0, publishWaitingMax: 0 };
    this.loads.set(name, this.#load);
    this.#looking ??= this.#look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking;
  }

  /** Its counters of what came in and what the broker refused or slowed down. */
  async counters(): Promise<Record<string, number>> {
    const response = await fetch(`${this.#url}/metrics`);
    const found = (await response.text()).matchAll(
      /^gondola_bridge_((?:ingest|broker)_\w+)_total (\d+)$/gm,
    );
    return Object.fromEntries([...found].map(([, name, value]) => [name, Number(value)]));
  }

  async #look(): Promise<void> {
    for (; !this.#isClosed; await delay(sampleMs)) {
      const rssBytes = await this.#bridge.rssBytes();
      const response = await fetch(`${this.#url}/health`);
      const { ingest, publish } = (await response.json()) as Record<string, BridgeQueue>;
      const load = this.#load;
      if (load === undefined) continue;
      load.rssBytesMax = Math.max(load.rssBytesMax, rssBytes);
      load.ingestWaitingMax = Math.max(load.ingestWaitingMax, ingest?.waitingCount ?? 0);
      load.publishWaitingMax = Math.max(load.publishWaitingMax, publish?.waitingCount ?? 0);
    }
  }
}

interface BridgeQueue {
  readonly waitingCount: number;
}

/** What stands in the ledger: events, entries (one for each event of a fleet), and those that are out of order. */
async function countPosted(path: string) {
  const connection = await SqliteConnection.open({ path });
  try {
    const before =
      "LAG(sequence) OVER (PARTITION BY store_id, outbox_id ORDER BY entry_number) AS before";
    const [row] = await connection.all<PostedCounts>(`
      SELECT COUNT(*) AS entryCount,
        COUNT(DISTINCT store_id || '/' || outbox_id || '/' || sequence) AS eventCount,
        COALESCE(SUM(sequence <= before), 0) AS disorderedCount
      FROM (SELECT store_id, outbox_id, sequence, ${before} FROM entries)`);
    return row!;
  } finally {
    await connection.close();
  }
}

interface PostedCounts {
  readonly entryCount: number;
  readonly eventCount: number;
  readonly disorderedCount: number;
}

async function verify(config: string) {
  const daemon = Daemon.start("cloud-bridge", "verify", "--config", config, "--json");
  const isRight = (await daemon.exited()) === 0;
  return { isRight, verdict: daemon.lines.map((line) => JSON.stringify(line)).join("\n") };
}
