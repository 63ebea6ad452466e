// A simulated scanner that is a keyboard: it types what it scans, a boot report every few milliseconds.

import { z } from "zod";
import { encodeBootReports } from "../drivers/keyboard-wedge/codec.ts";
import { layouts } from "../drivers/keyboard-wedge/tables.ts";
import { encodeScan, scanFormatSchema } from "../drivers/serial-scanner/codec.ts";
import { scanMessageSchema, uncheckedFaultSchema } from "./control-messages.ts";
import { FaultyLine, parseControl, type SimulatedDevice } from "./device.ts";
import type { Random } from "./random.ts";

/** How a simulated scanner is set. */
export const keyboardWedgeSimulatorOptionsSchema = scanFormatSchema.extend({
  layout: z.enum(layouts).default("us"),
  reportIntervalMs: z.int().min(1).max(1000).default(4),
});
export type KeyboardWedgeSimulatorOptions = z.input<typeof keyboardWedgeSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [scanMessageSchema, uncheckedFaultSchema]);

/** Reports that wait to be sent. */
const waitingCountMax = 100_000;

/** The scanner. */
export class KeyboardWedgeSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof keyboardWedgeSimulatorOptionsSchema>;
  readonly #line: FaultyLine;
  /** Reports and the pause after each. */
  readonly #waiting: { report: Uint8Array; pauseMs: number }[] = [];
  #notBeforeMs = 0;

  constructor(random: Random, options: KeyboardWedgeSimulatorOptions = {}) {
    this.#options = keyboardWedgeSimulatorOptionsSchema.parse(options);
    this.#line = new FaultyLine(random);
  }

  receive(): Uint8Array[] {
    return [];
  }

  tick(nowMs: number): Uint8Array[] {
    if (this.nextTickMs() > nowMs) return [];
    const { report, pauseMs } = this.#waiting.shift()!;
    this.#notBeforeMs = nowMs + pauseMs;
    return this.#line.apply(report);
  }

  nextTickMs(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#notBeforeMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else this.#type(control);
  }

  #type(control: { readonly data: string; readonly symbology?: string | undefined }): void {
    const { data, symbology } = control;
    const scan = symbology === undefined ? { data } : { data, symbology };
    const text = Buffer.from(encodeScan(this.#options, scan)).toString();
    const reports = encodeBootReports(text, this.#options.layout);
    if (this.#waiting.length + reports.length > waitingCountMax) return;
    const { reportIntervalMs, pauseMs } = this.#options;
    for (const [index, report] of reports.entries()) {
      const isLast = index + 1 === reports.length;
      this.#waiting.push({ report, pauseMs: isLast ? 2 * pauseMs : reportIntervalMs });
    }
  }
}
