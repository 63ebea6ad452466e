// An R2000 reader: identify, set what is configured, then inventory round after round for ever, one
// command in flight at a time. Every read of a tag becomes a reading; smoothing is the edge's job.

import { GatewayError } from "../../contract/errors.ts";
import type { EpcHex } from "../../contract/units.ts";
import { sleep } from "../clock.ts";
import { AntennaFaults, reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import { type Answer, type Command, decodeAnswer, encodeCommand, type TagAnswer } from "./codec.ts";
import { type Frame, FrameDecoder, publicAddress } from "./frame.ts";
import { type R2000Options, r2000OptionsSchema } from "./options.ts";
import { channelMhz, commandCodes, type Region, results, resultText } from "./tables.ts";

/** Rest while every antenna is faulty. */
const idleLapMs = 200;

/** Kind `r2000`. */
export const device = defineDevice({
  optionsSchema: r2000OptionsSchema,
  baudRateDefault: 115_200,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ReaderRun(context, options).run()),
  }),
});

class ReaderRun {
  readonly #context: DriverContext;
  readonly #options: R2000Options;
  readonly #feed: FrameFeed<Frame>;
  readonly #faults: AntennaFaults;
  #region: Region | undefined;
  #workingAntenna: number | undefined;

  constructor(context: DriverContext, options: R2000Options) {
    this.#context = context;
    this.#options = options;
    this.#feed = new FrameFeed(context, new FrameDecoder());
    this.#faults = new AntennaFaults((reason) => reportFaults(context, reason));
  }

  async run(): Promise<void> {
    const { clock, signal, onIdentified } = this.#context;
    const firmware = await this.#identify();
    await this.#setRegion();
    await this.#setPower();
    const region = this.#region ?? "with its own channels";
    const antennas = this.#options.antennas.join(", ");
    onIdentified(`R2000 reader, firmware ${firmware}, region ${region}, antennas ${antennas}`);
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const due = this.#options.antennas.filter((antenna) => this.#faults.isDue(antenna, nowMs));
      if (due.length === 0) await sleep(clock, idleLapMs, signal);
      else if (this.#options.mode === "fast_switch") await this.#switchFast(due);
      else for (const antenna of due) await this.#readAntenna(antenna);
    }
  }

  async #identify(): Promise<string> {
    const answer = await this.#ask({ type: "get_version" }).catch((error) => {
      throw this.#feed.heardFrames ? this.#notIdentified("other frames") : error;
    });
    if (answer.type === "version") return `${answer.major}.${answer.minor}`;
    throw this.#notIdentified(answer.type === "result" ? resultText(answer.code) : answer.type);
  }

  async #setRegion(): Promise<void> {
    const wanted = this.#options.region;
    const answer = await this.#ask({ type: "get_region" });
    this.#region = answer.type === "region" ? answer.region : undefined;
    if (wanted === undefined || wanted === this.#region) return;
    await this.#command({ type: "set_region", region: wanted });
    this.#region = wanted;
  }

  // Power is kept in flash, which wears: it is written only where it differs.
  async #setPower(): Promise<void> {
    const wanted = this.#options.powerDbm;
    if (wanted === undefined) return;
    const answer = await this.#ask({ type: "get_power" });
    const powersDbm = answer.type === "power" ? answer.powersDbm : [];
    if (powersDbm.length > 0 && powersDbm.every((power) => power === wanted)) return;
    // As many values as the reader names: one for all antennas, or one for each.
    const values = powersDbm.length === 0 ? [wanted] : powersDbm.map(() => wanted);
    await this.#command({ type: "set_power", powersDbm: values });
  }

  async #readAntenna(antenna: number): Promise<void> {
    if (antenna !== this.#workingAntenna) {
      this.#workingAntenna = undefined;
      const answer = await this.#ask({ type: "set_antenna", antenna });
      if (answer.type !== "result" || answer.code !== results.success) {
        return this.#fault([antenna], answer.type === "result" ? answer.code : results.fail);
      }
      this.#workingAntenna = antenna;
    }
    await this.#round({ type: "inventory", repeatCount: this.#options.roundCount }, [antenna]);
  }

  #switchFast(antennas: number[]): Promise<void> {
    const repeatCount = this.#options.roundCount;
    const type = "fast_switch";
    return this.#round({ type, antennas, stayCount: 1, intervalMs: 0, repeatCount }, antennas);
  }

  // One inventory command until its end. A silent one is repeated, then the reader is given up.
  async #round(command: Command, antennas: number[]): Promise<void> {
    const { clock, count, signal } = this.#context;
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.#feed.drop();
      this.#feed.send(encodeCommand(this.#options.address, command));
      const missing = new Set<number>();
      for (;;) {
        const answer = await this.#feed.nextThat(this.#options.roundTimeoutMs, (frame) =>
          this.#answerTo(command, frame),
        );
        if (answer === undefined) break;
        if (answer.type === "tag") this.#reportTag(answer, antennas);
        else if (answer.type === "antenna_missing") {
          missing.add(answer.antenna);
          this.#fault([answer.antenna], results.antennaMissing);
        } else if (answer.type === "result" && answer.code !== results.noTag) {
          return this.#fault(antennas, answer.code);
        } else {
          count("rounds");
          for (const antenna of antennas) if (!missing.has(antenna)) this.#faults.clear(antenna);
          if (this.#options.restMs > 0) await sleep(clock, this.#options.restMs, signal);
          return;
        }
      }
      count("timeouts");
    }
    throw this.#feed.unanswered(command.type);
  }

  // Sends a command until its answer comes; reads of a round that still runs are passed over.
  #ask(command: Command): Promise<Answer> {
    const { address, answerTimeoutMs: timeoutMs } = this.#options;
    const question = { name: command.type, bytes: encodeCommand(address, command), timeoutMs };
    return this.#feed.ask(question, (frame) => this.#answerTo(command, frame));
  }

  async #command(command: Command): Promise<void> {
    const answer = await this.#ask(command);
    if (answer.type === "result" && answer.code === results.success) return;
    const why = answer.type === "result" ? resultText(answer.code) : `answered ${answer.type}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", `${command.type}: ${why}`, {
      retryable: true,
    });
  }

  // What our reader answers to this command; undefined for another frame.
  #answerTo(command: Command, frame: Frame): Answer | undefined {
    const { address } = this.#options;
    const isOurs = address === publicAddress || frame.address === address;
    const answer = isOurs ? decodeAnswer(frame) : undefined;
    if (answer === undefined) this.#context.count("frames_unknown");
    return frame.command === commandCodes[command.type] ? answer : undefined;
  }

  #reportTag(tag: TagAnswer, antennas: number[]): void {
    const { deviceId, clock, count, onReading } = this.#context;
    count("tags");
    // The frame has two bits for the antenna; which of 1 and 5 it was, the round knows.
    const antenna = antennas.find((each) => ((each - 1) & 3) + 1 === tag.antenna) ?? tag.antenna;
    const megahertz = this.#region === undefined ? undefined : channelMhz(tag.channelIndex);
    onReading({
      kind: "tag",
      deviceId,
      antenna,
      epc: tag.epc as EpcHex,
      rssiDbm: tag.rssiDbm,
      ...(megahertz === undefined ? {} : { channelMhz: megahertz }),
      receivedAtMs: clock.nowMs(),
    });
  }

  #fault(antennas: number[], code: number): void {
    this.#context.count("antenna_errors");
    const nowMs = this.#context.clock.monotonicMs();
    for (const antenna of antennas) this.#faults.set(antenna, resultText(code), nowMs);
  }

  #notIdentified(what: string): GatewayError {
    const message = `asked for its version, the device answered: ${what}; is it an R2000 reader?`;
    return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
  }
}
