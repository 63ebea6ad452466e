// Row 10 of the fault matrix: the power goes at any moment of a run of the buffer, or of the ledger. Its file operations are
// recorded once; what a disk may have of them is put into a folder and opened as the daemon opens it.

import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { seededRandom } from "../../simulators/random.ts";
import {
  type FileOperation,
  filesAfter,
  type PowerLoss,
  parseOperations,
  straceWords,
} from "./file-operations.ts";
import type { PowerSubject } from "./power-subjects.ts";

export const powerLosses: readonly PowerLoss[] = ["nothing", "some writes", "some sectors"];

/** How it went; `problems` names the crash point, what was left, and what was wrong. */
export interface PowerReport {
  readonly operationCount: number;
  readonly doneCount: number;
  readonly problems: readonly string[];
}

/** Records a run of so many transactions. */
export async function recordRun(
  { child, file }: PowerSubject,
  transactionCount: number,
): Promise<FileOperation[]> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-power-"));
  try {
    const record = join(folder, "strace");
    const data = join(folder, "data");
    await mkdir(data);
    const program = ["--import", "tsx", child, join(data, file), String(transactionCount)];
    const words = [...straceWords, "-o", record, process.execPath, ...program];
    const env = { ...process.env, UV_THREADPOOL_SIZE: "1" };
    const ended = spawnSync("strace", words, { env, maxBuffer: 1e9 });
    if (ended.status !== 0) throw new Error(`strace: ${ended.stderr}`);
    return parseOperations(await readFile(record, "utf8"), data);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lets the power go after each of the given numbers of operations, in each manner. */
export async function playPowerLosses(
  subject: PowerSubject,
  operations: readonly FileOperation[],
  crashPoints: readonly number[],
  seed: number,
): Promise<PowerReport> {
  const problems: string[] = [];
  let doneCount = 0;
  for (const count of crashPoints) {
    const accepted = operations.slice(0, count).findLast(({ kind }) => kind === "accepted");
    for (const [turn, loss] of powerLosses.entries()) {
      const files = filesAfter(operations, count, loss, seededRandom(seed + 3 * count + turn));
      const sequence = accepted?.kind === "accepted" ? accepted.sequence : 0;
      const problem = await problemOf(subject, files, sequence);
      doneCount += 1;
      if (problem !== undefined) problems.push(`after ${count}, ${loss} left: ${problem}`);
    }
  }
  return { operationCount: operations.length, doneCount, problems };
}

async function problemOf(
  subject: PowerSubject,
  files: ReadonlyMap<string, Buffer>,
  acceptedSequence: number,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-power-"));
  try {
    for (const [file, content] of files) await writeFile(join(folder, basename(file)), content);
    return await subject
      .problemOf(join(folder, subject.file), acceptedSequence)
      .catch((error: unknown) => String(error));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
