// Tells systemd how the daemon is (sd_notify). Node has no unix datagram socket, so the messages go
// through the `systemd-notify` command, and only where NOTIFY_SOCKET says that somebody listens.

import { spawn } from "node:child_process";

/** How the daemon speaks to systemd; every call is a no-op outside of it. */
export interface SystemdNotifier {
  ready(status: string): void;
  stopping(status: string): void;
  /** Begins watchdog pings at half of WATCHDOG_USEC, each only when `isHealthy` says so. */
  startWatchdog(isHealthy: () => boolean): void;
  stopWatchdog(): void;
}

/** A notifier for this process's environment. A failing command is reported once through `onError`. */
export function systemdNotifier(
  environment: NodeJS.ProcessEnv,
  onError: (message: string) => void,
): SystemdNotifier {
  const isListening = environment["NOTIFY_SOCKET"] !== undefined;
  const watchdogMs = Number(environment["WATCHDOG_USEC"] ?? 0) / 1000;
  let watchdog: NodeJS.Timeout | undefined;
  let failed = false;

  const send = (...words: string[]) => {
    if (!isListening) return;
    const child = spawn("systemd-notify", words, { stdio: "ignore" });
    child.on("error", (error) => {
      if (!failed) onError(`systemd-notify: ${error.message}`);
      failed = true;
    });
  };

  return {
    ready: (status) => send("--ready", `--status=${status}`, `--pid=${process.pid}`),
    stopping: (status) => send("STOPPING=1", `--status=${status}`),
    startWatchdog(isHealthy) {
      if (!isListening || !(watchdogMs > 0)) return;
      watchdog = setInterval(() => {
        if (isHealthy()) send("WATCHDOG=1");
      }, watchdogMs / 2);
      watchdog.unref();
    },
    stopWatchdog: () => clearInterval(watchdog),
  };
}
