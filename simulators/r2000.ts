// A simulated R2000 reader: a round on an antenna reads each tag in its field with a probability that
// falls with the signal, one read every few milliseconds, and takes its time even when nothing is there.

import { z } from "zod";
import { type Answer, type Command, decodeCommand, encodeAnswer } from "../drivers/r2000/codec.ts";
import { type Frame, FrameDecoder, publicAddress } from "../drivers/r2000/frame.ts";
import { commandCodes, type Region, regions, results } from "../drivers/r2000/tables.ts";
import { antennaMessageSchema, type FieldTag, fieldMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { between, gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

/** How a simulated reader is built. */
export const r2000SimulatorOptionsSchema = z.strictObject({
  address: z.int().min(0).max(254).default(1),
  antennaCount: z.int().min(1).max(8).default(4),
  /** Signal at which half of the reads succeed. */
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  rssiNoiseDb: z.number().min(0).max(10).default(1),
  roundMsMin: z.number().min(1).max(1000).default(20),
});
export type R2000SimulatorOptions = z.input<typeof r2000SimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema,
  antennaMessageSchema,
  faultMessageSchema,
]);

/** A read takes this long on the air. */
const readMsMin = 1;
const readMsMax = 3;
/** A simple command is answered after this time. */
const answerDelayMs = 1;
/** What the reader is made with. */
const firmware = { major: 1, minor: 9 } as const;
/** Longest queue of answers; a host that goes on asking without listening gets no more. */
const queueLengthMax = 50_000;

/** The reader. */
export class R2000Simulator implements SimulatedDevice {
  readonly #options: z.output<typeof r2000SimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #decoder = new FrameDecoder();
  readonly #disconnected = new Set<number>();
  #tags: readonly FieldTag[] = [];
  #antenna = 1;
  #powersDbm: readonly number[] = [30];
  #region: Region = "etsi";
  /** What will be sent and when, in order. */
  #queue: { atMs: number; bytes: Uint8Array }[] = [];
  #busyUntilMs = 0;

  constructor(random: Random, options: R2000SimulatorOptions = {}) {
    this.#options = r2000SimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    for (const item of this.#decoder.push(bytes)) {
      if (item.kind === "frame" && this.#queue.length < queueLengthMax) {
        this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + answerDelayMs;
        this.#execute(item.frame);
      }
    }
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    const later = this.#queue.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#queue.splice(0, later < 0 ? this.#queue.length : later);
    return due.flatMap(({ bytes }) => this.#line.apply(bytes));
  }

  nextTickMs(): number {
    return this.#queue[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "field") this.#tags = control.tags;
    else if (control.connected) this.#disconnected.delete(control.antenna);
    else this.#disconnected.add(control.antenna);
  }

  #execute(frame: Frame): void {
    if (frame.address !== publicAddress && frame.address !== this.#options.address) return;
    const command = decodeCommand(frame);
    if (command?.type === "inventory") this.#inventory(command.repeatCount);
    else if (command?.type === "fast_switch") this.#fastSwitch(command);
    else this.#answer(this.#reply(frame.command, command));
  }

  #reply(code: number, command: Command | undefined): Answer {
    const success: Answer = { type: "result", command: code, code: results.success };
    const refusal: Answer = { type: "result", command: code, code: results.invalid };
    switch (command?.type) {
      case "get_version":
        return { type: "version", ...firmware };
      case "get_power":
        return { type: "power", powersDbm: this.#powersDbm };
      case "get_region":
        return { type: "region", region: this.#region };
      case "set_power":
        this.#powersDbm = command.powersDbm;
        return success;
      case "set_region":
        this.#region = command.region;
        return success;
      case "set_antenna":
        if (command.antenna > this.#options.antennaCount) return refusal;
        this.#antenna = command.antenna;
        return success;
      default:
        return refusal;
    }
  }

  #inventory(repeatCount: number): void {
    const antenna = this.#antenna;
    const command = commandCodes.inventory;
    if (this.#disconnected.has(antenna)) {
      this.#answer({ type: "result", command, code: results.antennaMissing });
      return;
    }
    const startMs = this.#busyUntilMs;
    // 255 asks for one round as short as can be (V3.7, 0x89).
    const roundCount = repeatCount === 255 ? 1 : repeatCount;
    let readCount = 0;
    for (let round = 0; round < roundCount; round += 1) readCount += this.#round(antenna, command);
    const readsPerSecond = Math.round((readCount * 1000) / (this.#busyUntilMs - startMs));
    this.#answer({ type: "round_end", antenna, readsPerSecond, readCount });
  }

  #fastSwitch(command: Extract<Command, { type: "fast_switch" }>): void {
    const startMs = this.#busyUntilMs;
    let readCount = 0;
    for (let lap = 0; lap < command.repeatCount; lap += 1) {
      for (const antenna of command.antennas) {
        if (this.#disconnected.has(antenna)) this.#answer({ type: "antenna_missing", antenna });
        else readCount += this.#round(antenna, commandCodes.fast_switch);
      }
    }
    const durationMs = Math.round(this.#busyUntilMs - startMs);
    this.#answer({ type: "fast_switch_end", readCount, durationMs });
  }

  // One inventory round; returns the number of reads. Each tag answers once, in an order of chance.
  #round(antenna: number, command: number): number {
    const { roundMsMin, rssiNoiseDb, sensitivityDbm } = this.#options;
    const endMs = this.#busyUntilMs + roundMsMin;
    const { first, last } = regions[this.#region];
    const channelIndex = integerBetween(this.#random, first, last);
    let readCount = 0;
    for (const tag of shuffled(this.#tags, this.#random)) {
      if (tag.antenna !== antenna) continue;
      const rssiDbm = gaussian(this.#random, tag.rssiDbm, rssiNoiseDb);
      if (this.#random() >= readChance(rssiDbm, sensitivityDbm)) continue;
      this.#busyUntilMs += between(this.#random, readMsMin, readMsMax);
      this.#answer({ type: "tag", command, antenna, channelIndex, epc: tag.epc, rssiDbm });
      readCount += 1;
    }
    this.#busyUntilMs = Math.max(this.#busyUntilMs, endMs);
    return readCount;
  }

  #answer(answer: Answer): void {
    const bytes = encodeAnswer(this.#options.address, answer);
    this.#queue.push({ atMs: this.#busyUntilMs, bytes });
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const copy = [...list];
  for (let index = copy.length - 1; index > 0; index -= 1) {
    const other = integerBetween(random, 0, index);
    [copy[index], copy[other]] = [copy[other]!, copy[index]!];
  }
  return copy;
}
