// An older copy takes the place of what runs: a ledger restored from a backup, an edge's card that was copied.

import { cp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon, type LogLine } from "../support/daemon.ts";
import type { ProcessRow } from "./process-row.ts";
import { type StoreProcesses, storeId } from "./store-processes.ts";

const noticedMsMax = 60_000;
const quietMs = 1_000;
/** What happens between the copy and its return. */
const moreCount = 20;

/** A SQLite database goes to another place, in the place of what was there. */
export async function copyDatabase(file: string, to: string): Promise<void> {
  for (const end of ["-wal", "-shm"]) await rm(`${to}${end}`, { force: true });
  for (const end of ["", "-wal"]) {
    await cp(`${file}${end}`, `${to}${end}`).catch((error: NodeJS.ErrnoException) => {
      if (end === "" || error.code !== "ENOENT") throw error;
    });
  }
}

/** The ledger is put back to an older copy, with or without the command that says so: the edge gives again what it lacks. */
export function setBackRow(kind: "marked" | "without a word"): ProcessRow {
  const strike = async (store: StoreProcesses) => {
    const ledger = join(store.dataDir("bridge"), "ledger.db");
    const backup = join(dirname(store.dataDir("bridge")), "backup.db");
    await store.killBridge();
    await copyDatabase(ledger, backup);
    await store.startBridge();
    // Another batch goes out when the edge has the answer to the one before: that is what the ledger then lacks.
    await store.acceptsMore(moreCount);
    const postedCount = await postedThrough(store);
    while ((await postedThrough(store)) <= postedCount) await store.acceptsMore(1);
    await store.killBridge();
    await copyDatabase(backup, ledger);
    if (kind === "marked") {
      const restore = Daemon.start("cloud-bridge", "restore", "--ledger", ledger);
      if ((await restore.exited()) !== 0) throw new Error(`restore: ${restore.noise}`);
    }
    const edge = store.daemon("edge");
    const lineCount = edge.lines.length;
    await store.startBridge();
    await edge.line(({ code }) => code === "ledger_behind", noticedMsMax, lineCount);
    return "noticed, sent again";
  };
  return { name: `ledger set back, ${kind}`, count: 25, setsLedgerBack: true, strike };
}

/** Waits until all that is accepted is posted; how much that is. */
async function postedThrough(store: StoreProcesses): Promise<number> {
  const through = await store.drained(noticedMsMax);
  return [...through.values()].reduce((sum, count) => sum + count, 0);
}

/** An edge's data folder is copied, and the copy runs in its place later. */
export function cloneRow(): ProcessRow {
  const strike = async (store: StoreProcesses) => {
    const copy = join(dirname(store.dataDir("edge")), "copied-data");
    await store.killEdge();
    await cp(store.dataDir("edge"), copy, { recursive: true });
    await store.startEdge();
    const alarmCount = await divergedCount(store);
    await store.acceptsMore(moreCount);
    // What waits on the card that is taken out is gone with it.
    store.source.stop();
    await delay(quietMs);
    await store.drained(noticedMsMax);
    await store.killEdge();
    store.source.start();
    await rm(store.dataDir("edge"), { recursive: true });
    await rename(copy, store.dataDir("edge"));
    await store.startEdge();
    await store.daemon("edge").line(isDivergence, noticedMsMax);
    await store.drained(noticedMsMax);
    if ((await divergedCount(store)) <= alarmCount) throw new Error("the ledger has no alarm");
    return "found out, told";
  };
  return { name: "edge's buffer cloned", count: 10, strike };
}

const isDivergence = ({ code }: LogLine) => code === "outbox_diverged";

async function divergedCount(store: StoreProcesses): Promise<number> {
  const path = `/v1/notices?store=${storeId}&code=outbox_diverged`;
  return ((await store.get(path)) as { items: unknown[] }).items.length;
}
