// What the edge says of itself every 30 s, and the counters behind it.

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Health, RunningConfig } from "../contract/delivery.ts";
import { errorMessageOf } from "../contract/errors.ts";
import type { Clock } from "../drivers/clock.ts";
import type { Outbox } from "./buffer/outbox.ts";
import type { EdgeClock } from "./clock.ts";
import type { EdgeConfig } from "./config.ts";
import type { Gateway } from "./gateway.ts";
import type { EdgeLink } from "./link.ts";
import type { Logger } from "./log.ts";

/** Named counters since the start. The number of names is bounded; names past it count as `other`. */
export class Counters {
  static readonly nameCountMax = 200;
  readonly #values = new Map<string, number>();

  /** Adds to a counter. */
  readonly count = (name: string, by = 1): void => {
    const isKnown = this.#values.has(name) || this.#values.size < Counters.nameCountMax;
    const slot = isKnown ? name : "other";
    this.#values.set(slot, (this.#values.get(slot) ?? 0) + by);
  };

  /** All counters by name. */
  readonly snapshot = (): Record<string, number> => Object.fromEntries(this.#values);
}

/** What a report is gathered from. */
export interface HealthParts {
  readonly config: EdgeConfig;
  readonly bootId: string;
  readonly outbox: Outbox;
  readonly edgeClock: EdgeClock;
  readonly gateway: Gateway;
  readonly link: EdgeLink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly snapshot: () => Record<string, number>;
  /** Which configuration runs. */
  readonly runningConfig: () => RunningConfig;
  /** Of the plan that it works by. */
  readonly planVersion: () => number | undefined;
}

/** Beyond, brokers cut off who sends it: a report leaves out what it can. */
export const healthSizeBytesMax = 60 * 1024;

/** A report of many devices without their antennas, and if need be without why devices are offline. */
export function fitted(report: Health): Health {
  const isTooLarge = (each: Health) => Buffer.byteLength(JSON.stringify(each)) > healthSizeBytesMax;
  if (!isTooLarge(report)) return report;
  const bare = report.devices.map(({ antennas: _, ...device }) => device);
  const shorter = { ...report, devices: bare };
  if (!isTooLarge(shorter)) return shorter;
  return { ...report, devices: bare.map(({ reason: _, ...device }) => device) };
}

/** Publishes a report at a steady interval, for as long as the link is up. */
export class HealthReporter {
  readonly #parts: HealthParts;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  #cancel: (() => void) | undefined;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loopDelay.enable();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#loopDelay.disable();
  }

  /** One report. */
  async report(): Promise<Health> {
    const { config, bootId, outbox, edgeClock, gateway, link, clock, snapshot, runningConfig } =
      this.#parts;
    const planVersion = this.#parts.planVersion();
    const stats = await outbox.stats();
    const { outboxId, lastSequence, acknowledgedSequence } = outbox.position();
    const { oldestWaitingAtMs } = stats;
    const loopDelayMs = this.#loopDelay.percentile(99) / 1e6;
    this.#loopDelay.reset();
    const sinceAcknowledgementMs = gateway.uplink.sinceAcknowledgementMs();
    const report: Health = {
      storeId: config.storeId,
      edgeId: config.edgeId,
      atMs: clock.nowMs(),
      uptimeMs: Math.floor(clock.monotonicMs()),
      bootId,
      clockSynced: edgeClock.clockSynced,
      outboxId,
      lastSequence,
      acknowledgedSequence,
      waitingCount: lastSequence - acknowledgedSequence,
      ...(oldestWaitingAtMs === undefined ? {} : { oldestWaitingAtMs }),
      ...(sinceAcknowledgementMs === undefined ? {} : { sinceAcknowledgementMs }),
      bufferUsedShare: stats.usedShare,
      linkState: gateway.uplink.state() === "held" ? "held" : link.state(),
      config: runningConfig(),
      ...(planVersion === undefined ? {} : { planVersion }),
      rssBytes: process.memoryUsage.rss(),
      eventLoopDelayMsP99: Number.isFinite(loopDelayMs) ? Math.round(loopDelayMs * 10) / 10 : 0,
      devices: gateway.supervisor.health(),
      counters: { ...snapshot(), ...stats.counters },
    };
    return fitted(report);
  }

  #schedule(): void {
    const { clock, config } = this.#parts;
    this.#cancel = clock.timer(config.healthIntervalMs, () => void this.#publish());
  }

  async #publish(): Promise<void> {
    this.#schedule();
    try {
      const report = await this.report();
      this.#parts.log.debug(report, "health");
      this.#parts.link.publishHealth(report);
    } catch (error) {
      this.#parts.log.error({ message: errorMessageOf(error) }, "no health report");
    }
  }
}
