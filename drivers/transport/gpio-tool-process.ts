// The tools of libgpiod as child processes: one that answers and ends, and one that holds a line for as
// long as it lives. A tool that outlived the gateway would hold its line against the next one: where
// `setpriv` can do it, the kernel ends the tool when the gateway dies.

import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { GatewayError } from "../../contract/errors.ts";
import type { GpioSystem } from "./gpio-chip.ts";
import type { InboxSource } from "./inbox.ts";

/** A tool that answers does so within this time. */
const answerTimeoutMs = 5_000;
/** A tool that was asked to end has this long before it is killed. */
const endTimeoutMs = 1_000;
/** Most that a tool prints: the lines of a thousand-line chip. */
const printedSizeBytesMax = 256 * 1024;
/** So much of what a tool complained is kept. */
const complaintLengthMax = 400;
/** The kernel ends the tool with its parent. */
const bound = ["--pdeathsig", "TERM"];

/** What a tool that ended said. */
export interface ToolEnd {
  /** Undefined when it was ended by a signal. */
  readonly exitCode: number | undefined;
  readonly printed: string;
  readonly complaint: string;
}

/** A tool that runs. */
export interface HoldingTool extends InboxSource {
  /** Resolves when it ended, by itself or asked. */
  readonly ended: Promise<ToolEnd>;
  /** Ends it; resolves when it is gone and its line is free. */
  end(): Promise<void>;
}

/** Runs a tool to its end. DRIVER_NATIVE_MISSING when it is not installed. */
export function runTool(
  system: GpioSystem,
  tool: string,
  args: readonly string[],
): Promise<ToolEnd> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: answerTimeoutMs, maxBuffer: printedSizeBytesMax };
    execFile(tool, args, { env: environment(system), ...limits }, (error, printed, complaint) => {
      if (error?.code === "ENOENT") reject(toolMissing(tool));
      else {
        const exitCode =
          error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
        resolve({ exitCode, printed, complaint: complaint.trim().slice(-complaintLengthMax) });
      }
    });
  });
}

/** Whether tools can be bound to the life of this process. */
export async function canBindTools(system: GpioSystem): Promise<boolean> {
  const end = await runTool(system, "setpriv", [...bound, "true"]).catch(() => undefined);
  return end?.exitCode === 0;
}

/** Starts a tool that stays. `onLine` takes what it prints. */
export function startTool(
  system: GpioSystem,
  command: { readonly tool: string; readonly args: readonly string[]; readonly isBound: boolean },
  onLine: (line: string) => void,
): HoldingTool {
  const { tool, args, isBound } = command;
  const [program, all] = isBound ? ["setpriv", [...bound, tool, ...args]] : [tool, args];
  const env = environment(system);
  const child = spawn(program, all, { env, stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintLengthMax);
  });
  const lines = createInterface({ input: child.stdout }).on("line", onLine);
  const ended = new Promise<ToolEnd>((resolve) => {
    // A program that cannot be started has an error and no exit.
    child.once("error", ({ message }) => {
      resolve({ exitCode: undefined, printed: "", complaint: message });
    });
    child.once("close", (code) => {
      resolve({ exitCode: code ?? undefined, printed: "", complaint: complaint.trim() });
    });
  });
  return {
    ended,
    pause: () => void lines.pause(),
    resume: () => void lines.resume(),
    end: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), endTimeoutMs);
      await ended;
      clearTimeout(late);
    },
  };
}

function toolMissing(tool: string): GatewayError {
  const message =
    `GPIO lines cannot be had through sysfs (/sys/class/gpio is missing or read-only), ` +
    `and ${tool} of libgpiod is not installed; run: apt install gpiod`;
  return new GatewayError("DRIVER_NATIVE_MISSING", message, { retryable: true });
}

// Messages in English, as they are read here.
function environment({ toolFolder }: GpioSystem): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  const path = toolFolder === undefined ? PATH : `${toolFolder}:${PATH}`;
  return { ...process.env, PATH: path, LC_ALL: "C" };
}
