// A HID POS bar-code scanner. It speaks when somebody scans: silence is no failure. The page has no
// identifying command; Honeywell's models have one of their own.

import { GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import type { Scan } from "../serial-scanner/codec.ts";
import { encodeMenuCommand } from "./codec.ts";
import { type HidScannerOptions, hidScannerOptionsSchema } from "./options.ts";
import { ScanJoiner } from "./scan-joiner.ts";

/** The feed wants a time-out; a quiet scanner is asked nothing when it passes. */
const quietMs = 3_600_000;
/** Of Honeywell's answers to commands: text, then the command with ACK, ENQ or NAK. */
const answerSymbologies: readonly (string | undefined)[] = ["]X0", "]Z6"];
const acknowledged = "REVINF\x06.";

/** Kind `hid-scanner`. */
export const device = defineDevice({
  optionsSchema: hidScannerOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: HidScannerOptions): Promise<void> {
  const feed = new FrameFeed(context, new ScanJoiner(options));
  if (options.commands === "none") context.onIdentified("HID POS scanner, taken on trust");
  else await identify(context, options, feed);
  while (!context.signal.aborted) {
    const scan = await feed.next(quietMs);
    if (scan !== undefined) report(context, options, scan);
  }
}

async function identify(
  context: DriverContext,
  options: HidScannerOptions,
  feed: FrameFeed<Scan>,
): Promise<void> {
  const { clock, count } = context;
  for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
    feed.send(encodeMenuCommand("REVINF."));
    const deadlineMs = clock.monotonicMs() + options.answerTimeoutMs;
    let text = "";
    for (;;) {
      const scan = await feed.next(deadlineMs - clock.monotonicMs());
      if (scan === undefined) break;
      if (scan.data === acknowledged) return context.onIdentified(describe(text));
      if (answerSymbologies.includes(scan.symbology)) text = scan.data;
      else report(context, options, scan);
    }
    count("timeouts");
  }
  if (!feed.heardBytes) throw feed.unanswered("REVINF");
  const message = 'it sends scans but does not answer REVINF: set commands to "none"?';
  throw new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}

function describe(text: string): string {
  const name = /Product Name: ([^\r\n]{1,80})/.exec(text)?.[1];
  return `HID POS scanner${name === undefined ? "" : `, ${name.trim()}`}`;
}

function report(context: DriverContext, { commands }: HidScannerOptions, scan: Scan): void {
  const { deviceId, clock, count, onReading } = context;
  // A late answer to a command of an earlier run.
  const isAnswer = commands === "honeywell" && scan.symbology === "]Z6";
  count(isAnswer ? "answers_late" : "scans");
  if (!isAnswer) onReading({ kind: "scan", deviceId, ...scan, receivedAtMs: clock.nowMs() });
}
