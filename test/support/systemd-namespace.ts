// A systemd that runs, as process 1 of a namespace above this machine's files, and commands inside of it.

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = fileURLToPath(new URL("systemd-namespace.sh", import.meta.url));
const systemd = "/lib/systemd/systemd";

/** Whether it can be had here: root, systemd, Node for all users, namespaces and overlays; and the program is built. */
export function canRunSystemd(): boolean {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync(systemd) || !existsSync(`${root}dist/edge/cli.js`)) return false;
  const folder = makeFolder();
  const words = [script, folder, root, "sh", "-c", "node --version && command -v npm openssl"];
  const { status } = spawnSync("bash", words);
  removeFolder(folder);
  return status === 0;
}

/** Asks until the answer is another than undefined; throws `what` when time is up. */
export async function until<T>(
  what: string,
  waitMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadlineAtMs = Date.now() + waitMs;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    if (Date.now() > deadlineAtMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** The namespace. The project is at /srv, read-only. */
export class SystemdNamespace {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #pid: number;

  private constructor(folder: string, child: ChildProcess, pid: number) {
    this.#folder = folder;
    this.#child = child;
    this.#pid = pid;
  }

  /** Starts it and waits until it has come up. */
  static async open(): Promise<SystemdNamespace> {
    const folder = makeFolder();
    const words = [script, folder, root, systemd, "--unit=basic.target"];
    const child = spawn("bash", words, { stdio: "ignore" });
    // The process becomes unshare, and its child process 1.
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    return await until("systemd is up", 30_000, async () => {
      const pid = Number(readFileSync(children, "utf8").trim());
      if (pid === 0 || readFileSync(`/proc/${pid}/comm`, "utf8") !== "systemd\n") return undefined;
      const namespace = new SystemdNamespace(folder, child, pid);
      const state = await namespace.run("systemctl is-system-running || true");
      return /running|degraded/.test(state) ? namespace : undefined;
    });
  }

  /** Runs a shell's lines inside; throws with what they wrote when they fail. */
  async run(lines: string): Promise<string> {
    const words = ["-t", String(this.#pid), "-a", "-r", "-w", "sh", "-ec", lines];
    return (await promisify(execFile)("nsenter", words)).stdout;
  }

  /** Writes a file inside. */
  async put(path: string, text: string): Promise<void> {
    await this.run(`mkdir -p "$(dirname ${path})"\ncat >${path} <<'END'\n${text}\nEND`);
  }

  /** Ends all that runs inside, and deletes what it wrote. */
  async close(): Promise<void> {
    assert(this.#pid > 1);
    process.kill(this.#pid, "SIGKILL");
    if (this.#child.exitCode === null) await new Promise((end) => this.#child.once("exit", end));
    // The kernel lets go of control groups a moment later.
    await until("control groups are empty", 5000, async () => removeFolder(this.#folder) ?? true);
  }
}

function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "gondola-systemd-"));
}

function removeFolder(path: string): void {
  const file = join(path, "group");
  if (existsSync(file)) {
    const group = readFileSync(file, "utf8").trim();
    const found = spawnSync("find", [group, "-depth", "-type", "d"], { encoding: "utf8" });
    for (const each of found.stdout.split("\n").filter((line) => line !== "")) rmdirSync(each);
  }
  rmSync(path, { recursive: true });
}
