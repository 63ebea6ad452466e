// Starts the built daemons as real processes and reads their JSON log lines. Every process is ended
// by the one who started it, by pid.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** As in the first line of edge/cli.ts and in the systemd unit. */
const nodeOptions = ["--max-semi-space-size=2", "--heap-growing-percent=30"];

/** A log line of a daemon. */
export type LogLine = Record<string, unknown> & { msg?: string };

type Program = "edge" | "cloud-bridge" | "simulators";

/** A running daemon. */
export class Daemon {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #partial = "";
  #wake: (() => void)[] = [];
  /** What it wrote beside JSON lines, the last of it. */
  noise = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#keepNoise(text));
    this.#exited = new Promise((resolve) => {
      child.on("close", (code) => {
        resolve(code);
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  /** Starts `dist/{program}/cli.js` with arguments. */
  static start(program: Program, ...words: string[]): Daemon {
    return Daemon.startWith({}, program, ...words);
  }

  /** The same with variables of its environment. */
  static startWith(
    env: Readonly<Record<string, string>>,
    program: Program,
    ...words: string[]
  ): Daemon {
    const file = `${root}dist/${program}/cli.js`;
    assert(existsSync(file), `${file} is not built: run npm run build`);
    const command = [...nodeOptions, file, ...words];
    const child = spawn(process.execPath, command, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    return new Daemon(child);
  }

  get pid(): number {
    assert(this.#child.pid !== undefined);
    return this.#child.pid;
  }

  /** The memory that it holds. */
  async rssBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** The first log line (from `fromIndex` on) that fits; throws when the daemon ends before or time is up. */
  async line(fits: (line: LogLine) => boolean, waitMs = 40_000, fromIndex = 0): Promise<LogLine> {
    const deadlineAtMs = Date.now() + waitMs;
    for (let index = fromIndex; ; ) {
      for (; index < this.lines.length; index += 1) {
        const line = this.lines[index]!;
        if (fits(line)) return line;
      }
      const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (ended || Date.now() > deadlineAtMs) {
        const tail = this.lines.slice(-5).map((line) => JSON.stringify(line));
        throw new Error(`no such line (ended: ${ended}):\n${tail.join("\n")}\n${this.noise}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Sends a signal and waits for the end; the exit code, null after a signal. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#exited;
  }

  /** Whether it has ended, by itself or by a signal. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Makes it stand still, or go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** Waits for the daemon to end by itself. */
  exited(): Promise<number | null> {
    return this.#exited;
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      try {
        this.lines.push(JSON.parse(line) as LogLine);
      } catch {
        this.#keepNoise(`${line}\n`);
      }
    }
    for (const wake of this.#wake.splice(0)) wake();
  }

  #keepNoise(text: string): void {
    this.noise = (this.noise + text).slice(-4000);
  }
}
