// Faults on the running processes of a store: ended, stopped, their disk failing or full, the line between them bad.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LinkWeather } from "../../simulators/link-weather.ts";
import type { StoreProcesses } from "./store-processes.ts";

type Side = "edge" | "bridge";

/** One kind of fault: done so often, each time the store has to come back by itself or by a restart. */
export interface ProcessRow {
  readonly name: string;
  /** In the long run. */
  readonly count: number;
  /** Why this machine cannot do it. */
  readonly skip?: () => string | undefined;
  /** Rests on a small tmpfs. */
  readonly smallDisk?: Side;
  /** Does the fault and takes it back; what it saw, to be counted in the report. */
  readonly strike: (store: StoreProcesses, random: () => number) => Promise<string>;
}

const files = { edge: "outbox.db", bridge: "ledger.db" } as const;
/** Longer than the edge's time-out for an answer (1 s) and mqtt's second ping. */
const stopMs = 3_000;
const attachMs = 400;
const strickenMs = 3_000;
/** What a daemon says when it stops because of its disk. */
const diskCodes = /^(OUTBOX|LEDGER)_(FAILED|CORRUPT|FULL)$/;

function killRow(side: Side): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    await delay(random() * 300);
    await store.restart(side);
    return "restarted";
  };
  return { name: `${side} killed`, count: 200, strike };
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

/** Attaches strace to a running process, so that its next operations on its database fail. */
function injectRow(side: Side, call: string, effect: string): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    const daemon = store.daemon(side);
    const file = join(store.dataDir(side), files[side]);
    const when = 1 + Math.floor(random() * 4);
    const words = ["-f", "-qq", "-o", "/dev/null", "-p", String(daemon.pid)];
    const paths = ["-P", file, "-P", `${file}-wal`, "-P", `${file}-shm`];
    const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:${effect}:when=${when}+`];
    const strace = spawn("strace", [...words, ...paths, ...inject], { stdio: "ignore" });
    await delay(attachMs);
    for (const untilMs = Date.now() + strickenMs; Date.now() < untilMs; await delay(50)) {
      if (daemon.hasEnded) break;
    }
    await detach(strace);
    if (!daemon.hasEnded) return "lived";
    await restartAfterEnd(store, side);
    return "stopped with its code";
  };
  const skip = () =>
    spawnSync("strace", ["-V"]).status === 0 ? undefined : "strace is not installed";
  return { name: `${side} ${call} ${effect}`, count: 25, skip, strike };
}

async function detach(strace: ChildProcess): Promise<void> {
  if (strace.exitCode !== null || strace.signalCode !== null) return;
  strace.kill("SIGINT");
  await once(strace, "exit");
}

/** A daemon that stopped by itself said why, with a code, and starts clean. */
async function restartAfterEnd(store: StoreProcesses, side: Side): Promise<void> {
  const daemon = store.daemon(side);
  const exitCode = await daemon.exited();
  const told = JSON.stringify(daemon.lines.slice(-20)) + daemon.noise;
  const codes = told.match(/\b(OUTBOX|LEDGER)_[A-Z]+\b/g) ?? [];
  if (exitCode === 0 || exitCode === null || !codes.some((code) => diskCodes.test(code))) {
    throw new Error(`${side} ended with ${exitCode} and no clear error: ${told.slice(-1500)}`);
  }
  await store.restart(side);
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
    const hasEnded = store.daemon(side).hasEnded;
    await rm(filler, { force: true });
    if (!hasEnded) return "lived";
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
];
