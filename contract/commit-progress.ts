// How far a SQLite file has come, in a small file beside it, for buffer and ledger alike. SQLite drops the end of a damaged
// or missing -wal without a word; this file tells that there was more. Written after each commit and never synced: it costs
// no wear, and after a power cut it may be behind the database, but never ahead of it.

import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { canonicalJson, nextDigest } from "./digest.ts";

const checkedSchema = z.strictObject({
  progress: z.record(z.string(), z.json()),
  check: z.string(),
});
/** One sector: a disk writes it whole or not at all. */
const sizeBytes = 512;

const progressFile = (file: string) => `${file}.progress`;
const checkOf = (progress: object) => nextDigest("progress", canonicalJson(progress));

/** Reads the progress of a database; undefined where there is none or it is not what was written. */
export async function readProgress<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const text = await readFile(progressFile(file), "utf8");
    const { progress, check } = checkedSchema.parse(JSON.parse(text));
    return check === checkOf(progress) ? schema.parse(progress) : undefined;
  } catch {
    // A hint only: without it a lost end is found out only where somebody else has seen that end.
    return undefined;
  }
}

/** The text of the file. */
export function progressText(progress: object): string {
  return JSON.stringify({ progress, check: checkOf(progress) }).padEnd(sizeBytes);
}

/** The file as it is written. `gate` wraps each write, so that a simulation can serialise and count them. */
export class ProgressFile<T extends object> {
  readonly #file: string;
  readonly #gate: (operation: () => Promise<void>) => Promise<void>;
  #handle: Promise<FileHandle> | undefined;
  #tail: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    databaseFile: string,
    gate: (operation: () => Promise<void>) => Promise<void> = (operation) => operation(),
  ) {
    this.#file = progressFile(databaseFile);
    this.#gate = gate;
  }

  /** Notes what was committed. A disk that does not take it is no reason to stop. */
  note(progress: T): Promise<void> {
    const bytes = Buffer.from(progressText(progress));
    const noted = this.#tail.then(() =>
      this.#gate(() => {
        this.#writing = this.#write(bytes);
        return this.#writing;
      }),
    );
    this.#tail = noted.catch(() => undefined);
    return noted;
  }

  /** Waits for what is being written, then closes. What waits at its gate is dropped: after a crash its turn may never come. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#writing;
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
