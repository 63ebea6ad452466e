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

/** On a machine that does much else. */
export const startMsMax = 60_000;

export const storeId = "s0042";

/** What the edge's log says it has committed: `outboxId/sequence`. */
export type Accepted = Set<string>;

const plan = {
  schemaVersion: 1,
  storeId,
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
  /** Settings of the bridge in place of its own. */
  readonly bridge?: Record<string, unknown>;
  /** Variables of a process's environment. */
  readonly env?: { readonly [side in "edge" | "bridge"]?: Readonly<Record<string, string>> };
  /** Called before the first process starts. */
  readonly prepare?: (store: StoreProcesses) => Promise<void>;
}

/** The processes of a store and what the edge accepted over all its lives. */
export class StoreProcesses {
  readonly accepted: Accepted = new Set();
  readonly #acceptedBefore: Accepted = new Set();
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
    try {
      await store.#writeConfigs(options);
      await options.prepare?.(store);
      await store.startBridge();
      await store.startEdge();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Starts the bridge; the first time on any free ports, later on the same ones. */
  async startBridge(): Promise<void> {
    const { externalBrokerPort } = this.#options;
    const broker = externalBrokerPort === undefined ? ["--port", String(this.brokerPort)] : [];
    const ports = [...broker, "--http-port", String(this.httpPort)];
    const config = join(this.#folder, "bridge.yaml");
    const words = ["run", "--config", config, ...ports];
    this.#bridge = Daemon.startWith(this.#options.env?.bridge ?? {}, "cloud-bridge", ...words);
    const ready = await this.#bridge.line(({ msg }) => msg === "bridge ready", startMsMax);
    this.brokerPort = externalBrokerPort ?? Number(ready["brokerPort"]);
    this.httpPort = Number(ready["httpPort"]);
  }

  async startEdge(): Promise<void> {
    const config = join(this.#folder, "edge.yaml");
    this.#edge = Daemon.startWith(this.#options.env?.edge ?? {}, "edge", "run", "--config", config);
    await this.#edge.line(({ msg }) => msg === "edge ready", startMsMax);
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
    if (this.#edge !== undefined) this.acceptedBefore(this.#edge);
  }

  /** Notes what an edge has accepted that has ended, or accepts no more. */
  acceptedBefore(edge: Daemon): void {
    for (const key of acceptedOf(edge)) this.#acceptedBefore.add(key);
    this.#collect();
  }

  /** Waits until so many more events are accepted. */
  async acceptsMore(count: number, waitMs = 30_000): Promise<void> {
    this.#collect();
    const wanted = this.accepted.size + count;
    for (const untilMs = Date.now() + waitMs; this.accepted.size < wanted; await delay(50)) {
      if (Date.now() > untilMs) throw new Error(`no ${count} events more in ${waitMs} ms`);
      this.#collect();
    }
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
  async close(free: () => Promise<void> = async () => undefined): Promise<void> {
    await this.source.close();
    for (const daemon of [this.#edge, this.#bridge]) daemon?.signal("SIGCONT");
    await this.#edge?.end("SIGTERM");
    await this.#bridge?.end("SIGTERM");
    await this.proxy.close();
    await free();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #collect(): void {
    this.accepted.clear();
    for (const key of this.#acceptedBefore) this.accepted.add(key);
    if (this.#edge !== undefined) for (const key of acceptedOf(this.#edge)) this.accepted.add(key);
  }

  async #writeConfigs({ logLevel = "debug", ...options }: StoreOptions): Promise<void> {
    const { externalBrokerPort, outbox, bridge: given } = options;
    const broker = { url: `mqtt://127.0.0.1:${this.proxy.port}` };
    const edge = {
      storeId,
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
      // A strike comes every few seconds: waits that grow would be most of a sweep.
      uplink: { answerTimeoutMs: 1000, answerTimeoutMsMax: 5000 },
      link: { reconnectDelayMs: 200, reconnectDelayMsMax: 1000 },
      ...(outbox === undefined ? {} : { outbox }),
    };
    const external = { broker: { url: `mqtt://127.0.0.1:${externalBrokerPort}` } };
    const bridge = {
      ...{ dataDir: "bridge-data", plans: ["plan.yaml"] },
      ...(externalBrokerPort === undefined ? {} : external),
      ...given,
    };
    await writeFile(join(this.#folder, "edge.yaml"), stringify(edge));
    await writeFile(join(this.#folder, "bridge.yaml"), stringify(bridge));
    await writeFile(join(this.#folder, "plan.yaml"), stringify(plan));
  }
}

/** What an edge's log says it has committed: where an outbox diverged, under the names that it has in the next one. */
function acceptedOf({ lines }: Daemon): Accepted {
  const accepted: Accepted = new Set();
  let movedCount = 0;
  for (const line of lines) {
    const { outboxId, firstSequence, lastSequence, commonSequence } = line;
    if (line.msg === "committed") {
      if (firstSequence === 1) movedCount = Number(lastSequence) - 1;
      for (let sequence = Number(firstSequence); sequence <= Number(lastSequence); sequence += 1) {
        accepted.add(`${outboxId}/${sequence}`);
      }
    } else if (line["code"] === "outbox_diverged") {
      const left = [...accepted].filter((key) => {
        const [ofOutbox, sequence] = key.split("/");
        return ofOutbox === outboxId && Number(sequence) > Number(commonSequence);
      });
      // Were they not all moved, they would be missed under their old names.
      if (left.length <= movedCount) for (const key of left) accepted.delete(key);
    }
  }
  return accepted;
}
