// A bridge as a process with its embedded broker over TLS, and everybody's certificates: what hostile clients meet.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import type { Enrolment } from "../../contract/enrolment.ts";
import { entrySchema } from "../../contract/stock.ts";
import { Daemon } from "../support/daemon.ts";
import { type Verdict, verdictOf } from "../support/invariants.ts";

/** The store that goes about its business, and the one whose edge turns on the chain. */
export const good = { storeId: "s0042", edgeId: "edge-1" } as const;
export const hostile = { storeId: "s0666", edgeId: "edge-1" } as const;
/** So that a test need not wait long for who says nothing. */
export const connectTimeoutMs = 1000;

const planOf = (storeId: string) => ({
  ...{ schemaVersion: 1, storeId, version: 1, facings: [] },
  products: [{ gtin: "09506000134352", name: "test item" }],
  locations: [{ location: `${storeId}/stockroom`, role: "stockroom" }],
});

/** A client's certificate and key, with the authority of the broker's. */
export type Papers = Pick<Enrolment, "ca" | "certificate" | "key">;

/** The bridge and the papers of its clients. */
export class HostileBridge {
  readonly #folder: string;
  readonly #daemon: Daemon;
  readonly port: number;
  readonly #httpPort: number;
  readonly papers: { readonly good: Papers; readonly hostile: Papers; readonly witness: Papers };

  private constructor(
    folder: string,
    daemon: Daemon,
    ports: { port: number; httpPort: number },
    papers: HostileBridge["papers"],
  ) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.port = ports.port;
    this.#httpPort = ports.httpPort;
    this.papers = papers;
  }

  /** Makes the certificates and starts the process. */
  static async open(): Promise<HostileBridge> {
    const folder = await mkdtemp(join(tmpdir(), "gondola-hostile-"));
    const nowMs = Date.now();
    const authority = await CertificateAuthority.create(join(folder, "ca"), nowMs);
    const server = await authority.issueServer(["127.0.0.1"], nowMs);
    await writeFile(join(folder, "server.pem"), server.certificate);
    await writeFile(join(folder, "server-key.pem"), server.key);
    const witness = await authority.issueClient({ kind: "consumer", name: "witness" }, nowMs);
    const papers = {
      good: await authority.enrol(good.storeId, good.edgeId, nowMs),
      hostile: await authority.enrol(hostile.storeId, hostile.edgeId, nowMs),
      witness: { ca: authority.certificate, ...witness },
    };
    const tls = {
      ...{ certFile: "server.pem", keyFile: "server-key.pem", clientCaFile: "ca/ca.pem" },
      revokedFile: "ca/revoked.pem",
    };
    const plans = [];
    for (const { storeId } of [good, hostile]) {
      plans.push(`${storeId}.yaml`);
      await writeFile(join(folder, `${storeId}.yaml`), stringify(planOf(storeId)));
    }
    // What an attack does that is let in; how fast it may come is `broker-door.test.ts`.
    const embedded = { connectTimeoutMs, addressConnectionsPerSecondMax: 20_000, tls };
    const config = { dataDir: "data", broker: { embedded }, plans };
    await writeFile(join(folder, "bridge.yaml"), stringify(config));
    const words = ["run", "--config", join(folder, "bridge.yaml")];
    const daemon = Daemon.start("cloud-bridge", ...words, "--port", "0", "--http-port", "0");
    const ready = await daemon.line((line) => line.msg === "bridge ready");
    const ports = { port: Number(ready["brokerPort"]), httpPort: Number(ready["httpPort"]) };
    return new HostileBridge(folder, daemon, ports, papers);
  }

  /** Whether the process is still the one that was started. */
  get isAlive(): boolean {
    return !this.#daemon.hasEnded;
  }

  /** Log lines of errors, which no client may bring about. */
  get errorLines(): string[] {
    const lines = this.#daemon.lines.filter(({ level }) => Number(level) >= 50);
    return lines.map((line) => JSON.stringify(line)).concat(this.#daemon.noise || []);
  }

  /** What the process holds of the machine's memory, now and at its most. */
  async memoryMiB(): Promise<{ nowMiB: number; mostMiB: number }> {
    const status = await readFile(`/proc/${this.#daemon.pid}/status`, "utf8");
    const of = (name: string) =>
      Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
    return { nowMiB: of("VmRSS"), mostMiB: of("VmHWM") };
  }

  /** A number of /metrics, 0 where nothing was counted. */
  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`);
    const line = new RegExp(`^gondola_bridge_${name} (\\S+)$`, "m").exec(await response.text());
    return Number(line?.[1] ?? 0);
  }

  /** The sequences that stand in the ledger for a store's outbox, in the ledger's order. */
  async sequences(storeId: string, outboxId: string): Promise<number[]> {
    const found: number[] = [];
    for (let after = 0; ; ) {
      const path = `/v1/entries?store=${storeId}&after=${after}&limit=1000`;
      const response = await fetch(`http://127.0.0.1:${this.#httpPort}${path}`);
      const { items } = (await response.json()) as { items: unknown[] };
      if (items.length === 0) return found;
      for (const item of items) {
        const entry = entrySchema.parse(item);
        // What is not of this outbox has no place in this store: it shows as a sequence that is none.
        found.push(entry.outboxId === outboxId ? entry.sequence : -1);
        after = entry.entryNumber;
      }
    }
  }

  /** `gondola-bridge verify --json`: its exit code and what it says. */
  verify(): Promise<Verdict> {
    return verdictOf("--config", join(this.#folder, "bridge.yaml"));
  }

  /** Ends the process; its exit code. */
  async close(): Promise<number | null> {
    const code = await this.#daemon.end("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
    return code;
  }
}
