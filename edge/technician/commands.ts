// The commands of a technician: devices, doctor, probe, watch, actuate, calibrate, decode, label. Each loads what it needs when it runs.

import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { GatewayError } from "../../contract/errors.ts";
import { systemClock as clock } from "../../drivers/clock.ts";
import { loadEdgeConfig } from "../config.ts";
import { createLog } from "../log.ts";
import { addDecode } from "./decode-commands.ts";
import { addLabel } from "./label-commands.ts";

/** Clears a terminal and puts the cursor home. */
const clearScreen = "\u001b[2J\u001b[H";
/** How often `watch` says what came. */
const watchPeriodMs = 1000;

type Print = (text: string) => void;

interface CalibrateOptions {
  readonly config: string;
  readonly cell?: number;
  readonly weight?: number;
  readonly seconds: number;
}

/** Adds them to the program; `stopSignal` makes a signal that aborts on Ctrl-C. */
export function addTechnicianCommands(program: Command, stopSignal: () => AbortSignal): void {
  const print: Print = (text) => process.stdout.write(text);
  addDevices(program, print);
  addDoctor(program, print);
  addProbe(program, print, stopSignal);
  addWatch(program, print, stopSignal);
  addActuate(program, stopSignal);
  addCalibrate(program, print);
  addDecode(program, print);
  addLabel(program, print, clock);
}

function addDevices(program: Command, print: Print): void {
  program
    .command("devices")
    .description("what is plugged in, under which stable path, and which driver fits")
    .option("--json", "as JSON, one object a line")
    .action(async (options: { json?: boolean }) => {
      const { deviceLines, listDevices } = await import("./devices.ts");
      const devices = await listDevices("/");
      if (options.json) for (const device of devices) print(`${JSON.stringify(device)}\n`);
      else print(deviceLines(devices));
    });
}

function addDoctor(program: Command, print: Print): void {
  program
    .command("doctor")
    .description("what keeps this edge from working: ok, warn or fail, each with its remedy")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .option("--json", "as JSON, one object a line")
    .action(async (options: { config: string; json?: boolean }) => {
      const { examine } = await import("./doctor.ts");
      const { findingLines } = await import("./finding.ts");
      await examine(await loadEdgeConfig(options.config), {
        file: options.config,
        clock,
        root: "/",
        onFinding: (finding) => {
          if (finding.level === "fail") process.exitCode = 1;
          print(options.json ? `${JSON.stringify(finding)}\n` : findingLines(finding));
        },
        onProgress: (text) => process.stderr.write(`${text}\n`),
      });
    });
}

function addProbe(program: Command, print: Print, stopSignal: () => AbortSignal): void {
  program
    .command("probe")
    .description("ask what hangs at a port, kind after kind; nothing is set")
    .argument("<port>", "/dev/serial/by-id/... or host:port")
    .option("--kind <kind>", "only this kind")
    .option("--baud <rate>", "instead of each kind's usual speed", Number)
    .action(async (port: string, options: { kind?: string; baud?: number }) => {
      const { configLines, probePort } = await import("./probe.ts");
      const found = await probePort({
        port,
        kind: options.kind,
        baudRate: options.baud,
        clock,
        signal: stopSignal(),
        onAttempt: ({
          kind,
          baudRate,
          dataBits = 8,
          parity = "none",
          description,
          code,
          reason,
        }) => {
          const set =
            dataBits === 8 && parity === "none" ? "" : ` ${dataBits}${parity[0]?.toUpperCase()}1`;
          const speed = baudRate === undefined ? "" : ` at ${baudRate} baud${set}`;
          print(`${kind}${speed}: ${description ?? `no (${code}: ${reason})`}\n`);
        },
      });
      if (found !== undefined) print(`\n${configLines(port, found)}`);
      else {
        print(
          "\nNothing answered. Scanners may have no question to answer: scan something and look\n",
        );
        print("with `gondola-edge watch`. For others try --baud, power, and the cable.\n");
        process.exitCode = 1;
      }
    });
}

function addWatch(program: Command, print: Print, stopSignal: () => AbortSignal): void {
  program
    .command("watch")
    .description("live readings per device and antenna, with rates and signal")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .option("--seconds <count>", "end after so many seconds", Number)
    .action(async (options: { config: string; seconds?: number }) => {
      const config = await loadEdgeConfig(options.config);
      const { recordDevices } = await import("../record.ts");
      const { WatchTable } = await import("./watch.ts");
      const table = new WatchTable();
      const end = new AbortController();
      const signal = AbortSignal.any([stopSignal(), end.signal]);
      const log = createLog("error", config.edgeId);
      const running = recordDevices(config, log, (reading) => table.take(reading), signal);
      const isTerminal = process.stdout.isTTY === true;
      let leftCount = options.seconds ?? Number.POSITIVE_INFINITY;
      for (; leftCount > 0 && !signal.aborted; leftCount -= 1) {
        await pause(watchPeriodMs, undefined, { signal }).catch(() => undefined);
        const text = table.lines(watchPeriodMs).join("\n");
        print(`${isTerminal ? clearScreen : ""}${text}\n`);
      }
      end.abort();
      await running;
    });
}

function addActuate(program: Command, stopSignal: () => AbortSignal): void {
  program
    .command("actuate")
    .description("switch a lamp or buzzer while the daemon is stopped; at rest again at the end")
    .argument("<device>", "id of a device with outputs")
    .argument("<output>", "name of the output")
    .argument("<action>", 'rest, on, off, blink, or JSON like {"type":"beeps","count":3}')
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .action(
      async (deviceId: string, output: string, action: string, options: { config: string }) => {
        const { actuateOnce, commandOf } = await import("./actuate.ts");
        const config = await loadEdgeConfig(options.config);
        const command = commandOf(output, action);
        const log = createLog("error", config.edgeId);
        const print = (text: string) => process.stderr.write(`${text}\n`);
        await actuateOnce(config, { deviceId, command, clock, log, print, signal: stopSignal() });
      },
    );
}

function addCalibrate(program: Command, print: Print): void {
  program
    .command("calibrate")
    .description("tare of a shelf's empty cells, or the slope of one with a known weight on it")
    .argument("<device>", "the shelf's device; the daemon must not hold it")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .option("--cell <number>", "the cell that the weight lies on", Number)
    .option("--weight <grams>", "the weight that lies on it", Number)
    .option("--seconds <n>", "how long to measure", Number, 5)
    .action(async (deviceId: string, options: CalibrateOptions) => {
      const { calibrate } = await import("./calibrate-run.ts");
      const { cell, weight, seconds } = options;
      if ((cell === undefined) !== (weight === undefined)) {
        throw new GatewayError("CONFIG_INVALID", "--cell and --weight go together");
      }
      const known =
        cell === undefined || weight === undefined ? undefined : { cell, weightGrams: weight };
      const config = await loadEdgeConfig(options.config);
      const isWhole = await calibrate(config, { deviceId, known }, seconds * 1000, print);
      if (!isWhole) process.exitCode = 1;
    });
}
