// Row 10 of the fault matrix: the power goes at any moment of a run of the buffer. Its file operations are recorded once;
// what a disk may have of them is put into a folder and opened as the daemon opens it.

import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom } from "../../simulators/random.ts";
import {
  type FileOperation,
  filesAfter,
  type PowerLoss,
  parseOperations,
  straceWords,
} from "./file-operations.ts";
import { reopenBuffer } from "./reopen-buffer.ts";

const child = fileURLToPath(new URL("power-child.ts", import.meta.url));
export const powerLosses: readonly PowerLoss[] = ["nothing", "some writes", "some sectors"];

/** How it went; `problems` names the crash point, what was left, and what was wrong. */
export interface PowerReport {
  readonly operationCount: number;
  readonly doneCount: number;
  readonly problems: readonly string[];
}

/** Records a run of so many transactions. */
export async function recordRun(transactionCount: number): Promise<FileOperation[]> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-power-"));
  try {
    const record = join(folder, "strace");
    const data = join(folder, "data");
    await mkdir(data);
    const program = ["--import", "tsx", child, join(data, "outbox.db"), String(transactionCount)];
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
      const problem = await problemOf(files, accepted?.kind === "accepted" ? accepted.sequence : 0);
      doneCount += 1;
      if (problem !== undefined) problems.push(`after ${count}, ${loss} left: ${problem}`);
    }
  }
  return { operationCount: operations.length, doneCount, problems };
}

async function problemOf(
  files: ReadonlyMap<string, Buffer>,
  acceptedSequence: number,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-power-"));
  try {
    for (const [file, content] of files) await writeFile(join(folder, basename(file)), content);
    const found = await reopenBuffer(join(folder, "outbox.db"));
    if (acceptedSequence === 0) return undefined;
    if (found.startedAs === "corrupt") return "the buffer was set aside";
    if (found.isSetBack) return "the buffer says that it was set back";
    if (found.serials.length < acceptedSequence) {
      return `${acceptedSequence} were accepted, ${found.serials.length} are there`;
    }
    const wrong = found.serials.findIndex((serial, index) => index > 0 && serial !== `S${index}`);
    return wrong < 0 ? undefined : `event ${wrong + 1} is ${found.serials[wrong]}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
