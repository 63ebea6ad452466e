// A simulated module that speaks Mercury: it wakes in its boot loader, wants a region, and streams what its antennas
// read until it is stopped, or searches into a buffer that is fetched.

import { z } from "zod";
import {
  type Answer,
  type Command,
  decodeCommand,
  encodeAnswer,
} from "../drivers/mercury/codec.ts";
import { CommandDecoder, type CommandFrame } from "../drivers/mercury/frame.ts";
import type { Tag } from "../drivers/mercury/record.ts";
import { opcodes, statuses } from "../drivers/mercury/tables.ts";
import {
  antennaMessageSchema,
  delayMessageSchema,
  type FieldTag,
  fieldMessageSchema,
} from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

const optionsSchema = z.strictObject({
  /** Whether its boot loader runs when it is switched on. */
  startsInBootLoader: z.boolean().default(true),
  /** Whether it streams by Silion's command, and by that one only. */
  isSilion: z.boolean().default(false),
  antennaCount: z.int().min(1).max(16).default(4),
  /** Signal at which half of the reads succeed. */
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  rssiNoiseDb: z.number().min(0).max(10).default(1),
  /** How long one antenna reads in a stream. */
  roundMs: z.number().min(1).max(1000).default(60),
});

const controlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema,
  antennaMessageSchema,
  delayMessageSchema,
  faultMessageSchema,
  /** It gets too hot to read, or has cooled down. */
  z.strictObject({ type: z.literal("heat"), isTooHot: z.boolean() }),
  /** Its supply fails for a moment: it forgets everything and wakes in its boot loader. */
  z.strictObject({ type: z.literal("reset") }),
]);

const keepaliveMs = 1000;
/** Records that fit into a frame. */
const tagsPerFrame = 6;
/** The four upper channels of ETSI. */
const channelsKhz = [865_700, 866_300, 866_900, 867_500];
const version = {
  type: "version",
  bootLoader: "23010600",
  hardware: "38000201",
  firmwareDate: "20240913",
  firmware: "02010608",
} as const;

interface Stream {
  readonly startedAtMs: number;
  roundAtMs: number;
  keepaliveAtMs: number;
}

/** The module. */
export class MercurySimulator implements SimulatedDevice {
  readonly #options: z.output<typeof optionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #decoder = new CommandDecoder();
  readonly #disconnected = new Set<number>();
  #tags: readonly FieldTag[] = [];
  #isBootLoader: boolean;
  #isTooHot = false;
  #region = 0;
  #antennas: readonly number[] = [1];
  #turn = 0;
  /** Undefined while it does not stream. */
  #stream: Stream | undefined;
  #buffer: Tag[] = [];
  #answerDelayMs = 0;
  #due: { readonly atMs: number; readonly answer: Answer }[] = [];

  constructor(random: Random, options: z.input<typeof optionsSchema> = {}) {
    this.#options = optionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#isBootLoader = this.#options.startsInBootLoader;
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    for (const item of this.#decoder.push(bytes)) {
      if (item.kind === "frame") this.#execute(item.frame, nowMs);
    }
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    const answers = this.#due.filter(({ atMs }) => atMs <= nowMs).map(({ answer }) => answer);
    this.#due = this.#due.filter(({ atMs }) => atMs > nowMs);
    if (this.#stream !== undefined) answers.push(...this.#streamed(this.#stream, nowMs));
    return answers.flatMap((answer) => this.#line.apply(encodeAnswer(answer)));
  }

  nextTickMs(): number {
    const { roundAtMs = Number.POSITIVE_INFINITY, keepaliveAtMs = roundAtMs } = this.#stream ?? {};
    return Math.min(roundAtMs, keepaliveAtMs, ...this.#due.map(({ atMs }) => atMs));
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    switch (control.type) {
      case "field":
        this.#tags = control.tags;
        break;
      case "antenna":
        if (control.connected) this.#disconnected.delete(control.antenna);
        else this.#disconnected.add(control.antenna);
        break;
      case "delay":
        this.#answerDelayMs = control.answerDelayMs;
        break;
      case "heat":
        this.#isTooHot = control.isTooHot;
        break;
      case "reset":
        this.#isBootLoader = true;
        this.#stream = undefined;
        this.#region = 0;
        this.#due = [];
        break;
      case "fault":
        this.#line.set(control);
    }
  }

  #execute(frame: CommandFrame, nowMs: number): void {
    const command = decodeCommand(frame);
    if (this.#stream !== undefined && !/^stop/.test(command?.type ?? "")) return;
    const atMs = nowMs + this.#answerDelayMs;
    if (command?.type === "read" && !this.#isBootLoader) {
      this.#due.push({ atMs: atMs + command.durationMs, answer: this.#search(command.durationMs) });
      return;
    }
    this.#due.push({ atMs, answer: this.#reply(frame.opcode, command, nowMs) });
  }

  #reply(opcode: number, command: Command | undefined, nowMs: number): Answer {
    const result = (status: number) => ({ type: "result", opcode, status }) as const;
    switch (command?.type) {
      case "get_version":
        return version;
      case "get_program":
        return { type: "program", isBootLoader: this.#isBootLoader };
      case "boot":
        if (!this.#isBootLoader) return result(statuses.opcode);
        this.#isBootLoader = false;
        // The answer carries the version too, under the command's own number.
        return { ...version, opcode };
      default:
        return this.#isBootLoader ? result(statuses.opcode) : this.#apply(opcode, command, nowMs);
    }
  }

  #apply(opcode: number, command: Command | undefined, nowMs: number): Answer {
    const result = { type: "result", opcode, status: statuses.ok } as const;
    const streams = [opcodes.multiProtocol, opcodes.silion];
    if (opcode === streams[this.#options.isSilion ? 0 : 1]) {
      return { ...result, status: statuses.opcode };
    }
    switch (command?.type) {
      case "get_region":
        return { type: "region", region: this.#region };
      case "set_region":
        this.#region = command.region;
        return result;
      case "set_antennas":
        this.#antennas = command.antennas;
        return command.antennas.every((antenna) => antenna <= this.#options.antennaCount)
          ? result
          : { ...result, status: 0x0105 };
      case "start":
      case "start_silion":
        if (this.#region === 0) return { ...result, status: 0x010b };
        this.#stream = {
          startedAtMs: nowMs,
          roundAtMs: nowMs + this.#options.roundMs,
          keepaliveAtMs: nowMs + keepaliveMs,
        };
        return { type: "started", opcode };
      case "stop":
      case "stop_silion":
        this.#stream = undefined;
        return { type: "stopped", opcode };
      case "clear_tags":
        this.#buffer = [];
        return result;
      case "get_tags": {
        const tags = this.#buffer.splice(0, tagsPerFrame);
        return { type: "tags", opcode: opcodes.getTagBuffer, tags };
      }
      case "set_power":
      case "set_protocol":
      case "set_session":
      case "disable_read_filter":
        return result;
      default:
        return { ...result, status: statuses.opcode };
    }
  }

  #streamed(stream: Stream, nowMs: number): Answer[] {
    const answers: Answer[] = [];
    const { isSilion } = this.#options;
    const opcode = isSilion ? opcodes.silion : opcodes.readMultiple;
    if (stream.keepaliveAtMs <= nowMs) {
      stream.keepaliveAtMs = nowMs + keepaliveMs;
      const status = this.#isTooHot ? statuses.tooHot : statuses.noTag;
      const isFine = isSilion && !this.#isTooHot;
      answers.push(isFine ? { type: "heartbeat" } : { type: "result", opcode, status });
    }
    if (stream.roundAtMs > nowMs) return answers;
    stream.roundAtMs = nowMs + this.#options.roundMs;
    const antenna = this.#antennas[this.#turn % this.#antennas.length]!;
    this.#turn += 1;
    if (this.#isTooHot) return answers;
    if (this.#disconnected.has(antenna)) {
      return [...answers, { type: "result", opcode, status: statuses.returnLoss }];
    }
    const found = this.#read([antenna], nowMs - stream.startedAtMs);
    return [...answers, ...found.map((tag) => ({ type: "tags", opcode, tags: [tag] }) as const)];
  }

  #search(durationMs: number): Answer {
    const opcode = opcodes.readMultiple;
    const connected = this.#antennas.filter((antenna) => !this.#disconnected.has(antenna));
    if (connected.length === 0) return { type: "result", opcode, status: statuses.returnLoss };
    const found = this.#read(connected, durationMs);
    if (found.length === 0) return { type: "result", opcode, status: statuses.noTag };
    this.#buffer = found.slice(0, 200);
    return { type: "read", tagCount: this.#buffer.length };
  }

  #read(antennas: readonly number[], searchMs: number): Tag[] {
    const { rssiNoiseDb, sensitivityDbm } = this.#options;
    return this.#tags
      .filter(({ antenna }) => antennas.includes(antenna))
      .map((tag) => ({ ...tag, rssiDbm: gaussian(this.#random, tag.rssiDbm, rssiNoiseDb) }))
      .filter(({ rssiDbm }) => this.#random() < readChance(rssiDbm, sensitivityDbm))
      .map(({ epc, antenna, rssiDbm }) => ({
        epc,
        antenna,
        readCount: 1,
        rssiDbm: Math.max(-128, Math.min(127, Math.round(rssiDbm))),
        frequencyKhz: channelsKhz[integerBetween(this.#random, 0, channelsKhz.length - 1)],
        searchMs: Math.round(searchMs),
        phaseDeg: integerBetween(this.#random, 0, 180),
      }));
  }
}
