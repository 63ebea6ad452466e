// A long outage and its end: a busy store's events of three days wait in a real buffer, a real edge and a real bridge
// drain them while scans go on, and everything that was accepted is found in the ledger, once and in order. Two other
// forms: a buffer that was too small for it, and a ledger that is put back to an older copy while it catches up.

import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { inspectOutbox } from "../../edge/buffer/inspect.ts";
import { type OutboxSettings, outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { copyDatabase } from "../faults/copy-rows.ts";
import { ScanSource } from "../faults/scan-source.ts";
import { Daemon } from "../support/daemon.ts";
import { verdictOf } from "../support/invariants.ts";
import { fillBuffer } from "./outage-buffer.ts";
import { bareCopyMs, countEvents } from "./outage-ledger.ts";

/** Whose edge it is. */
const names = { storeId: "s0042", edgeId: "edge-1" } as const;
/** Scans that go on while the edge catches up. */
const scansPerSecond = 5;
const catchUpMsMax = 1_800_000;
const sampleMs = 250;
const mib = 1024 * 1024;
/** Whatever waits: most of what the units allow (systemd/). */
const edgeRssBytesBound = 192 * mib;
const bridgeRssBytesBound = 512 * mib;
/** Beside the database and its ballast: its -wal. */
const walSizeBytesMax = 16 * mib;
/** Of a buffer that is too small: half of what the events take. */
const eventSizeBytesOverflow = 250;
const batchCountMax = 500;

/** `overflow`: the buffer is too small. `restore`: the ledger is put back to an older copy while the edge catches up. */
export const outageForms = ["plain", "overflow", "restore"] as const;
export type OutageForm = (typeof outageForms)[number];

/** How it went. */
export interface OutageReport {
  readonly form: OutageForm;
  /** Events that were accepted before the link came back. */
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
  readonly edgeDiskBytesMax: number;
  readonly edgeRssBytesFirst: number;
  readonly edgeRssBytesMax: number;
  readonly bridgeRssBytesFirst: number;
  readonly bridgeRssBytesMax: number;
  readonly postedCount: number;
  /** Of which the ledger was told that they are lost. */
  readonly declaredLostCount: number;
  /** The same, as the edge's buffer counts it. */
  readonly overflowedCount: number;
  /** `verify --edge-buffer` (chains, sums, order, nothing lost), counts, and the bounds of memory and disk. */
  readonly isRight: boolean;
  readonly problems: readonly string[];
  readonly verdict: string;
}

/** Plays an outage of `eventCount` events. */
export async function playOutage(
  eventCount: number,
  form: OutageForm = "plain",
): Promise<OutageReport> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-outage-"));
  const sizeBytesMax = Math.max(512 * 1024, eventCount * eventSizeBytesOverflow);
  const settings = outboxSettingsSchema.parse(form === "overflow" ? { sizeBytesMax } : {});
  const run = new OutageRun(folder, eventCount, form, settings, await ScanSource.open());
  try {
    return await run.play();
  } finally {
    await run.end();
    await rm(folder, { recursive: true, force: true });
  }
}

class OutageRun {
  readonly #path: (name: string) => string;
  readonly #eventCount: number;
  readonly #form: OutageForm;
  readonly #settings: OutboxSettings;
  readonly #source: ScanSource;
  #bridge: Daemon | undefined;
  #edge: Daemon | undefined;
  #ports = { brokerPort: 0, httpPort: 0 };
  readonly #max = { edgeDiskBytesMax: 0, edgeRssBytesMax: 0, bridgeRssBytesMax: 0 };

  constructor(
    folder: string,
    eventCount: number,
    form: OutageForm,
    settings: OutboxSettings,
    source: ScanSource,
  ) {
    this.#path = (name) => join(folder, name);
    this.#eventCount = eventCount;
    this.#form = form;
    this.#settings = settings;
    this.#source = source;
  }

  async play(): Promise<OutageReport> {
    const [buffer, ledger] = [this.#path("edge/outbox.db"), this.#path("bridge/ledger.db")];
    await fillBuffer(buffer, names, this.#eventCount, this.#settings);
    const bufferSizeBytes = (await stat(buffer)).size;
    await this.#startBridge();
    const startedMs = performance.now();
    const edge = await this.#startEdge();
    const edgeRssBytesFirst = await edge.rssBytes();
    const bridgeRssBytesFirst = await this.#bridge!.rssBytes();
    if (this.#form === "restore") await this.#setBack(ledger);
    await this.#through(this.#eventCount);
    const catchUpMs = performance.now() - startedMs;
    this.#source.stop();
    await delay(2_000);
    await this.#through((await inspectOutbox(buffer)).lastSequence);
    await edge.end("SIGTERM");
    await this.#bridge!.end("SIGTERM");
    const found = await verdictOf("--ledger", ledger, "--edge-buffer", buffer);
    const counts = await countEvents(ledger);
    const { overflowedCount, lastSequence } = await inspectOutbox(buffer);
    const copyMs = await bareCopyMs(ledger, this.#path("bare.db"));
    const problems = this.#problems({ ...counts, overflowedCount, acceptedCount: lastSequence });
    if (found.code !== 0) problems.push("verify");
    return {
      form: this.#form,
      waitedCount: this.#eventCount,
      liveCount: lastSequence - this.#eventCount,
      catchUpMs: Math.round(catchUpMs),
      eventsPerSecond: Math.round((this.#eventCount * 1000) / catchUpMs),
      bareCopyMs: Math.round(copyMs),
      ratioToBare: Math.round((copyMs / catchUpMs) * 1000) / 1000,
      bufferSizeBytes,
      ledgerSizeBytes: (await stat(ledger)).size,
      ...{ edgeRssBytesFirst, bridgeRssBytesFirst, ...this.#max, ...counts, overflowedCount },
      ...{ isRight: problems.length === 0, problems },
      verdict: JSON.stringify({ ...found.ledger, ...found.buffer, outboxId: undefined }),
    };
  }

  async end(): Promise<void> {
    await this.#source.close();
    for (const daemon of [this.#edge, this.#bridge]) await daemon?.end("SIGKILL");
  }

  /** At a third of the way the ledger is copied, at two thirds it is put back. */
  async #setBack(ledger: string): Promise<void> {
    const copy = this.#path("backup.db");
    await this.#through(Math.floor(this.#eventCount / 3));
    await this.#bridge!.end("SIGTERM");
    await copyDatabase(ledger, copy);
    await this.#startBridge();
    await this.#through(Math.floor((2 * this.#eventCount) / 3));
    await this.#bridge!.end("SIGTERM");
    await copyDatabase(copy, ledger);
    const restore = Daemon.start("cloud-bridge", "restore", "--ledger", ledger);
    if ((await restore.exited()) !== 0) throw new Error(`restore: ${restore.noise}`);
    await this.#startBridge();
    await this.#edge!.line(({ code }) => code === "ledger_behind", 120_000);
  }

  /** Waits until the ledger stands at a sequence, and looks at memory and disk meanwhile. */
  async #through(sequence: number): Promise<void> {
    const { httpPort } = this.#ports;
    const max = this.#max;
    for (const untilMs = performance.now() + catchUpMsMax; ; await delay(sampleMs)) {
      max.edgeRssBytesMax = Math.max(max.edgeRssBytesMax, await this.#edge!.rssBytes());
      max.bridgeRssBytesMax = Math.max(max.bridgeRssBytesMax, await this.#bridge!.rssBytes());
      max.edgeDiskBytesMax = Math.max(max.edgeDiskBytesMax, await sizeBytesOf(this.#path("edge")));
      const response = await fetch(`http://127.0.0.1:${httpPort}/v1/positions`);
      const { items } = (await response.json()) as { items: { throughSequence: number }[] };
      if ((items[0]?.throughSequence ?? 0) >= sequence) return;
      if (performance.now() > untilMs) throw new Error(`not caught up in ${catchUpMsMax} ms`);
    }
  }

  #problems(counts: {
    readonly postedCount: number;
    readonly declaredLostCount: number;
    readonly overflowedCount: number;
    readonly acceptedCount: number;
  }): string[] {
    const { postedCount, declaredLostCount, overflowedCount, acceptedCount } = counts;
    const { sizeBytesMax, ballastSizeBytes } = this.#settings;
    const { edgeRssBytesMax, bridgeRssBytesMax, edgeDiskBytesMax } = this.#max;
    const problems: string[] = [];
    if (postedCount + declaredLostCount !== acceptedCount) problems.push("posted and declared");
    // What was under way when it was dropped arrived all the same.
    const spareCount = postedCount + overflowedCount - acceptedCount;
    if (spareCount < 0 || spareCount > batchCountMax) problems.push("posted and dropped");
    const isLossy = this.#form === "overflow";
    if (declaredLostCount > 0 !== isLossy || overflowedCount > 0 !== isLossy) problems.push("loss");
    if (edgeRssBytesMax > edgeRssBytesBound) problems.push("the edge's memory");
    if (bridgeRssBytesMax > bridgeRssBytesBound) problems.push("the bridge's memory");
    const diskBytesBound = sizeBytesMax + ballastSizeBytes + walSizeBytesMax;
    if (edgeDiskBytesMax > diskBytesBound) problems.push("the edge's disk");
    return problems;
  }

  /** The first time on any free ports, later on the same ones. */
  async #startBridge(): Promise<void> {
    const config = this.#path("bridge.yaml");
    await writeFile(config, stringify({ dataDir: "bridge" }));
    const { brokerPort, httpPort } = this.#ports;
    const ports = ["--port", String(brokerPort), "--http-port", String(httpPort)];
    this.#bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
    const ready = await this.#bridge.line((line) => line.msg === "bridge ready");
    this.#ports = {
      brokerPort: Number(ready["brokerPort"]),
      httpPort: Number(ready["httpPort"]),
    };
  }

  async #startEdge(): Promise<Daemon> {
    const config = this.#path("edge.yaml");
    const port = { host: "127.0.0.1", port: this.#source.port };
    const location = `${names.storeId}/stockroom`;
    const settings = {
      ...{ ...names, dataDir: "edge", outbox: this.#settings },
      broker: { url: `mqtt://127.0.0.1:${this.#ports.brokerPort}` },
      devices: [{ id: "scanner-1", kind: "serial-scanner", port }],
      scanners: [{ deviceId: "scanner-1", workflow: "receive", location }],
    };
    await writeFile(config, stringify(settings));
    const edge = Daemon.start("edge", "run", "--config", config);
    this.#edge = edge;
    await edge.line((line) => line.msg === "edge ready");
    this.#source.start(scansPerSecond);
    return edge;
  }
}

/** Of the files in a folder. */
async function sizeBytesOf(folder: string): Promise<number> {
  const files = (await readdir(folder)).map((name) => stat(join(folder, name)).catch(() => null));
  return (await Promise.all(files)).reduce((sum, file) => sum + (file?.size ?? 0), 0);
}
