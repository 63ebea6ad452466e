// A simulated Chafon reader: an inventory takes its time, tells the tags it read a few at a time, and ends with a frame
// that says so.

import { z } from "zod";
import { type Answer, type Command, decodeCommand, encodeAnswer } from "../drivers/chafon/codec.ts";
import { broadcastAddress, type Frame, FrameDecoder } from "../drivers/chafon/frame.ts";
import { commandCodes, statuses } from "../drivers/chafon/tables.ts";
import { antennaMessageSchema, type FieldTag, fieldMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

/** How a simulated reader is built. */
export const chafonSimulatorOptionsSchema = z.strictObject({
  address: z.int().min(0).max(254).default(0),
  antennaCount: z.int().min(1).max(8).default(4),
  /** Signal at which half of the reads succeed. */
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  rssiNoiseDb: z.number().min(0).max(10).default(1),
  /** How long an inventory takes at least. */
  roundMs: z.number().min(1).max(1000).default(60),
});
export type ChafonSimulatorOptions = z.input<typeof chafonSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema,
  antennaMessageSchema,
  faultMessageSchema,
]);

const tagsPerFrame = 4;
/** EU band, channels 0 to 14. */
const euBand = { bandMax: 0x4e, bandMin: 0x00 } as const;
/** Raw signal of 0 dBm. */
const rssiOffsetDb = 129;

/** The reader. */
export class ChafonSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof chafonSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #decoder = new FrameDecoder();
  readonly #disconnected = new Set<number>();
  #tags: readonly FieldTag[] = [];
  #powerDbm = 26;
  #scanTimeMs = 1000;
  /** A new reader scans by itself. */
  #isAnswering = false;
  #due: { atMs: number; answers: Answer[] } | undefined;

  constructor(random: Random, options: ChafonSimulatorOptions = {}) {
    this.#options = chafonSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    return this.#decoder
      .push(bytes)
      .flatMap((item) => (item.kind === "frame" ? this.#execute(item.frame, nowMs) : []));
  }

  tick(nowMs: number): Uint8Array[] {
    if (nowMs < this.nextTickMs()) return [];
    const answers = this.#due?.answers ?? [];
    this.#due = undefined;
    return answers.flatMap((answer) => this.#say(answer));
  }

  nextTickMs(): number {
    return this.#due?.atMs ?? Number.POSITIVE_INFINITY;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "field") this.#tags = control.tags;
    else if (control.connected) this.#disconnected.delete(control.antenna);
    else this.#disconnected.add(control.antenna);
  }

  #execute(frame: Frame, nowMs: number): Uint8Array[] {
    if (frame.address !== broadcastAddress && frame.address !== this.#options.address) return [];
    const command = decodeCommand(frame);
    if (command?.type === "inventory") {
      this.#due = { atMs: nowMs + this.#options.roundMs, answers: this.#inventory(command) };
      return [];
    }
    return this.#say(this.#reply(frame.command, command));
  }

  #reply(code: number, command: Exclude<Command, { type: "inventory" }> | undefined): Answer {
    switch (command?.type) {
      case "get_info": {
        const set = { powerDbm: this.#powerDbm, scanTimeMs: this.#scanTimeMs };
        return { type: "info", firmware: "0.22", readerType: 0x0c, ...euBand, ...set };
      }
      case "get_work_mode":
        return { type: "work_mode", isAnswering: this.#isAnswering };
      case "set_answer_mode":
        this.#isAnswering = true;
        break;
      case "set_power":
        this.#powerDbm = command.powerDbm;
        break;
      case "set_scan_time":
        this.#scanTimeMs = command.scanTimeMs;
        break;
      default:
        return { type: "result", command: code, status: 0xfe };
    }
    return { type: "result", command: code, status: statuses.success };
  }

  #inventory({ antenna, family }: Extract<Command, { type: "inventory" }>): Answer[] {
    const isMissing = antenna > this.#options.antennaCount || this.#disconnected.has(antenna);
    const command = commandCodes.inventory;
    if (isMissing) return [{ type: "result", command, status: statuses.antenna }];
    const { rssiNoiseDb, sensitivityDbm } = this.#options;
    const hasSignal = family === "reader288";
    const tags = this.#tags
      .filter((tag) => tag.antenna === antenna)
      .map(({ epc, rssiDbm }) => ({ epc, rssiDbm: gaussian(this.#random, rssiDbm, rssiNoiseDb) }))
      .filter(({ rssiDbm }) => this.#random() < readChance(rssiDbm, sensitivityDbm))
      .map(({ epc, rssiDbm }) => {
        const raw = Math.min(255, Math.max(0, Math.round(rssiDbm) + rssiOffsetDb));
        return { epc, rawRssi: hasSignal ? raw : undefined };
      });
    const named = hasSignal ? antenna : undefined;
    const answers: Answer[] = [];
    for (let at = 0; at < tags.length; at += tagsPerFrame) {
      const some = tags.slice(at, at + tagsPerFrame);
      answers.push({ type: "tags", status: statuses.moreFollow, antenna: named, tags: some });
    }
    if (tags.length === 0 && !hasSignal) {
      return [{ type: "result", command, status: statuses.noTag }];
    }
    return [...answers, { type: "tags", status: statuses.done, antenna: named, tags: [] }];
  }

  #say(answer: Answer): Uint8Array[] {
    return this.#line.apply(encodeAnswer(this.#options.address, answer));
  }
}
