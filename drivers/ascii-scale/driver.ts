// A scale that prints lines, by itself or when asked. It has no common identifying command: the first line that
// is a weight says what it is. Every weight becomes a reading of cell 1, also one while the scale moves.

import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import type { PrintedWeight } from "./codec.ts";
import { PrintedLineDecoder } from "./line-decoder.ts";
import { type AsciiScaleOptions, asciiScaleOptionsSchema } from "./options.ts";

/** Kind `ascii-scale`. */
export const device = defineDevice({
  optionsSchema: asciiScaleOptionsSchema,
  baudRateDefault: 9600,
  // A&D scales leave the works at 2400 7E1, many others are set to 7E1 at the usual speed.
  otherSettings: [
    { dataBits: 7, parity: "even" },
    { baudRate: 2400, dataBits: 7, parity: "even" },
  ],
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: AsciiScaleOptions): Promise<void> {
  const { clock, count, signal, onIdentified } = context;
  const feed = new FrameFeed(context, new PrintedLineDecoder(options.unit));
  const { poll, pollPeriodMs, sampleTimeoutMs } = options;
  const question = poll === undefined ? undefined : Buffer.from(`${poll}\r\n`, "latin1");
  let isIdentified = false;
  let trouble: string | undefined;
  let heardAtMs = clock.monotonicMs();
  let pollAtMs = heardAtMs;
  while (!signal.aborted) {
    const nowMs = clock.monotonicMs();
    if (nowMs - heardAtMs >= sampleTimeoutMs) throw feed.unanswered(poll ?? "a line");
    if (question !== undefined && nowMs >= pollAtMs) {
      feed.send(question);
      pollAtMs = nowMs + pollPeriodMs;
    }
    const silentAtMs = heardAtMs + sampleTimeoutMs;
    const untilMs = question === undefined ? silentAtMs : Math.min(pollAtMs, silentAtMs);
    const line = await feed.next(untilMs - nowMs);
    if (line === undefined) continue;
    heardAtMs = clock.monotonicMs();
    if (!isIdentified) onIdentified("scale that prints its weight, known by its lines");
    isIdentified = true;
    count(line.load === "tare" ? "tares" : "samples");
    if (line.load === "tare") continue;
    const before = trouble;
    trouble = line.unknownUnit && `weighs in "${line.unknownUnit}": set it to g or kg`;
    if (trouble !== before) reportFaults(context, trouble);
    report(context, line);
  }
}

function report({ deviceId, clock, onReading }: DriverContext, line: PrintedWeight): void {
  const { weightGrams, status } = line;
  onReading({
    kind: "weight",
    deviceId,
    cell: 1,
    weightGrams,
    status,
    receivedAtMs: clock.nowMs(),
  });
}
