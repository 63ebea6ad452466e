// `gondola-sim fleet`: thousands of stores on one broker, from one process. Each has the real link and uplink; what
// they trade, when, is by a seed. Tells what got through, how fast, and how long edges were without their broker.

import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { type Clock, sleep, systemClock } from "../../drivers/clock.ts";
import { integerBetween, seededRandom } from "../random.ts";
import { FleetEdge } from "./fleet-edge.ts";

/** What a fleet does. */
export interface FleetOptions {
  readonly url: string;
  readonly storeCount: number;
  /** Movements a second, of all stores together. */
  readonly eventsPerSecond: number;
  readonly durationMs: number;
  /** How many edges connect in a second, so that the start is no storm unless one is asked for. */
  readonly connectsPerSecond: number;
  /** How long trade waits for edges to connect. */
  readonly connectMsMax: number;
  /** How long what waits at the end may take to arrive. */
  readonly drainMsMax: number;
  readonly gtinCount: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** One line now and then. */
  readonly print: (line: string) => void;
}

/** How it went. */
export interface FleetReport {
  readonly storeCount: number;
  readonly onlineCount: number;
  readonly failedCount: number;
  readonly acceptedCount: number;
  readonly acknowledgedCount: number;
  /** Until every edge had its broker. */
  readonly connectMs: number;
  readonly eventsPerSecond: number;
  /** From acceptance to acknowledgement. */
  readonly latencyMsP50: number | null;
  readonly latencyMsP99: number | null;
  readonly latencyMsMax: number;
  /** The longest that an edge which came back was without its broker, while they traded. */
  readonly offlineMsMax: number;
  readonly drainMs: number;
  readonly rssBytes: number;
  readonly counters: Readonly<Record<string, number>>;
}

const tickMs = 20;
const printMs = 5_000;
/** Latencies kept for the percentiles, evenly chosen among all. */
const sampleCountMax = 100_000;
/** Problems of connections that are printed; of thousands of edges the rest says the same. */
const problemCountMax = 10;

/** Runs a fleet for its time and drains it. */
export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const fleet = new Fleet(options, systemClock);
  return await fleet.run();
}

class Fleet {
  readonly #options: FleetOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #edges: readonly FleetEdge[];
  readonly #counters = new Map<string, number>();
  readonly #latenciesMs: number[] = [];
  #latencyMsMax = 0;
  #offlineMsMax = 0;
  #acceptedCount = 0;
  #acknowledgedCount = 0;
  #problemCount = 0;

  constructor(options: FleetOptions, clock: Clock) {
    const { url, storeCount, gtinCount, seed } = options;
    this.#options = options;
    this.#clock = clock;
    this.#random = seededRandom(seed);
    const bootId = randomUUID();
    const shared = {
      ...{ url, bootId, gtinCount, clock, random: this.#random, randomId: randomUUID },
      count: (name: string, by = 1) => this.#count(name, by),
      onLatency: (ms: number) => this.#acknowledged(ms),
      onBack: (ms: number) => {
        this.#offlineMsMax = Math.max(this.#offlineMsMax, ms);
      },
      onProblem: (message: string) => this.#problem(message),
      onFailure: (storeId: string, error: unknown) => this.#problem(`${storeId}: ${String(error)}`),
    };
    this.#edges = Array.from({ length: storeCount }, (_, at) => {
      const storeId = `f${String(at + 1).padStart(5, "0")}`;
      return new FleetEdge({ ...shared, storeId, outboxId: randomUUID() });
    });
  }

  async run(): Promise<FleetReport> {
    const { durationMs, signal } = this.#options;
    const end = new AbortController();
    // Each edge listens for the end, which is no leak.
    setMaxListeners(this.#edges.length * 4, end.signal);
    const connected = this.#connectAll(end.signal);
    const connectMs = await this.#untilOnline(signal);
    const startedMs = this.#clock.monotonicMs();
    await this.#trade(startedMs, durationMs, signal);
    const tradedMs = this.#clock.monotonicMs();
    await this.#drain(tradedMs, signal);
    const drainMs = this.#clock.monotonicMs() - tradedMs;
    const report = this.#report({ connectMs, tradedMs: tradedMs - startedMs, drainMs });
    end.abort();
    await Promise.all(await connected);
    return report;
  }

  /** Connects one after the other; gives their runs. */
  async #connectAll(signal: AbortSignal): Promise<Promise<void>[]> {
    const runs: Promise<void>[] = [];
    const startedMs = this.#clock.monotonicMs();
    for (const edge of this.#edges) {
      const dueMs = startedMs + (runs.length * 1000) / this.#options.connectsPerSecond;
      const waitMs = dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) await sleep(this.#clock, waitMs, signal);
      if (signal.aborted) break;
      runs.push(edge.run(signal));
    }
    return runs;
  }

  /** Trade begins when every edge has its broker, or cannot get it in time; gives how long that took. */
  async #untilOnline(signal: AbortSignal): Promise<number> {
    const startedMs = this.#clock.monotonicMs();
    const passedMs = () => this.#clock.monotonicMs() - startedMs;
    let printedMs = 0;
    while (this.#onlineCount() < this.#edges.length && passedMs() < this.#options.connectMsMax) {
      if (signal.aborted) break;
      await sleep(this.#clock, tickMs, signal);
      if (passedMs() - printedMs < printMs) continue;
      printedMs = passedMs();
      this.#options.print(this.#line());
    }
    this.#offlineMsMax = 0;
    return passedMs();
  }

  async #trade(startedMs: number, durationMs: number, signal: AbortSignal): Promise<void> {
    let doneCount = 0;
    let printedMs = startedMs;
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      if (signal.aborted || nowMs >= startedMs + durationMs) return;
      const dueCount = ((nowMs - startedMs) * this.#options.eventsPerSecond) / 1000;
      for (; doneCount < dueCount; doneCount += 1) this.#moveSomewhere();
      if (nowMs - printedMs >= printMs) {
        printedMs = nowMs;
        this.#options.print(this.#line());
      }
      await sleep(this.#clock, tickMs, signal);
    }
  }

  #moveSomewhere(): void {
    const edge = this.#edges[integerBetween(this.#random, 0, this.#edges.length - 1)];
    if (edge?.move()) this.#acceptedCount += 1;
    else this.#count("events_withheld", 1);
  }

  async #drain(startedMs: number, signal: AbortSignal): Promise<void> {
    const isWaiting = () =>
      this.#edges.some((edge) => edge.outbox.waitingCount > 0 && !edge.hasFailed);
    const untilMs = startedMs + this.#options.drainMsMax;
    while (!signal.aborted && isWaiting() && this.#clock.monotonicMs() < untilMs) {
      await sleep(this.#clock, tickMs, signal);
    }
  }

  #acknowledged(ms: number): void {
    this.#acknowledgedCount += 1;
    this.#latencyMsMax = Math.max(this.#latencyMsMax, ms);
    // Reservoir sampling: each latency is kept with the same chance.
    const slot = integerBetween(this.#random, 0, this.#acknowledgedCount - 1);
    if (this.#latenciesMs.length < sampleCountMax) this.#latenciesMs.push(ms);
    else if (slot < sampleCountMax) this.#latenciesMs[slot] = ms;
  }

  #problem(message: string): void {
    this.#count("problems", 1);
    this.#problemCount += 1;
    if (this.#problemCount <= problemCountMax) this.#options.print(message);
    if (this.#problemCount === problemCountMax) this.#options.print("further problems are counted");
  }

  #count(name: string, by: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }

  #onlineCount(): number {
    return this.#edges.filter((edge) => edge.isOnline).length;
  }

  #line(): string {
    const waitingCount = this.#acceptedCount - this.#acknowledgedCount;
    return `${this.#onlineCount()} of ${this.#edges.length} edges online, ${this.#acceptedCount} events, ${waitingCount} waiting`;
  }

  #report(spans: { connectMs: number; tradedMs: number; drainMs: number }): FleetReport {
    const sorted = this.#latenciesMs.toSorted((left, right) => left - right);
    const at = (share: number) => rounded(sorted[Math.ceil(share * sorted.length) - 1]);
    return {
      storeCount: this.#edges.length,
      onlineCount: this.#onlineCount(),
      failedCount: this.#edges.filter((edge) => edge.hasFailed).length,
      acceptedCount: this.#acceptedCount,
      acknowledgedCount: this.#acknowledgedCount,
      connectMs: Math.round(spans.connectMs),
      eventsPerSecond: Math.round((this.#acceptedCount * 1000) / spans.tradedMs),
      latencyMsP50: at(0.5),
      latencyMsP99: at(0.99),
      latencyMsMax: Math.round(this.#latencyMsMax),
      offlineMsMax: Math.round(this.#offlineMsMax),
      drainMs: Math.round(spans.drainMs),
      rssBytes: process.memoryUsage.rss(),
      counters: Object.fromEntries(this.#counters),
    };
  }
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
