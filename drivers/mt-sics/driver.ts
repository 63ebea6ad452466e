// An MT-SICS scale: asked for its model and serial number, then for its weight for ever (`SIR`). Every
// weight becomes a reading of cell 1, also one while the scale moves: resting is the edge's to decide.

import { GatewayError } from "../../contract/errors.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { LineDecoder } from "../line-decoder.ts";
import {
  encodeQuestion,
  lineLengthMax,
  parseScaleLine,
  type Question,
  questions,
  type ScaleLine,
} from "./codec.ts";
import { type MtSicsOptions, mtSicsOptionsSchema } from "./options.ts";

/** Times a question is asked before the scale counts as silent. */
const attemptCountMax = 3;
/** A line comes in one piece; at 2400 baud a character takes 4 ms. */
const lineIdleMs = 500;

/** Kind `mt-sics`. */
export const device = defineDevice({
  optionsSchema: mtSicsOptionsSchema,
  baudRateDefault: 9600,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ScaleRun(context, options).run()),
  }),
});

class ScaleRun {
  readonly #context: DriverContext;
  readonly #options: MtSicsOptions;
  readonly #feed: FrameFeed<ScaleLine>;
  #trouble: string | undefined;

  constructor(context: DriverContext, options: MtSicsOptions) {
    this.#context = context;
    this.#options = options;
    const format = { lineLengthMax, idleMs: lineIdleMs, parse: parseScaleLine };
    this.#feed = new FrameFeed(context, new LineDecoder<ScaleLine>(format));
  }

  async run(): Promise<void> {
    const { signal, onIdentified } = this.#context;
    const serial = await this.#ask("serial");
    if (serial.type !== "answer") throw notIdentified(serial);
    const model = await this.#ask("model");
    const title = model.type === "answer" ? model.text : "model not told";
    onIdentified(`MT-SICS scale ${title}, serial number ${serial.text}`);
    try {
      while (!signal.aborted) await this.#repeat();
    } finally {
      // Any other command ends the repeating.
      this.#feed.send(encodeQuestion("once"));
    }
  }

  // Weights until the scale falls silent; then it is asked again, three times.
  async #repeat(): Promise<void> {
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.#feed.drop();
      this.#feed.send(encodeQuestion("repeat"));
      let heardCount = 0;
      for (;;) {
        const line = await this.#feed.next(this.#options.sampleTimeoutMs);
        if (line === undefined) break;
        heardCount += 1;
        if (line.type === "weight") this.#report(line);
        else if (line.type === "refusal") this.#context.count(`refused_${line.reason}`);
      }
      if (heardCount > 0) return;
      this.#context.count("timeouts");
    }
    throw this.#feed.unanswered(questions.repeat);
  }

  // Weights of a repeating that still runs are passed over.
  async #ask(question: Question): Promise<ScaleLine> {
    const { clock, count } = this.#context;
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.#feed.drop();
      this.#feed.send(encodeQuestion(question));
      const deadlineMs = clock.monotonicMs() + this.#options.answerTimeoutMs;
      for (;;) {
        const line = await this.#feed.next(deadlineMs - clock.monotonicMs());
        if (line === undefined) break;
        if (line.type === "answer" && line.command === questions[question]) return line;
        if (line.type !== "refusal") continue;
        // What came before us on the line may have spoilt the first question: it is asked again.
        if (line.command === "" && attempt < attemptCountMax) break;
        if (line.command === "" || line.command === questions[question]) return line;
      }
      count("attempts_failed");
    }
    throw this.#feed.unanswered(questions[question]);
  }

  #report(line: Extract<ScaleLine, { type: "weight" }>): void {
    const { deviceId, clock, count, onReading } = this.#context;
    count("samples");
    const { weightGrams, status, unknownUnit } = line;
    const receivedAtMs = clock.nowMs();
    const trouble =
      unknownUnit === undefined ? undefined : `weighs in "${unknownUnit}": set it to g or kg`;
    if (trouble !== this.#trouble) {
      this.#trouble = trouble;
      reportFaults(this.#context, trouble);
    }
    onReading({ kind: "weight", deviceId, cell: 1, weightGrams, status, receivedAtMs });
  }
}

function notIdentified(line: ScaleLine): GatewayError {
  const why = line.type === "refusal" ? `refused (${line.reason})` : "not answered";
  const message = `${questions.serial} was ${why}; is it a scale that speaks MT-SICS?`;
  return new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}
