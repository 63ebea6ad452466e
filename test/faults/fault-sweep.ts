// Plays the rows of a table of faults and says what came of each: done, lost, repeated, longest catch-up, and
// the bound that follows from so many without a failure.

import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { seededRandom } from "../../simulators/random.ts";
import { missed, type ProcessRow } from "./process-row.ts";
import { StoreProcesses } from "./store-processes.ts";
import { judgeStore } from "./store-verdict.ts";

/** What came of a row. */
export interface FaultReport {
  readonly name: string;
  /** Why it was not done here. */
  readonly skipped?: string;
  readonly doneCount: number;
  readonly acceptedCount: number;
  readonly lostCount: number;
  readonly repeatedCount: number;
  readonly catchUpMsMax: number;
  /** With 95 % confidence fewer faults than this share do harm: 3/N where none of N did. */
  readonly failureShareBound: number | undefined;
  /** How often each ending was seen. */
  readonly endings: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

const scansPerSecond = 100;
/** That many events before a strike: the store is at work. */
const busyCount = 5;
const catchUpMsMax = 60_000;
const missedCountMin = 5;
/** The ledger grows all the while. */
const smallDiskSizeBytes = { edge: 8 * 1024 * 1024, bridge: 64 * 1024 * 1024 };
const outboxOnSmallDisk = { sizeBytesMax: 2 * 1024 * 1024, ballastSizeBytes: 1024 * 1024 };

/** Plays one row: `count` faults on one store under load, then everything accepted is looked for. */
export async function playProcessRow(
  row: ProcessRow,
  count: number,
  seed: number,
): Promise<FaultReport> {
  const skipped = row.skip?.();
  if (skipped !== undefined) return skippedReport(row.name, skipped);
  const random = seededRandom(seed);
  const mounted: string[] = [];
  const prepare = async (store: StoreProcesses) => {
    if (row.smallDisk === undefined) return;
    const folder = store.dataDir(row.smallDisk);
    await mkdir(folder);
    mountSmallDisk(folder, smallDiskSizeBytes[row.smallDisk]);
    mounted.push(folder);
  };
  const outbox = row.smallDisk === "edge" ? { outbox: outboxOnSmallDisk } : {};
  const endings: Record<string, number> = {};
  const problems: string[] = [];
  let doneCount = 0;
  let longestMs = 0;
  const stage = await row.stage?.();
  const opening = StoreProcesses.open({ ...outbox, prepare, ...stage?.options });
  const store = await opening.catch(async (error: unknown) => {
    await stage?.close();
    throw error;
  });
  try {
    await stage?.opened?.(store);
    store.source.start(scansPerSecond);
    for (let turn = 0; doneCount < count && problems.length === 0; turn += 1) {
      try {
        await store.acceptsMore(busyCount);
        const ending = await row.strike(store, random, turn);
        endings[ending] = (endings[ending] ?? 0) + 1;
        if (ending !== missed) doneCount += 1;
        else if (turn > 2 * count + missedCountMin) problems.push("it missed too often");
        const startedMs = performance.now();
        await store.drained(catchUpMsMax);
        longestMs = Math.max(longestMs, performance.now() - startedMs);
      } catch (error) {
        problems.push(String(error));
      }
    }
    store.source.stop();
    // Where a strike went wrong, the bridge may be gone: what went wrong is told all the same.
    const verdict = await judgeStore(store, catchUpMsMax, row.setsLedgerBack).catch((error) => ({
      ...{ lost: [], repeated: [], problems: [`not judged: ${error}`] },
      acceptedCount: store.accepted.size,
    }));
    problems.push(...verdict.problems);
    const [lostCount, repeatedCount] = [verdict.lost.length, verdict.repeated.length];
    const isClean = lostCount + repeatedCount + problems.length === 0;
    return {
      ...{ name: row.name, doneCount, acceptedCount: verdict.acceptedCount },
      ...{ lostCount, repeatedCount, catchUpMsMax: Math.round(longestMs) },
      failureShareBound: isClean && doneCount > 0 ? Math.min(1, 3 / doneCount) : undefined,
      ...{ endings, problems },
    };
  } finally {
    await store.close(async () => {
      for (const folder of mounted) spawnSync("umount", [folder]);
      await stage?.close();
    });
  }
}

/** A row that this machine cannot do. */
export function skippedReport(name: string, skipped: string): FaultReport {
  const nothing = { doneCount: 0, acceptedCount: 0, lostCount: 0, repeatedCount: 0 };
  const rest = { catchUpMsMax: 0, failureShareBound: undefined, endings: {}, problems: [] };
  return { name, skipped, ...nothing, ...rest };
}

/** Whether nothing was lost, repeated, or otherwise wrong. */
export function isClean({ lostCount, repeatedCount, problems }: FaultReport): boolean {
  return lostCount + repeatedCount + problems.length === 0;
}

/** A line for people. */
export function reportLine(report: FaultReport): string {
  const { name, skipped, doneCount, acceptedCount, lostCount, repeatedCount } = report;
  if (skipped !== undefined) return `${name}: skipped, ${skipped}`;
  const bound = report.failureShareBound;
  const endings = Object.entries(report.endings).map(([ending, count]) => `${count} ${ending}`);
  return [
    `${name}: ${doneCount} faults (${endings.join(", ")}), ${acceptedCount} accepted`,
    `${lostCount} lost, ${repeatedCount} repeated, caught up in ${report.catchUpMsMax} ms at most`,
    bound === undefined ? "WRONG" : `harm in fewer than ${(bound * 100).toFixed(2)} %`,
    ...report.problems,
  ].join("; ");
}

function mountSmallDisk(folder: string, sizeBytes: number): void {
  const words = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder];
  const { status, stderr } = spawnSync("mount", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount: ${stderr}`);
}
