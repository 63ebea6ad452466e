// A scale that speaks a Toledo protocol: asked for its weight for ever (8217), or listened to (continuous). Every
// weight becomes a reading of cell 1; a unit that is not known or not the configured one is a fault, never a guess.

import { sleep } from "../clock.ts";
import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { EnvelopeDecoder } from "../envelope-decoder.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { gramsOf, weightGramsMax } from "../mass-units.ts";
import { answerEnvelope, encodeWeightQuestion, type ScaleAnswer } from "./codec.ts";
import { type ContinuousWeight, continuousEnvelope } from "./continuous-codec.ts";
import { type ToledoOptions, toledoOptionsSchema } from "./options.ts";

/** Kind `toledo`. */
export const device = defineDevice({
  optionsSchema: toledoOptionsSchema,
  baudRateDefault: 9600,
  otherSettings: [{ dataBits: 7, parity: "even" }],
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ScaleRun(context, options).run()),
  }),
});

/** What an answer says of the load: a weight, a status without one, or nothing. */
type Verdict =
  | { readonly status: "ok"; readonly weightGrams: number }
  | { readonly status: "overload" | "underload" }
  | { readonly status: "fault"; readonly trouble: string }
  | undefined;

class ScaleRun {
  readonly #context: DriverContext;
  readonly #options: ToledoOptions;
  #trouble: string | undefined;

  constructor(context: DriverContext, options: ToledoOptions) {
    this.#context = context;
    this.#options = options;
  }

  run(): Promise<void> {
    return this.#options.protocol === "8217" ? this.#poll() : this.#listen();
  }

  async #poll(): Promise<void> {
    const { clock, signal, onIdentified } = this.#context;
    const feed = new FrameFeed(this.#context, new EnvelopeDecoder(answerEnvelope));
    let isIdentified = false;
    while (!signal.aborted) {
      const askedAtMs = clock.monotonicMs();
      const answer = await this.#ask(feed);
      if (!isIdentified) onIdentified("Toledo 8217 scale");
      isIdentified = true;
      this.#report(this.#verdictOf(answer));
      const restMs = askedAtMs + this.#options.pollPeriodMs - clock.monotonicMs();
      if (restMs > 0) await sleep(clock, restMs, signal);
    }
  }

  #ask(feed: FrameFeed<ScaleAnswer>): Promise<ScaleAnswer> {
    const timeoutMs = this.#options.answerTimeoutMs;
    const question = { name: "W", bytes: encodeWeightQuestion(), timeoutMs };
    return feed.ask(question, (answer) => (answer.type === "echo_on" ? undefined : answer));
  }

  async #listen(): Promise<void> {
    const { signal, onIdentified } = this.#context;
    const { checksum, sampleTimeoutMs } = this.#options;
    const feed = new FrameFeed(this.#context, new EnvelopeDecoder(continuousEnvelope(checksum)));
    let isIdentified = false;
    while (!signal.aborted) {
      const weight = await feed.next(sampleTimeoutMs);
      if (weight === undefined) throw feed.unanswered("the continuous output");
      if (!isIdentified) onIdentified(`Toledo scale, continuous output in ${weight.unit}`);
      isIdentified = true;
      this.#report(this.#verdictOf(weight));
    }
  }

  #verdictOf(said: ScaleAnswer | ContinuousWeight): Verdict {
    const { unit } = this.#options;
    if (said.type === "echo_on") return undefined;
    if (said.type === "status") {
      // Bits 3 to 5 are true of good weights as well.
      if (said.isOverCapacity) return { status: "overload" };
      if (said.isUnderZero) return { status: "underload" };
      if (said.isMoving) return undefined;
      return { status: "fault", trouble: "gives no weight though it rests: empty it, press zero" };
    }
    if (said.type === "weight") {
      if (unit !== undefined) return inGrams(said.value, unit);
      return { status: "fault", trouble: "its protocol says no unit: set unit as on its display" };
    }
    if (!said.isZeroed) {
      return { status: "fault", trouble: "has not found its zero: empty it, press zero" };
    }
    if (unit !== undefined && said.unit !== unit) {
      return { status: "fault", trouble: `weighs in "${said.unit}", configured is ${unit}` };
    }
    return said.status === "ok" || said.status === "fault"
      ? inGrams(said.value, said.unit)
      : { status: said.status };
  }

  // A scale in motion says so instead of its weight: that is a sign of life, but no reading.
  #report(verdict: Verdict): void {
    const { deviceId, clock, count, onReading } = this.#context;
    if (verdict === undefined) {
      count("samples_in_motion");
      return;
    }
    count("samples");
    const trouble = verdict.status === "fault" ? verdict.trouble : undefined;
    if (trouble !== this.#trouble) reportFaults(this.#context, trouble);
    this.#trouble = trouble;
    const { status } = verdict;
    const weightGrams = status === "ok" ? verdict.weightGrams : 0;
    const receivedAtMs = clock.nowMs();
    onReading({ kind: "weight", deviceId, cell: 1, weightGrams, status, receivedAtMs });
  }
}

function inGrams(value: number, unit: string): Verdict {
  const weightGrams = gramsOf(value, unit);
  if (weightGrams === undefined) {
    return { status: "fault", trouble: `weighs in "${unit}": set it to g or kg` };
  }
  if (Math.abs(weightGrams) <= weightGramsMax) return { status: "ok", weightGrams };
  return { status: "fault", trouble: `says ${value} ${unit}, more than any shelf bears` };
}
