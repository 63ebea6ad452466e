// An older copy takes the place of what runs: a ledger restored from a backup, an edge's card that was copied.

import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon, type LogLine } from "../support/daemon.ts";
import { type ProcessRow, scansPerSecond } from "./process-row.ts";
import { type StoreProcesses, storeId } from "./store-processes.ts";

const noticedMsMax = 60_000;
/** What happens between the copy and its return. */
const moreCount = 20;

/** The files of a SQLite database go to another place, where there are none of it then. */
export async function copyDatabase(file: string, to: string): Promise<void> {
  for (const name of await readdir(dirname(to))) {
    if (name.startsWith(basename(to))) await rm(join(dirname(to), name));
  }
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
  return { name: `ledger set back, ${kind}`, count: 25, strike };
}

/** Waits until all that is accepted is posted; how much that is. */
async function postedThrough(store: StoreProcesses): Promise<number> {
  const through = await store.drained(noticedMsMax);
  return [...through.values()].reduce((sum, count) => sum + count, 0);
}

/** An edge's data folder is copied; the copy runs in its place later, or beside it. */
export function cloneRow(): ProcessRow {
  const strike = async (store: StoreProcesses, _: () => number, turn: number) => {
    const copy = join(dirname(store.dataDir("edge")), "copied-data");
    await store.killEdge();
    await cp(store.dataDir("edge"), copy, { recursive: true });
    await store.startEdge();
    const before = await divergedCount(store);
    const ending = await (turn % 2 === 0 ? inItsPlace : besideIt)(store, copy);
    await store.drained(noticedMsMax);
    await rm(copy, { recursive: true, force: true });
    if ((await divergedCount(store)) <= before) throw new Error("the ledger was told no alarm");
    return ending;
  };
  return { name: "edge's buffer cloned", count: 10, strike };
}

async function inItsPlace(store: StoreProcesses, copy: string): Promise<string> {
  await store.acceptsMore(moreCount);
  await store.drained(noticedMsMax);
  await store.killEdge();
  await rm(store.dataDir("edge"), { recursive: true });
  await rename(copy, store.dataDir("edge"));
  await store.startEdge();
  await store.daemon("edge").line(isDivergence, noticedMsMax);
  return "found out in its place";
}

async function besideIt(store: StoreProcesses, copy: string): Promise<string> {
  const folder = dirname(copy);
  const text = await readFile(join(folder, "edge.yaml"), "utf8");
  const config = join(folder, "copied.yaml");
  await writeFile(config, text.replace("dataDir: edge-data", `dataDir: ${basename(copy)}`));
  const before = await divergedCount(store);
  const second = Daemon.start("edge", "run", "--config", config);
  try {
    // They take the connection from each other, and back off.
    for (const untilMs = Date.now() + 2 * noticedMsMax; ; await delay(200)) {
      if ((await divergedCount(store)) > before) break;
      if (Date.now() > untilMs)
        throw new Error("two edges of one name, and the ledger was not told");
    }
    // What it has accepted is delivered by itself alone.
    store.source.stop();
    await delay(500);
    store.acceptedBefore(second);
    await store.drained(2 * noticedMsMax);
  } finally {
    await second.end("SIGKILL");
    store.source.stop();
    store.source.start(scansPerSecond);
  }
  return "found out beside it";
}

const isDivergence = ({ code }: LogLine) => code === "outbox_diverged";

async function divergedCount(store: StoreProcesses): Promise<number> {
  const path = `/v1/notices?store=${storeId}&code=outbox_diverged`;
  return ((await store.get(path)) as { items: unknown[] }).items.length;
}
