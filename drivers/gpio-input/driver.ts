// Inputs of a GPIO chip. Every change of a line that stands is a reading, with the time of its first edge;
// what a line must not do (stick, chatter) makes the device degraded until it behaves.

import type { InputReading } from "../../contract/reading.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { untilAborted } from "../frame-feed.ts";
import { GpioFeed } from "../gpio-feed.ts";
import type { ChipRecord } from "../transport/gpio-record.ts";
import { LineFilter, type LineNews } from "./line-filter.ts";
import { type GpioInputOptions, gpioInputOptionsSchema, type InputLine } from "./options.ts";

/** Edges that wait to be read are read first: they were before what falls due. No time is changed by that. */
const underWayMs = 2;

/** Kind `gpio-input`. */
export const device = defineDevice({
  optionsSchema: gpioInputOptionsSchema,
  baudRateDefault: 115_200,
  isTakenOnTrust: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new InputRun(context, options).run()),
  }),
});

interface Watched {
  readonly line: InputLine;
  readonly filter: LineFilter;
  /** What it does that it must not; undefined while it behaves. */
  fault: string | undefined;
}

class InputRun {
  readonly #context: DriverContext;
  readonly #options: GpioInputOptions;
  readonly #feed: GpioFeed;
  readonly #lines = new Map<number, Watched>();
  /** What was read before the device was identified. */
  #early: InputReading[] | undefined = [];
  #reason: string | undefined;

  constructor(context: DriverContext, options: GpioInputOptions) {
    this.#context = context;
    this.#options = options;
    this.#feed = new GpioFeed(context, options.answerTimeoutMs, (record) => this.#take(record));
  }

  async run(): Promise<void> {
    const { signal, onIdentified, onReading } = this.#context;
    const chip = await this.#feed.identify();
    for (const line of this.#options.lines) await this.#watch(line);
    const names = this.#options.lines.map(({ name }) => name).join(", ");
    onIdentified(`${chip}, inputs ${names === "" ? "none" : names}`);
    for (const reading of this.#early ?? []) onReading(reading);
    this.#early = undefined;
    this.#tellFaults();
    while (!signal.aborted) await this.#next();
  }

  async #watch(line: InputLine): Promise<void> {
    const offset = await this.#feed.offsetOf(line);
    const { level } = await this.#feed.request(
      { type: "watch", offset, bias: line.bias },
      (record) => (record.type === "level" && record.offset === offset ? record : undefined),
    );
    const active = (level === 1) !== line.isActiveLow;
    const filter = new LineFilter(line, active, this.#context.clock.monotonicMs());
    this.#lines.set(offset, { line, filter, fault: undefined });
    this.#report(line, active);
  }

  async #next(): Promise<void> {
    const { clock } = this.#context;
    const filters = [...this.#lines.values()].map(({ filter }) => filter);
    const dueMs = Math.min(...filters.map((filter) => filter.nextDeadlineMs()));
    const { aliveIntervalMs } = this.#options;
    const untilDueMs = dueMs - clock.monotonicMs() + underWayMs;
    const waitMs = Math.min(Math.max(untilDueMs, underWayMs), aliveIntervalMs);
    const record = await this.#feed.next(waitMs);
    if (record !== undefined) return this.#take(record);
    if (waitMs === aliveIntervalMs) await this.#feed.identify();
    const nowMs = clock.monotonicMs();
    for (const watched of this.#lines.values()) {
      this.#takeNews(watched, watched.filter.advance(nowMs));
    }
  }

  #take(record: ChipRecord): void {
    const { clock, count } = this.#context;
    if (record.type !== "edge") return;
    const watched = this.#lines.get(record.offset);
    count("edges");
    if (watched === undefined) return;
    const active = (record.level === 1) !== watched.line.isActiveLow;
    const edgeAtMs = clock.monotonicMs() - record.ageUs / 1000;
    this.#takeNews(watched, watched.filter.edge(active, edgeAtMs));
  }

  #takeNews(watched: Watched, news: readonly LineNews[]): void {
    const { clock, count } = this.#context;
    const { line } = watched;
    for (const item of news) {
      switch (item.type) {
        case "changed": {
          const ageMs = clock.monotonicMs() - item.edgeAtMs;
          this.#report(line, item.active, Math.round(clock.nowMs() - ageMs));
          break;
        }
        case "bounced":
          count("edges_bounced", item.edgeCount);
          break;
        case "chattering":
          count("lines_chattering");
          watched.fault = "chatters: a loose contact, or a beam that is badly aligned";
          break;
        case "calm":
          count("edges_chattered", item.edgeCount);
          watched.fault = undefined;
          break;
        case "stuck": {
          count("lines_stuck");
          const minutes = Math.round((clock.monotonicMs() - item.sinceAtMs) / 6000) / 10;
          const state = watched.filter.active ? "active" : "inactive";
          watched.fault = `has been ${state} for ${minutes} min: blocked, dirty or broken`;
          break;
        }
        case "moving":
          watched.fault = undefined;
          break;
      }
    }
    this.#tellFaults();
  }

  #report(line: InputLine, active: boolean, edgeAtMs?: number): void {
    const { deviceId, clock, onReading } = this.#context;
    const edge = edgeAtMs === undefined ? {} : { edgeAtMs };
    const receivedAtMs = clock.nowMs();
    const reading = {
      kind: "input",
      deviceId,
      line: line.name,
      active,
      ...edge,
      receivedAtMs,
    } as const;
    if (this.#early === undefined) onReading(reading);
    else this.#early.push(reading);
  }

  #tellFaults(): void {
    if (this.#early !== undefined) return;
    const faulty = [...this.#lines.values()].filter(({ fault }) => fault !== undefined);
    const texts = faulty.map(({ line, fault }) => `${line.name} ${fault}`);
    const reason = texts.length === 0 ? undefined : texts.join("; ");
    if (reason === this.#reason) return;
    this.#reason = reason;
    reportFaults(this.#context, reason);
  }
}
