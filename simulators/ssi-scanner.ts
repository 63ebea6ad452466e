// A simulated SSI scanner: it waits for the acknowledgement of each packet and sends it again without.

import { z } from "zod";
import {
  encodeDecodeData,
  encodePacket,
  type Packet,
  PacketDecoder,
  plain,
} from "../drivers/ssi-scanner/codec.ts";
import { nakCauses, opcodes, typeOf } from "../drivers/ssi-scanner/tables.ts";
import { scanMessageSchema } from "./control-messages.ts";
import { FaultyLine, faultMessageSchema, parseControl, type SimulatedDevice } from "./device.ts";
import type { Random } from "./random.ts";

/** How a simulated scanner is built. */
export const ssiScannerSimulatorOptionsSchema = z.strictObject({
  revision: z.string().min(1).max(64).default("PAABLS00-001-R00 SIM"),
  /** Refuses parameters. */
  deniesParameters: z.boolean().default(false),
  ackTimeoutMs: z.int().min(100).max(10_000).default(2000),
});
export type SsiScannerSimulatorOptions = z.input<typeof ssiScannerSimulatorOptionsSchema>;

const controlSchema = z.discriminatedUnion("type", [
  scanMessageSchema,
  /** Does not hear the next `count` acknowledgements. */
  z.strictObject({ type: z.literal("deaf"), count: z.int().min(1).max(100) }),
  faultMessageSchema,
]);

/** Packets that wait, and times one is sent. */
const waitingCountMax = 10_000;
const attemptCountMax = 4;

/** The scanner. */
export class SsiScannerSimulator implements SimulatedDevice {
  readonly #options: z.output<typeof ssiScannerSimulatorOptionsSchema>;
  readonly #line: FaultyLine;
  readonly #decoder = new PacketDecoder("host");
  readonly #waiting: Packet[] = [];
  #attemptCount = 0;
  #deafCount = 0;
  #nextMs = 0;

  constructor(random: Random, options: SsiScannerSimulatorOptions = {}) {
    this.#options = ssiScannerSimulatorOptionsSchema.parse(options);
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    const answers = this.#decoder.push(bytes).flatMap((item) => {
      return item.kind === "frame" ? this.#answer(item.frame, nowMs) : [];
    });
    return [...answers.flatMap((answer) => this.#line.apply(answer)), ...this.tick(nowMs)];
  }

  tick(nowMs: number): Uint8Array[] {
    if (this.nextTickMs() > nowMs) return [];
    if (this.#attemptCount >= attemptCountMax) this.#drop(nowMs);
    const [packet] = this.#waiting;
    if (packet === undefined) return [];
    const bytes = encodePacket({ ...packet, isRetransmission: this.#attemptCount > 0 });
    this.#attemptCount += 1;
    this.#nextMs = nowMs + this.#options.ackTimeoutMs;
    return this.#line.apply(bytes);
  }

  nextTickMs(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else if (control.type === "deaf") this.#deafCount = control.count;
    else if (this.#waiting.length < waitingCountMax) {
      this.#waiting.push(...encodeDecodeData(typeOf(control.symbology), control.data));
    }
  }

  #answer({ opcode, data }: Packet, nowMs: number): Uint8Array[] {
    const reply = (name: keyof typeof opcodes, bytes: Uint8Array) => [
      encodePacket({ ...plain, opcode: opcodes[name], source: "decoder", data: bytes }),
    ];
    switch (opcode) {
      case opcodes.request_revision:
        return reply("reply_revision", Buffer.from(this.#options.revision));
      case opcodes.ack:
        if (this.#deafCount > 0) this.#deafCount -= 1;
        else if (this.#attemptCount > 0) this.#drop(nowMs);
        return [];
      case opcodes.nak:
        if (data[0] === nakCauses.resend) this.#nextMs = nowMs;
        return [];
      case opcodes.param_send:
        if (this.#options.deniesParameters) return reply("nak", Uint8Array.of(nakCauses.denied));
        return reply("ack", new Uint8Array());
      default:
        return reply("ack", new Uint8Array());
    }
  }

  #drop(nowMs: number): void {
    this.#waiting.shift();
    this.#attemptCount = 0;
    this.#nextMs = nowMs;
  }
}
