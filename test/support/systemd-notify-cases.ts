// What both daemons tell systemd: the two classes are twins, as neither may import the other.

import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../drivers/clock.ts";
import type { SystemdNotify as EdgeNotify } from "../../edge/systemd-notify.ts";
import { temporaryFolder } from "../cloud-bridge/temporary-folder.ts";

/** Puts a `systemd-notify` first on the path that writes down what it was called with. */
async function recordingCommand() {
  const { path, remove } = await temporaryFolder();
  const record = join(path, "record");
  await writeFile(join(path, "systemd-notify"), `#!/bin/sh\necho "$@" >> ${record}\n`);
  await chmod(join(path, "systemd-notify"), 0o755);
  vi.stubEnv("PATH", `${path}:${process.env["PATH"]}`);
  return { remove, said: () => readFile(record, "utf8").catch(() => "") };
}

const fail = (error: Error) => expect.fail(error.message);

type NotifyClass = new (
  ...parts: ConstructorParameters<typeof EdgeNotify>
) => Pick<EdgeNotify, "ready" | "stopping" | "runWatchdog">;

/** The tests of a daemon's notifier. */
export function describeNotify(name: string, Notify: NotifyClass): void {
  describe(name, () => {
    afterEach(() => vi.unstubAllEnvs());

    test("says READY and STOPPING, and pings only while healthy", async () => {
      const { remove, said } = await recordingCommand();
      const environment = { NOTIFY_SOCKET: "/run/none", WATCHDOG_USEC: "100000" };
      const notify = new Notify(environment, fail);
      notify.ready("all is well");
      await expect.poll(said).toContain(`READY=1 STATUS=all is well MAINPID=${process.pid}`);

      const stop = new AbortController();
      let isHealthy = false;
      const watchdog = notify.runWatchdog(async () => isHealthy, systemClock, stop.signal);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await said()).not.toContain("WATCHDOG=1");
      isHealthy = true;
      await expect.poll(said).toContain("WATCHDOG=1");
      stop.abort();
      await watchdog;
      notify.stopping();
      await expect.poll(said).toContain("STOPPING=1");
      await remove();
    });

    test("is silent outside of systemd, and tells once that the command is missing", async () => {
      const { remove, said } = await recordingCommand();
      new Notify({}, fail).ready("x");
      vi.stubEnv("PATH", "/nowhere");
      const errors: Error[] = [];
      const notify = new Notify({ NOTIFY_SOCKET: "/run/none" }, (error) => errors.push(error));
      notify.ready("x");
      notify.stopping();
      await expect.poll(() => errors.length).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(errors).toMatchObject([{ code: "ENOENT" }]);
      expect(await said()).toBe("");
      await remove();
    });
  });
}
