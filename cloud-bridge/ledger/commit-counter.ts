// Counts the commits of a ledger on SQLite, and tells at the start that some are missing: SQLite drops the end of a damaged
// or missing -wal without a word, and whoever puts a backup in the place of the file says nothing either.

import { z } from "zod";
import { ProgressFile, readProgress } from "../../contract/commit-progress.ts";
import { findWalLoss, type WalLoss } from "../../contract/wal-check.ts";
import type { SqlConnection } from "./database.ts";
import type { SetBackCause } from "./sql-set-backs.ts";
import type { Gate } from "./sqlite.ts";

const progressSchema = z.strictObject({ commitSequence: z.int().min(0) });
type Progress = z.infer<typeof progressSchema>;

/** What is missing of a ledger; the number of commits where that can be told. */
export interface MissingEnd {
  readonly cause: SetBackCause;
  readonly lostCommitCount?: number;
}

/** The counter of one opened file. */
export class CommitCounter {
  readonly #file: ProgressFile<Progress>;
  readonly #walLoss: WalLoss | undefined;
  /** Never counts below what was there once: what is found now is not found again. */
  readonly #sequenceMin: number;
  #changeCount = 0;

  private constructor(
    file: ProgressFile<Progress>,
    walLoss: WalLoss | undefined,
    sequenceMin: number,
  ) {
    this.#file = file;
    this.#walLoss = walLoss;
    this.#sequenceMin = sequenceMin;
  }

  /** Looks at the files of a ledger; call it before SQLite does, which mends them in silence. */
  static async look(path: string, gate: Gate | undefined): Promise<CommitCounter> {
    const walLoss = await findWalLoss(path);
    const progress = await readProgress(path, progressSchema);
    const file = new ProgressFile<Progress>(path, gate);
    return new CommitCounter(file, walLoss, progress?.commitSequence ?? 0);
  }

  /** What is missing of the ledger as it is now open on the connection that writes. */
  async begin(connection: SqlConnection): Promise<MissingEnd | undefined> {
    const [row] = await connection.all<{ commitSequence: number; changeCount: number }>(
      "SELECT value AS commitSequence, total_changes() AS changeCount FROM meta WHERE name = 'commits'",
    );
    this.#changeCount = row?.changeCount ?? 0;
    const lostCommitCount = this.#sequenceMin - (row?.commitSequence ?? 0);
    if (lostCommitCount > 0) {
      return {
        cause: this.#walLoss ? walCauses[this.#walLoss.cause] : "file_older",
        lostCommitCount,
      };
    }
    if (this.#walLoss === undefined) return undefined;
    // After a power cut the progress may be behind: then the -wal alone tells.
    const { cause, commitCount } = this.#walLoss;
    return {
      cause: walCauses[cause],
      ...(commitCount === undefined ? {} : { lostCommitCount: commitCount }),
    };
  }

  /** Counts the transaction that is open, last of all in it; undefined where it changed nothing. */
  async count(connection: SqlConnection): Promise<Progress | undefined> {
    const [row] = await connection.all<Progress & { changeCount: number }>(
      `UPDATE meta SET value = max(value, ?) + 1 WHERE name = 'commits' AND total_changes() > ?
       RETURNING value AS commitSequence, total_changes() AS changeCount`,
      ...[this.#sequenceMin, this.#changeCount],
    );
    if (row === undefined) return undefined;
    // As it was before this statement, which changes one row.
    this.#changeCount = row.changeCount + 1;
    return { commitSequence: row.commitSequence };
  }

  /** Notes what was counted, once it is committed. */
  async note(progress: Progress | undefined): Promise<void> {
    if (progress !== undefined) await this.#file.note(progress);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const walCauses = { gone: "wal_gone", damaged: "wal_damaged" } as const;
