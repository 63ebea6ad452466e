// A simulated HID POS scanner: each scan is one report or several, and Honeywell's revision is told.

import { z } from "zod";
import { decodeMenuCommand, encodeScanReports } from "../drivers/hid-scanner/codec.ts";
import { scanMessageSchema, uncheckedFaultSchema } from "./control-messages.ts";
import { FaultyLine, parseControl, type SimulatedDevice } from "./device.ts";
import type { Random } from "./random.ts";

/** How a simulated scanner is built. */
export const hidScannerSimulatorOptionsSchema = z.strictObject({
  reportSizeBytes: z.int().min(16).max(1024).default(64),
  /** Answers REVINF with this name; absent: it knows no commands. */
  productName: z.string().min(1).max(64).optional(),
});
export type HidScannerSimulatorOptions = z.input<typeof hidScannerSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [scanMessageSchema, uncheckedFaultSchema]);

/** Reports that wait to be sent. */
const waitingCountMax = 10_000;
/** A full-speed interrupt endpoint is asked this often. */
const reportIntervalMs = 8;

/** The scanner. */
export class HidScannerSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof hidScannerSimulatorOptionsSchema>;
  readonly #line: FaultyLine;
  readonly #waiting: Uint8Array[] = [];
  #notBeforeMs = 0;

  constructor(random: Random, options: HidScannerSimulatorOptions = {}) {
    this.#options = hidScannerSimulatorOptionsSchema.parse(options);
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    const { productName } = this.#options;
    if (productName === undefined || decodeMenuCommand(bytes) !== "REVINF.") return [];
    this.#queue("]X0", `Product Name: ${productName}\r\nBoot Revision: 1\r\nSerial Number: 7\r\n`);
    this.#queue("]Z6", "REVINF\x06.");
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    if (this.nextTickMs() > nowMs) return [];
    this.#notBeforeMs = nowMs + reportIntervalMs;
    return this.#line.apply(this.#waiting.shift()!);
  }

  nextTickMs(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#notBeforeMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else this.#queue(control.symbology, control.data);
  }

  #queue(symbology: string | undefined, data: string): void {
    const scan = symbology === undefined ? { data } : { symbology, data };
    const reports = encodeScanReports(scan, this.#options.reportSizeBytes);
    if (this.#waiting.length + reports.length <= waitingCountMax) this.#waiting.push(...reports);
  }
}
