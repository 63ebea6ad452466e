// One store as real processes in a temporary folder: a bridge with its embedded broker, a proxy that
// can cut the link, an edge that reads a scanner over TCP.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { TcpProxy } from "../../simulators/tcp-proxy.ts";
import { Daemon } from "../support/daemon.ts";
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

/** The processes of a store and what the edge accepted over all its lives. */
export class StoreProcesses {
  readonly accepted: Accepted = new Set();
  readonly source: ScanSource;
  readonly proxy: TcpProxy;
  readonly #folder: string;
  #edge: Daemon | undefined;
  #bridge: Daemon | undefined;
  /** Of the bridge's own broker, past the proxy. */
  brokerPort = 0;
  httpPort = 0;

  private constructor(folder: string, source: ScanSource, proxy: TcpProxy) {
    this.#folder = folder;
    this.source = source;
    this.proxy = proxy;
  }

  /** Starts a store. The edge's log names every commit at `debug`, which `accepted` is read from. */
  static async open(options: { logLevel?: "debug" | "info" } = {}): Promise<StoreProcesses> {
    const folder = await mkdtemp(join(tmpdir(), "gondola-faults-"));
    const source = await ScanSource.open();
    const proxy = await TcpProxy.open(() => store.brokerPort);
    const store: StoreProcesses = new StoreProcesses(folder, source, proxy);
    await store.#writeConfigs(options.logLevel ?? "debug");
    await store.startBridge();
    await store.startEdge();
    return store;
  }

  /** Starts the bridge; the first time on any free ports, later on the same ones. */
  async startBridge(): Promise<void> {
    const ports = ["--port", String(this.brokerPort), "--http-port", String(this.httpPort)];
    const config = join(this.#folder, "bridge.yaml");
    this.#bridge = Daemon.start("cloud-bridge", "run", "--config", config, ...ports);
    const ready = await this.#bridge.line((line) => line.msg === "bridge ready");
    this.brokerPort = Number(ready["brokerPort"]);
    this.httpPort = Number(ready["httpPort"]);
  }

  async startEdge(): Promise<void> {
    const config = join(this.#folder, "edge.yaml");
    this.#edge = Daemon.start("edge", "run", "--config", config);
    await this.#edge.line((line) => line.msg === "edge ready");
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
    await delay(500);
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
  async verify(): Promise<{ code: number | null; text: string }> {
    const config = join(this.#folder, "bridge.yaml");
    const buffer = ["--edge-buffer", join(this.#folder, "edge-data", "outbox.db")];
    const verify = Daemon.start("cloud-bridge", "verify", "--config", config, "--json", ...buffer);
    const code = await verify.exited();
    return {
      code,
      text: verify.noise + verify.lines.map((line) => JSON.stringify(line)).join("\n"),
    };
  }

  async close(): Promise<void> {
    await this.source.close();
    await this.#edge?.end("SIGTERM");
    await this.#bridge?.end("SIGTERM");
    await this.proxy.close();
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

  async #writeConfigs(logLevel: string): Promise<void> {
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
    };
    const bridge = { dataDir: "bridge-data", plans: ["plan.yaml"] };
    await writeFile(join(this.#folder, "edge.yaml"), stringify(edge));
    await writeFile(join(this.#folder, "bridge.yaml"), stringify(bridge));
    await writeFile(join(this.#folder, "plan.yaml"), stringify(plan));
  }
}
