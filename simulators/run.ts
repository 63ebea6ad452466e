// `gondola-sim run`: a scenario in real time on simulated devices, for an edge that somebody else runs.

import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { GatewayError } from "../contract/errors.ts";
import { sleep, systemClock } from "../drivers/clock.ts";
import { DeviceFleet } from "./device-fleet.ts";
import { devicesOf, edgeConfigText } from "./edge-config.ts";
import { Player } from "./player.ts";
import { loadScenario } from "./scenario.ts";

/** How a scenario is run. */
export interface RunOptions {
  readonly scenarioFile: string;
  readonly seed: number;
  /** Where the links to the devices' pseudo-terminals are made. */
  readonly ptyDir: string;
  /** Every movement goes here, one JSON object a line. */
  readonly truthFile?: string;
  /** The edge configuration that fits is written here. */
  readonly edgeConfigFile?: string;
  readonly brokerUrl: string;
  /** Instead of the scenario's opening hours. */
  readonly openMs?: number;
  /** Time to start an edge before the store opens. */
  readonly startDelayMs: number;
  readonly closingCount: boolean;
  readonly print: (line: string) => void;
  /** Aborts to stop early. */
  readonly signal: AbortSignal;
}

/** Runs a scenario to its end, or until `signal` aborts. SCENARIO_FAILED when a device ends by itself. */
export async function runScenario(options: RunOptions): Promise<void> {
  const { seed, print } = options;
  const { scenario, plan, planFile } = await loadScenario(options.scenarioFile);
  const stop = new AbortController();
  options.signal.addEventListener("abort", () => stop.abort());
  const devices = await DeviceFleet.open({
    devices: devicesOf(scenario),
    ptyDir: resolve(options.ptyDir),
    seed,
    onFailure: (error) => stop.abort(error),
  });
  const truth = options.truthFile === undefined ? undefined : createWriteStream(options.truthFile);
  const player = new Player({
    scenario: { ...scenario, openMs: options.openMs ?? scenario.openMs },
    plan,
    seed,
    clock: systemClock,
    onControl: (deviceId, message) => devices.control(deviceId, message),
    onMovement: (movement) => truth?.write(`${JSON.stringify(movement)}\n`),
    onNote: print,
    onPhase: (phase) => print(`the store is ${phase}`),
  });
  try {
    for (const [deviceId, path] of devices.paths) print(`${deviceId} is at ${path}`);
    if (options.edgeConfigFile !== undefined) {
      const facts = { scenario, storeId: plan.storeId, planFile, paths: devices.paths };
      const text = edgeConfigText({ ...facts, brokerUrl: options.brokerUrl, dataDir: "edge-data" });
      await writeFile(options.edgeConfigFile, text);
      print(`now start the edge: gondola-edge run --config ${options.edgeConfigFile}`);
    }
    await sleep(systemClock, options.startDelayMs, stop.signal);
    await Promise.race([play(player, options.closingCount), aborted(stop.signal)]);
  } finally {
    player.stop();
    await devices.close();
    if (truth !== undefined) await new Promise<void>((done) => truth.end(done));
  }
}

async function play(player: Player, closingCount: boolean): Promise<void> {
  player.begin();
  await player.reached("closed");
  if (!closingCount) return;
  player.beginCount();
  await player.reached("counted");
}

/** Resolves when stopped on request; rejects when something failed. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => (signal.reason instanceof GatewayError ? reject(signal.reason) : resolve());
    if (signal.aborted) done();
    signal.addEventListener("abort", done);
  });
}
