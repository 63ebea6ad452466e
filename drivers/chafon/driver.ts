// A Chafon reader: identify, set what is configured, then inventory antenna by antenna for ever. Every read of a tag
// becomes a reading; smoothing is the edge's job.

import { GatewayError } from "../../contract/errors.ts";
import { epcHexSchema } from "../../contract/units.ts";
import { sleep } from "../clock.ts";
import { AntennaFaults, reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { rssiUnknownDbm } from "../rssi.ts";
import { type Answer, type Command, decodeAnswer, encodeCommand } from "./codec.ts";
import { type Frame, FrameDecoder } from "./frame.ts";
import { type ChafonOptions, chafonOptionsSchema } from "./options.ts";
import { bandOf, commandCodes, statuses, statusText, unasked } from "./tables.ts";

/** Rest while every antenna is faulty. */
const idleLapMs = 200;

/** Kind `chafon`. */
export const device = defineDevice({
  optionsSchema: chafonOptionsSchema,
  baudRateDefault: 57_600,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ReaderRun(context, options).run()),
  }),
});

class ReaderRun {
  readonly #context: DriverContext;
  readonly #options: ChafonOptions;
  readonly #feed: FrameFeed<Frame>;
  readonly #faults: AntennaFaults;

  constructor(context: DriverContext, options: ChafonOptions) {
    this.#context = context;
    this.#options = options;
    this.#feed = new FrameFeed(context, new FrameDecoder());
    this.#faults = new AntennaFaults((reason) => reportFaults(context, reason));
  }

  async run(): Promise<void> {
    const { clock, onIdentified, signal } = this.#context;
    const { antennas, family } = this.#options;
    const info = await this.#identify();
    if (family === "reader18") await this.#setUpReader18(info.scanTimeMs);
    await this.#setPower(info.powerDbm);
    const type = `0x${info.readerType.toString(16).padStart(2, "0").toUpperCase()}`;
    const { name, minMhz, maxMhz } = bandOf(info.bandMax, info.bandMin);
    const band = `${name} band ${minMhz} to ${maxMhz} MHz`;
    onIdentified(`Chafon reader of type ${type}, firmware ${info.firmware}, ${band}`);
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const due = antennas.filter((antenna) => this.#faults.isDue(antenna, nowMs));
      if (due.length === 0) await sleep(clock, idleLapMs, signal);
      for (const antenna of due) await this.#readAntenna(antenna);
    }
  }

  async #identify(): Promise<Extract<Answer, { type: "info" }>> {
    const answer = await this.#ask({ type: "get_info" }).catch((error) => {
      throw this.#feed.heardFrames ? notIdentified("other frames") : error;
    });
    if (answer.type === "info") return answer;
    throw notIdentified(answer.type === "result" ? statusText(answer.status) : answer.type);
  }

  // Its inventory takes what is stored; in scan mode it would not be asked at all. Both are kept in flash, which wears.
  async #setUpReader18(scanTimeMs: number): Promise<void> {
    const mode = await this.#ask({ type: "get_work_mode" });
    if (mode.type === "work_mode" && !mode.isAnswering) {
      await this.#command({ type: "set_answer_mode" });
    }
    const wanted = this.#options.scanTimeMs;
    if (scanTimeMs !== wanted) await this.#command({ type: "set_scan_time", scanTimeMs: wanted });
  }

  async #setPower(presentDbm: number): Promise<void> {
    const wanted = this.#options.powerDbm;
    if (wanted === undefined || wanted === presentDbm) return;
    await this.#command({ type: "set_power", powerDbm: wanted });
  }

  // One inventory until the frame that ends it.
  async #readAntenna(antenna: number): Promise<void> {
    const { family, scanTimeMs, session, tagCount } = this.#options;
    const { answerTimeoutMs } = this.#options;
    const q = Math.ceil(Math.log2(tagCount));
    const command = { type: "inventory", family, antenna, session, q, scanTimeMs } as const;
    const timeoutMs = scanTimeMs + answerTimeoutMs;
    let answer = await this.#ask(command, timeoutMs);
    for (;;) {
      const status = answer.type === "tags" || answer.type === "result" ? answer.status : undefined;
      if (answer.type === "tags") for (const tag of answer.tags) this.#report(tag, antenna);
      if (status !== statuses.moreFollow) return this.#end(antenna, status);
      const next = await this.#feed.nextThat(timeoutMs, (frame) => this.#answerTo(command, frame));
      // The frame that ends the inventory was lost; the next one begins anew.
      if (next === undefined) return this.#context.count("rounds_unfinished");
      answer = next;
    }
  }

  #end(antenna: number, status: number | undefined): void {
    const { clock, count } = this.#context;
    const isWell =
      status === statuses.done ||
      status === statuses.timeIsUp ||
      status === statuses.noTag ||
      status === statuses.success;
    if (isWell) {
      count("rounds");
      this.#faults.clear(antenna);
    } else {
      count("antenna_errors");
      this.#faults.set(antenna, statusText(status ?? 0xff), clock.monotonicMs());
    }
  }

  #report({ epc, rawRssi }: { epc: string; rawRssi: number | undefined }, antenna: number): void {
    const { clock, count, deviceId, onReading } = this.#context;
    const parsed = epcHexSchema.safeParse(epc);
    count(parsed.success ? "tags" : "tags_without_epc");
    if (!parsed.success) return;
    const rssiDbm = rawRssi === undefined ? rssiUnknownDbm : rawRssi - this.#options.rssiOffsetDb;
    const receivedAtMs = clock.nowMs();
    const read = { epc: parsed.data, rssiDbm: Math.max(-150, Math.min(50, rssiDbm)) };
    onReading({ kind: "tag", deviceId, antenna, ...read, receivedAtMs });
  }

  #ask(command: Command, timeoutMs = this.#options.answerTimeoutMs): Promise<Answer> {
    const bytes = encodeCommand(this.#options.address, command);
    const question = { name: command.type, bytes, timeoutMs };
    return this.#feed.ask(question, (frame) => this.#answerTo(command, frame));
  }

  async #command(command: Command): Promise<void> {
    const answer = await this.#ask(command);
    if (answer.type === "result" && answer.status === statuses.success) return;
    const why = answer.type === "result" ? statusText(answer.status) : `answered ${answer.type}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", `${command.type}: ${why}`, {
      retryable: true,
    });
  }

  #answerTo(command: Command, frame: Frame): Answer | undefined {
    const { count } = this.#context;
    // A reader in scan mode talks unasked, until it is told to answer only.
    if (frame.command === unasked) count("frames_unasked");
    if (frame.command !== commandCodes[command.type]) return undefined;
    const answer = decodeAnswer(frame, this.#options.family);
    if (answer === undefined) count("frames_unknown");
    return answer;
  }
}

function notIdentified(what: string): GatewayError {
  const message = `asked for its information, the device answered: ${what}; is it a Chafon reader?`;
  return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}
