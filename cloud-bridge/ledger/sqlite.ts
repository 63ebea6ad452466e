// The one file of the bridge that names the package `sqlite3`: one connection with cached statements,
// promises instead of callbacks, one operation after the other, and two kinds of errors. A statement that was refused leaves the
// connection sound (`StatementError`); anything else means that file or disk cannot be trusted.

import sqlite3 from "sqlite3";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { type SqlConnection, type SqlValue, StatementError } from "./database.ts";

/** Wraps every operation; a simulation decides here when, and whether, it runs. */
export type Gate = <T>(operation: () => Promise<T>) => Promise<T>;

/** How a file is opened. */
export interface SqliteOptions {
  readonly path: string;
  /** FULL loses no committed row at power loss; the others are for tests and benches. */
  readonly synchronous?: "FULL" | "NORMAL" | "OFF";
  readonly gate?: Gate | undefined;
}

// SQLite result codes after which a savepoint can be rolled back and work goes on.
const refusals = new Set([sqlite3.ERROR, sqlite3.CONSTRAINT, sqlite3.MISMATCH, sqlite3.TOOBIG]);
const busyTimeoutMs = 10_000;
/** The log then fills the 64 MiB that are left of it: pages that many groups change are written back once. */
const checkpointPageCount = 16_000;

/**
 * One connection to a SQLite file in WAL mode. Operations run in the order in which they were asked
 * for, each after the one before; so a caller may ask for several and prepare the next while one runs.
 */
export class SqliteConnection implements SqlConnection {
  readonly #database: sqlite3.Database;
  readonly #gate: Gate;
  readonly #path: string;
  readonly #statements = new Map<string, sqlite3.Statement>();
  #last: Promise<unknown> = Promise.resolve();
  #gone: string | undefined;
  #changedRowCount = 0;
  /** Of a write. SQLite may have rolled back by itself: what was asked for after it must not be committed alone. */
  #failure: Error | undefined;

  private constructor(database: sqlite3.Database, options: SqliteOptions) {
    this.#database = database;
    this.#path = options.path;
    this.#gate = options.gate ?? ((operation) => operation());
  }

  /** Opens, or creates, a file. LEDGER_FAILED when that is impossible. */
  static async open(options: SqliteOptions): Promise<SqliteConnection> {
    const database = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened = new sqlite3.Database(options.path, (error) =>
        error === null ? resolve(opened) : reject(failure(error, options.path)),
      );
    });
    const connection = new SqliteConnection(database, options);
    try {
      await connection.script(
        `PRAGMA busy_timeout=${busyTimeoutMs}; PRAGMA journal_mode=WAL;
         PRAGMA synchronous=${options.synchronous ?? "FULL"}; PRAGMA foreign_keys=ON;
         PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA cache_size=-32768;
         PRAGMA wal_autocheckpoint=${checkpointPageCount}; PRAGMA journal_size_limit=67108864;`,
      );
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** Rows that were changed since it was opened. */
  get changedRowCount(): number {
    return this.#changedRowCount;
  }

  run(sql: string, ...values: SqlValue[]): Promise<number> {
    return this.#call(async () => {
      const statement = await this.#statement(sql);
      return await new Promise((resolve, reject) => {
        const count = (changes: number) => {
          this.#changedRowCount += changes;
          return changes;
        };
        statement.run(values, function (this: sqlite3.RunResult, error: Error | null) {
          if (error === null) resolve(count(this.changes));
          else reject(error);
        });
      });
    }, true);
  }

  all<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
    return this.#call(async () => {
      const statement = await this.#statement(sql);
      return await new Promise((resolve, reject) => {
        statement.all<Row>(values, (error: Error | null, rows: Row[]) =>
          error === null ? resolve(rows) : reject(error),
        );
      });
    });
  }

  /** Runs several statements without values. */
  script(sql: string): Promise<void> {
    return this.#call(
      () =>
        new Promise((resolve, reject) => {
          this.#database.exec(sql, (error) => (error === null ? resolve() : reject(error)));
        }),
    );
  }

  /** Closes in order; what was asked for before is done first. */
  close(): Promise<void> {
    return this.#end("is closed");
  }

  /** As a crash would: what is not committed is gone, and every later call fails. */
  abandon(): Promise<void> {
    return this.#end("was abandoned");
  }

  async #end(why: string): Promise<void> {
    if (this.#gone !== undefined) return;
    this.#gone = why;
    await Promise.all(
      [...this.#statements.values()].map(
        (statement) => new Promise<void>((resolve) => statement.finalize(() => resolve())),
      ),
    );
    await new Promise<void>((resolve, reject) => {
      this.#database.close((error) =>
        error === null ? resolve() : reject(failure(error, this.#path)),
      );
    });
  }

  #call<T>(operate: () => Promise<T>, isWrite = false): Promise<T> {
    const operation = async () => {
      if (this.#gone !== undefined) {
        throw new GatewayError("LEDGER_FAILED", `the ledger ${this.#path} ${this.#gone}`);
      }
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await operate();
      } catch (error) {
        const told = failure(error as Error, this.#path);
        if (isWrite && !(told instanceof StatementError)) this.#failure = told;
        throw told;
      }
    };
    // After a crash its turn may never come.
    if (this.#gone !== undefined) return operation();
    const result = this.#last.then(() => this.#gate(operation));
    this.#last = result.catch(ignoreTold);
    return result;
  }

  // A statement is prepared once and kept; there are some thirty of them.
  #statement(sql: string): Promise<sqlite3.Statement> | sqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    return new Promise((resolve, reject) => {
      const statement = this.#database.prepare(sql, (error) => {
        if (error !== null) return reject(error);
        // Closed meanwhile: whoever closes has finalized only what it found.
        if (this.#gone !== undefined) statement.finalize();
        else this.#statements.set(sql, statement);
        resolve(statement);
      });
    });
  }
}

function failure(error: Error, path: string): Error {
  const errno = (error as { errno?: number }).errno;
  // What the package finds wrong with a value never reaches SQLite.
  const isValue = error instanceof TypeError || error instanceof RangeError;
  if (isValue || (errno !== undefined && refusals.has(errno))) {
    const isOfTables = /^SQLITE_ERROR: (no such|near )/.test(error.message);
    return new StatementError(error.message, { cause: error, isOfTables });
  }
  const message = `the ledger ${path}: ${errorMessageOf(error)}`;
  return new GatewayError("LEDGER_FAILED", message, { cause: error });
}

/** For an error that its own caller is told. */
function ignoreTold(): undefined {
  return undefined;
}
