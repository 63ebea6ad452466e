// An MT-SICS scale: asked for its model and serial number, then for its weight for ever (`SIR`). Every
// weight becomes a reading of cell 1, also one while the scale moves: resting is the edge's to decide.

import { GatewayError } from "../../contract/errors.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import { encodeQuestion, type Question, questions, type ScaleLine } from "./codec.ts";
import { ScaleLineDecoder } from "./line-decoder.ts";
import { type MtSicsOptions, mtSicsOptionsSchema } from "./options.ts";

/** Kind `mt-sics`. */
export const device = defineDevice({
  optionsSchema: mtSicsOptionsSchema,
  baudRateDefault: 9600,
  otherSettings: [{ dataBits: 7, parity: "even" }],
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
    this.#feed = new FrameFeed(context, new ScaleLineDecoder());
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

  // Weights until the scale falls silent; then it is asked again.
  #repeat(): Promise<void> {
    const bytes = encodeQuestion("repeat");
    const question = { name: questions.repeat, bytes, timeoutMs: this.#options.sampleTimeoutMs };
    return this.#feed.follow(
      question,
      (line) => line,
      (line) => {
        if (line.type === "weight") this.#report(line);
        else if (line.type === "refusal") this.#context.count(`refused_${line.reason}`);
      },
    );
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
