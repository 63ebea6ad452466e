#!/usr/bin/env node
// The bridge's command line: run, verify, positions, quarantine, restore, webhook, epcis, prove, check-proof, certificates, command.

import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type ErrorCode, errorCodeOf, errorMessageOf, GatewayError } from "../contract/errors.ts";
import { addCatalogueCommands } from "./cli-catalogue.ts";
import { addCertificateCommands } from "./cli-certificates.ts";
import { addCommandCommands } from "./cli-command.ts";
import { addEpcis } from "./cli-epcis.ts";
import { type LedgerOptions, refuseWhileRunning, repost, withLedger } from "./cli-ledger.ts";
import { addPasswordCommand } from "./cli-passwords.ts";
import { print, reportText, tableText } from "./cli-print.ts";
import { addTokenCommands } from "./cli-tokens.ts";
import { addCheckProof, addProve } from "./cli-trace.ts";
import { addWebhookCommands } from "./cli-webhook.ts";
import { systemClock } from "./clock.ts";
import { type BridgeConfig, loadBridgeConfig } from "./config.ts";
import { bufferText, compareBuffer, openEdgeBuffer } from "./edge-buffer.ts";
import { createLog } from "./log.ts";
import { runBridge } from "./main.ts";
import { SystemdNotify } from "./systemd-notify.ts";
import { softwareVersion } from "./version.ts";

/** Exit codes of `gondola-bridge`. systemd need not restart after `badInput`. */
const exitCodes = {
  ok: 0,
  failed: 1,
  badInput: 2,
  portBusy: 3,
  ledgerFailed: 4,
  unanswered: 5,
} as const;

const exitCodeOf: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: exitCodes.badInput,
  CONFIG_UNREADABLE: exitCodes.badInput,
  BROKER_PORT_BUSY: exitCodes.portBusy,
  HTTP_PORT_BUSY: exitCodes.portBusy,
  LISTEN_FAILED: exitCodes.portBusy,
  LEDGER_FAILED: exitCodes.ledgerFailed,
  LEDGER_CORRUPT: exitCodes.ledgerFailed,
  COMMAND_UNANSWERED: exitCodes.unanswered,
};

const program = new Command("gondola-bridge")
  .description("Takes stock events from edges over MQTT and posts each exactly once to the ledger")
  .version(softwareVersion())
  .exitOverride();

program
  .command("run")
  .description("run the daemon until SIGINT or SIGTERM")
  .requiredOption("-c, --config <file>", "configuration file (YAML)")
  .option("--port <number>", "port of the embedded broker, 0 for any free one", toPort)
  .option("--http-port <number>", "HTTP port, 0 for any free one", toPort)
  .option("--data-dir <dir>", "data directory instead of the configured one")
  .action(async (options: { config: string } & Overrides) => {
    await runDaemon(overridden(await loadBridgeConfig(options.config), options));
  });

addCertificateCommands(program, (text) => process.stdout.write(text));
addPasswordCommand(program, (text) => process.stdout.write(text));
addTokenCommands(program, (text) => process.stdout.write(text));
addCatalogueCommands(program, (text) => process.stdout.write(text));

ledgerCommand(program, "verify")
  .description("check chains, sums, balances and sequences; exit code 1 when anything is wrong")
  .option(
    "--edge-buffer <files...>",
    "outbox.db of edges: that all they accepted is here, or waits there",
  )
  .action(async (options: LedgerOptions & { edgeBuffer?: string[] }) => {
    const { report, standings } = await withLedger(options, async (ledger) => ({
      report: await ledger.verify(),
      standings: await ledger.positions(),
    }));
    print(options, report, reportText(report));
    let isRight = report.ok;
    for (const file of options.edgeBuffer ?? []) {
      const buffer = await openEdgeBuffer(file);
      const compared = await compareBuffer(buffer, standings).finally(() => buffer.close());
      print(options, { file, ...compared }, bufferText(file, compared));
      isRight &&= compared.ok;
    }
    if (!isRight) process.exitCode = exitCodes.failed;
  });

ledgerCommand(program, "positions")
  .description("how far the ledger has read each outbox")
  .action(async (options: LedgerOptions) => {
    const positions = await withLedger(options, (ledger) => ledger.positions());
    const rows = positions.map((position) => ({
      store: position.storeId,
      edge: position.edgeId,
      outbox: position.outboxId,
      through: position.throughSequence,
      "complete through": new Date(position.completeThroughAtMs).toISOString(),
      state: position.frozen ? "FROZEN" : "open",
    }));
    print(options, positions, tableText(rows, "no edge has reported yet"));
  });

const quarantine = program.command("quarantine").description("events that could not be posted");

ledgerCommand(quarantine, "list")
  .description("what lies in quarantine")
  .action(async (options: LedgerOptions) => {
    const events = await withLedger(options, (ledger) => ledger.quarantine());
    const rows = events.map(({ id, code, message, quarantinedAtMs }) => {
      return { id, since: new Date(quarantinedAtMs).toISOString(), code, message };
    });
    print(options, events, tableText(rows, "quarantine is empty"));
  });

ledgerCommand(quarantine, "repost")
  .argument("<id>", "as `quarantine list` prints it")
  .description("post an event again, now that what was wrong is mended")
  .option(
    "--token-file <file>",
    "a file with a token of the HTTP API, where the bridge asks for one",
  )
  .action(async (id: string, options: LedgerOptions) => {
    const result = await repost(id, options);
    const text = result.ok ? `${id} is posted` : `${id} is not posted: ${result.message}`;
    print(options, result, text);
    if (!result.ok) process.exitCode = exitCodes.failed;
  });

ledgerCommand(program, "restore")
  .description(
    "mark a ledger that was restored from a backup, so that edges send again what it lacks",
  )
  .action(async (options: LedgerOptions) => {
    await refuseWhileRunning(options);
    const epoch = await withLedger(options, (ledger) => ledger.restoreMark(systemClock.nowMs()));
    print(options, { ledgerEpoch: epoch }, `the ledger is now of epoch ${epoch}; start the bridge`);
  });

addWebhookCommands(
  program.command("webhook").description("who is told over HTTP what happens"),
  ledgerCommand,
);
addEpcis(ledgerCommand(program, "epcis"));
addProve(ledgerCommand(program, "prove"));
addCheckProof(program, fail);
addCommandCommands(program, (text) => process.stdout.write(text), fail);

function fail(): void {
  process.exitCode = exitCodes.failed;
}

/** A command that works on a ledger, running bridge or not. */
function ledgerCommand(parent: Command, name: string): Command {
  return parent
    .command(name)
    .option("-c, --config <file>", "configuration of the bridge (YAML)")
    .option("--ledger <file>", "ledger file, instead of a configuration")
    .option("--json", "print JSON");
}

interface Overrides {
  readonly port?: number;
  readonly httpPort?: number;
  readonly dataDir?: string;
}

function overridden(config: BridgeConfig, { port, httpPort, dataDir }: Overrides): BridgeConfig {
  const { embedded } = config.broker;
  if (port !== undefined && embedded === undefined) {
    throw new GatewayError("CONFIG_INVALID", "--port: the configuration has an external broker");
  }
  const broker =
    embedded === undefined || port === undefined
      ? config.broker
      : { ...config.broker, embedded: { ...embedded, port } };
  const http = { ...config.http, port: httpPort ?? config.http.port };
  return { ...config, broker, http, dataDir: dataDir ?? config.dataDir };
}

function toPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("a port is 0..65535");
}

async function runDaemon(config: BridgeConfig): Promise<void> {
  const log = createLog(config.logLevel);
  const notify = new SystemdNotify(process.env, (error) => {
    log.warn({ message: error.message }, "systemd-notify failed");
  });
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // Who asks twice does not want to wait.
      if (stop.signal.aborted) process.exit(exitCodes.failed);
      stop.abort();
    });
  }
  await runBridge(config, { log, notify, signal: stop.signal });
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong with the words on the command line, or printed the help.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
  } else {
    const code = errorCodeOf(error);
    const name = code === undefined ? "" : `${code}: `;
    process.stderr.write(`gondola-bridge: ${name}${errorMessageOf(error)}\n`);
    process.exitCode = (code && exitCodeOf[code]) ?? exitCodes.failed;
  }
}
