// A simulated weight transmitter on Modbus RTU: it keeps the weights of its channels in registers and answers who
// asks for them, after a while, one question at a time.

import { z } from "zod";
import { weightStatuses } from "../contract/reading.ts";
import { EnvelopeDecoder } from "../drivers/envelope-decoder.ts";
import {
  type ChannelWeight,
  channelCountMax,
  channelRanges,
  registerMapSchema,
  registersOf,
} from "../drivers/modbus-scale/codec.ts";
import {
  type Answer,
  encodeAnswer,
  type Question,
  questionEnvelope,
  registerCountMax,
} from "../drivers/modbus-scale/frame.ts";
import { delayMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, type Random } from "./random.ts";

/** How a simulated transmitter is built. */
export const modbusScaleSimulatorOptionsSchema = z.strictObject({
  address: z.int().min(1).max(247).default(1),
  channelCount: z.int().min(1).max(channelCountMax).default(4),
  map: registerMapSchema.default(registerMapSchema.parse({})),
  gramsPerCount: z.number().min(1e-6).max(1e6).default(1),
  answerDelayMs: z.number().min(0).max(10_000).default(8),
  noiseGrams: z.number().min(0).max(100).default(0.4),
  /** Most registers it gives at once. */
  registerCountMax: z.int().min(1).max(registerCountMax).default(registerCountMax),
});
export type ModbusScaleSimulatorOptions = z.input<typeof modbusScaleSimulatorOptionsSchema>;

const channels = { min: 1, max: channelCountMax } as const;
const controlSchema = z.discriminatedUnion("type", [
  /** What lies on the channels, from the first on; `statuses` replace a weight. */
  z.strictObject({
    type: z.literal("cells"),
    weightGrams: z.array(z.number().min(-1e6).max(1e7)).min(channels.min).max(channels.max),
    statuses: z.array(z.enum(weightStatuses)).max(channels.max).default([]),
  }),
  /** The next questions are refused with this exception. */
  z.strictObject({
    type: z.literal("exception"),
    code: z.int().min(1).max(255),
    count: z.int().min(0).max(1_000_000),
  }),
  delayMessageSchema,
  faultMessageSchema,
]);

/** Answers that wait; more than this are lost. */
const queueLengthMax = 100;

/** The transmitter. */
export class ModbusScaleSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof modbusScaleSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #decoder = new EnvelopeDecoder(questionEnvelope);
  readonly #queue: { atMs: number; question: Question }[] = [];
  #heardAtMs = 0;
  #answerDelayMs: number;
  #weights: ChannelWeight[];
  #refusal = { code: 0, count: 0 };

  constructor(random: Random, options: ModbusScaleSimulatorOptions = {}) {
    this.#options = modbusScaleSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#answerDelayMs = this.#options.answerDelayMs;
    const empty: ChannelWeight = { weightGrams: 0, status: "ok" };
    this.#weights = Array.from({ length: this.#options.channelCount }, () => empty);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    // Silence ends a frame: what was begun before it is no part of this one.
    if (nowMs - this.#heardAtMs >= this.#decoder.idleMs) {
      while (this.#decoder.pendingByteCount > 0) this.#decoder.idle();
    }
    this.#heardAtMs = nowMs;
    for (const item of this.#decoder.push(bytes)) {
      if (item.kind !== "frame" || item.frame.address !== this.#options.address) continue;
      if (this.#queue.length >= queueLengthMax) continue;
      const freeAtMs = Math.max(nowMs, this.#queue.at(-1)?.atMs ?? 0);
      this.#queue.push({ atMs: freeAtMs + this.#answerDelayMs, question: item.frame });
    }
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    const writes: Uint8Array[] = [];
    while (this.nextTickMs() <= nowMs) {
      const { question } = this.#queue.shift()!;
      writes.push(...this.#line.apply(encodeAnswer(this.#answer(question))));
    }
    return writes;
  }

  nextTickMs(): number {
    return this.#queue[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "delay") this.#answerDelayMs = control.answerDelayMs;
    else if (control.type === "exception") this.#refusal = control;
    else {
      this.#weights = this.#weights.map((_, index) => {
        const status = control.statuses[index] ?? "ok";
        return { status, weightGrams: status === "ok" ? (control.weightGrams[index] ?? 0) : 0 };
      });
    }
  }

  #answer(question: Question): Answer {
    const { address, map } = this.#options;
    const asked = question.type === "write" ? 0x10 : question.function;
    const refuse = (code: number): Answer => ({
      ...{ type: "exception", address, function: asked, code },
    });
    if (this.#refusal.count > 0) {
      this.#refusal = { ...this.#refusal, count: this.#refusal.count - 1 };
      return refuse(this.#refusal.code);
    }
    if (question.type !== "read") return refuse(1);
    if (question.function !== (map.area === "holding" ? 3 : 4)) return refuse(1);
    const { register, count } = question;
    if (count < 1 || count > this.#options.registerCountMax) return refuse(3);
    const kept = this.#registers();
    const words = Array.from({ length: count }, (_, index) => kept.get(register + index));
    if (words.includes(undefined)) return refuse(2);
    return { type: "registers", address, function: question.function, words: words as number[] };
  }

  #registers(): Map<number, number> {
    const { map, gramsPerCount, noiseGrams } = this.#options;
    const kept = new Map<number, number>();
    for (const [channel, weight] of this.#weights.entries()) {
      const weightGrams = gaussian(this.#random, weight.weightGrams, noiseGrams);
      for (const [register, word] of registersOf(
        map,
        channel,
        { ...weight, weightGrams },
        gramsPerCount,
      )) {
        kept.set(register, word);
      }
    }
    // What lies between is there too, and empty.
    const all = this.#weights.flatMap((_, channel) => channelRanges(map, channel));
    const last = Math.max(...all.map(({ register, count }) => register + count));
    const first = Math.min(...all.map(({ register }) => register));
    for (let register = first; register < last; register += 1) {
      if (!kept.has(register)) kept.set(register, 0);
    }
    return kept;
  }
}
