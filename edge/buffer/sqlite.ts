// The only file at the edge that names the package `sqlite3`. It is asynchronous on purpose: a sync of
// an SD card can take 100 ms, and the event loop goes on reading the serial ports meanwhile. One
// connection, one job at a time: nobody reads what another job has not yet committed.

import assert from "node:assert/strict";
import sqlite3 from "sqlite3";
import { type ErrorCode, errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { pageSizeBytes } from "./schema.ts";

/** What can be bound to a statement. */
export type SqlValue = string | number | Uint8Array | null;

/** SQL within one job. Statements are prepared once and kept. */
export interface Sql {
  all<Row>(text: string, ...values: SqlValue[]): Promise<Row[]>;
  get<Row>(text: string, ...values: SqlValue[]): Promise<Row | undefined>;
  /** Resolves to the number of rows changed. */
  run(text: string, ...values: SqlValue[]): Promise<number>;
  /** Several statements without values. */
  exec(text: string): Promise<void>;
}

/** Wraps every job on a file, so that a simulation can serialise and count them over several files. */
export type Gate = <T>(operation: () => Promise<T>) => Promise<T>;

/** How a file is opened. */
export interface SqliteOptions {
  readonly file: string;
  /** `create` also opens a file that is still without tables. */
  readonly mode: "create" | "write" | "read";
  /** FULL survives a power cut; OFF is for simulations, where only the process ends. */
  readonly synchronous?: "FULL" | "OFF";
  readonly sizeBytesMax?: number;
  readonly gate?: Gate;
}

const jobCountMax = 1000;
const statementCountMax = 100;

// SQLite result codes (sqlite.org/rescode.html); all others are failures. SQLITE_ERROR is a complaint
// about the SQL itself, which is constant: it fits every file whose tables are ours and whole.
const codes: Record<string, ErrorCode> = {
  SQLITE_ERROR: "OUTBOX_CORRUPT",
  SQLITE_CORRUPT: "OUTBOX_CORRUPT",
  SQLITE_NOTADB: "OUTBOX_CORRUPT",
  SQLITE_FULL: "OUTBOX_FULL",
};

/**
 * An open SQLite file. Every call rejects with GatewayError: OUTBOX_CORRUPT (damaged, or no database),
 * OUTBOX_FULL (disk or page cap), OUTBOX_FAILED (all else; also after `close` and `abandon`).
 */
export class SqliteFile {
  readonly file: string;
  readonly #database: sqlite3.Database;
  readonly #gate: Gate;
  readonly #statements = new Map<string, sqlite3.Statement>();
  readonly #sql: Sql;
  #tail: Promise<unknown> = Promise.resolve();
  #jobCount = 0;
  #ended = false;
  #closed: Promise<void> | undefined;

  private constructor(database: sqlite3.Database, options: SqliteOptions) {
    this.file = options.file;
    this.#database = database;
    this.#gate = options.gate ?? ((operation) => operation());
    this.#sql = {
      all: (text, ...values) => this.#all(text, values),
      get: async <Row>(text: string, ...values: SqlValue[]) =>
        (await this.#all<Row>(text, values))[0],
      run: (text, ...values) => this.#run(text, values),
      exec: (text) => this.#call((done) => this.#database.exec(text, done)),
    };
  }

  /** Opens a file. */
  static async open(options: SqliteOptions): Promise<SqliteFile> {
    const mode = {
      create: sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE,
      write: sqlite3.OPEN_READWRITE,
      read: sqlite3.OPEN_READONLY,
    }[options.mode];
    const database = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened: sqlite3.Database = new sqlite3.Database(
        options.file,
        mode | sqlite3.OPEN_FULLMUTEX,
        (error) => (error ? reject(mapped(error, options.file)) : resolve(opened)),
      );
    });
    const sqlite = new SqliteFile(database, options);
    try {
      await sqlite.read((sql) => sql.exec(pragmas(options)));
      return sqlite;
    } catch (error) {
      await sqlite.close();
      throw error;
    }
  }

  /** Runs reads that belong together. */
  read<T>(job: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#enqueue(() => job(this.#sql));
  }

  /**
   * Runs one whole transaction. `committed` is called with its result after the commit and before any
   * other job, so that what is kept in memory changes together with the file.
   */
  write<T>(job: (sql: Sql) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    return this.#enqueue(async () => {
      await this.#sql.exec("BEGIN IMMEDIATE");
      let result: T;
      try {
        result = await job(this.#sql);
        await this.#sql.exec("COMMIT");
      } catch (error) {
        // SQLite may have rolled back by itself (full, I/O error); then there is nothing to do here.
        await this.#sql.exec("ROLLBACK").catch(() => undefined);
        throw error;
      }
      committed?.(result);
      return result;
    });
  }

  /** Waits for the jobs under way, then closes. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#enqueue(async () => {
      this.#ended = true;
      await this.#closeHandle();
    });
    return this.#closed;
  }

  /**
   * Drops the connection as a crash would: an open transaction is rolled back, jobs under way and
   * later ones reject. Resolves when the file is free.
   */
  abandon(): Promise<void> {
    this.#ended = true;
    this.#closed ??= this.#tail.then(() => this.#gate(() => this.#closeHandle()));
    return this.#closed;
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    if (this.#ended || this.#closed !== undefined) return Promise.reject(this.#endedError());
    assert(this.#jobCount < jobCountMax, "too many jobs wait for one SQLite file");
    this.#jobCount += 1;
    const result = this.#tail.then(() => this.#gate(job));
    this.#tail = result
      .catch(() => undefined)
      .finally(() => {
        this.#jobCount -= 1;
      });
    return result;
  }

  async #all<Row>(text: string, values: SqlValue[]): Promise<Row[]> {
    const statement = await this.#prepared(text);
    return await this.#call<Row[]>((done) => statement.all(values, done));
  }

  async #run(text: string, values: SqlValue[]): Promise<number> {
    const statement = await this.#prepared(text);
    let changedCount = 0;
    await this.#call<void>((done) =>
      statement.run(values, function (error) {
        changedCount = this.changes;
        done(error);
      }),
    );
    return changedCount;
  }

  async #prepared(text: string): Promise<sqlite3.Statement> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    assert(this.#statements.size < statementCountMax, "SQL texts are constants");
    return await this.#call<sqlite3.Statement>((done) => {
      const statement: sqlite3.Statement = this.#database.prepare(text, (error: Error | null) => {
        // Kept even when the file was abandoned meanwhile: it has to be finalised.
        if (!error) this.#statements.set(text, statement);
        done(error, statement);
      });
    });
  }

  async #call<T>(start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
    if (this.#ended) throw this.#endedError();
    const result = await new Promise<T>((resolve, reject) => {
      start((error, value) => {
        if (error) reject(mapped(error, this.file));
        else resolve(value as T);
      });
    });
    // A crash does not tell whether the operation under way was done.
    if (this.#ended) throw this.#endedError();
    return result;
  }

  async #closeHandle(): Promise<void> {
    for (const statement of this.#statements.values()) {
      await new Promise<void>((resolve) => statement.finalize(() => resolve()));
    }
    this.#statements.clear();
    await new Promise<void>((resolve, reject) => {
      this.#database.close((error) => (error ? reject(mapped(error, this.file)) : resolve()));
    });
  }

  #endedError(): GatewayError {
    return new GatewayError("OUTBOX_FAILED", `${this.file} is closed`);
  }
}

// What is set at the creation stays in the file; said again, auto_vacuum would write to it each time.
function pragmas({ mode, synchronous, sizeBytesMax }: SqliteOptions): string {
  const creating = `
    PRAGMA page_size=${pageSizeBytes};
    PRAGMA auto_vacuum=INCREMENTAL;
    PRAGMA journal_mode=WAL;`;
  const writing = `
    PRAGMA synchronous=${synchronous ?? "FULL"};
    PRAGMA wal_autocheckpoint=500;
    PRAGMA journal_size_limit=${4 * 1024 * 1024};
    PRAGMA foreign_keys=ON;
    PRAGMA max_page_count=${Math.floor((sizeBytesMax ?? 1024 ** 3) / pageSizeBytes)};`;
  return `
    PRAGMA busy_timeout=5000;
    PRAGMA trusted_schema=OFF;
    PRAGMA cell_size_check=ON;
    ${mode === "create" ? creating : ""}
    ${mode === "read" ? "" : writing}`;
}

function mapped(error: Error, file: string): GatewayError {
  const { code } = error as { code?: string };
  const message = `${file}: ${errorMessageOf(error)}`;
  return new GatewayError(codes[code ?? ""] ?? "OUTBOX_FAILED", message, { cause: error });
}
