// A simulated bar-code scanner: it sends what it is told to scan, framed as it is set.

import { z } from "zod";
import { encodeScan, scanFormatSchema } from "../drivers/serial-scanner/codec.ts";
import { scanMessageSchema, uncheckedFaultSchema } from "./control-messages.ts";
import { FaultyLine, parseControl, type SimulatedDevice } from "./device.ts";
import type { Random } from "./random.ts";

/** How a simulated scanner is set. */
export const serialScannerSimulatorOptionsSchema = scanFormatSchema.extend({
  /** Answers `answer` when the host sent `command`. */
  identify: z
    .strictObject({ command: z.string().min(1).max(128), answer: z.string().min(1).max(128) })
    .optional(),
});
export type SerialScannerSimulatorOptions = z.input<typeof serialScannerSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [scanMessageSchema, uncheckedFaultSchema]);

/** Scans that wait to be sent. */
const waitingCountMax = 10_000;

/** The scanner. */
export class SerialScannerSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof serialScannerSimulatorOptionsSchema>;
  readonly #line: FaultyLine;
  readonly #waiting: Uint8Array[] = [];
  /** The pause between two scans, which is what separates them for a scanner without suffix. */
  readonly #gapMs: number;
  #notBeforeMs = 0;
  #heard = "";

  constructor(random: Random, options: SerialScannerSimulatorOptions = {}) {
    this.#options = serialScannerSimulatorOptionsSchema.parse(options);
    this.#line = new FaultyLine(random);
    this.#gapMs = this.#options.suffix === "none" ? 2 * this.#options.pauseMs : 0;
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    const { identify } = this.#options;
    if (identify === undefined) return [];
    this.#heard += Buffer.from(bytes).toString("latin1");
    const isAsked = this.#heard.includes(identify.command);
    this.#heard = isAsked ? "" : this.#heard.slice(-identify.command.length);
    return isAsked ? this.#line.apply(Buffer.from(identify.answer, "latin1")) : [];
  }

  tick(nowMs: number): Uint8Array[] {
    const writes: Uint8Array[] = [];
    while (this.nextTickMs() <= nowMs) {
      writes.push(...this.#line.apply(this.#waiting.shift()!));
      this.#notBeforeMs = nowMs + this.#gapMs;
    }
    return writes;
  }

  nextTickMs(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#notBeforeMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (this.#waiting.length < waitingCountMax) {
      const { data, symbology } = control;
      const scan = symbology === undefined ? { data } : { data, symbology };
      this.#waiting.push(encodeScan(this.#options, scan));
    }
  }
}
