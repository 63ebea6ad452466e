// `gondola-sim fleet`: thousands of stores on one broker, from one process. Each has the real link and uplink; what
// they trade, when, is by a seed. Tells what got through, how fast, and how long edges were without their broker.

import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { type Clock, sleep, systemClock } from "../../drivers/clock.ts";
import { integerBetween, seededRandom } from "../random.ts";
import { FleetEdge } from "./fleet-edge.ts";
import { Latencies } from "./latencies.ts";
import {
  type BurstOptions,
  type FleetTotals,
  Span,
  type SpanName,
  type SpanReport,
  waitingCountOf,
} from "./span.ts";

/** What a fleet does. */
export interface FleetOptions {
  readonly url: string;
  readonly storeCount: number;
  /** Movements a second, of all stores together. */
  readonly eventsPerSecond: number;
  readonly durationMs: number;
  /** After that time the rate goes up, down again, and so much time passes once more. */
  readonly burst?: BurstOptions;
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
  /** The stretches of trade, one by one. */
  readonly spans: readonly SpanReport[];
  /** From the end of a burst until no more waited than usually before it; null where that did not come in time. */
  readonly recoveryMs: number | null;
  readonly rssBytes: number;
  readonly counters: Readonly<Record<string, number>>;
}

const tickMs = 20;
const printMs = 5_000;
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
  readonly #latencies: Latencies;
  readonly #spans: Span[] = [];
  #recoveryMs: number | null = null;
  #offlineMsMax = 0;
  #offeredCount = 0;
  #acceptedCount = 0;
  #problemCount = 0;

  constructor(options: FleetOptions, clock: Clock) {
    const { url, storeCount, gtinCount, seed } = options;
    this.#options = options;
    this.#clock = clock;
    this.#random = seededRandom(seed);
    this.#latencies = new Latencies(this.#random);
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
    const { signal } = this.#options;
    const end = new AbortController();
    // Each edge listens for the end, which is no leak.
    setMaxListeners(this.#edges.length * 4, end.signal);
    const connected = this.#connectAll(end.signal);
    const connectMs = await this.#untilOnline(signal);
    const startedMs = this.#clock.monotonicMs();
    await this.#tradeInSpans();
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

  async #tradeInSpans(): Promise<void> {
    const { eventsPerSecond, durationMs, burst } = this.#options;
    const usual = { eventsPerSecond, durationMs };
    if (burst !== undefined) {
      await this.#trade("warm_up", { ...usual, durationMs: burst.warmUpMs });
    }
    const before = await this.#trade("before", usual);
    if (burst === undefined) return;
    const { factor, recoverMsMax } = burst;
    const high = { eventsPerSecond: factor * eventsPerSecond, durationMs: burst.durationMs };
    await this.#trade("burst", high);
    const isBack = () => waitingCountOf(this.#totals()) <= before.waitingCountUsual;
    const recovery = { ...usual, durationMs: recoverMsMax, isOver: isBack };
    const { startedMs } = await this.#trade("recovery", recovery);
    if (isBack()) this.#recoveryMs = Math.round(this.#clock.monotonicMs() - startedMs);
    await this.#trade("after", usual);
  }

  async #trade(
    name: SpanName,
    plan: { eventsPerSecond: number; durationMs: number; isOver?: () => boolean },
  ): Promise<Span> {
    const { burst, print, signal } = this.#options;
    const startedMs = this.#clock.monotonicMs();
    const span = new Span(name, startedMs, this.#totals(), this.#random);
    this.#spans.push(span);
    burst?.onSpan?.(name);
    let doneCount = 0;
    let printedMs = startedMs;
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      span.look(nowMs, this.#totals());
      if (signal.aborted || nowMs >= startedMs + plan.durationMs || plan.isOver?.()) return span;
      const dueCount = ((nowMs - startedMs) * plan.eventsPerSecond) / 1000;
      for (; doneCount < dueCount; doneCount += 1) this.#moveSomewhere();
      if (nowMs - printedMs >= printMs) {
        printedMs = nowMs;
        print(this.#line());
      }
      await sleep(this.#clock, tickMs, signal);
    }
  }

  #totals(): FleetTotals {
    return {
      offeredCount: this.#offeredCount,
      acceptedCount: this.#acceptedCount,
      acknowledgedCount: this.#latencies.count,
      batchCount: this.#counters.get("uplink_batches_sent") ?? 0,
    };
  }

  #moveSomewhere(): void {
    const edge = this.#edges[integerBetween(this.#random, 0, this.#edges.length - 1)];
    this.#offeredCount += 1;
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
    this.#latencies.add(ms);
    const acceptedMs = this.#clock.monotonicMs() - ms;
    this.#spans.findLast(({ startedMs }) => startedMs <= acceptedMs)?.latencies.add(ms);
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
    const totals = this.#totals();
    return `${this.#onlineCount()} of ${this.#edges.length} edges online, ${totals.acceptedCount} events, ${waitingCountOf(totals)} waiting`;
  }

  #report(times: { connectMs: number; tradedMs: number; drainMs: number }): FleetReport {
    return {
      storeCount: this.#edges.length,
      onlineCount: this.#onlineCount(),
      failedCount: this.#edges.filter((edge) => edge.hasFailed).length,
      acceptedCount: this.#acceptedCount,
      acknowledgedCount: this.#latencies.count,
      connectMs: Math.round(times.connectMs),
      eventsPerSecond: Math.round((this.#acceptedCount * 1000) / times.tradedMs),
      ...this.#latencies.percentiles(),
      offlineMsMax: Math.round(this.#offlineMsMax),
      drainMs: Math.round(times.drainMs),
      spans: this.#spans.map((span) => span.report()),
      recoveryMs: this.#recoveryMs,
      rssBytes: process.memoryUsage.rss(),
      counters: Object.fromEntries(this.#counters),
    };
  }
}
