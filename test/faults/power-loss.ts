// Row 10 of the fault matrix: the power goes at any moment of a run of the buffer, or of the ledger. Its file operations are
// recorded once; what a disk may have of them is put into a folder and opened as the daemon opens it.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { seededRandom } from "../../simulators/random.ts";
import { type FileOperation, parseOperations, straceWords } from "./file-operations.ts";
import { PowerDisk, type PowerLoss } from "./power-disk.ts";
import type { PowerSubject } from "./power-subjects.ts";

export const powerLosses: readonly PowerLoss[] = ["nothing", "some writes", "some sectors"];

const roomBytesMin = 512 * 1024 * 1024;

/** How it went; `problems` names the crash point, what was left, and what was wrong. */
export interface PowerReport {
  readonly operationCount: number;
  readonly doneCount: number;
  /** Of these, how often the files were as they had been looked at before, with no less accepted. */
  readonly sameCount: number;
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
  const folder = await mkdtemp(join(await quickFolder(), "gondola-power-"));
  const disk = new PowerDisk();
  /** Files that were right, by their name; and how much had been accepted then. */
  const right = new Map<string, number>();
  const problems: string[] = [];
  const counts = { doneCount: 0, sameCount: 0 };
  let acceptedSequence = 0;
  let takenCount = 0;
  try {
    for (const count of crashPoints.toSorted((one, other) => one - other)) {
      for (; takenCount < count; takenCount += 1) {
        const operation = operations[takenCount]!;
        disk.take(operation);
        if (operation.kind === "accepted") acceptedSequence = operation.sequence;
      }
      for (const [turn, loss] of powerLosses.entries()) {
        const name = disk.cut(loss, seededRandom(seed + 3 * count + turn));
        counts.doneCount += 1;
        if ((right.get(name) ?? -1) >= acceptedSequence) counts.sameCount += 1;
        else {
          const problem = await problemOf(subject, folder, disk.files(), acceptedSequence);
          if (problem === undefined) right.set(name, acceptedSequence);
          else problems.push(`after ${count}, ${loss} left: ${problem}`);
        }
        disk.restore();
      }
    }
    return { operationCount: operations.length, ...counts, problems };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A disk in memory that has room, where there is one: what is synced is known from the record. */
async function quickFolder(): Promise<string> {
  const memory = "/dev/shm";
  const found = await statfs(memory).catch(() => undefined);
  const hasRoom = found !== undefined && found.bavail * found.bsize > roomBytesMin;
  return hasRoom ? memory : tmpdir();
}

async function problemOf(
  subject: PowerSubject,
  folder: string,
  files: ReadonlyMap<string, Buffer>,
  acceptedSequence: number,
): Promise<string | undefined> {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  for (const [file, content] of files) writeFileSync(join(folder, basename(file)), content);
  return await subject
    .problemOf(join(folder, subject.file), acceptedSequence)
    .catch((error: unknown) => String(error));
}
