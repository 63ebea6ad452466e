// The parent's side of a device process: starts it, talks to it, unplugs it.

import { fork } from "node:child_process";
import { GatewayError } from "../contract/errors.ts";
import type { DeviceNotice, DeviceRun } from "./device-process.ts";
import { programExecArgv, programFile } from "./program-file.ts";

/** A simulated device in a process of its own. */
export interface DeviceChild {
  readonly pid: number;
  /** Where a driver finds it. */
  readonly address: string;
  /** Sends a control message; one that does not fit is told to `onRefused`. */
  control(message: object): void;
  /** Ends it in order: the link goes too. */
  stop(): Promise<void>;
  /** Kills it, as a plug that is pulled: the link is left and leads nowhere. */
  unplug(): Promise<void>;
}

/**
 * Starts a device and waits until a driver can open it. SCENARIO_FAILED when it does not come up.
 * `onLost` hears of an end that nobody asked for.
 */
export function startDeviceChild(
  run: DeviceRun,
  onRefused: (message: string) => void,
  onLost?: (error: GatewayError) => void,
): Promise<DeviceChild> {
  const child = fork(programFile("simulators/device-process"), [JSON.stringify(run)], {
    execArgv: [...programExecArgv],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // Its own process group: Ctrl-C reaches the parent alone, which then ends its devices in order.
    detached: true,
  });
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let isAsked = false;
  const end = (signal: "SIGTERM" | "SIGKILL") => {
    isAsked = true;
    child.kill(signal);
    return ended;
  };
  return new Promise((resolve, reject) => {
    const failed = () => {
      const message = `simulated ${run.kind} did not start: ${lastWords.trim()}`;
      reject(new GatewayError("SCENARIO_FAILED", message));
    };
    child.once("error", failed);
    child.once("close", failed);
    child.once("close", (code, signal) => {
      if (isAsked) return;
      const message = `simulated ${run.kind} ended by ${signal ?? `code ${code}`}: ${lastWords.trim()}`;
      onLost?.(new GatewayError("SCENARIO_FAILED", message));
    });
    child.on("message", (notice: DeviceNotice) => {
      if (notice.type === "refused") onRefused(notice.message);
      else {
        resolve({
          pid: child.pid!,
          address: notice.address,
          control: (message) => void (child.connected && child.send(message)),
          stop: () => end("SIGTERM"),
          unplug: () => end("SIGKILL"),
        });
      }
    });
  });
}
