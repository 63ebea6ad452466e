// A simulated HID scale: it reports what lies on it at an even pace, and takes the request for zero.

import { z } from "zod";
import { encodeScaleReport, isZeroRequest } from "../drivers/hid-scale/codec.ts";
import {
  type ScaleStatus,
  type ScaleUnit,
  scaleStatuses,
  scaleUnits,
} from "../drivers/hid-scale/tables.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import type { Random } from "./random.ts";

const unitSchema = z.enum(Object.keys(scaleUnits) as ScaleUnit[]);

/** How a simulated scale is built. */
export const hidScaleSimulatorOptionsSchema = z.strictObject({
  unit: unitSchema.default("gram"),
  exponent: z.int().min(-9).max(9).default(0),
  reportId: z.int().min(3).max(4).default(3),
  intervalMs: z.int().min(10).max(60_000).default(100),
  capacityGrams: z.number().min(1).max(1e7).default(5000),
});
export type HidScaleSimulatorOptions = z.input<typeof hidScaleSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  /** What lies on it; `status` instead of the one that follows from the weight. */
  z.strictObject({
    type: z.literal("load"),
    weightGrams: z.number().min(-1e7).max(1e7),
    status: z.enum(Object.keys(scaleStatuses) as ScaleStatus[]).optional(),
  }),
  z.strictObject({ type: z.literal("unit"), unit: unitSchema }),
  faultMessageSchema,
]);

/** The scale. */
export class HidScaleSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof hidScaleSimulatorOptionsSchema>;
  readonly #line: FaultyLine;
  #unit: ScaleUnit;
  #loadGrams = 0;
  #zeroGrams = 0;
  #status: ScaleStatus | undefined;
  #nextMs = 0;

  constructor(random: Random, options: HidScaleSimulatorOptions = {}) {
    this.#options = hidScaleSimulatorOptionsSchema.parse(options);
    this.#unit = this.#options.unit;
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    if (isZeroRequest(bytes)) this.#zeroGrams = this.#loadGrams;
    return [];
  }

  tick(nowMs: number): Uint8Array[] {
    if (nowMs < this.#nextMs) return [];
    this.#nextMs = nowMs + this.#options.intervalMs;
    return this.#line.apply(this.#report());
  }

  nextTickMs(): number {
    return this.#nextMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "unit") this.#unit = control.unit;
    else {
      this.#loadGrams = control.weightGrams;
      this.#status = control.status;
    }
  }

  #report(): Uint8Array {
    const { exponent, reportId, capacityGrams } = this.#options;
    const netGrams = this.#loadGrams - this.#zeroGrams;
    const shown = Math.abs(netGrams) / (scaleUnits[this.#unit].grams ?? 1) / 10 ** exponent;
    const raw = Math.min(0xffff, Math.round(shown));
    const settled: ScaleStatus = raw === 0 ? "stable_at_zero" : "stable";
    const follows = netGrams < 0 ? "under_zero" : netGrams > capacityGrams ? "over_limit" : settled;
    const status = this.#status ?? follows;
    return encodeScaleReport({ reportId, status, unit: this.#unit, exponent, raw });
  }
}
