// A simulated load-cell board: a line per sample, with the noise of real cells, and the swing of a
// shelf when something is put on it, taken off it, or bumps into it.

import { z } from "zod";
import { weightStatuses } from "../contract/reading.ts";
import {
  type CellSample,
  cellCountMax,
  encodeBoardLine,
  isIdentify,
  lineLengthMax,
  protocolVersion,
  sampleNumberMax,
} from "../drivers/load-cell-board/codec.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { HeardLines } from "./heard-lines.ts";
import { gaussian, type Random } from "./random.ts";

/** How a simulated board is built. */
export const loadCellBoardSimulatorOptionsSchema = z.strictObject({
  cellCount: z.int().min(1).max(cellCountMax).default(8),
  sampleRateHz: z.number().min(1).max(80).default(10),
  noiseGrams: z.number().min(0).max(1000).default(1),
});
export type LoadCellBoardSimulatorOptions = z.input<typeof loadCellBoardSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  /** What lies on each cell, from cell 1 on. */
  z.strictObject({
    type: z.literal("cells"),
    weightGrams: z.array(z.number().min(-1e6).max(1e6)).max(cellCountMax),
    statuses: z.array(z.enum(weightStatuses)).max(cellCountMax).optional(),
  }),
  /** Somebody knocks against the shelf: the cell swings by so much and comes to rest. */
  z.strictObject({
    type: z.literal("bump"),
    cell: z.int().min(1).max(cellCountMax),
    weightGrams: z.number().min(-1e6).max(1e6),
  }),
  faultMessageSchema,
]);

/** How long a shelf takes to lose most of a swing. */
const settleMs = 120;
/** The hand that puts or takes presses along: part of the change, by chance. */
const handShare = 0.2;
/** Noise of a cell is slow: so much of it is still there in the next sample. */
const noiseMemory = 0.7;
/** After a longer sleep of the process no lines are made up for it. */
const catchUpMsMax = 1000;

interface Cell {
  targetGrams: number;
  swingGrams: number;
  noise: number;
  status: CellSample["status"];
}

/** The board. */
export class LoadCellBoardSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof loadCellBoardSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #cells: Cell[];
  readonly #heard = new HeardLines(lineLengthMax);
  #number = 0;
  #nextSampleAtMs: number | undefined;

  constructor(random: Random, options: LoadCellBoardSimulatorOptions = {}) {
    this.#options = loadCellBoardSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#cells = Array.from({ length: this.#options.cellCount }, () => ({
      targetGrams: 0,
      swingGrams: 0,
      noise: gaussian(random, 0, 1),
      status: "ok",
    }));
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    const lines = this.#heard.take(bytes);
    const { cellCount, sampleRateHz } = this.#options;
    const identity = {
      type: "identity",
      version: protocolVersion,
      cellCount,
      sampleRateHz,
    } as const;
    return lines.filter(isIdentify).flatMap(() => this.#line.apply(encodeBoardLine(identity)));
  }

  tick(nowMs: number): Uint8Array[] {
    const periodMs = 1000 / this.#options.sampleRateHz;
    let atMs = this.#nextSampleAtMs ?? nowMs;
    if (nowMs - atMs > catchUpMsMax) atMs = nowMs;
    const writes: Uint8Array[] = [];
    for (; atMs <= nowMs; atMs += periodMs) writes.push(...this.#sample(periodMs));
    this.#nextSampleAtMs = atMs;
    return writes;
  }

  nextTickMs(): number {
    return this.#nextSampleAtMs ?? 0;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "bump") {
      const cell = this.#cells[control.cell - 1];
      if (cell !== undefined) cell.swingGrams += control.weightGrams;
    } else {
      for (const [index, cell] of this.#cells.entries()) {
        this.#load(cell, control.weightGrams[index] ?? cell.targetGrams);
        cell.status = control.statuses?.[index] ?? "ok";
      }
    }
  }

  #load(cell: Cell, targetGrams: number): void {
    const change = targetGrams - cell.targetGrams;
    if (change === 0) return;
    cell.targetGrams = targetGrams;
    cell.swingGrams += -change + Math.abs(change) * handShare * gaussian(this.#random, 0, 1);
  }

  #sample(periodMs: number): Uint8Array[] {
    const cells = this.#cells.map((cell) => {
      cell.swingGrams *= Math.exp(-periodMs / settleMs);
      const fresh = Math.sqrt(1 - noiseMemory ** 2) * gaussian(this.#random, 0, 1);
      cell.noise = noiseMemory * cell.noise + fresh;
      const noiseGrams = cell.noise * this.#options.noiseGrams;
      const weightGrams = cell.targetGrams + cell.swingGrams + noiseGrams;
      return { weightGrams, status: cell.status };
    });
    const bytes = encodeBoardLine({ type: "sample", number: this.#number, cells });
    this.#number = (this.#number + 1) % (sampleNumberMax + 1);
    return this.#line.apply(bytes);
  }
}
