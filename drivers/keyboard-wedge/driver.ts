// A scanner that is a keyboard. It has no command at all, and speaks when somebody scans: it is taken on
// trust, by the USB ids or the link that its port names, and silence is no failure.

import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed, untilAborted } from "../frame-feed.ts";
import { WedgeDecoder } from "./codec.ts";
import { type KeyboardWedgeOptions, keyboardWedgeOptionsSchema } from "./options.ts";

/** The feed wants a time-out; a quiet scanner is asked nothing when it passes. */
const quietMs = 3_600_000;

/** Kind `keyboard-wedge`. */
export const device = defineDevice({
  optionsSchema: keyboardWedgeOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: KeyboardWedgeOptions): Promise<void> {
  const { deviceId, clock, count, onReading } = context;
  context.onIdentified(`keyboard scanner, layout ${options.layout}, taken on trust`);
  const feed = new FrameFeed(context, new WedgeDecoder(options));
  while (!context.signal.aborted) {
    const scan = await feed.next(quietMs);
    if (scan === undefined) continue;
    const isRead = scan.data !== options.noReadText;
    count(isRead ? "scans" : "no_reads");
    if (isRead) onReading({ kind: "scan", deviceId, ...scan, receivedAtMs: clock.nowMs() });
  }
}
