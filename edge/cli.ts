#!/usr/bin/env -S node --max-semi-space-size=2 --heap-growing-percent=30
// The edge's command line: run, record, replay, outbox, and the commands of `technician/`. A small young generation and
// a heap that grows slowly keep the daemon near 120 MB at 1,000 reads a second (the first line; the systemd unit says the
// same).

import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { errorCodeOf, errorMessageOf } from "../contract/errors.ts";
import type { Recorded } from "../contract/reading.ts";
import { systemClock } from "../drivers/clock.ts";
import { inspectOutbox } from "./buffer/inspect.ts";
import { type EdgeConfig, loadEdgeConfig } from "./config.ts";
import type { ConfigKeeper } from "./config-keeper.ts";
import { createLog } from "./log.ts";
import { addTechnicianCommands } from "./technician/commands.ts";
import { softwareVersion } from "./version.ts";

/** Exit codes of the daemon and its commands. */
const exitCodes = { stopped: 0, failed: 1, badInput: 2, deviceOrDisk: 3, restartDue: 4 } as const;

const program = new Command("gondola-edge")
  .description("Reads a store's sensors, buffers what moved, and publishes it")
  .version(softwareVersion());

program
  .command("run")
  .description("run the daemon until SIGINT or SIGTERM")
  .requiredOption("-c, --config <file>", "configuration file (YAML)")
  .option("--broker <url>", "broker URL instead of the configured one")
  .option("--data-dir <dir>", "data directory instead of the configured one")
  .action(async (options: { config: string; broker?: string; dataDir?: string }) => {
    const { ConfigKeeper } = await import("./config-keeper.ts");
    const configs = await ConfigKeeper.open({
      file: options.config,
      dataDir: options.dataDir,
      overridden: (config) => overridden(config, options),
      nowMs: systemClock.nowMs,
    });
    await runDaemon(configs);
  });

program
  .command("record")
  .description(
    "write every reading of the configured devices, and steps of the clock, to a file, one JSON object a line",
  )
  .requiredOption("-c, --config <file>", "configuration file (YAML)")
  .requiredOption("-o, --out <file>", "recording to append to")
  .action(async (options: { config: string; out: string }) => {
    const config = await loadEdgeConfig(options.config);
    const out = createWriteStream(options.out, { flags: "a" });
    const { recordDevices } = await import("./record.ts");
    const log = createLog(config.logLevel, config.edgeId);
    const signal = stopSignal();
    const write = (recorded: Recorded) => out.write(`${JSON.stringify(recorded)}\n`);
    const count = await recordDevices(config, log, write, signal, write);
    await new Promise<void>((resolve) => out.end(resolve));
    process.stderr.write(`${count} readings written to ${options.out}\n`);
  });

program
  .command("replay")
  .description("run a recording through sensing and print the events, one a line")
  .argument("<file>", "recording: readings, one JSON object a line")
  .requiredOption("-c, --config <file>", "configuration file (YAML)")
  .action(async (file: string, options: { config: string }) => {
    const config = await loadEdgeConfig(options.config);
    const { replayFile } = await import("./replay.ts");
    const result = await replayFile(file, config, (line) => process.stdout.write(line));
    const { readingCount, eventCount, badLines } = result;
    process.stderr.write(
      `${readingCount} readings, ${eventCount} events, ${badLines.length} bad lines\n`,
    );
    for (const bad of badLines.slice(0, 20)) process.stderr.write(`${bad}\n`);
    if (badLines.length > 0) process.exitCode = exitCodes.badInput;
  });

program
  .command("outbox")
  .description("what is waiting for the ledger, and since when")
  .option("-c, --config <file>", "configuration file (YAML)")
  .option("--data-dir <dir>", "data directory, instead of a configuration file")
  .option("--json", "as JSON")
  .action(async (options: { config?: string; dataDir?: string; json?: boolean }) => {
    const dataDir = options.dataDir ?? (await loadEdgeConfig(options.config ?? "")).dataDir;
    const facts = await inspectOutbox(join(dataDir, "outbox.db"));
    if (options.json) {
      process.stdout.write(`${JSON.stringify(facts)}\n`);
      return;
    }
    for (const [name, value] of Object.entries(facts)) {
      const shown = name.endsWith("AtMs") && value ? new Date(Number(value)).toISOString() : value;
      process.stdout.write(`${name.padEnd(24)} ${shown ?? "-"}\n`);
    }
  });

addTechnicianCommands(program, stopSignal);

function overridden(
  config: EdgeConfig,
  options: { broker?: string; dataDir?: string },
): EdgeConfig {
  const broker = options.broker === undefined ? config.broker : { url: options.broker };
  return { ...config, broker, dataDir: options.dataDir ?? config.dataDir };
}

async function runDaemon(configs: ConfigKeeper): Promise<void> {
  const { config, remarks } = configs;
  const log = createLog(config.logLevel, config.edgeId);
  const { runEdge } = await import("./main.ts");
  const { SystemdNotify } = await import("./systemd-notify.ts");
  const notify = new SystemdNotify(process.env, ({ message }) =>
    log.warn({ message }, "systemd-notify failed"),
  );
  for (const remark of remarks) log.error({ remark }, "config_remark");
  try {
    const end = await runEdge({ configs, log, signal: stopSignal(), notify });
    // The service manager starts it anew; a fresh process has nothing of the old configuration.
    if (end === "restart due") process.exitCode = exitCodes.restartDue;
  } catch (error) {
    log.fatal({ code: errorCodeOf(error), err: error }, "edge failed");
    process.exitCode = exitCodes.deviceOrDisk;
    await configs.giveUp(errorMessageOf(error)).catch(() => undefined);
  }
  log.flush();
}

/** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCodes.failed);
      controller.abort();
    });
  }
  return controller.signal;
}

try {
  await program.parseAsync();
} catch (error) {
  const code = errorCodeOf(error);
  process.stderr.write(
    `gondola-edge: ${code === undefined ? "" : `${code}: `}${errorMessageOf(error)}\n`,
  );
  process.exitCode = code?.startsWith("CONFIG_") ? exitCodes.badInput : exitCodes.failed;
}
