// A USB HID scale. It reports by itself and has no command that names it: the port is opened by its
// USB ids, and the first valid report shows that it is a scale.

import { reportFaults } from "../device-faults.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { createScaleDecoder, encodeZeroRequest, type ScaleReport, weigh } from "./codec.ts";
import { type HidScaleOptions, hidScaleOptionsSchema } from "./options.ts";

/** The feed wants a time-out; nothing happens when it passes and none is configured. */
const quietMs = 3_600_000;

/** Kind `hid-scale`. */
export const device = defineDevice({
  optionsSchema: hidScaleOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: HidScaleOptions): Promise<void> {
  const feed = new FrameFeed(context, createScaleDecoder());
  if (options.zeroAtStart) feed.send(encodeZeroRequest());
  let isIdentified = false;
  let problem: string | undefined;
  while (!context.signal.aborted) {
    const report = await feed.next(options.reportTimeoutMs ?? quietMs);
    if (report === undefined) {
      if (options.reportTimeoutMs !== undefined) throw feed.unanswered("the wait for a report");
      continue;
    }
    if (!isIdentified) context.onIdentified(`HID scale, report ${report.reportId}, ${report.unit}`);
    isIdentified = true;
    problem = take(context, options, report, problem);
  }
}

// Returns what is wrong with the scale now; a change of that is a reading of its own.
function take(
  context: DriverContext,
  { stableOnly }: HidScaleOptions,
  report: ScaleReport,
  problemBefore: string | undefined,
): string | undefined {
  const { deviceId, clock, count, onReading } = context;
  const weighed = weigh(report);
  const common = { deviceId, receivedAtMs: clock.nowMs() };
  const problem = weighed.ok ? undefined : weighed.reason;
  if (problem !== problemBefore) reportFaults(context, problem);
  if (report.status === "in_motion" && stableOnly) {
    count("in_motion");
    return problem;
  }
  const { weightGrams, status } = weighed.ok
    ? weighed
    : { weightGrams: 0, status: "fault" as const };
  onReading({ kind: "weight", ...common, cell: 1, weightGrams, status });
  return problem;
}
