// A disk that is really full: a small tmpfs in a name space of the test's own.

import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { OutboxStats } from "../../../edge/buffer/outbox.ts";
import { temporaryFolder } from "./outbox-kit.ts";

const mayMount =
  spawnSync("unshare", ["-Urm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;
const why = mayMount ? "" : " (skipped: this machine lets nobody mount a tmpfs)";

interface Report {
  readonly before: OutboxStats;
  readonly full: OutboxStats;
  readonly after: OutboxStats;
  readonly ballast: { before: boolean; full: boolean; after: boolean };
  readonly last: number;
  readonly refusedCount: number;
}

test.skipIf(!mayMount)(
  `on a full disk the ballast goes, shedding makes room, and the ballast comes back${why}`,
  async () => {
    const folder = await temporaryFolder();
    const child = fileURLToPath(new URL("full-disk-child.ts", import.meta.url));
    const command = `mount -t tmpfs -o size=16m tmpfs "${folder}" && exec "$0" --import tsx "${child}" "${folder}"`;
    const words = ["-Urm", "sh", "-c", command, process.execPath];
    const { stdout } = await promisify(execFile)("unshare", words);
    const { before, full, after, ballast, last, refusedCount } = JSON.parse(stdout) as Report;
    expect(ballast).toEqual({ before: true, full: false, after: true });
    expect(before.counters["outbox_disk_full"]).toBe(0);
    expect(full.counters["outbox_disk_full"]).toBeGreaterThan(0);
    expect(full.evidenceShedCount).toBeGreaterThan(0);
    expect(refusedCount).toBe(0);
    expect(last).toBe(13_001);
    expect(full.waitingCount + full.overflowedCount).toBe(13_001);
    expect(after.lastSequence).toBe(13_101);
    expect(after.waitingCount).toBe(100);
    expect(after.usedShare).toBeLessThan(before.usedShare + full.usedShare);
  },
);
