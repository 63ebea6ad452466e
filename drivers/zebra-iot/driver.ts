// A Zebra reader with the IoT Connector, by what it publishes: at an MQTT broker, or over a TCP connection.

import { defineDevice } from "../device-module.ts";
import { EventReader } from "../event-reader.ts";
import { untilAborted } from "../frame-feed.ts";
import { readEvent } from "./codec.ts";
import { zebraIotOptionsSchema } from "./options.ts";

/** Kind `zebra-iot`. It is only listened to: taken on trust by `probe`. */
export const device = defineDevice({
  optionsSchema: zebraIotOptionsSchema,
  baudRateDefault: 9600,
  isTakenOnTrust: true,
  isOnNetwork: true,
  createDriver: (options) => {
    const dialect = {
      name: "Zebra IoT Connector",
      readEvent: (value: unknown) => {
        const result = readEvent(value);
        if (!result.ok || !options.isTriggered) return result;
        return { ...result, events: result.events.filter((event) => !isIdle(event)) };
      },
    };
    return {
      run: (context) =>
        untilAborted(context.signal, () => new EventReader(context, dialect, options).run()),
    };
  },
});

const isIdle = (event: { readonly type: string; readonly name?: string }) => event.name === "idle";
