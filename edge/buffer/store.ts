// Keeps what is in memory in step with the file: the record changes only together with a commit, the
// marks go along with the next one, and after a failure of the disk nothing is done any more.

import type { ProgressFile } from "../../contract/commit-progress.ts";
import { canonicalJson } from "../../contract/digest.ts";
import { errorCodeOf, errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import type { DiskSpace } from "./disk-space.ts";
import type { EventStamp } from "./draft.ts";
import { type Progress, progressOf } from "./progress.ts";
import type { OutboxRecord } from "./schema.ts";
import type { Sql, SqliteFile } from "./sqlite.ts";
import { readRecord, recordText } from "./stored.ts";

/** What of the record is set in memory first, and is durable with the next commit. */
export type Marks = Pick<
  OutboxRecord,
  "acknowledgedSequence" | "acknowledgedDigest" | "ledgerEpoch" | "aliveAtMs"
>;

/** What a store works with. */
export interface StoreParts {
  readonly sqlite: SqliteFile;
  readonly record: OutboxRecord;
  readonly space: DiskSpace;
  readonly progress: ProgressFile<Progress>;
  readonly clock: Clock;
  readonly stamp: () => EventStamp;
  /** Called once, at the first error that is not OUTBOX_FULL. */
  readonly onFailure: (failure: GatewayError) => void;
}

/** The outbox's record and its file. */
export class Store {
  readonly #parts: StoreParts;
  #record: OutboxRecord;
  /** The record's row as this process wrote it last. */
  #storedText: string | undefined;
  #marks: Marks;
  #committedAtMs: number;
  #commitCount = 0;
  #failure: GatewayError | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#record = parts.record;
    this.#marks = marksOf(parts.record);
    this.#committedAtMs = parts.clock.monotonicMs();
  }

  /** As committed. */
  get record(): Readonly<OutboxRecord> {
    return this.#record;
  }

  get marks(): Readonly<Marks> {
    return this.#marks;
  }

  get marksAreDirty(): boolean {
    return Object.entries(this.#marks).some(
      ([name, value]) => value !== this.#record[name as keyof Marks],
    );
  }

  get commitCount(): number {
    return this.#commitCount;
  }

  /** Why every call rejects; undefined while all is well. */
  get failure(): GatewayError | undefined {
    return this.#failure;
  }

  /** Time since the last commit, or since the start. */
  sinceCommitMs(): number {
    return this.#parts.clock.monotonicMs() - this.#committedAtMs;
  }

  /** Sets marks; they are durable with the next commit. */
  mark(marks: Partial<Marks>): void {
    this.#marks = { ...this.#marks, ...marks };
  }

  /** Reads, together with the record of that moment. */
  read<T>(job: (sql: Sql, record: Readonly<OutboxRecord>) => Promise<T>): Promise<T> {
    return this.#guarded(() => this.#parts.sqlite.read((sql) => job(sql, this.#record)));
  }

  /**
   * One transaction that moves the record on, the marks with it. `change` is run again when more room
   * was made. `committed` is called before anything else reads. Rejects with OUTBOX_FULL when there is
   * no room; with every other error the store has failed for good.
   */
  rewrite(
    change: (sql: Sql, record: OutboxRecord) => Promise<OutboxRecord>,
    committed?: () => void,
  ): Promise<OutboxRecord> {
    const { sqlite, space, progress } = this.#parts;
    const job = async (sql: Sql) => {
      await this.#checkAlone(sql);
      const record = await change(sql, this.#marked());
      record.commitSequence = this.#record.commitSequence + 1;
      const text = recordText(record);
      await sql.run("UPDATE outbox SET record = ?", text);
      return { record, text };
    };
    const follow = ({ record, text }: { record: OutboxRecord; text: string }) => {
      if (record.outboxId !== this.#record.outboxId) this.#marks = marksOf(record);
      this.#record = record;
      this.#storedText = text;
      this.#commitCount += 1;
      this.#committedAtMs = this.#parts.clock.monotonicMs();
      committed?.();
    };
    return this.#guarded(async () => {
      await space.restore();
      const { record } = await space.retrying(sqlite, () => sqlite.write(job, follow));
      await progress.note(progressOf(record));
      return record;
    });
  }

  /** Closes the file; later calls reject. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return await this.abandon();
    this.#failure = new GatewayError("OUTBOX_FAILED", "the outbox is closed");
    await this.#parts.sqlite.close();
    await this.#parts.progress.close();
  }

  /** Drops the file as a crash would; later calls reject. */
  async abandon(): Promise<void> {
    this.#failure ??= new GatewayError("OUTBOX_FAILED", "the outbox is abandoned");
    await this.#parts.sqlite.abandon();
    await this.#parts.progress.close();
  }

  // Two processes on one file would give out the same sequences.
  async #checkAlone(sql: Sql): Promise<void> {
    const row = await sql.get<{ record: string }>("SELECT record FROM outbox");
    if (this.#storedText !== undefined && row?.record === this.#storedText) return;
    // The first time it may be of an older version; any other time it says what is wrong with it.
    if (canonicalJson(await readRecord(sql)) === canonicalJson(this.#record)) return;
    const message = "another process writes to this outbox; stop one of them";
    throw new GatewayError("OUTBOX_FAILED", message);
  }

  #marked(): OutboxRecord {
    const { clock, stamp } = this.#parts;
    const nowMs = Math.floor(clock.nowMs());
    // A clock that has not learned the time must not take back what was known of it.
    const wallAtMs = stamp().clockSynced ? nowMs : Math.max(this.#record.wallAtMs, nowMs);
    return { ...this.#record, ...this.#marks, wallAtMs };
  }

  async #guarded<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await operation();
    } catch (error) {
      throw this.#judged(error);
    }
  }

  // A full disk passes. All else is final: after a failed sync nobody knows what the disk holds.
  #judged(error: unknown): unknown {
    if (errorCodeOf(error) === "OUTBOX_FULL") return error;
    if (this.#failure !== undefined) return this.#failure;
    const failure =
      error instanceof GatewayError
        ? error
        : new GatewayError("OUTBOX_FAILED", errorMessageOf(error), { cause: error });
    this.#failure = failure;
    this.#parts.onFailure(failure);
    return failure;
  }
}

function marksOf(record: OutboxRecord): Marks {
  const { acknowledgedSequence, acknowledgedDigest, ledgerEpoch, aliveAtMs } = record;
  return { acknowledgedSequence, acknowledgedDigest, ledgerEpoch, aliveAtMs };
}
