// Tells systemd how the edge is (sd_notify(3)). Node has no unix datagram socket, so the messages go
// through the `systemd-notify` command, and only where NOTIFY_SOCKET says that somebody listens.

import { spawn } from "node:child_process";
import { type Clock, sleep } from "../drivers/clock.ts";

/** What the service manager is told; every call does nothing outside of systemd. */
export class SystemdNotify {
  readonly #isListening: boolean;
  readonly #watchdogMs: number;
  readonly #onError: (error: Error) => void;
  #hasFailed = false;

  /** `onError` hears once that the command cannot be run. */
  constructor(environment: NodeJS.ProcessEnv, onError: (error: Error) => void) {
    this.#isListening = environment["NOTIFY_SOCKET"] !== undefined;
    this.#watchdogMs = Number(environment["WATCHDOG_USEC"] ?? 0) / 1000;
    this.#onError = onError;
  }

  ready(status: string): void {
    this.#send("READY=1", `STATUS=${status}`, `MAINPID=${process.pid}`);
  }

  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** Pings the watchdog at half of its time, each time only when `isHealthy` answers yes within that time. */
  async runWatchdog(
    isHealthy: () => Promise<boolean>,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.#isListening || !(this.#watchdogMs > 0)) return;
    while (!signal.aborted) {
      if (await isHealthy()) this.#send("WATCHDOG=1");
      await sleep(clock, this.#watchdogMs / 2, signal);
    }
  }

  #send(...assignments: string[]): void {
    if (!this.#isListening) return;
    const child = spawn("systemd-notify", assignments, { stdio: "ignore" });
    child.on("error", (error) => {
      if (!this.#hasFailed) this.#onError(error);
      this.#hasFailed = true;
    });
  }
}
