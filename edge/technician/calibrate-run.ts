// Reads a shelf's device for some seconds and prints what `calibrate.ts` makes of it.

import type { Reading } from "../../contract/reading.ts";
import type { EdgeConfig } from "../config.ts";
import { createLog } from "../log.ts";
import { recordDevices } from "../record.ts";
import { type CalibrateRequest, calibrationLines, measureCells } from "./calibrate.ts";

/** Longest measurement. */
const measureMsMax = 60_000;

/** Measures and prints; false where a cell could not be calibrated. CONFIG_INVALID as `calibrationLines`. */
export async function calibrate(
  config: EdgeConfig,
  request: CalibrateRequest,
  measureMs: number,
  print: (text: string) => void,
): Promise<boolean> {
  // What is wrong with the request is said before anything is opened.
  calibrationLines(config, request, []);
  const devices = config.devices.filter(({ id }) => id === request.deviceId);
  const readings: Reading[] = [];
  const log = createLog("warn", config.edgeId);
  const signal = AbortSignal.timeout(Math.min(Math.max(measureMs, 1_000), measureMsMax));
  await recordDevices({ ...config, devices }, log, (reading) => readings.push(reading), signal);
  const measured = measureCells(readings, request.deviceId);
  const { lines, isWhole } = calibrationLines(config, request, measured);
  print(`shelves: # of ${request.deviceId}, its cells:\n`);
  for (const line of lines) print(`      ${line}\n`);
  return isWhole;
}
