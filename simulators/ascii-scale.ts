// A simulated scale that prints lines of the A&D form: by itself, or when it is asked with `Q`.

import { z } from "zod";
import {
  encodePrintedLine,
  lineLengthMax,
  type PrintedWeight,
} from "../drivers/ascii-scale/codec.ts";
import { loadMessageSchema, unitMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { HeardLines } from "./heard-lines.ts";
import { gaussian, type Random } from "./random.ts";

/** How a simulated scale is built. */
export const asciiScaleSimulatorOptionsSchema = z.strictObject({
  /** `asked` answers `Q` only. */
  prints: z.enum(["always", "asked"]).default("always"),
  periodMs: z.number().min(10).max(10_000).default(100),
  capacityGrams: z.number().min(1).max(1e7).default(15_000),
  noiseGrams: z.number().min(0).max(100).default(0.3),
});
export type AsciiScaleSimulatorOptions = z.input<typeof asciiScaleSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  loadMessageSchema,
  unitMessageSchema,
  faultMessageSchema,
]);

/** The scale. */
export class AsciiScaleSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof asciiScaleSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #heard = new HeardLines(lineLengthMax);
  #weightGrams = 0;
  #unit = "g";
  #nextAtMs: number;

  constructor(random: Random, options: AsciiScaleSimulatorOptions = {}) {
    this.#options = asciiScaleSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#nextAtMs = this.#options.prints === "always" ? 0 : Number.POSITIVE_INFINITY;
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    const lines = this.#heard.take(bytes);
    return lines.filter((line) => line.trim() === "Q").flatMap(() => this.#print());
  }

  tick(nowMs: number): Uint8Array[] {
    if (nowMs < this.#nextAtMs) return [];
    this.#nextAtMs = nowMs + this.#options.periodMs;
    return this.#print();
  }

  nextTickMs(): number {
    return this.#nextAtMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "unit") this.#unit = control.unit;
    else this.#weightGrams = control.weightGrams;
  }

  #print(): Uint8Array[] {
    const { capacityGrams, noiseGrams } = this.#options;
    const weightGrams = gaussian(this.#random, this.#weightGrams, noiseGrams);
    const status = weightGrams > capacityGrams ? "overload" : "ok";
    const weight: PrintedWeight = {
      ...{ type: "weight", weightGrams, status, isStable: true, load: "gross" },
    };
    return this.#line.apply(encodePrintedLine(weight, this.#unit));
  }
}
