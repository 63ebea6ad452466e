// An Impinj reader with the IoT device interface: its HTTP stream, or its MQTT events.

import { defineDevice } from "../device-module.ts";
import { EventReader } from "../event-reader.ts";
import { untilAborted } from "../frame-feed.ts";
import { readEvent, readStatus, startPathOf, statusPath } from "./codec.ts";
import { impinjIotOptionsSchema } from "./options.ts";

/** Kind `impinj-iot`. It speaks by itself over ports that `probe` does not know: taken on trust there. */
export const device = defineDevice({
  optionsSchema: impinjIotOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  isOnNetwork: true,
  createDriver: (options) => {
    const startPath = options.preset === undefined ? undefined : startPathOf(options.preset);
    const { answerTimeoutMs, quietMs } = options;
    const questions = { statusPath, readStatus, startPath, answerTimeoutMs, quietMs };
    const dialect = { name: "Impinj IoT reader", readEvent, questions };
    return {
      run: (context) =>
        untilAborted(context.signal, () => new EventReader(context, dialect, options).run()),
    };
  },
});
