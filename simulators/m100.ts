// A simulated M100 module: a poll reads at most one tag of its field, with a chance that falls with the
// signal, and says so when it read none.

import { z } from "zod";
import { epcHexSchema } from "../contract/units.ts";
import { type Answer, type Command, decodeCommand, encodeAnswer } from "../drivers/m100/codec.ts";
import { type Frame, FrameDecoder } from "../drivers/m100/frame.ts";
import { commandCodes, errors, type Region } from "../drivers/m100/tables.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

/** How a simulated module is built. */
export const m100SimulatorOptionsSchema = z.strictObject({
  /** Signal at which half of the reads succeed. */
  sensitivityDbm: z.number().min(-100).max(-20).default(-65),
  rssiNoiseDb: z.number().min(0).max(10).default(1),
  pollMs: z.number().min(1).max(1000).default(20),
});
export type M100SimulatorOptions = z.input<typeof m100SimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  /** All tags in the field. */
  z.strictObject({
    type: z.literal("field"),
    tags: z
      .array(z.strictObject({ epc: epcHexSchema, rssiDbm: z.number().min(-120).max(0) }))
      .max(10_000),
  }),
  /** Whether another transmitter leaves it no channel. */
  z.strictObject({ type: z.literal("jammed"), jammed: z.boolean() }),
  faultMessageSchema,
]);
type FieldTag = Extract<z.infer<typeof controlSchema>, { type: "field" }>["tags"][number];

const texts = { hardware: "M100 26dBm V1.0", software: "V2.3", maker: "Gondola" } as const;

/** The module. */
export class M100Simulator implements SimulatedDevice {
  readonly #options: z.output<typeof m100SimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #decoder = new FrameDecoder();
  #tags: readonly FieldTag[] = [];
  #isJammed = false;
  #powerDbm = 26;
  #region: Region = "chn";
  #leftPollCount = 0;
  #nextPollAtMs = 0;

  constructor(random: Random, options: M100SimulatorOptions = {}) {
    this.#options = m100SimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    const frames = this.#decoder.push(bytes).flatMap((item) => {
      return item.kind === "frame" ? [item.frame] : [];
    });
    return frames.flatMap((frame) => this.#execute(frame, nowMs));
  }

  tick(nowMs: number): Uint8Array[] {
    if (this.#leftPollCount === 0 || nowMs < this.#nextPollAtMs) return [];
    this.#leftPollCount -= 1;
    this.#nextPollAtMs += this.#options.pollMs;
    return this.#line.apply(encodeAnswer(this.#poll()));
  }

  nextTickMs(): number {
    return this.#leftPollCount === 0 ? Number.POSITIVE_INFINITY : this.#nextPollAtMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "field") this.#tags = control.tags;
    else this.#isJammed = control.jammed;
  }

  #execute(frame: Frame, nowMs: number): Uint8Array[] {
    const command = decodeCommand(frame);
    if (command?.type === "poll") {
      this.#leftPollCount = command.pollCount;
      this.#nextPollAtMs = nowMs + this.#options.pollMs;
      return [];
    }
    return this.#line.apply(encodeAnswer(this.#reply(command)));
  }

  #reply(command: Exclude<Command, { type: "poll" }> | undefined): Answer {
    switch (command?.type) {
      case "get_info":
        return { type: "info", info: command.info, text: texts[command.info] };
      case "get_region":
        return { type: "region", region: this.#region };
      case "get_power":
        return { type: "power", powerDbm: this.#powerDbm };
      case "set_region":
        this.#region = command.region;
        return this.#done(command);
      case "set_power":
        this.#powerDbm = command.powerDbm;
        return this.#done(command);
      case "stop":
        this.#leftPollCount = 0;
        return this.#done(command);
      default:
        return { type: "error", code: errors.unknownCommand };
    }
  }

  #done(command: Command): Answer {
    return { type: "done", command: commandCodes[command.type], status: 0 };
  }

  #poll(): Answer {
    if (this.#isJammed) return { type: "error", code: errors.hopping };
    const tag = this.#tags[integerBetween(this.#random, 0, Math.max(0, this.#tags.length - 1))];
    if (tag === undefined) return { type: "error", code: errors.noTag };
    const { rssiNoiseDb, sensitivityDbm } = this.#options;
    const rssiDbm = Math.round(gaussian(this.#random, tag.rssiDbm, rssiNoiseDb));
    if (this.#random() >= readChance(rssiDbm, sensitivityDbm))
      return { type: "error", code: errors.noTag };
    return { type: "tag", epc: tag.epc, rssiDbm };
  }
}
