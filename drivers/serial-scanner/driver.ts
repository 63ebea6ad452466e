// A bar-code scanner on a serial or CDC port. It speaks when somebody scans, which may be in an hour:
// silence is no failure here, and many models have no command that would tell them apart.

import { GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import { type Scan, ScanDecoder } from "./codec.ts";
import { type SerialScannerOptions, serialScannerOptionsSchema } from "./options.ts";
import { TextFinder } from "./text-finder.ts";

/** The feed wants a time-out; a quiet scanner is asked nothing when it passes. */
const quietMs = 3_600_000;

/** Kind `serial-scanner`. */
export const device = defineDevice({
  optionsSchema: serialScannerOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: SerialScannerOptions): Promise<void> {
  const { identify, ...format } = options;
  if (identify === undefined) context.onIdentified("serial scanner, taken on trust");
  else {
    await askIdentity(context, identify);
    context.onIdentified(`serial scanner, answered "${identify.expect}"`);
  }
  const feed = new FrameFeed(context, new ScanDecoder(format));
  while (!context.signal.aborted) {
    const scan = await feed.next(quietMs);
    if (scan !== undefined) report(context, scan, format.noReadText);
  }
}

async function askIdentity(
  context: DriverContext,
  identify: NonNullable<SerialScannerOptions["identify"]>,
): Promise<void> {
  const feed = new FrameFeed(context, new TextFinder(identify.expect));
  for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
    feed.send(Buffer.from(identify.send, "latin1"));
    if ((await feed.next(identify.answerTimeoutMs)) !== undefined) return;
    context.count("timeouts");
  }
  if (!feed.heardBytes) throw feed.unanswered("the identifying command");
  const message = `the scanner's answer does not contain "${identify.expect}": wrong model or speed?`;
  throw new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
}

function report(context: DriverContext, scan: Scan, noReadText: string | undefined): void {
  const { deviceId, clock, count, onReading } = context;
  const isRead = scan.data !== noReadText;
  count(isRead ? "scans" : "no_reads");
  if (isRead) onReading({ kind: "scan", deviceId, ...scan, receivedAtMs: clock.nowMs() });
}
