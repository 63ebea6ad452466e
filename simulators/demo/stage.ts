// The machines of the demo, all in one temporary folder: a bridge, the cable to it, simulated devices
// on pseudo-terminals, and an edge.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { GatewayError } from "../../contract/errors.ts";
import { systemClock } from "../../drivers/clock.ts";
import { DeviceFleet } from "../device-fleet.ts";
import { devicesOf, edgeConfigText, edgeId } from "../edge-config.ts";
import type { LoadedScenario } from "../scenario.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import type { Control } from "../world/store.ts";
import { Child, type LogLine } from "./child.ts";
import { LedgerView } from "./ledger-view.ts";
import { Monitor } from "./monitor.ts";

const readyTimeoutMs = 30_000;
/** The table wants fresh numbers; in the field 30 s do. */
const healthIntervalMs = 1000;
/** After a cut the edge tries again within this time, so that a demo does not wait for minutes. */
const reconnectDelayMsMax = 4000;

/** What a stage is set up from. */
export interface StageOptions {
  readonly loaded: LoadedScenario;
  readonly folder: string;
  readonly seed: number;
  /** Whether the daemons' logs are written to the folder. */
  readonly keep?: boolean;
  /** Something ended that nobody ended. */
  readonly onFailure: (error: GatewayError) => void;
}

/** The running machines. */
export class Stage {
  readonly #options: StageOptions;
  readonly #closers: (() => Promise<void>)[] = [];
  #edge: Child | undefined;
  #devices: DeviceFleet | undefined;
  #proxy: TcpProxy | undefined;
  #monitor: Monitor | undefined;
  /** What the edge's log says it has committed. */
  #accepted = { outboxId: "", lastSequence: 0 };
  #ledger: LedgerView | undefined;

  private constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Starts everything; when a part fails, what was started is ended before the error goes on. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.#start();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get monitor(): Monitor {
    return present(this.#monitor);
  }

  get ledger(): LedgerView {
    return present(this.#ledger);
  }

  get proxy(): TcpProxy {
    return present(this.#proxy);
  }

  /** The world acts on a device. */
  control(deviceId: string, message: Control): void {
    this.#devices?.control(deviceId, message);
  }

  /** Starts the edge and waits until it says that it is ready. */
  async startEdge(): Promise<void> {
    this.#edge = new Child({
      name: "the edge",
      program: "edge/cli",
      words: ["run", "--config", join(this.#options.folder, "edge.yaml")],
      ...this.#logTo("edge.log"),
      onLine: (line) => this.#takeEdgeLine(line),
      onFailure: this.#options.onFailure,
    });
    await this.#edge.line((line) => line["msg"] === "edge ready", readyTimeoutMs);
  }

  /** Kills the edge as a power cut would. */
  async killEdge(): Promise<void> {
    await this.#edge?.end("SIGKILL");
  }

  /** Events in the edge's buffer that the ledger has not acknowledged; also while nobody reaches it. */
  get waitingCount(): number {
    const { outboxId, lastSequence } = this.#accepted;
    return lastSequence - this.monitor.throughSequence(outboxId);
  }

  /** Ends everything, last started first. Idempotent. */
  async close(): Promise<void> {
    await this.#edge?.end("SIGTERM");
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  #logTo(name: string): { logFile?: string } {
    const { keep, folder } = this.#options;
    return keep ? { logFile: join(folder, name) } : {};
  }

  #takeEdgeLine({ outboxId, lastSequence }: LogLine): void {
    if (typeof outboxId !== "string" || typeof lastSequence !== "number") return;
    this.#accepted = { outboxId, lastSequence };
  }

  async #start(): Promise<void> {
    const { folder, loaded, seed, onFailure } = this.#options;
    const bridgeConfig = { dataDir: "bridge", plans: [loaded.planFile] };
    await writeFile(join(folder, "bridge.yaml"), stringify(bridgeConfig));
    const bridge = new Child({
      name: "the bridge",
      program: "cloud-bridge/cli",
      words: ["run", "--config", join(folder, "bridge.yaml"), "--port", "0", "--http-port", "0"],
      ...this.#logTo("bridge.log"),
      onFailure,
    });
    this.#closers.push(() => bridge.end("SIGTERM"));
    const ready = await bridge.line((line) => line["msg"] === "bridge ready", readyTimeoutMs);
    const brokerPort = Number(ready["brokerPort"]);
    const { storeId } = loaded.plan;
    this.#ledger = new LedgerView(Number(ready["httpPort"]), storeId);

    const proxy = await TcpProxy.open(() => brokerPort);
    this.#proxy = proxy;
    this.#closers.push(() => proxy.close());
    const monitor = await Monitor.open({ brokerPort, storeId, edgeId, clock: systemClock });
    this.#monitor = monitor;
    this.#closers.push(() => monitor.close());

    const devices = await DeviceFleet.open({
      devices: devicesOf(loaded.scenario),
      ptyDir: join(folder, "dev"),
      seed,
      onFailure,
    });
    this.#devices = devices;
    this.#closers.push(() => devices.close());
    const config = edgeConfigText({
      scenario: loaded.scenario,
      storeId,
      planFile: loaded.planFile,
      dataDir: join(folder, "edge"),
      brokerUrl: `mqtt://127.0.0.1:${proxy.port}`,
      logLevel: "debug",
      healthIntervalMs,
      reconnectDelayMsMax,
      paths: devices.paths,
    });
    await writeFile(join(folder, "edge.yaml"), config);
    await this.startEdge();
  }
}

function present<T>(value: T | undefined): T {
  assert(value !== undefined, "an open stage has everything");
  return value;
}
