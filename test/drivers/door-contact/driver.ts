// A door contact: identify it by its version, then take what it says by itself; ask when it says nothing.

import { defineDevice } from "../../../drivers/device-module.ts";
import type { DriverContext } from "../../../drivers/driver.ts";
import { FrameFeed, untilAborted } from "../../../drivers/frame-feed.ts";
import { LineDecoder } from "../../../drivers/line-decoder.ts";
import { type ContactLine, lineLengthMax, parseContactLine, versionQuestion } from "./codec.ts";
import { type DoorContactOptions, doorContactOptionsSchema } from "./options.ts";

/** Kind `door-contact`. */
export const device = defineDevice({
  optionsSchema: doorContactOptionsSchema,
  baudRateDefault: 9600,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => watch(context, options)),
  }),
});

async function watch(context: DriverContext, options: DoorContactOptions): Promise<never> {
  const { clock, deviceId, onIdentified, onReading } = context;
  const decoder = new LineDecoder({ lineLengthMax, idleMs: 100, parse: parseContactLine });
  const feed = new FrameFeed<ContactLine>(context, decoder);
  const timeoutMs = options.answerTimeoutMs;
  const question = { name: "version", bytes: versionQuestion, timeoutMs };
  // Three tries, then DRIVER_SILENT or DRIVER_GARBAGE. The supervisor closes, waits and begins again.
  const version = await feed.ask(question, (line) =>
    line.type === "version" ? line.version : undefined,
  );
  onIdentified(`door contact D-1, firmware ${version}`);
  for (;;) {
    const line = await feed.next(options.silenceMs);
    if (line === undefined) await feed.ask(question, (answer) => answer);
    if (line?.type !== "door") continue;
    const receivedAtMs = clock.nowMs();
    onReading({ kind: "input", deviceId, line: options.line, active: line.isOpen, receivedAtMs });
  }
}
