#!/usr/bin/env node
// The simulators' command line: a scenario on simulated devices, one device alone, the demo, a fleet of stores.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { errorCodeOf, errorMessageOf } from "../contract/errors.ts";
import { type DeviceRun, runDevice, simulatedKinds } from "./device-process.ts";
import { projectFile } from "./program-file.ts";

const exitCodes = { done: 0, wrong: 1, badInput: 2, interrupted: 130 } as const;
const quickstart = projectFile("config/scenarios/quickstart.yaml");

const program = new Command("gondola-sim").description(
  "Simulates a store: devices that speak their vendors' bytes, shoppers, staff, and the truth",
);

program
  .command("run")
  .description("play a scenario in real time on simulated devices")
  .argument("[scenario]", "scenario file (YAML)", quickstart)
  .option("--seed <n>", "seed of all chance", wholeNumber, 1)
  .option(
    "--pty-dir <dir>",
    "where the links to the devices are made (default: a temporary folder)",
  )
  .option("--truth <file>", "write what really moves, one JSON object a line")
  .option("--edge-config <file>", "write the edge configuration that fits")
  .option("--broker <url>", "broker named in that configuration", "mqtt://127.0.0.1:1883")
  .option("--duration-ms <ms>", "opening hours instead of the scenario's", wholeNumber)
  .option("--start-delay-ms <ms>", "wait before the store opens", wholeNumber, 5000)
  .option("--closing-count", "staff count everything at the end")
  .action(run);

program
  .command("device")
  .description("run one device alone; control messages are JSON lines on standard input")
  .argument("<kind>", `one of ${simulatedKinds.join(", ")}`)
  .addOption(
    new Option("--pty <path>", "link to make to the pseudo-terminal").conflicts(["tcp", "mqtt"]),
  )
  .addOption(
    new Option("--tcp <port>", "loopback port to listen on; 0 takes any free one")
      .argParser(wholeNumber)
      .conflicts("mqtt"),
  )
  .option("--mqtt <url>", "broker to publish at, for readers that do that by themselves")
  .option("--topic <topic>", "topic to publish under", "readers/simulated")
  .option("--seed <n>", "seed of all chance", wholeNumber, 1)
  .option("--options <json>", "options of the device", jsonObject, {})
  .action(async (kind: DeviceRun["kind"], options: DeviceOptions) => {
    const { seed } = options;
    await runDevice({ kind, seed, options: options.options, ...lineOf(options) });
    process.stdin.destroy();
  });

program
  .command("demo")
  .description(
    "a store for about a minute, end to end: bridge, edge, devices, faults, and the truth",
  )
  .option("--seed <n>", "seed of all chance", wholeNumber, 1)
  .option("--scenario <file>", "scenario file (YAML)", quickstart)
  .option("--no-faults", "neither cut the broker nor kill the edge")
  .option("--forever", "never close the store; end with Ctrl-C")
  .option("--keep", "leave the temporary folder: configurations, data, logs, truth")
  .action(async (options: DemoCommandOptions) => {
    const { runDemo } = await import("./demo/demo.ts");
    const signal = stopSignal();
    const { scenario: scenarioFile, seed, faults, forever = false, keep = false } = options;
    const out = process.stdout;
    const isRight = await runDemo({ scenarioFile, seed, faults, forever, keep, out, signal });
    if (!isRight) process.exitCode = signal.aborted ? exitCodes.interrupted : exitCodes.wrong;
  });

program
  .command("fleet")
  .description(
    "thousands of stores on one broker, from one process: the real link and uplink of each",
  )
  .option("--broker <url>", "broker of the bridge under load", "mqtt://127.0.0.1:1883")
  .option("--stores <n>", "how many, one edge each", wholeNumber, 100)
  .option("--rate <n>", "movements a second, of all together", wholeNumber, 50)
  .option("--seconds <n>", "how long", wholeNumber, 60)
  .option(
    "--burst-seconds <n>",
    "then so long at a higher rate, and on at the usual",
    wholeNumber,
    0,
  )
  .option("--burst-factor <n>", "how many times the usual rate that is", wholeNumber, 20)
  .option("--connect-rate <n>", "how many edges connect in a second", wholeNumber, 200)
  .option("--connect-seconds <n>", "how long all may take to connect", wholeNumber, 300)
  .option("--drain-seconds <n>", "how long the rest may take at the end", wholeNumber, 60)
  .option("--gtins <n>", "products in each store", wholeNumber, 50)
  .option("--seed <n>", "seed of all chance", wholeNumber, 1)
  .action(async (options: FleetCommandOptions) => {
    const { runFleet } = await import("./fleet/fleet.ts");
    const report = await runFleet({
      url: options.broker,
      storeCount: Math.max(1, options.stores),
      eventsPerSecond: options.rate,
      durationMs: options.seconds * 1000,
      ...(options.burstSeconds > 0 && { burst: burstOf(options) }),
      connectMsMax: options.connectSeconds * 1000,
      connectsPerSecond: Math.max(1, options.connectRate),
      drainMsMax: options.drainSeconds * 1000,
      gtinCount: Math.max(1, options.gtins),
      seed: options.seed,
      signal: stopSignal(),
      print: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    if (report.acknowledgedCount < report.acceptedCount) process.exitCode = exitCodes.wrong;
  });

function burstOf(options: FleetCommandOptions) {
  return {
    factor: Math.max(1, options.burstFactor),
    durationMs: options.burstSeconds * 1000,
    warmUpMs: 5_000,
    recoverMsMax: options.drainSeconds * 1000,
  };
}

interface FleetCommandOptions {
  readonly broker: string;
  readonly stores: number;
  readonly rate: number;
  readonly seconds: number;
  readonly burstSeconds: number;
  readonly burstFactor: number;
  readonly connectRate: number;
  readonly connectSeconds: number;
  readonly drainSeconds: number;
  readonly gtins: number;
  readonly seed: number;
}

interface DeviceOptions {
  readonly pty?: string;
  readonly tcp?: number;
  readonly mqtt?: string;
  readonly topic: string;
  readonly seed: number;
  readonly options: Record<string, unknown>;
}

function lineOf({ pty, tcp, mqtt, topic }: DeviceOptions) {
  if (mqtt !== undefined) return { mqtt: { url: mqtt, topic } };
  return pty === undefined ? { tcpPort: tcp ?? 0 } : { ptyPath: pty };
}

interface DemoCommandOptions {
  readonly seed: number;
  readonly scenario: string;
  readonly faults: boolean;
  readonly forever?: true;
  readonly keep?: true;
}

interface RunCommandOptions {
  readonly seed: number;
  readonly ptyDir?: string;
  readonly truth?: string;
  readonly edgeConfig?: string;
  readonly broker: string;
  readonly durationMs?: number;
  readonly startDelayMs: number;
  readonly closingCount?: true;
}

async function run(scenarioFile: string, options: RunCommandOptions): Promise<void> {
  const { runScenario } = await import("./run.ts");
  const { seed, truth, edgeConfig, durationMs, startDelayMs } = options;
  const ownDir = await mkdtemp(join(tmpdir(), "gondola-sim-"));
  try {
    await runScenario({
      scenarioFile,
      seed,
      ptyDir: options.ptyDir ?? ownDir,
      brokerUrl: options.broker,
      startDelayMs,
      closingCount: options.closingCount ?? false,
      ...(truth === undefined ? {} : { truthFile: truth }),
      ...(edgeConfig === undefined ? {} : { edgeConfigFile: edgeConfig }),
      ...(durationMs === undefined ? {} : { openMs: durationMs }),
      print: (line) => process.stdout.write(`${line}\n`),
      signal: stopSignal(),
    });
  } finally {
    await rm(ownDir, { recursive: true, force: true });
  }
}

/** Aborts on the first SIGINT, SIGTERM or SIGHUP; everything is then ended in order. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => controller.abort());
  }
  return controller.signal;
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of at most nine digits.");
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch (error) {
    throw new InvalidArgumentError(errorMessageOf(error));
  }
  throw new InvalidArgumentError("It must be a JSON object.");
}

try {
  await program.parseAsync();
} catch (error) {
  const code = errorCodeOf(error);
  const prefix = code === undefined ? "" : `${code}: `;
  process.stderr.write(`gondola-sim: ${prefix}${errorMessageOf(error)}\n`);
  process.exitCode = code?.startsWith("CONFIG_") ? exitCodes.badInput : exitCodes.wrong;
}
