// A simulated MT-SICS scale: answers its questions and repeats its weight, resting some time after each change.

import { z } from "zod";
import {
  decodeQuestion,
  encodeScaleLine,
  lineLengthMax,
  type ScaleLine,
} from "../drivers/mt-sics/codec.ts";
import { loadMessageSchema, unitMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { HeardLines } from "./heard-lines.ts";
import { gaussian, type Random } from "./random.ts";

/** How a simulated scale is built. */
export const mtSicsSimulatorOptionsSchema = z.strictObject({
  periodMs: z.number().min(10).max(10_000).default(100),
  capacityGrams: z.number().min(1).max(1e7).default(30_000),
  noiseGrams: z.number().min(0).max(100).default(0.3),
  settleMs: z.number().min(0).max(10_000).default(800),
});
export type MtSicsSimulatorOptions = z.input<typeof mtSicsSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  loadMessageSchema,
  unitMessageSchema,
  /** Somebody pressed reset: it no longer repeats. */
  z.strictObject({ type: z.literal("reset") }),
  faultMessageSchema,
]);

/** Weight below zero at which a scale says that its pan is missing. */
const underloadGrams = -500;

/** The scale. */
export class MtSicsSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof mtSicsSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #heard = new HeardLines(lineLengthMax);
  #weightGrams = 0;
  #unit = "g";
  #isMoved = false;
  #restsAtMs = 0;
  #nextAtMs = Number.POSITIVE_INFINITY;

  constructor(random: Random, options: MtSicsSimulatorOptions = {}) {
    this.#options = mtSicsSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    const lines = this.#heard.take(bytes);
    return lines.filter((line) => line.trim() !== "").flatMap((line) => this.#answer(line, nowMs));
  }

  tick(nowMs: number): Uint8Array[] {
    if (nowMs < this.#nextAtMs) return [];
    this.#nextAtMs = nowMs + this.#options.periodMs;
    return this.#say(this.#weigh(nowMs));
  }

  nextTickMs(): number {
    return this.#nextAtMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "unit") this.#unit = control.unit;
    else if (control.type === "reset") this.#nextAtMs = Number.POSITIVE_INFINITY;
    else {
      this.#weightGrams = control.weightGrams;
      this.#isMoved = true;
    }
  }

  #answer(line: string, nowMs: number): Uint8Array[] {
    const question = decodeQuestion(line);
    // Any command but the one that repeats ends the repeating.
    this.#nextAtMs = question === "repeat" ? nowMs : Number.POSITIVE_INFINITY;
    const isLast = true;
    switch (question) {
      case "serial":
        return this.#say({ type: "answer", command: "I4", isLast, text: "B123456789" });
      case "model": {
        const text = `GON30 Standard ${(this.#options.capacityGrams / 1000).toFixed(2)} kg`;
        return this.#say({ type: "answer", command: "I2", isLast, text });
      }
      case "once":
        return this.#say(this.#weigh(nowMs));
      case "repeat":
        return [];
      case undefined:
        return this.#say({ type: "refusal", command: "", reason: "syntax" });
    }
  }

  #weigh(nowMs: number): ScaleLine {
    if (this.#isMoved) this.#restsAtMs = nowMs + this.#options.settleMs;
    this.#isMoved = false;
    const isStable = nowMs >= this.#restsAtMs;
    const { capacityGrams, noiseGrams } = this.#options;
    const weightGrams = gaussian(this.#random, this.#weightGrams, noiseGrams);
    const limit = { type: "weight", weightGrams: 0, isStable: false } as const;
    if (weightGrams > capacityGrams) return { ...limit, status: "overload" };
    if (weightGrams < underloadGrams) return { ...limit, status: "underload" };
    return { type: "weight", weightGrams, status: "ok", isStable };
  }

  #say(line: ScaleLine): Uint8Array[] {
    return this.#line.apply(encodeScaleLine(line, this.#unit));
  }
}
