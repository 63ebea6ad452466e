// A simulated scale that speaks a Toledo protocol: asked with `W` (8217), or continuous. It moves some time after
// each change of its load, and then gives no weight when it is asked.

import { z } from "zod";
import { gramsOf } from "../drivers/mass-units.ts";
import { encodeAnswer, type ScaleStatus, weightCommand } from "../drivers/toledo/codec.ts";
import { encodeContinuous } from "../drivers/toledo/continuous-codec.ts";
import { delayMessageSchema, loadMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, type Random } from "./random.ts";

/** How a simulated scale is built. */
export const toledoSimulatorOptionsSchema = z.strictObject({
  protocol: z.enum(["8217", "continuous"]).default("8217"),
  checksum: z.enum(["required", "none"]).default("required"),
  unit: z.enum(["g", "kg", "t", "lb"]).default("kg"),
  periodMs: z.number().min(10).max(10_000).default(140),
  answerDelayMs: z.number().min(0).max(10_000).default(20),
  capacityGrams: z.number().min(1).max(1e7).default(15_000),
  noiseGrams: z.number().min(0).max(100).default(0.2),
  settleMs: z.number().min(0).max(10_000).default(600),
});
export type ToledoSimulatorOptions = z.input<typeof toledoSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  loadMessageSchema,
  /** Somebody pressed the unit key. */
  z.strictObject({ type: z.literal("unit"), unit: z.enum(["g", "kg", "t", "lb"]) }),
  /** It was switched on with something on it, or found its zero since. */
  z.strictObject({ type: z.literal("zero"), isZeroed: z.boolean() }),
  delayMessageSchema,
  faultMessageSchema,
]);

/** Answers that wait; more than this are lost. */
const queueLengthMax = 100;

/** The scale. */
export class ToledoSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof toledoSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #dueAtMs: number[] = [];
  #answerDelayMs: number;
  #unit: string;
  #weightGrams = 0;
  #isZeroed = true;
  #isMoved = false;
  #restsAtMs = 0;
  #nextAtMs: number;

  constructor(random: Random, options: ToledoSimulatorOptions = {}) {
    this.#options = toledoSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#unit = this.#options.unit;
    this.#answerDelayMs = this.#options.answerDelayMs;
    this.#nextAtMs = this.#options.protocol === "continuous" ? 0 : Number.POSITIVE_INFINITY;
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    if (this.#options.protocol === "continuous") return [];
    for (const byte of bytes) {
      if (byte !== weightCommand || this.#dueAtMs.length >= queueLengthMax) continue;
      this.#dueAtMs.push(Math.max(nowMs + this.#answerDelayMs, this.#dueAtMs.at(-1) ?? 0));
    }
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    const writes: Uint8Array[] = [];
    while ((this.#dueAtMs[0] ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.#dueAtMs.shift();
      writes.push(...this.#line.apply(this.#answer(nowMs)));
    }
    if (nowMs >= this.#nextAtMs) {
      this.#nextAtMs = nowMs + this.#options.periodMs;
      writes.push(...this.#line.apply(this.#print(nowMs)));
    }
    return writes;
  }

  nextTickMs(): number {
    return Math.min(this.#nextAtMs, this.#dueAtMs[0] ?? Number.POSITIVE_INFINITY);
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "unit") this.#unit = control.unit;
    else if (control.type === "zero") this.#isZeroed = control.isZeroed;
    else if (control.type === "delay") this.#answerDelayMs = control.answerDelayMs;
    else {
      this.#weightGrams = control.weightGrams;
      this.#isMoved = true;
    }
  }

  #answer(nowMs: number): Uint8Array {
    const { value, isStable, isOver } = this.#weigh(nowMs);
    // A weight that would be shown as zero is zero.
    const isUnderZero = Math.round(value * 1000) < 0;
    if (isStable && !isOver && !isUnderZero && this.#isZeroed) {
      return encodeAnswer({ type: "weight", value: Math.abs(value), load: "gross" });
    }
    const status: ScaleStatus = {
      ...{ type: "status", isMoving: !isStable, isOverCapacity: isOver, isUnderZero },
      ...{ isOutsideZeroCapture: !this.#isZeroed, isAtZero: false, isNet: false },
    };
    return encodeAnswer(status);
  }

  #print(nowMs: number): Uint8Array {
    const { value, isStable, isOver } = this.#weigh(nowMs);
    const rest = { unit: this.#unit, isStable, isZeroed: this.#isZeroed, load: "gross" } as const;
    const status = isOver ? "overload" : "ok";
    return encodeContinuous(
      { type: "continuous", value: isOver ? 0 : value, status, tareValue: 0, ...rest },
      this.#options.checksum,
    );
  }

  #weigh(nowMs: number): { value: number; isStable: boolean; isOver: boolean } {
    if (this.#isMoved) this.#restsAtMs = nowMs + this.#options.settleMs;
    this.#isMoved = false;
    const weightGrams = gaussian(this.#random, this.#weightGrams, this.#options.noiseGrams);
    return {
      value: weightGrams / (gramsOf(1, this.#unit) ?? 1),
      isStable: nowMs >= this.#restsAtMs,
      isOver: weightGrams > this.#options.capacityGrams,
    };
  }
}
