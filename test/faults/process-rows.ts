// Faults on the running processes of a store: ended, stopped, their disk failing or full, the line between them bad.

import { existsSync } from "node:fs";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LinkWeather } from "../../simulators/link-weather.ts";
import { clockRow } from "./clock-row.ts";
import { cloneRow, setBackRow } from "./copy-rows.ts";
import type { ProcessRow, Side } from "./process-row.ts";
import { brokerRow, workerRow } from "./server-rows.ts";
import type { StoreProcesses } from "./store-processes.ts";
import { injectRow, isEnding, killAtCallRow, restartAfterEnd } from "./strace-rows.ts";

/** Longer than the edge's time-out for an answer (1 s) and mqtt's second ping. */
const stopMs = 3_000;
const strickenMs = 3_000;

function killRow(side: Side): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    await delay(random() * 300);
    await store.restart(side);
    return "restarted";
  };
  return { name: `${side} killed`, count: 200, strike };
}

function killBothRow(): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    await delay(random() * 300);
    await Promise.all([store.killEdge(), store.killBridge()]);
    await Promise.all([store.startEdge(), store.startBridge()]);
    return "restarted";
  };
  return { name: "edge and bridge killed together", count: 200, strike };
}

function stopRow(side: Side): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    store.daemon(side).signal("SIGSTOP");
    await delay(stopMs + random() * 2_000);
    store.daemon(side).signal("SIGCONT");
    return "went on";
  };
  return { name: `${side} stopped and continued`, count: 50, strike };
}

/** The disk is filled to its last byte, and freed. */
function fullDiskRow(side: Side): ProcessRow {
  const strike = async (store: StoreProcesses) => {
    const folder = store.dataDir(side);
    const filler = join(folder, "filler");
    const { bavail, bsize } = await statfs(folder);
    await writeFile(filler, Buffer.alloc(bavail * bsize)).catch(() => undefined);
    for (const untilMs = Date.now() + strickenMs; Date.now() < untilMs; await delay(50)) {
      if (store.daemon(side).hasEnded) break;
    }
    const ends = isEnding(store.daemon(side));
    await rm(filler, { force: true });
    if (!ends) return "lived";
    await restartAfterEnd(store, side);
    return "stopped with its code";
  };
  const skip = () =>
    process.getuid?.() === 0 && existsSync("/proc/mounts") ? undefined : "mounting needs root";
  return { name: `${side} disk full`, count: 25, skip, smallDisk: side, strike };
}

function lineRow(name: string, weather: LinkWeather | "cut"): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    await delay(random() * 200);
    if (weather === "cut") await store.proxy.cut();
    else store.proxy.weather = weather;
    await delay(800 + random() * 800);
    store.proxy.weather = {};
    await store.proxy.mend();
    return "mended";
  };
  return { name: `line ${name}`, count: 200, strike };
}

/** Every kind of fault on processes. */
export const processRows: readonly ProcessRow[] = [
  killRow("edge"),
  killRow("bridge"),
  killBothRow(),
  killAtCallRow("edge"),
  killAtCallRow("bridge"),
  stopRow("edge"),
  stopRow("bridge"),
  lineRow("cut", "cut"),
  lineRow("2 s late", { delayMs: 2_000 }),
  lineRow("1 byte a second", { bytesPerSecond: 1 }),
  lineRow("reset in mid-packet", { resetsMidPacket: true }),
  lineRow("repeats", { repeats: true }),
  injectRow("edge", "pwrite64", "error=EIO"),
  injectRow("edge", "pwrite64", "error=ENOSPC"),
  injectRow("edge", "fsync,fdatasync", "error=EIO"),
  injectRow("edge", "fsync,fdatasync", "delay_enter=300ms"),
  injectRow("bridge", "pwrite64", "error=EIO"),
  injectRow("bridge", "pwrite64", "error=ENOSPC"),
  injectRow("bridge", "fsync,fdatasync", "error=EIO"),
  injectRow("bridge", "fsync,fdatasync", "delay_enter=300ms"),
  fullDiskRow("edge"),
  fullDiskRow("bridge"),
  brokerRow(),
  workerRow("killed"),
  workerRow("stopped past its lease"),
  setBackRow("marked"),
  setBackRow("without a word"),
  cloneRow(),
  clockRow(),
];

/** Faults of the matrix that have a sweep of their own, and the command that plays it. */
export const ownSweeps = {
  "power goes": "npm run soak -- power",
  "files damaged":
    "npx vitest run test/faults/damaged-files.test.ts test/faults/damaged-ledger.test.ts",
  "client that means harm": "npm run soak -- hostile",
  "everything at once, in virtual time": "npm run soak -- simulation",
  "cluster node or primary killed": "npx vitest run test/integration/cluster.test.ts",
} as const;
