// One store as real processes in a temporary folder: a bridge with its embedded broker, a proxy that
// can cut the link, an edge that reads a scanner over TCP.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { TcpProxy } from "../../simulators/tcp-proxy.ts";
import { Daemon } from "../support/daemon.ts";
import { type Verdict, verdictOf } from "../support/invariants.ts";
import { ScanSource } from "./scan-source.ts";

/** What the edge's log says it has committed: `outboxId/sequence`. */
export type Accepted = Set<string>;

const plan = {
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [{ gtin: "09506000134352", name: "test item" }],
  locations: [{ location: "s0042/stockroom", role: "stockroom" }],
  facings: [],
};

/** How a store is set up. */
export interface StoreOptions {
  /** The edge's log names every commit at `debug`, which `accepted` is read from. */
  readonly logLevel?: "debug" | "info";
  /** A broker of its own, beside the bridge: its port. */
  readonly externalBrokerPort?: number;
  /** Settings of the edge's buffer. */
  readonly outbox?: Record<string, unknown>;
  /** Called before the first process starts. */
  readonly prepare?: (store: StoreProcesses) => Promise<void>;
}

/** The processes of a store and what the edge accepted over all its lives. */
export class StoreProcesses {
  readonly accepted: Accepted = new Set();
  readonly source: ScanSource;
  readonly proxy: TcpProxy;
  readonly #folder: string;
  readonly #options: StoreOptions;
  #edge: Daemon | undefined;
  #bridge: Daemon | undefined;
  /** Of the bridge's own broker, past the proxy. */
  brokerPort = 0;
  httpPort = 0;

  private constructor(folder: string, source: ScanSource, proxy: TcpProxy, options: StoreOptions) {
    this.#folder = folder;
    this.#options = options;
    this.source = source;
    this.proxy = proxy;
  }

  /** Starts a store. */
  static async open(options: StoreOptions = {}): Promise<StoreProcesses> {
    const folder = await mkdtemp(join(tmpdir(), "gondola-faults-"));
    const source = await ScanSource.open();
    const proxy = await TcpProxy.open(() => store.brokerPort);
    const store: StoreProcesses = new StoreProcesses(folder, source, proxy, options);
    store.brokerPort = options.externalBrokerPort ?? 0;
    await store.#writeConfigs(options);
    await options.prepare?.(store);
    await store.startBridge();
    await store.startEdge();
    return store;
  }

  /** Starts the bridge; the first time on any free ports, later on the same ones. */
  async startBridge(): Promise<void> {
    const { externalBrokerPort } = this.#options;
    const broker = externalBrokerPort === undefined ? ["--port", String(this.brokerPort)] : [];
    const ports = [...broker, "--http-port", String(this.httpPort)];
    const config = join(this.#folder, "bridge.yaml");
    this.#bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
    const ready = await this.#bridge.line((line) => line.msg === "bridge ready");
    this.brokerPort = externalBrokerPort ?? Number(ready["brokerPort"]);
    this.httpPort = Number(ready["httpPort"]);
  }

  async startEdge(): Promise<void> {
    const config = join(this.#folder, "edge.yaml");
    this.#edge = Daemon.start("edge", "run", "--config", config);
    await this.#edge.line((line) => line.msg === "edge ready");
  }

  /** A process of the store. */
  daemon(side: "edge" | "bridge"): Daemon {
    const daemon = side === "edge" ? this.#edge : this.#bridge;
    if (daemon === undefined) throw new Error(`no ${side} was started`);
    return daemon;
  }

  /** Where a process keeps its files. */
  dataDir(side: "edge" | "bridge"): string {
    return join(this.#folder, `${side}-data`);
  }

  /** Starts a process anew that has ended, or is ended now. */
  async restart(side: "edge" | "bridge"): Promise<void> {
    if (side === "edge") {
      await this.killEdge();
      await this.startEdge();
    } else {
      await this.killBridge();
      await this.startBridge();
    }
  }

  async killBridge(): Promise<void> {
    await this.#bridge?.end("SIGKILL");
  }

  async killEdge(): Promise<void> {
    await this.#edge?.end("SIGKILL");
    this.#collect();
  }

  /** Waits until the ledger stands where the edge's log ends; how far each outbox has come. */
  async drained(waitMs: number): Promise<Map<string, number>> {
    // A commit's log line may be on its way.
    await delay(200);
    this.#collect();
    for (const deadlineAtMs = Date.now() + waitMs; ; await delay(200)) {
      const { items } = (await this.get("/v1/positions?store=s0042")) as {
        items: { outboxId: string; throughSequence: number }[];
      };
      const through = new Map(items.map((one) => [one.outboxId, one.throughSequence]));
      const isBehind = [...this.accepted].some((key) => {
        const [outboxId = "", sequence] = key.split("/");
        return (through.get(outboxId) ?? 0) < Number(sequence);
      });
      if (!isBehind || Date.now() > deadlineAtMs) return through;
    }
  }

  /** Asks the bridge. */
  async get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  /** `gondola-bridge verify --json` on the ledger and the edge's buffer; its reports and exit code. */
  verify(): Promise<Verdict> {
    const buffer = ["--edge-buffer", join(this.#folder, "edge-data", "outbox.db")];
    return verdictOf("--config", join(this.#folder, "bridge.yaml"), ...buffer);
  }

  /** Ends everything; `free` lets go of what was prepared, before the folder goes. */
  async close(free: () => void = () => undefined): Promise<void> {
    await this.source.close();
    await this.#edge?.end("SIGTERM");
    await this.#bridge?.end("SIGTERM");
    await this.proxy.close();
    free();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #collect(): void {
    for (const line of this.#edge?.lines ?? []) {
      if (line.msg !== "committed") continue;
      const { outboxId, firstSequence, lastSequence } = line;
      for (let sequence = Number(firstSequence); sequence <= Number(lastSequence); sequence += 1) {
        this.accepted.add(`${outboxId}/${sequence}`);
      }
    }
  }

  async #writeConfigs({ logLevel = "debug", ...options }: StoreOptions): Promise<void> {
    const { externalBrokerPort, outbox } = options;
    const broker = { url: `mqtt://127.0.0.1:${this.proxy.port}` };
    const edge = {
      storeId: "s0042",
      edgeId: "edge-1",
      dataDir: "edge-data",
      broker,
      plan: "plan.yaml",
      logLevel,
      devices: [
        {
          id: "backdoor",
          kind: "serial-scanner",
          port: { host: "127.0.0.1", port: this.source.port },
          options: { prefix: "aim" },
        },
      ],
      scanners: [{ deviceId: "backdoor", workflow: "receive", location: "s0042/stockroom" }],
      uplink: { answerTimeoutMs: 1000 },
      ...(outbox === undefined ? {} : { outbox }),
    };
    const external = { broker: { url: `mqtt://127.0.0.1:${externalBrokerPort}` } };
    const bridge = {
      ...{ dataDir: "bridge-data", plans: ["plan.yaml"] },
      ...(externalBrokerPort === undefined ? {} : external),
    };
    await writeFile(join(this.#folder, "edge.yaml"), stringify(edge));
    await writeFile(join(this.#folder, "bridge.yaml"), stringify(bridge));
    await writeFile(join(this.#folder, "plan.yaml"), stringify(plan));
  }
}
