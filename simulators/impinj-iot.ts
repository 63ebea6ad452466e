// A simulated Impinj reader with the IoT device interface. Each round it reads the tags of its field and sends
// an event for each; it answers requests for its state and starts a preset.

import { z } from "zod";
import { epcHexSchema } from "../contract/units.ts";
import {
  encodeEvent,
  type ImpinjEvent,
  type ImpinjStatus,
  startPathOf,
  statusPath,
  streamPath,
} from "../drivers/impinj-iot/codec.ts";
import { type ExchangeRequest, encodeAnswer, readRequest } from "../drivers/transport/exchange.ts";
import {
  antennaMessageSchema,
  delayMessageSchema,
  fieldMessageSchema,
  fieldTagSchema,
  uncheckedFaultSchema,
} from "./control-messages.ts";
import { FaultyLine, type PublishingDevice, parseControl } from "./device.ts";
import { gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

const optionsSchema = z.strictObject({
  /** Presets that it has. */
  presets: z.array(z.string().min(1).max(128)).default(["default"]),
  /** Whether it reads from the beginning. */
  isRunning: z.boolean().default(true),
  serialNumber: z.string().max(64).default("370-21-01-0042"),
  /** Whether its events carry `epcHex`, `lastSeenTime` and `phaseAngle`, which are off by default. */
  isDetailed: z.boolean().default(true),
  roundMs: z.number().min(1).max(60_000).default(200),
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  /** What its clock shows when it is switched on. */
  clockAtMs: z.int().min(0).default(1_763_888_000_000),
});

const tagSchema = fieldTagSchema.extend({ tid: epcHexSchema.optional() });
const controlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema.extend({ tags: z.array(tagSchema).max(10_000) }),
  antennaMessageSchema,
  z.strictObject({ type: z.literal("input"), port: z.int().min(1).max(8), isHigh: z.boolean() }),
  /** Somebody stops its inventory. */
  z.strictObject({ type: z.literal("stop") }),
  z.strictObject({ type: z.literal("overflow"), eventCount: z.int().min(1).max(1_000_000) }),
  delayMessageSchema,
  uncheckedFaultSchema,
]);

/** The four upper channels of ETSI, in kHz. */
const channels = [865_700, 866_300, 866_900, 867_500];

/** The reader. */
export class ImpinjIotSimulator implements PublishingDevice {
  readonly streamPath = streamPath;
  readonly #options: z.output<typeof optionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #disconnected = new Set<number>();
  #tags: readonly z.infer<typeof tagSchema>[] = [];
  #isRunning: boolean;
  #preset: string | undefined;
  #roundAtMs = 0;
  #answerDelayMs = 0;
  #answers: { readonly atMs: number; readonly bytes: Uint8Array }[] = [];
  #events: Uint8Array[] = [];
  #nowMs = 0;

  constructor(random: Random, options: z.input<typeof optionsSchema> = {}) {
    this.#options = optionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#isRunning = this.#options.isRunning;
    this.#preset = this.#isRunning ? this.#options.presets[0] : undefined;
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    const request = readRequest(bytes);
    if (request !== undefined) {
      const answer = encodeAnswer({ answerTo: request.path, ...this.#answer(request) });
      this.#answers.push({ atMs: nowMs + this.#answerDelayMs, bytes: answer });
    }
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    if (this.#roundAtMs <= nowMs) {
      if (this.#isRunning) this.#round();
      this.#roundAtMs = nowMs + this.#options.roundMs;
    }
    const due = this.#answers.filter(({ atMs }) => atMs <= nowMs);
    this.#answers = this.#answers.filter(({ atMs }) => atMs > nowMs);
    const writes = [...this.#events.splice(0), ...due.map(({ bytes }) => bytes)];
    return writes.flatMap((bytes) => this.#line.apply(bytes));
  }

  nextTickMs(): number {
    if (this.#events.length > 0) return this.#nowMs;
    return Math.min(this.#roundAtMs, ...this.#answers.map(({ atMs }) => atMs));
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    switch (control.type) {
      case "field":
        this.#tags = control.tags;
        break;
      case "antenna": {
        const event = { antennaPort: control.antenna };
        if (control.connected) {
          this.#disconnected.delete(control.antenna);
          this.#say("antennaConnected", { antennaConnectedEvent: event });
        } else {
          this.#disconnected.add(control.antenna);
          this.#say("antennaDisconnected", { antennaDisconnectedEvent: event });
        }
        break;
      }
      case "input": {
        const transition = control.isHigh ? "low-to-high" : "high-to-low";
        this.#say("gpiTransition", { gpiTransitionEvent: { gpi: control.port, transition } });
        break;
      }
      case "stop":
        this.#setRunning(false);
        break;
      case "overflow":
        this.#say("overflow", { overflowEvent: { eventsPurged: control.eventCount } });
        break;
      case "delay":
        this.#answerDelayMs = control.answerDelayMs;
        break;
      case "fault":
        this.#line.set(control);
    }
  }

  #answer({ method, path }: ExchangeRequest): { statusCode: number; body?: unknown } {
    if (method === "GET" && path === statusPath) {
      const status: ImpinjStatus = {
        status: this.#isRunning ? "running" : "idle",
        serialNumber: this.#options.serialNumber,
        ...(this.#preset === undefined ? {} : { activePreset: { id: this.#preset } }),
      };
      return { statusCode: 200, body: { time: this.#time(), ...status } };
    }
    const preset = this.#options.presets.find((each) => path === startPathOf(each));
    if (method !== "POST" || preset === undefined) {
      return { statusCode: 404, body: { message: "not found" } };
    }
    this.#preset = preset;
    this.#setRunning(true);
    return { statusCode: 204 };
  }

  #setRunning(isRunning: boolean): void {
    this.#isRunning = isRunning;
    if (!isRunning) this.#preset = undefined;
    const inventoryStatus = isRunning ? "running" : "idle";
    this.#say("inventoryStatus", { inventoryStatusEvent: { inventoryStatus } });
  }

  #round(): void {
    for (const { epc, tid, antenna, rssiDbm } of this.#tags) {
      const heardDbm = gaussian(this.#random, rssiDbm, 1);
      if (this.#disconnected.has(antenna)) continue;
      if (this.#random() >= readChance(heardDbm, this.#options.sensitivityDbm)) continue;
      const details = {
        epcHex: epc,
        lastSeenTime: this.#time(),
        phaseAngle: integerBetween(this.#random, 0, 35_999) / 100,
        ...(tid === undefined ? {} : { tidHex: tid }),
      };
      this.#say("tagInventory", {
        tagInventoryEvent: {
          epc: Buffer.from(epc, "hex").toString("base64"),
          antennaPort: antenna,
          peakRssiCdbm: Math.round(heardDbm * 100),
          frequency: channels[integerBetween(this.#random, 0, channels.length - 1)]!,
          ...(this.#options.isDetailed ? details : {}),
        },
      });
    }
  }

  #say(eventType: string, event: Omit<ImpinjEvent, "timestamp" | "eventType">): void {
    const head = { timestamp: this.#time(), hostname: "impinj-00-00-2a", eventType };
    this.#events.push(encodeEvent({ ...head, ...event }));
  }

  #time(): string {
    return new Date(this.#options.clockAtMs + this.#nowMs).toISOString();
  }
}
