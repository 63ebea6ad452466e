// Faults that strace does to a running process: system calls on its database that fail, take long, or are its last. What
// strace wrote proves that the fault hit; a strike that did not is said to have missed.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Daemon } from "../support/daemon.ts";
import { missed, type ProcessRow, type Side } from "./process-row.ts";
import type { StoreProcesses } from "./store-processes.ts";

const files = { edge: "outbox.db", bridge: "ledger.db" } as const;
const attachMsMax = 20_000;
const detachMsMax = 10_000;
const strickenMs = 3_000;
/** What a daemon says when it stops because of its disk. */
const diskCodes = /^(OUTBOX|LEDGER)_(FAILED|CORRUPT|FULL)$/;

const skip = () =>
  spawnSync("strace", ["-V"]).status === 0 ? undefined : "strace is not installed";
/** strace counts calls by thread: of those that touch files there is one then. */
const stageOf = (side: Side) => async () => ({
  options: { env: { [side]: { UV_THREADPOOL_SIZE: "1" } } },
  close: async () => undefined,
});

/** Operations on the database fail or are late, from one of the next on. */
export function injectRow(side: Side, calls: string, effect: string): ProcessRow {
  const strike = async (store: StoreProcesses, random: () => number) => {
    const when = 1 + Math.floor(random() * 4);
    const hits = await withStrace(store, side, calls, `${effect}:when=${when}+`, strickenMs);
    const ends = isEnding(store.daemon(side));
    if (ends) await restartAfterEnd(store, side);
    if (!hits.some((line) => /\((INJECTED|DELAYED)\)$/.test(line))) return missed;
    return ends ? "stopped with its code" : "lived";
  };
  return { name: `${side} ${calls} ${effect}`, count: 25, skip, stage: stageOf(side), strike };
}

/** More than one transaction makes, and fewer than a busy bridge makes while it is stricken; then from the first on again. */
const killedCallCount = 25;

/**
 * Killed at the first of its next writes to its database, then at the first of its syncs, at the second write, and so on:
 * strace counts each kind of call by itself, and writes would always come first.
 */
export function killAtCallRow(side: Side): ProcessRow {
  const calls = ["pwrite64", "fsync,fdatasync"] as const;
  const strike = async (store: StoreProcesses, _: () => number, turn: number) => {
    const when = (Math.floor(turn / calls.length) % killedCallCount) + 1;
    const kill = `signal=KILL:when=${when}`;
    const lines = await withStrace(store, side, calls[turn % calls.length]!, kill, strickenMs);
    const { hasEnded } = store.daemon(side);
    await store.restart(side);
    // The call that does not return.
    const last = lines.findLast((line) => /= \?$/.test(line)) ?? "";
    const [, call] = /(?:<\.\.\. )?(\w+)(?: resumed>|\()/.exec(last) ?? [];
    return hasEnded && call !== undefined ? `at ${call}` : missed;
  };
  return { name: `${side} killed at each call`, count: 200, skip, stage: stageOf(side), strike };
}

/** Attaches strace to a process until that ends, or for so long; what it wrote. */
async function withStrace(
  store: StoreProcesses,
  side: Side,
  calls: string,
  fault: string,
  lastsMs: number,
): Promise<string[]> {
  const daemon = store.daemon(side);
  const file = join(store.dataDir(side), files[side]);
  const record = `${store.dataDir(side)}.strace`;
  const ends = ["", "-wal", "-shm", "-journal", ".progress"];
  const strace = spawn(
    "strace",
    [
      ...["-f", "-o", record, "-p", String(daemon.pid)],
      ...ends.flatMap((end) => ["-P", `${file}${end}`]),
      ...["-e", `trace=${calls}`, "-e", "signal=none", "-e", `inject=${calls}:${fault}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  await attached(strace);
  for (const untilMs = Date.now() + lastsMs; Date.now() < untilMs; await delay(20)) {
    if (daemon.hasEnded) break;
  }
  await detach(strace);
  const lines = (await readFile(record, "utf8")).trimEnd().split("\n");
  await rm(record);
  return lines;
}

/** It says so, once for a process with all its threads. */
async function attached(strace: ChildProcess): Promise<void> {
  const abort = AbortSignal.timeout(attachMsMax);
  await once(strace.stderr!, "data", { signal: abort });
  strace.stderr!.resume();
}

async function detach(strace: ChildProcess): Promise<void> {
  if (strace.exitCode !== null || strace.signalCode !== null) return;
  strace.kill("SIGINT");
  // Once in some hundred kills it waits without end for a thread of the process that it killed.
  const giveUp = setTimeout(() => strace.kill("SIGKILL"), detachMsMax);
  await once(strace, "exit");
  clearTimeout(giveUp);
}

/** Whether it has ended, or a bridge that is slow says that it will. */
export function isEnding({ hasEnded, lines }: Daemon): boolean {
  return hasEnded || lines.some(({ msg }) => msg === "bridge stopping");
}

/** A daemon that stopped by itself said why, with a code, and starts clean. */
export async function restartAfterEnd(store: StoreProcesses, side: Side): Promise<void> {
  const daemon = store.daemon(side);
  const exitCode = await daemon.exited();
  const told = JSON.stringify(daemon.lines.slice(-20)) + daemon.noise;
  const codes = told.match(/\b(OUTBOX|LEDGER)_[A-Z]+\b/g) ?? [];
  if (exitCode === 0 || exitCode === null || !codes.some((code) => diskCodes.test(code))) {
    throw new Error(`${side} ended with ${exitCode} and no clear error: ${told.slice(-1500)}`);
  }
  await store.restart(side);
}
