// Takes what the devices say, and nothing else: no buffer, no link, so that a technician may record or
// watch beside nothing, and replay anywhere.

import { once } from "node:events";
import type { ClockStep, Reading } from "../contract/reading.ts";
import { type Clock, systemClock as clock } from "../drivers/clock.ts";
import { clockStepMs } from "./clock.ts";
import type { EdgeConfig } from "./config.ts";
import type { Logger } from "./log.ts";
import { prepareDevice, Supervisor } from "./supervisor.ts";

/** The clock is looked at this often, as the daemon does. */
const lookMs = 250;

/** Hands every reading, and every step of the clock, on until `signal` aborts; gives the number of readings. */
export async function recordDevices(
  config: EdgeConfig,
  log: Logger,
  take: (reading: Reading) => void,
  signal: AbortSignal,
  takeStep: (step: ClockStep) => void = () => undefined,
): Promise<number> {
  let readingCount = 0;
  const lookAtClock = clockWatch(clock, takeStep);
  const supervisor = new Supervisor({
    devices: await Promise.all(config.devices.map(prepareDevice)),
    clock,
    random: Math.random,
    onReading: (reading) => {
      readingCount += 1;
      lookAtClock();
      take(reading);
    },
    // A recording has readings only; counters belong to the daemon's health report.
    count: () => undefined,
    log,
  });
  supervisor.start();
  const looking = setInterval(lookAtClock, lookMs);
  if (!signal.aborted) await once(signal, "abort");
  clearInterval(looking);
  await supervisor.stop();
  return readingCount;
}

/** Looks at a clock each time it is called, and tells when it was set since the last time. */
export function clockWatch(
  clock: Pick<Clock, "nowMs" | "monotonicMs">,
  take: (step: ClockStep) => void,
): () => void {
  let wallAtBootMs = clock.nowMs() - clock.monotonicMs();
  return () => {
    const receivedAtMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const stepMs = clockStepMs(wallAtBootMs, receivedAtMs, monotonicMs);
    wallAtBootMs = receivedAtMs - monotonicMs;
    if (stepMs !== 0) take({ kind: "clock", receivedAtMs, stepMs });
  };
}
