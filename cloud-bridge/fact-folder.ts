// A folder that tills and ERPs drop CSV files into. A file is posted whole, then moved to `done/`; it may be read again
// after a crash at any moment, and its keys see to it that nothing is posted twice. Lines that cannot be posted are
// written to `refused/` under the file's name, with their numbers and why.

import type { Stats } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorMessageOf } from "../contract/errors.ts";
import { type Clock, sleep } from "./clock.ts";
import { type FactFile, type RefusedLine, readFactCsv, refusedCsv } from "./fact-csv.ts";
import { isRefusal } from "./ledger/database.ts";
import type { Ledger, Posted } from "./ledger/types.ts";
import type { Logger } from "./log.ts";

/** The largest file. */
export const factFileSizeBytesMax = 32 * 1024 * 1024;
/** After a refusal for want of room it is tried again. */
const busyDelayMs = 500;

export interface FactFolderOptions {
  readonly path: string;
  /** The name of what writes the files, among edges. */
  readonly sourceId: string;
  readonly intervalMs: number;
  readonly ledger: Pick<Ledger, "facts">;
  readonly stores: { has(storeId: string): Promise<boolean> };
  readonly clock: Clock;
  readonly onPosted: (posted: Posted) => void;
  readonly count: (name: string, by?: number) => void;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** Watches the folder until `signal` aborts. Rejects when it cannot be read or written, or the ledger fails. */
export async function watchFactFolder(
  options: FactFolderOptions,
  signal: AbortSignal,
): Promise<void> {
  const { path, intervalMs, clock } = options;
  for (const name of ["done", "refused"]) await mkdir(join(path, name), { recursive: true });
  // Size and time at the last look: a file that still changes is still being written.
  let seen = new Map<string, string>();
  while (!signal.aborted) {
    const looks = new Map<string, string>();
    const names = (await readdir(path)).filter((name) => /^[^.].*\.csv$/i.test(name)).sort();
    for (const name of names) {
      if (signal.aborted) return;
      const look = await stat(join(path, name));
      const state = `${look.size} ${look.mtimeMs}`;
      if (seen.get(name) !== state) looks.set(name, state);
      else await takeFile(name, look, options, signal);
    }
    seen = looks;
    await sleep(clock, intervalMs, signal);
  }
}

async function takeFile(
  name: string,
  { size, mtimeMs, ctimeMs }: Pick<Stats, "size" | "mtimeMs" | "ctimeMs">,
  options: FactFolderOptions,
  signal: AbortSignal,
): Promise<void> {
  const { path, sourceId, count, log } = options;
  const file = join(path, name);
  if (size > factFileSizeBytesMax) {
    await refuseFile(name, `is larger than ${factFileSizeBytesMax} bytes`, options);
    return;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    await refuseFile(name, `is no UTF-8 text: ${errorMessageOf(error)}`, options);
    return;
  }
  const read = readFactCsv({ name, text, writtenAtMs: Math.max(mtimeMs, ctimeMs) }, sourceId);
  if (typeof read === "string") {
    await refuseFile(name, read, options);
    return;
  }
  const refused: RefusedLine[] = [...read.refused];
  for (const request of read.requests) {
    const lines = await post(request, options, signal);
    if (lines === undefined) return;
    refused.push(...lines);
  }
  if (refused.length > 0) {
    count("fact_lines_refused", refused.length);
    await writeWhole(join(path, "refused", name), refusedCsv(read.header, refused));
  }
  await rename(file, await freeName(join(path, "done"), name));
  count("fact_files_done");
  log.info({ name, refusedCount: refused.length }, "facts taken from file");
}

/** Posts a part of a file; gives the lines that were not, undefined when the bridge stops meanwhile. */
async function post(
  { records, ...request }: FactFile["requests"][number],
  { ledger, stores, clock, onPosted, count }: FactFolderOptions,
  signal: AbortSignal,
): Promise<RefusedLine[] | undefined> {
  const all = (reason: string) => records.map((record) => ({ ...record, reason }));
  if (!(await stores.has(request.storeId))) return all(`store ${request.storeId} is unknown`);
  for (;;) {
    const outcome = await ledger.facts
      .take({ ...request, by: "fact folder" }, clock.nowMs())
      .catch(refusedOutcome);
    if (outcome.ok) {
      if (outcome.posted !== undefined) {
        count("facts_posted", request.facts.length);
        onPosted(outcome.posted);
      }
      const { firstSequence, rejected } = outcome.receipt;
      return rejected.map(({ sequence, code, message }) => {
        const reason = `${code}: ${message} (in quarantine)`;
        return { ...records[sequence - firstSequence]!, reason };
      });
    }
    if (outcome.code !== "FACTS_BUSY") return all(`${outcome.code}: ${outcome.message}`);
    await sleep(clock, busyDelayMs, signal);
    if (signal.aborted) return undefined;
  }
}

/** What the ledger cannot do is told beside the lines; the next ones are posted. */
function refusedOutcome(error: unknown) {
  if (!isRefusal(error)) throw error;
  return { ok: false, code: "LEDGER_REFUSED", message: errorMessageOf(error) } as const;
}

/** Nothing of it can be read: the file as it is, and why beside it. */
async function refuseFile(
  name: string,
  reason: string,
  { path, count, log }: FactFolderOptions,
): Promise<void> {
  count("fact_files_refused");
  log.warn({ name, reason }, "file of facts refused");
  const target = await freeName(join(path, "refused"), name);
  await writeWhole(`${target}.reason.txt`, `${name} ${reason}\n`);
  await rename(join(path, name), target);
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { flush: true });
  await rename(`${file}.new`, file);
}

/** A name that no file in the folder has: nothing is written over. */
async function freeName(folder: string, name: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  for (let number = 0; ; number += 1) {
    const free = number === 0 ? name : name.replace(/(\.csv)$/i, `-${number}$1`);
    if (!taken.has(free)) return join(folder, free);
  }
}
