// A daemon of ours as a child process: its JSON log lines, its end, and the last it said when it ends
// without having been told to.

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { GatewayError } from "../../contract/errors.ts";
import { programExecArgv, programFile } from "../program-file.ts";

/** A log line. */
export type LogLine = Record<string, unknown>;

/** Lines kept to be shown when a child fails. */
const tailLineCountMax = 20;

/** What a child is and who hears of it. */
export interface ChildOptions {
  readonly name: string;
  /** Program of this tree, like `edge/cli`. */
  readonly program: string;
  readonly words: readonly string[];
  readonly onLine?: (line: LogLine) => void;
  /** Everything it says is written there. */
  readonly logFile?: string;
  /** It ended, but nobody ended it. */
  readonly onFailure: (error: GatewayError) => void;
}

/** A running child. */
export class Child {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #ended: Promise<void>;
  readonly #tail: string[] = [];
  readonly #waiters = new Set<{ take(line: LogLine): unknown; end(): void }>();
  readonly #log: WriteStream | undefined;
  #expected = false;
  #partial = "";

  constructor(options: ChildOptions) {
    this.#options = options;
    const { logFile } = options;
    this.#log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: "a" });
    const words = [...programExecArgv, programFile(options.program), ...options.words];
    // Its own process group: Ctrl-C reaches the demo alone, which then ends its children in order.
    this.#process = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.#ended = new Promise((resolve) => {
      this.#process.on("close", (code, signal) => {
        this.#log?.end();
        resolve();
        for (const waiter of this.#waiters) waiter.end();
        if (!this.#expected)
          options.onFailure(this.#failure(`ended by ${signal ?? `code ${code}`}`));
      });
    });
  }

  /** The first line from now on that fits; SCENARIO_FAILED when it does not come in time, or at all. */
  line(fits: (line: LogLine) => boolean, waitMs: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        settle();
      };
      const late = () => this.#failure(`was not ready after ${waitMs / 1000} s`);
      const timer = setTimeout(() => finish(() => reject(late())), waitMs);
      const waiter = {
        take: (line: LogLine) => fits(line) && finish(() => resolve(line)),
        end: () => finish(() => reject(this.#failure("ended"))),
      };
      this.#waiters.add(waiter);
    });
  }

  /** Ends it and waits; a child that ignores SIGTERM for ten seconds is killed. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#expected = true;
    const isRunning = this.#process.exitCode === null && this.#process.signalCode === null;
    if (isRunning) this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    await this.#ended;
    clearTimeout(timer);
  }

  #take(text: string): void {
    this.#log?.write(text);
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      this.#tail.push(line);
      if (this.#tail.length > tailLineCountMax) this.#tail.shift();
      const parsed = parseLine(line);
      if (parsed === undefined) continue;
      this.#options.onLine?.(parsed);
      for (const waiter of this.#waiters) waiter.take(parsed);
    }
  }

  #failure(what: string): GatewayError {
    const tail = [...this.#tail, this.#partial].filter((line) => line !== "").join("\n  ");
    return new GatewayError(
      "SCENARIO_FAILED",
      `${this.#options.name} ${what}; its last words:\n  ${tail}`,
    );
  }
}

/** A JSON log line, or undefined for any other text. */
function parseLine(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
