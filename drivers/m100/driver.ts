// An M100 module: identify, set what is configured, then poll for ever. Every read of a tag becomes a
// reading; smoothing is the edge's job.

import { GatewayError } from "../../contract/errors.ts";
import { epcHexSchema } from "../../contract/units.ts";
import { AntennaFaults, reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { type Answer, type Command, decodeAnswer, encodeCommand } from "./codec.ts";
import { type Frame, FrameDecoder } from "./frame.ts";
import { type M100Options, m100OptionsSchema } from "./options.ts";
import { commandCodes, errors, errorText } from "./tables.ts";

/** Most polls of one command: at 50 a second, twenty minutes. */
const pollCount = 65_535;

/** Kind `m100`. */
export const device = defineDevice({
  optionsSchema: m100OptionsSchema,
  baudRateDefault: 115_200,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ModuleRun(context, options).run()),
  }),
});

class ModuleRun {
  readonly #context: DriverContext;
  readonly #options: M100Options;
  readonly #feed: FrameFeed<Frame>;
  readonly #faults: AntennaFaults;

  constructor(context: DriverContext, options: M100Options) {
    this.#context = context;
    this.#options = options;
    this.#feed = new FrameFeed(context, new FrameDecoder());
    this.#faults = new AntennaFaults((reason) => reportFaults(context, reason));
  }

  async run(): Promise<void> {
    const { signal, onIdentified } = this.#context;
    // A module goes on polling when its host went away.
    this.#feed.send(encodeCommand({ type: "stop" }));
    const hardware = await this.#identify();
    const region = await this.#setRegion();
    await this.#setPower();
    onIdentified(`M100 module "${hardware}", region ${region}`);
    try {
      while (!signal.aborted) await this.#poll();
    } finally {
      this.#feed.send(encodeCommand({ type: "stop" }));
    }
  }

  async #identify(): Promise<string> {
    const answer = await this.#ask({ type: "get_info", info: "hardware" }).catch((error) => {
      throw this.#feed.heardFrames ? notIdentified("other frames") : error;
    });
    if (answer.type === "info") return answer.text;
    throw notIdentified(answer.type === "error" ? errorText(answer.code) : answer.type);
  }

  async #setRegion(): Promise<string> {
    const wanted = this.#options.region;
    const answer = await this.#ask({ type: "get_region" });
    const present = answer.type === "region" ? answer.region : undefined;
    if (wanted === undefined || wanted === present) return present ?? "unknown";
    await this.#command({ type: "set_region", region: wanted });
    return wanted;
  }

  // Power is kept in flash, which wears: it is written only where it differs.
  async #setPower(): Promise<void> {
    const wanted = this.#options.powerDbm;
    if (wanted === undefined) return;
    const answer = await this.#ask({ type: "get_power" });
    if (answer.type === "power" && answer.powerDbm === wanted) return;
    await this.#command({ type: "set_power", powerDbm: wanted });
  }

  // Polls until the module falls silent, which it does after the last poll; then it is asked again.
  #poll(): Promise<void> {
    const bytes = encodeCommand({ type: "poll", pollCount });
    const question = { name: "poll", bytes, timeoutMs: this.#options.pollTimeoutMs };
    return this.#feed.follow(
      question,
      (frame) => this.#answerOf(frame),
      (answer) => this.#take(answer),
    );
  }

  #take(answer: Answer): void {
    const { antennaNumber: antenna } = this.#options;
    const { clock, count } = this.#context;
    if (answer.type === "tag") {
      this.#faults.clear(antenna);
      this.#reportTag(answer);
    } else if (answer.type === "error" && answer.code === errors.noTag) {
      count("rounds");
      this.#faults.clear(antenna);
    } else if (answer.type === "error") {
      count("antenna_errors");
      this.#faults.set(antenna, errorText(answer.code), clock.monotonicMs());
    }
  }

  #reportTag({ epc, rssiDbm }: Extract<Answer, { type: "tag" }>): void {
    const { deviceId, clock, count, onReading } = this.#context;
    const parsed = epcHexSchema.safeParse(epc);
    count(parsed.success ? "tags" : "tags_without_epc");
    if (!parsed.success) return;
    const { antennaNumber: antenna } = this.#options;
    const receivedAtMs = clock.nowMs();
    onReading({ kind: "tag", deviceId, antenna, epc: parsed.data, rssiDbm, receivedAtMs });
  }

  // Reads of a poll that still runs are passed over.
  #ask(command: Command): Promise<Answer> {
    const timeoutMs = this.#options.answerTimeoutMs;
    const question = { name: command.type, bytes: encodeCommand(command), timeoutMs };
    return this.#feed.ask(question, (frame) => {
      const answer = this.#answerOf(frame);
      return answer !== undefined && isAnswerTo(command, answer) ? answer : undefined;
    });
  }

  async #command(command: Command): Promise<void> {
    const answer = await this.#ask(command);
    if (answer.type === "done" && answer.status === 0) return;
    const why = answer.type === "error" ? errorText(answer.code) : `answered ${answer.type}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", `${command.type}: ${why}`, {
      retryable: true,
    });
  }

  #answerOf(frame: Frame): Answer | undefined {
    const answer = decodeAnswer(frame);
    if (answer === undefined) this.#context.count("frames_unknown");
    return answer;
  }
}

// A failure does not say of what; "no tag" is of a poll that was under way.
function isAnswerTo(command: Command, answer: Answer): boolean {
  switch (answer.type) {
    case "error":
      return answer.code !== errors.noTag;
    case "done":
      return answer.command === commandCodes[command.type];
    case "info":
      return command.type === "get_info";
    case "region":
      return command.type === "get_region";
    case "power":
      return command.type === "get_power";
    case "tag":
      return false;
  }
}

function notIdentified(what: string): GatewayError {
  const message = `asked for its hardware, the device answered: ${what}; is it an M100 module?`;
  return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}
