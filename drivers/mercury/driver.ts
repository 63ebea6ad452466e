// A module that speaks Mercury: stop what it does, boot it where it must be, set what is configured, then read for
// ever. Every read of a tag becomes a reading; smoothing is the edge's job.

import { GatewayError } from "../../contract/errors.ts";
import { epcHexSchema } from "../../contract/units.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { ReaderFaults } from "../reader-faults.ts";
import { rssiUnknownDbm } from "../rssi.ts";
import { type Answer, type Command, decodeAnswer, encodeCommand } from "./codec.ts";
import { AnswerDecoder, type AnswerFrame } from "./frame.ts";
import { type MercuryOptions, mercuryOptionsSchema } from "./options.ts";
import type { Tag } from "./record.ts";
import { opcodes, regions, statuses, statusText } from "./tables.ts";

/** How long the firmware takes to start. */
const bootTimeoutMs = 5_000;
/** What passes by itself is told for so long: heat, a busy channel. */
const passingMs = 5_000;

/** Commands under whose numbers a stream says how it fares. */
const searchOpcodes: readonly number[] = [opcodes.readMultiple, opcodes.silion];

type AnswerOf<Type extends Answer["type"]> = Extract<Answer, { type: Type }>;

/** Kind `mercury`. */
export const device = defineDevice({
  optionsSchema: mercuryOptionsSchema,
  baudRateDefault: 115_200,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ModuleRun(context, options).run()),
  }),
});

class ModuleRun {
  readonly #context: DriverContext;
  readonly #options: MercuryOptions;
  readonly #feed: FrameFeed<AnswerFrame>;
  readonly #faults: ReaderFaults;
  readonly #stop: Uint8Array;

  constructor(context: DriverContext, options: MercuryOptions) {
    this.#context = context;
    this.#options = options;
    this.#feed = new FrameFeed(context, new AnswerDecoder());
    this.#faults = new ReaderFaults((reason) => reportFaults(context, reason));
    this.#stop = encodeCommand({ type: options.mode === "silion" ? "stop_silion" : "stop" });
  }

  async run(): Promise<void> {
    // One that streams hears nothing but this; one that does not says that it does not.
    this.#feed.send(this.#stop);
    const { hardware, firmware, firmwareDate } = await this.#identify();
    await this.#boot();
    const date = firmwareDate.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3");
    this.#context.onIdentified(
      `Mercury module, hardware ${hardware}, firmware ${firmware} of ${date}`,
    );
    await this.#setUp();
    try {
      const { mode } = this.#options;
      if (mode === "poll") await this.#poll();
      else await this.#stream(mode === "silion" ? "start_silion" : "start");
    } finally {
      this.#feed.send(this.#stop);
    }
  }

  async #identify(): Promise<AnswerOf<"version">> {
    const answer = await this.#ask({ type: "get_version" }).catch((error: unknown) => {
      throw this.#feed.heardFrames ? notIdentified("other frames") : error;
    });
    if (answer.type === "version") return answer;
    throw notIdentified(answer.type === "result" ? statusText(answer.status) : answer.type);
  }

  async #boot(): Promise<void> {
    const program = await this.#ask({ type: "get_program" });
    if (program.type !== "program" || !program.isBootLoader) return;
    this.#context.count("boots");
    const answer = await this.#ask({ type: "boot" }, bootTimeoutMs);
    if (answer.type === "version") return;
    throw refused("boot", answer);
  }

  async #setUp(): Promise<void> {
    const { region, antennas, powerDbm, session } = this.#options;
    if (region !== undefined) await this.#command({ type: "set_region", region: regions[region] });
    else {
      const stored = await this.#ask({ type: "get_region" });
      if (stored.type === "region" && stored.region === 0) {
        const message = `the module has no region: set option region to one of ${Object.keys(regions).join(", ")}`;
        throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
      }
    }
    await this.#command({ type: "set_protocol" });
    await this.#command({ type: "set_antennas", antennas });
    if (powerDbm !== undefined) await this.#command({ type: "set_power", powerDbm });
    if (session !== undefined) await this.#command({ type: "set_session", session });
    // Where it has no such filter it tells every read anyway.
    const filter = await this.#ask({ type: "disable_read_filter" });
    if (filter.type === "result" && filter.status !== statuses.ok)
      this.#context.count("read_filter_kept");
  }

  async #stream(type: "start" | "start_silion"): Promise<void> {
    const { clock, signal } = this.#context;
    const started = await this.#ask({ type });
    if (started.type !== "started") throw refused("start", started);
    let heardAtMs = clock.monotonicMs();
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      this.#faults.expire(nowMs);
      const silentAtMs = heardAtMs + this.#options.aliveTimeoutMs;
      if (silentAtMs <= nowMs) throw this.#feed.unanswered("the stream");
      const untilMs = Math.min(silentAtMs, this.#faults.nextExpiryMs);
      const frame = await this.#feed.next(Math.max(0, untilMs - nowMs));
      if (frame === undefined) continue;
      heardAtMs = clock.monotonicMs();
      this.#take(frame);
    }
  }

  #take(frame: AnswerFrame): void {
    const { count } = this.#context;
    const answer = decodeAnswer(frame);
    if (answer?.type === "tags") this.#report(answer.tags);
    else if (answer?.type === "heartbeat") this.#judge(statuses.ok);
    else if (answer?.type === "result" && searchOpcodes.includes(frame.opcode)) {
      this.#judge(answer.status);
    } else count("frames_unknown");
  }

  async #poll(): Promise<void> {
    const { clock, signal } = this.#context;
    const { searchMs, answerTimeoutMs } = this.#options;
    while (!signal.aborted) {
      this.#faults.expire(clock.monotonicMs());
      await this.#ask({ type: "clear_tags" });
      const read = await this.#ask(
        { type: "read", durationMs: searchMs },
        searchMs + answerTimeoutMs,
      );
      if (read.type === "result") this.#judge(read.status);
      let leftCount = read.type === "read" ? read.tagCount : 0;
      while (leftCount > 0 && !signal.aborted) {
        const answer = await this.#ask({ type: "get_tags" });
        if (answer.type !== "tags" || answer.tags.length === 0) break;
        this.#report(answer.tags);
        leftCount -= answer.tags.length;
      }
    }
  }

  // A word of the search without tags.
  #judge(status: number): void {
    const { clock, count } = this.#context;
    if (status === statuses.ok || status === statuses.noTag) {
      count("rounds");
      return;
    }
    count("search_errors");
    const untilMs = clock.monotonicMs() + passingMs;
    this.#faults.set(String(status), statusText(status), untilMs);
  }

  #report(tags: readonly Tag[]): void {
    const { clock, count, deviceId, onReading } = this.#context;
    for (const { epc, rssiDbm, antenna, readCount, phaseDeg, frequencyKhz } of tags) {
      const parsed = epcHexSchema.safeParse(epc);
      count(parsed.success ? "tags" : "tags_without_epc");
      if (!parsed.success) continue;
      onReading({
        kind: "tag",
        deviceId,
        antenna,
        epc: parsed.data,
        rssiDbm: rssiDbm ?? rssiUnknownDbm,
        ...(readCount < 1 ? {} : { count: readCount }),
        ...(phaseDeg === undefined ? {} : { phaseDeg }),
        ...(frequencyKhz === undefined ? {} : { channelMhz: frequencyKhz / 1000 }),
        receivedAtMs: clock.nowMs(),
      });
    }
  }

  #ask(command: Command, timeoutMs = this.#options.answerTimeoutMs): Promise<Answer> {
    const bytes = encodeCommand(command);
    const [, , opcode] = bytes;
    return this.#feed.ask({ name: command.type, bytes, timeoutMs }, (frame) => {
      if (frame.opcode !== opcode) {
        this.#context.count("frames_unasked");
        return undefined;
      }
      const answer = decodeAnswer(frame);
      if (answer === undefined) this.#context.count("frames_unknown");
      return answer;
    });
  }

  async #command(command: Command): Promise<void> {
    const answer = await this.#ask(command);
    if (answer.type !== "result" || answer.status !== statuses.ok)
      throw refused(command.type, answer);
  }
}

function refused(what: string, answer: Answer): GatewayError {
  const why = answer.type === "result" ? statusText(answer.status) : `answered ${answer.type}`;
  return new GatewayError("DRIVER_COMMAND_REFUSED", `${what}: ${why}`, { retryable: true });
}

function notIdentified(what: string): GatewayError {
  const message = `asked for its version, the device answered: ${what}; does it speak Mercury?`;
  return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}
