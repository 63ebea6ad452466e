// A long outage and its end: a busy store's events of three days wait in a real buffer, a real edge and a real bridge
// drain them while scans go on, and everything that was accepted is found in the ledger, once and in order.

import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { additions, tables } from "../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { systemClock } from "../../drivers/clock.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { StoreTrade } from "../../simulators/fleet/store-trade.ts";
import { seededRandom } from "../../simulators/random.ts";
import { ScanSource } from "../faults/scan-source.ts";
import { Daemon } from "../support/daemon.ts";
import { verdictOf } from "../support/invariants.ts";

const outageMs = 72 * 3_600_000;
const appendCount = 500;
const storeId = "s0042";
const edgeId = "edge-1";
/** Scans that go on while the edge catches up. */
const scansPerSecond = 5;
const catchUpMsMax = 1_800_000;
const sampleMs = 250;

/** How it went. */
export interface OutageReport {
  /** Events that waited when the link came back. */
  readonly waitedCount: number;
  /** What came in meanwhile. */
  readonly liveCount: number;
  readonly catchUpMs: number;
  readonly eventsPerSecond: number;
  /** The same rows, copied into the same tables in one statement each. */
  readonly bareCopyMs: number;
  readonly ratioToBare: number;
  readonly bufferSizeBytes: number;
  readonly ledgerSizeBytes: number;
  readonly edgeRssBytesFirst: number;
  readonly edgeRssBytesMax: number;
  readonly bridgeRssBytesFirst: number;
  readonly bridgeRssBytesMax: number;
  /** `verify --edge-buffer`: chains, sums, sequences, and that nothing is lost. */
  readonly isRight: boolean;
  readonly verdict: string;
}

/** Plays an outage of `eventCount` events. */
export async function playOutage(eventCount: number): Promise<OutageReport> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-outage-"));
  const source = await ScanSource.open();
  const daemons: Daemon[] = [];
  try {
    const file = await fillBuffer(folder, eventCount);
    const bufferSizeBytes = (await stat(file)).size;
    await writeFile(join(folder, "bridge.yaml"), stringify({ dataDir: "bridge" }));
    const ports = ["--port", "0", "--http-port", "0"];
    const config = ["--config", join(folder, "bridge.yaml")];
    const bridge = Daemon.start("cloud-bridge", "run", ...config, ...ports);
    daemons.push(bridge);
    const ready = await bridge.line((line) => line.msg === "bridge ready");
    await writeFile(
      join(folder, "edge.yaml"),
      edgeConfig(Number(ready["brokerPort"]), source.port),
    );
    const startedMs = performance.now();
    const edge = Daemon.start("edge", "run", "--config", join(folder, "edge.yaml"));
    daemons.push(edge);
    await edge.line((line) => line.msg === "edge ready");
    source.start(scansPerSecond);
    const memory = await catchUp(edge, bridge, Number(ready["httpPort"]), eventCount);
    const catchUpMs = performance.now() - startedMs;
    source.stop();
    await delay(2_000);
    await edge.end("SIGTERM");
    await bridge.end("SIGTERM");
    const ledger = join(folder, "bridge/ledger.db");
    const { isRight, verdict, acceptedCount } = await verify(ledger, file);
    const bareCopyMs = await bareCopy(ledger, join(folder, "bare.db"));
    return {
      waitedCount: eventCount,
      liveCount: acceptedCount - eventCount,
      catchUpMs: Math.round(catchUpMs),
      eventsPerSecond: Math.round((eventCount * 1000) / catchUpMs),
      bareCopyMs: Math.round(bareCopyMs),
      ratioToBare: Math.round((bareCopyMs / catchUpMs) * 1000) / 1000,
      bufferSizeBytes,
      ledgerSizeBytes: (await stat(ledger)).size,
      ...memory,
      isRight,
      verdict,
    };
  } finally {
    await source.close();
    for (const daemon of daemons) await daemon.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** A buffer in which so many events of three days wait. */
async function fillBuffer(folder: string, eventCount: number): Promise<string> {
  await mkdir(join(folder, "edge"));
  const file = join(folder, "edge/outbox.db");
  const bootId = randomUUID();
  const stamp = () => ({ bootId, uptimeMs: 1, clockSynced: true });
  const outbox = await Outbox.open({
    ...{ file, edgeId, clock: systemClock, randomId: randomUUID, stamp, synchronous: "OFF" },
    settings: outboxSettingsSchema.parse({ commitDelayMs: 0 }),
    onCommit: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
  const trade = new StoreTrade(storeId, 300, seededRandom(1));
  const fromMs = Date.now() - outageMs;
  // The first event of an outbox is its own.
  for (let done = outbox.position().lastSequence; done < eventCount; ) {
    const count = Math.min(appendCount, eventCount - done);
    const drafts = Array.from({ length: count }, (_, at) => ({
      ...trade.next(Math.floor(fromMs + ((done + at) * outageMs) / eventCount)),
      ...stamp(),
    }));
    done = (await outbox.append(drafts, [])).lastSequence;
  }
  await outbox.close();
  return file;
}

function edgeConfig(brokerPort: number, scannerPort: number): string {
  return stringify({
    ...{ storeId, edgeId, dataDir: "edge" },
    broker: { url: `mqtt://127.0.0.1:${brokerPort}` },
    devices: [
      { id: "scanner-1", kind: "serial-scanner", port: { host: "127.0.0.1", port: scannerPort } },
    ],
    scanners: [{ deviceId: "scanner-1", workflow: "receive", location: `${storeId}/stockroom` }],
  });
}

async function catchUp(edge: Daemon, bridge: Daemon, httpPort: number, eventCount: number) {
  const [edgeFirst, bridgeFirst] = [await edge.rssBytes(), await bridge.rssBytes()];
  let [edgeMax, bridgeMax] = [edgeFirst, bridgeFirst];
  for (const untilMs = performance.now() + catchUpMsMax; ; await delay(sampleMs)) {
    edgeMax = Math.max(edgeMax, await edge.rssBytes());
    bridgeMax = Math.max(bridgeMax, await bridge.rssBytes());
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1/positions`);
    const { items } = (await response.json()) as { items: { throughSequence: number }[] };
    if ((items[0]?.throughSequence ?? 0) >= eventCount) break;
    if (performance.now() > untilMs) throw new Error(`not caught up in ${catchUpMsMax} ms`);
  }
  return {
    ...{ edgeRssBytesFirst: edgeFirst, edgeRssBytesMax: edgeMax },
    ...{ bridgeRssBytesFirst: bridgeFirst, bridgeRssBytesMax: bridgeMax },
  };
}

async function verify(ledger: string, buffer: string) {
  const found = await verdictOf("--ledger", ledger, "--edge-buffer", buffer);
  const verdict = JSON.stringify({ ...found.ledger, ...found.buffer, outboxId: undefined });
  return { isRight: found.code === 0, verdict, acceptedCount: found.buffer?.acceptedCount ?? 0 };
}

/** How long the machine takes to write the same rows: one statement a table, one commit. */
async function bareCopy(ledger: string, file: string): Promise<number> {
  const connection = await SqliteConnection.open({ path: file });
  try {
    await connection.script(tables);
    await connection.script(additions);
    await connection.run("ATTACH ? AS ledger", ledger);
    const startedMs = performance.now();
    await connection.run("BEGIN IMMEDIATE");
    for (const table of ["event_log", "entries", "balances", "serials"]) {
      await connection.run(`INSERT INTO main.${table} SELECT * FROM ledger.${table}`);
    }
    await connection.run("COMMIT");
    return performance.now() - startedMs;
  } finally {
    await connection.close();
  }
}
