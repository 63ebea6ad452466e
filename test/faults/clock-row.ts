// The clock of the edge's machine jumps while it runs, by libfaketime: a day back, a year on, and to the right time again.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LogLine } from "../support/daemon.ts";
import { missed, type ProcessRow } from "./process-row.ts";
import type { StoreProcesses } from "./store-processes.ts";

const library = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

const dayS = 86_400;
/** From the right time, in seconds. */
const offsetsS = [-dayS, 365 * dayS, 0, -3_600, 30];
const seenMsMax = 5_000;
const aMinuteMs = 60_000;

/** Sets the clock while the edge runs, and at every third time before a start. */
export function clockRow(): ProcessRow {
  let folder: string;
  const file = () => join(folder, "offset");
  const strike = async (store: StoreProcesses, random: () => number, turn: number) => {
    const offsetS = offsetsS[turn % offsetsS.length]!;
    await delay(random() * 300);
    await writeFile(file(), `${offsetS >= 0 ? "+" : ""}${offsetS}\n`);
    const isStart = turn % 3 === 2;
    if (isStart) await store.restart("edge");
    const edge = store.daemon("edge");
    const fromIndex = edge.lines.length;
    const isThere = ({ time }: LogLine) =>
      Math.abs(Date.parse(String(time)) - Date.now() - offsetS * 1000) < aMinuteMs;
    const hit = await edge.line(isThere, seenMsMax, isStart ? 0 : fromIndex).catch(() => missed);
    return hit === missed ? missed : `${offsetS} s${isStart ? " at a start" : ""}`;
  };
  return {
    ...{ name: "edge's clock jumps", count: 100, strike },
    skip: () => (library === undefined ? "libfaketime is not installed" : undefined),
    stage: async () => {
      folder = await mkdtemp(join(tmpdir(), "gondola-clock-"));
      await writeFile(file(), "+0\n");
      const edge = {
        ...{ LD_PRELOAD: library!, FAKETIME_TIMESTAMP_FILE: file(), FAKETIME_NO_CACHE: "1" },
        ...{ FAKETIME_DONT_FAKE_MONOTONIC: "1", FAKETIME_DONT_RESET: "1" },
      };
      const close = () => rm(folder, { recursive: true, force: true });
      return { options: { env: { edge } }, close };
    },
  };
}
