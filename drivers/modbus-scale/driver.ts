// A weight transmitter on Modbus RTU: its registers are read again and again, one question in flight. The first
// read of all configured registers identifies it. Every channel becomes a cell. Nothing is ever written to it.

import { GatewayError } from "../../contract/errors.ts";
import { sleep } from "../clock.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { EnvelopeDecoder } from "../envelope-decoder.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import { type RegisterRange, readRanges, weigh } from "./codec.ts";
import {
  type Answer,
  answerEnvelope,
  busyCodes,
  encodeReadQuestion,
  exceptionText,
  type ReadQuestion,
} from "./frame.ts";
import { type ModbusScaleOptions, modbusScaleOptionsSchema } from "./options.ts";

/** Rest of a device that says it is busy. */
const busyRestMs = 100;
/** Exceptions that say that the device has other registers than the configured ones. */
const foreignCodes: readonly number[] = [1, 2, 3];

/** Kind `modbus-scale`. */
export const device = defineDevice({
  optionsSchema: modbusScaleOptionsSchema,
  baudRateDefault: 9600,
  // The standard asks for even parity (Modbus over serial line V1.02, 2.5.1).
  otherSettings: [{ parity: "even" }, { baudRate: 19_200, parity: "even" }],
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ScaleRun(context, options).run()),
  }),
});

class ScaleRun {
  readonly #context: DriverContext;
  readonly #options: ModbusScaleOptions;
  readonly #feed: FrameFeed<Answer>;
  readonly #ranges: readonly RegisterRange[];
  #question: ReadQuestion | undefined;
  #trouble: string | undefined;

  constructor(context: DriverContext, options: ModbusScaleOptions) {
    this.#context = context;
    this.#options = options;
    const { map, channelCount, registerCountMax } = options;
    this.#ranges = readRanges(map, channelCount, registerCountMax);
    this.#feed = new FrameFeed(context, new EnvelopeDecoder(answerEnvelope(() => this.#question)));
  }

  async run(): Promise<void> {
    const { clock, signal, onIdentified } = this.#context;
    const { address, channelCount, pollPeriodMs } = this.#options;
    let isIdentified = false;
    while (!signal.aborted) {
      const beganAtMs = clock.monotonicMs();
      const { words, refusals } = await this.#read(isIdentified);
      if (!isIdentified) {
        const channels = channelCount === 1 ? "1 channel" : `${channelCount} channels`;
        onIdentified(`Modbus device at address ${address}, ${channels}`);
      }
      isIdentified = true;
      this.#report(words, refusals.length === 0 ? undefined : refusals.join("; "));
      const restMs = beganAtMs + pollPeriodMs - clock.monotonicMs();
      if (restMs > 0) await sleep(clock, restMs, signal);
    }
  }

  // All registers once. What the device refuses is missing in `words` and told in `refusals`.
  async #read(isIdentified: boolean) {
    const words = new Map<number, number>();
    const refusals: string[] = [];
    for (const range of this.#ranges) {
      const answer = await this.#ask(range);
      if (answer.type === "registers") {
        for (const [index, word] of answer.words.entries()) words.set(range.register + index, word);
        continue;
      }
      const text = exceptionText(answer.code);
      if (!isIdentified && foreignCodes.includes(answer.code))
        throw this.#notIdentified(range, text);
      this.#context.count(`exceptions_${answer.code}`);
      refusals.push(`${rangeText(range)}: ${text}`);
    }
    return { words, refusals };
  }

  async #ask(range: RegisterRange): Promise<Answer> {
    const { clock, count, signal } = this.#context;
    const { address, answerTimeoutMs, map, silenceMs } = this.#options;
    const code = map.area === "holding" ? 3 : 4;
    let refusal: Answer | undefined;
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      await sleep(clock, silenceMs, signal);
      signal.throwIfAborted();
      this.#feed.drop();
      this.#question = { type: "read", address, function: code, ...range };
      this.#feed.send(encodeReadQuestion(this.#question));
      const answer = await this.#feed.next(answerTimeoutMs);
      if (answer === undefined) {
        count("timeouts");
        await this.#hush();
      } else if (answer.type === "exception" && busyCodes.includes(answer.code)) {
        count("busy");
        refusal = answer;
        await sleep(clock, busyRestMs, signal);
      } else return answer;
    }
    if (refusal !== undefined) return refusal;
    throw this.#feed.unanswered(`the question for ${rangeText(range)} of address ${address}`);
  }

  // An answer does not say to which question it belongs: one that is late must not be taken for the next one's.
  // Where there is one question only, it may.
  async #hush(): Promise<void> {
    if (this.#ranges.length === 1) return;
    const late = await this.#feed.next(this.#options.answerTimeoutMs);
    if (late !== undefined) this.#context.count("answers_late");
  }

  #report(words: ReadonlyMap<number, number>, trouble: string | undefined): void {
    const { deviceId, clock, count, onReading } = this.#context;
    const { channelCount, gramsPerCount, map } = this.#options;
    if (trouble !== this.#trouble) reportFaults(this.#context, trouble);
    this.#trouble = trouble;
    count("samples");
    const receivedAtMs = clock.nowMs();
    for (let channel = 0; channel < channelCount; channel += 1) {
      const weight = weigh(map, channel, words, gramsPerCount);
      onReading({ kind: "weight", deviceId, cell: channel + 1, ...weight, receivedAtMs });
    }
  }

  #notIdentified(range: RegisterRange, text: string): GatewayError {
    const { address, map } = this.#options;
    const message =
      `address ${address} has no ${map.area} ${rangeText(range)} (${text}): ` +
      "check map, channelCount and registerCountMax";
    return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
  }
}

function rangeText({ register, count }: RegisterRange): string {
  return count === 1 ? `register ${register}` : `registers ${register} to ${register + count - 1}`;
}
