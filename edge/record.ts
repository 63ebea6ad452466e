// Takes what the devices say, and nothing else: no buffer, no link, so that a technician may record or
// watch beside nothing, and replay anywhere.

import { once } from "node:events";
import type { Reading } from "../contract/reading.ts";
import { systemClock as clock } from "../drivers/clock.ts";
import type { EdgeConfig } from "./config.ts";
import type { Logger } from "./log.ts";
import { prepareDevice, Supervisor } from "./supervisor.ts";

/** Hands every reading on until `signal` aborts; gives the number of readings. */
export async function recordDevices(
  config: EdgeConfig,
  log: Logger,
  take: (reading: Reading) => void,
  signal: AbortSignal,
): Promise<number> {
  let readingCount = 0;
  const supervisor = new Supervisor({
    devices: await Promise.all(config.devices.map(prepareDevice)),
    clock,
    random: Math.random,
    onReading: (reading) => {
      readingCount += 1;
      take(reading);
    },
    // A recording has readings only; counters belong to the daemon's health report.
    count: () => undefined,
    log,
  });
  supervisor.start();
  if (!signal.aborted) await once(signal, "abort");
  await supervisor.stop();
  return readingCount;
}
