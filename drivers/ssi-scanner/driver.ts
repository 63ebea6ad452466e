// A scanner that speaks Zebra's SSI. Every scan is acknowledged; one that came damaged is asked for
// again; one whose acknowledgement was lost comes twice and is reported once.

import { GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import {
  encodeCommand,
  encodePacketedMode,
  encodeResendRequest,
  type Packet,
  PacketDecoder,
} from "./codec.ts";
import { MessageJoiner } from "./message-joiner.ts";
import { type SsiScannerOptions, ssiScannerOptionsSchema } from "./options.ts";
import { nakCauses, nakText, opcodes } from "./tables.ts";

/** Kind `ssi-scanner`. */
export const device = defineDevice({
  optionsSchema: ssiScannerOptionsSchema,
  baudRateDefault: 9600,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new Session(context, options).run()),
  }),
});

/** One run. */
class Session {
  readonly #context: DriverContext;
  readonly #options: SsiScannerOptions;
  readonly #feed: FrameFeed<Packet>;
  readonly #joiner: MessageJoiner;

  constructor(context: DriverContext, options: SsiScannerOptions) {
    this.#context = context;
    this.#options = options;
    this.#joiner = new MessageJoiner(options);
    const damaged = () => {
      context.count("resends_asked");
      this.#joiner.damaged();
      this.#feed.send(encodeResendRequest());
    };
    this.#feed = new FrameFeed(context, new PacketDecoder("decoder", damaged));
  }

  async run(): Promise<void> {
    const { signal, onIdentified } = this.#context;
    const revision = await this.#askRevision();
    onIdentified(`SSI scanner, ${revision}`);
    await this.#ask("PARAM_SEND", encodePacketedMode(), opcodes.ack);
    await this.#ask("SCAN_ENABLE", encodeCommand("scan_enable"), opcodes.ack);
    while (!signal.aborted) {
      const packet = await this.#feed.next(this.#options.pollIntervalMs);
      if (packet === undefined) await this.#askRevision();
      else this.#take(packet);
    }
  }

  async #askRevision(): Promise<string> {
    const command = encodeCommand("request_revision");
    const { data } = await this.#ask("REQUEST_REVISION", command, opcodes.reply_revision);
    const text = Buffer.from(data)
      .toString("latin1")
      .replaceAll(/[^ -~]+/g, " ")
      .trim();
    return text === "" ? "revision unknown" : `revision ${text.slice(0, 80)}`;
  }

  // Scans that come in between are taken, not lost.
  async #ask(name: string, command: Uint8Array, answer: number): Promise<Packet> {
    const { clock, count } = this.#context;
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.#feed.send(command);
      const deadlineMs = clock.monotonicMs() + this.#options.answerTimeoutMs;
      for (;;) {
        const packet = await this.#feed.next(deadlineMs - clock.monotonicMs());
        if (packet === undefined) break;
        if (packet.opcode === answer) return packet;
        if (packet.opcode !== opcodes.nak) this.#take(packet);
        else if (packet.data[0] === nakCauses.resend) break;
        else throw refused(name, packet.data[0] ?? 0);
      }
      count("timeouts");
    }
    throw this.#feed.unanswered(name);
  }

  #take(packet: Packet): void {
    const { deviceId, clock, count, onReading } = this.#context;
    if (packet.opcode !== opcodes.decode_data) {
      count("packets_other");
      return;
    }
    this.#feed.send(encodeCommand("ack"));
    const joined = this.#joiner.take(packet, clock.monotonicMs());
    if (joined.type === "duplicate") count("duplicates");
    else if (joined.type === "discarded") count(`discarded_${joined.reason}`);
    else if (joined.type === "scan") {
      count("scans");
      onReading({ kind: "scan", deviceId, ...joined.scan, receivedAtMs: clock.nowMs() });
    }
  }
}

function refused(name: string, cause: number): GatewayError {
  const message = `the scanner refuses ${name}: ${nakText(cause)}`;
  return new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
}
