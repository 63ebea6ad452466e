// A simulated Zebra reader with the IoT Connector. Each round it reads the tags of its field and publishes a
// message for each; heartbeats tell antennas and radio.

import { z } from "zod";
import { encodeMessage, type ZebraMessage, zebraTime } from "../drivers/zebra-iot/codec.ts";
import {
  antennaMessageSchema,
  type FieldTag,
  fieldMessageSchema,
  uncheckedFaultSchema,
} from "./control-messages.ts";
import { FaultyLine, parseControl, type SimulatedDevice } from "./device.ts";
import { gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

const optionsSchema = z.strictObject({
  mode: z.enum(["SIMPLE", "INVENTORY", "PORTAL", "CONVEYOR", "CUSTOM"]).default("INVENTORY"),
  antennaCount: z.int().min(1).max(14).default(4),
  /** Whether reads carry antenna, RSSI and count; in SIMPLE mode they do not unless they are asked for. */
  hasMetaData: z.boolean().default(true),
  /** Whether its radio reads from the beginning. */
  isActive: z.boolean().default(true),
  roundMs: z.number().min(1).max(60_000).default(200),
  heartbeatMs: z.number().min(100).max(600_000).default(10_000),
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  /** What its clock shows when it is switched on. */
  clockAtMs: z.int().min(0).default(1_763_888_000_000),
});

const controlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema,
  antennaMessageSchema,
  z.strictObject({ type: z.literal("input"), port: z.int().min(1).max(4), isHigh: z.boolean() }),
  /** Somebody starts or stops its inventory. */
  z.strictObject({ type: z.literal("radio"), isActive: z.boolean() }),
  z.strictObject({ type: z.literal("error"), message: z.string().max(500) }),
  /** So many messages are dropped on their way. */
  z.strictObject({ type: z.literal("drop"), eventCount: z.int().min(1).max(1_000_000) }),
  uncheckedFaultSchema,
]);

/** The reader. */
export class ZebraIotSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof optionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #disconnected = new Set<number>();
  #tags: readonly FieldTag[] = [];
  #isActive: boolean;
  #roundAtMs = 0;
  #heartbeatAtMs = 0;
  #eventNum = 0;
  #managementNum = 0;
  #messages: Uint8Array[] = [];
  #nowMs = 0;

  constructor(random: Random, options: z.input<typeof optionsSchema> = {}) {
    this.#options = optionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#isActive = this.#options.isActive;
  }

  // Commands are for who manages the reader.
  receive(_bytes: Uint8Array, nowMs: number): Uint8Array[] {
    return this.tick(nowMs);
  }

  tick(nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    if (this.#heartbeatAtMs <= nowMs) {
      this.#heartbeatAtMs = nowMs + this.#options.heartbeatMs;
      this.#heartbeat();
    }
    if (this.#roundAtMs <= nowMs) {
      this.#roundAtMs = nowMs + this.#options.roundMs;
      if (this.#isActive) this.#round();
    }
    return this.#messages.splice(0).flatMap((bytes) => this.#line.apply(bytes));
  }

  nextTickMs(): number {
    if (this.#messages.length > 0) return this.#nowMs;
    return Math.min(this.#roundAtMs, this.#heartbeatAtMs);
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
      case "input":
        this.#manage("RG", "gpi", { pin: control.port, state: control.isHigh ? "HIGH" : "LOW" });
        break;
      case "radio":
        this.#isActive = control.isActive;
        break;
      case "error":
        this.#manage("RC", "error", { message: control.message });
        break;
      case "drop":
        this.#eventNum += control.eventCount;
        break;
      case "fault":
        this.#line.set(control);
    }
  }

  #round(): void {
    const { mode, hasMetaData, sensitivityDbm } = this.#options;
    for (const { epc, antenna, rssiDbm } of this.#tags) {
      const heardDbm = gaussian(this.#random, rssiDbm, 1);
      if (this.#disconnected.has(antenna)) continue;
      if (this.#random() >= readChance(heardDbm, sensitivityDbm)) continue;
      const metaData = {
        antenna,
        peakRssi: Math.round(heardDbm),
        reads: 1,
        phase: integerBetween(this.#random, 0, 359),
        channel: 865.7 + 0.6 * integerBetween(this.#random, 0, 3),
      };
      const data = {
        eventNum: this.#eventNum,
        format: "epc",
        idHex: epc.toLowerCase(),
        ...(hasMetaData ? metaData : {}),
      };
      this.#eventNum += 1;
      this.#say({ type: mode, timestamp: this.#time(), data });
    }
  }

  #heartbeat(): void {
    const ports = Array.from({ length: this.#options.antennaCount }, (_, index) => index + 1);
    const antennas = ports.map((port) => [
      port,
      this.#disconnected.has(port) ? "disconnected" : "connected",
    ]);
    this.#manage("RG", "heartbeat", {
      radio_control: {
        antennas: Object.fromEntries(antennas),
        numTagReads: this.#eventNum,
        radioActivity: this.#isActive ? "active" : "inactive",
        radioConnection: "connected",
        status: "running",
      },
    });
  }

  #manage(component: "RC" | "RG", type: string, data: object): void {
    const eventNum = this.#managementNum;
    this.#managementNum += 1;
    this.#say({ component, type, timestamp: this.#time(), eventNum, data });
  }

  #say(message: ZebraMessage): void {
    this.#messages.push(encodeMessage(message));
  }

  #time(): string {
    return zebraTime(this.#options.clockAtMs + this.#nowMs);
  }
}
