// A simulated GPIO chip: lines that somebody moves, that chatter or are stuck, and outputs that keep what
// they are driven to. It speaks the records that the transports of real chips speak.

import { z } from "zod";
import {
  type ChipRecord,
  createHostRecordDecoder,
  encodeChipRecord,
  type HostRecord,
} from "../drivers/transport/gpio-record.ts";
import { type Level, lineOffsetMax } from "../drivers/transport/gpio-settings.ts";
import { uncheckedFaultSchema } from "./control-messages.ts";
import { FaultyLine, parseControl, type SimulatedDevice } from "./device.ts";
import { integerBetween, type Random } from "./random.ts";

const offsetSchema = z.int().min(0).max(lineOffsetMax);

/** How a simulated chip is built. */
export const gpioChipSimulatorOptionsSchema = z.strictObject({
  name: z.string().min(1).max(64).default("gpiochip0"),
  label: z.string().min(1).max(64).default("gpio-sim"),
  lineCount: z
    .int()
    .min(1)
    .max(lineOffsetMax + 1)
    .default(54),
  /** Names of lines, from line 0 on. */
  lineNames: z.array(z.string().max(64)).max(64).default([]),
  /** Lines that are high at the start. */
  highOffsets: z.array(offsetSchema).max(64).default([]),
});
export type GpioChipSimulatorOptions = z.input<typeof gpioChipSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  /** Somebody opens a door or breaks a beam; with `bounceCount` the contact bounces first. */
  z.strictObject({
    type: z.literal("line"),
    offset: offsetSchema,
    isHigh: z.boolean(),
    bounceCount: z.int().min(0).max(1000).default(0),
  }),
  /** A loose contact: edges, then the level that was. */
  z.strictObject({
    type: z.literal("chatter"),
    offset: offsetSchema,
    edgeCount: z.int().min(2).max(100_000),
    intervalMs: z.int().min(1).max(10_000).default(2),
  }),
  /** A line that does not move any more, whatever happens to it. */
  z.strictObject({ type: z.literal("stuck"), offset: offsetSchema, isStuck: z.boolean() }),
  uncheckedFaultSchema,
]);

/** Time between the edges of a bounce. */
const bounceIntervalMs = 1;
/** Edges that wait to be sent. */
const waitingCountMax = 200_000;

/** So many edges, the first to `level`, at about this distance. */
interface Movement {
  readonly offset: number;
  readonly level: Level;
  readonly edgeCount: number;
  readonly intervalMs: number;
}

interface Edge {
  readonly dueMs: number;
  readonly offset: number;
  readonly level: Level;
}

/** The chip. */
export class GpioChipSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof gpioChipSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #heard = createHostRecordDecoder();
  readonly #levels = new Map<number, Level>();
  readonly #watched = new Set<number>();
  readonly #stuck = new Set<number>();
  readonly #driven = new Map<number, Level>();
  /** What was commanded and begins with the next tick: only that knows the time. */
  readonly #movements: Movement[] = [];
  /** Edges to come, in the order of their times. */
  readonly #waiting: Edge[] = [];

  constructor(random: Random, options: GpioChipSimulatorOptions = {}) {
    this.#options = gpioChipSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    for (const offset of this.#options.highOffsets) this.#levels.set(offset, 1);
  }

  /** What an output is driven to; undefined when it is none. */
  driven(offset: number): Level | undefined {
    return this.#driven.get(offset);
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    const records = this.#heard
      .push(bytes)
      .flatMap((item) => (item.kind === "frame" ? item.frame : []));
    return records.flatMap((record) => this.#answer(record)).flatMap((each) => this.#send(each));
  }

  tick(nowMs: number): Uint8Array[] {
    for (const movement of this.#movements.splice(0)) this.#move(movement, nowMs);
    const writes: Uint8Array[] = [];
    for (
      let edge = this.#waiting[0];
      edge !== undefined && edge.dueMs <= nowMs;
      edge = this.#waiting[0]
    ) {
      this.#waiting.shift();
      const { offset, level, dueMs } = edge;
      if (this.#stuck.has(offset) || this.#levelOf(offset) === level) continue;
      this.#levels.set(offset, level);
      const ageUs = Math.round((nowMs - dueMs) * 1000);
      if (this.#watched.has(offset))
        writes.push(...this.#send({ type: "edge", offset, level, ageUs }));
    }
    return writes;
  }

  nextTickMs(): number {
    if (this.#movements.length > 0) return 0;
    return this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    switch (control.type) {
      case "fault":
        this.#line.set(control);
        return;
      case "stuck":
        if (control.isStuck) this.#stuck.add(control.offset);
        else this.#stuck.delete(control.offset);
        return;
      case "line": {
        const level: Level = control.isHigh ? 1 : 0;
        // There and back, so that the last edge is the one that was meant.
        const edgeCount = 2 * control.bounceCount + 1;
        const { offset } = control;
        this.#movements.push({ offset, level, edgeCount, intervalMs: bounceIntervalMs });
        return;
      }
      case "chatter": {
        const level: Level = this.#levelOf(control.offset) === 1 ? 0 : 1;
        const edgeCount = control.edgeCount - (control.edgeCount % 2);
        const { offset, intervalMs } = control;
        this.#movements.push({ offset, level, edgeCount, intervalMs });
      }
    }
  }

  #move({ offset, level, edgeCount, intervalMs }: Movement, nowMs: number): void {
    let dueMs = nowMs;
    for (let index = 0; index < edgeCount && this.#waiting.length < waitingCountMax; index += 1) {
      this.#waiting.push({ dueMs, offset, level: index % 2 === 0 ? level : level === 1 ? 0 : 1 });
      dueMs += intervalMs + (intervalMs > 1 ? integerBetween(this.#random, 0, 1) : 0);
    }
    this.#waiting.sort((one, other) => one.dueMs - other.dueMs);
  }

  #levelOf(offset: number): Level {
    return this.#driven.get(offset) ?? this.#levels.get(offset) ?? 0;
  }

  #answer(record: HostRecord): ChipRecord[] {
    const { name, label, lineCount, lineNames } = this.#options;
    switch (record.type) {
      case "identify":
        return [{ type: "chip", lineCount, name, label }];
      case "find": {
        const offset = lineNames.indexOf(record.lineName);
        return offset < 0 ? [] : [{ type: "found", offset, lineName: record.lineName }];
      }
      case "watch": {
        const { offset } = record;
        if (offset >= lineCount) return [];
        this.#watched.add(offset);
        return [{ type: "level", offset, level: this.#levelOf(offset) }];
      }
      case "drive": {
        const { offset, level } = record;
        if (offset >= lineCount) return [];
        this.#driven.set(offset, level);
        return [{ type: "driven", offset, level }];
      }
    }
  }

  #send(record: ChipRecord): Uint8Array[] {
    return this.#line.apply(encodeChipRecord(record));
  }
}
