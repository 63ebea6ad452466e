// How far the outbox has come, in a small file beside it. SQLite drops the end of a damaged or missing
// -wal without a word; this file tells that there was more. Written after each commit and never synced:
// it costs no wear, and after a power cut it may be behind the outbox, but never ahead of it.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { canonicalJson, nextDigest } from "../../contract/digest.ts";
import { randomIdSchema } from "../../contract/units.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Gate } from "./sqlite.ts";

const progressSchema = z.strictObject({
  outboxId: randomIdSchema,
  commitSequence: z.int().min(0),
  lastSequence: z.int().min(0),
});
/** What was committed at least. */
export type Progress = z.infer<typeof progressSchema>;

const checkedSchema = z.strictObject({ progress: progressSchema, check: z.string() });
/** One sector: a disk writes it whole or not at all. */
const sizeBytes = 512;

const progressFile = (file: string) => `${file}.progress`;
const checkOf = (progress: Progress) => nextDigest("progress", canonicalJson(progress));

/** Reads the progress; undefined where there is none or it is not what was written. */
export async function readProgress(file: string): Promise<Progress | undefined> {
  try {
    const text = await readFile(progressFile(file), "utf8");
    const { progress, check } = checkedSchema.parse(JSON.parse(text));
    return check === checkOf(progress) ? progress : undefined;
  } catch {
    // Without it a lost end is found out only where the ledger has seen that end.
    return undefined;
  }
}

/** The text of the file. */
export function progressText({ outboxId, commitSequence, lastSequence }: Progress): string {
  const progress = { outboxId, commitSequence, lastSequence };
  return JSON.stringify({ progress, check: checkOf(progress) }).padEnd(sizeBytes);
}

/** How many commits of a file are missing, says its progress; 0 where it speaks of another outbox. */
export function lostCommitCount(record: OutboxRecord, progress: Progress | undefined): number {
  if (progress?.outboxId !== record.outboxId) return 0;
  return Math.max(0, progress.commitSequence - record.commitSequence);
}

/** The file as it is written. */
export class ProgressFile {
  readonly #file: string;
  readonly #gate: Gate;
  #handle: Promise<FileHandle> | undefined;
  #tail: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(outboxFile: string, gate: Gate = (operation) => operation()) {
    this.#file = progressFile(outboxFile);
    this.#gate = gate;
  }

  /** Notes what was committed. A disk that does not take it is no reason to stop. */
  note(progress: Progress): Promise<void> {
    const bytes = Buffer.from(progressText(progress));
    const noted = this.#tail.then(() => this.#gate(() => this.#write(bytes)));
    this.#tail = noted.catch(() => undefined);
    return noted;
  }

  /** Waits for what is under way, then closes. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#tail;
    await this.#handle?.then((handle) => handle.close()).catch(() => undefined);
    this.#handle = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#ended) return;
    try {
      // Neither cut nor renamed: the old sector stays until the new one is there.
      this.#handle ??= open(this.#file, "r+").catch(() => open(this.#file, "w"));
      await (await this.#handle).write(bytes, 0, bytes.length, 0);
    } catch {
      // A hint only. What it said before is true as well.
      const broken = this.#handle;
      this.#handle = undefined;
      await broken?.then((handle) => handle.close()).catch(() => undefined);
    }
  }
}
