// What the ledger uses of a database, whichever it is: statements, and transactions one after the other.

import { GatewayError } from "../../contract/errors.ts";

/** A value that is bound or read. */
export type SqlValue = string | number | null;

/** What the rest of the ledger uses of a database. */
export interface SqlConnection {
  /** Runs one statement; gives the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): Promise<number>;
  all<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]>;
}

/** The database refused one statement (a constraint, a value too long); the transaction is as before it. */
export class StatementError extends Error {
  override readonly name = "StatementError";
}

/** Every store that a transaction reads in order to write, or writes. */
export type StoreIds = readonly string[];

/** Reads at any time, writes in whole transactions. */
export interface LedgerDatabase {
  /** For single reads of what is committed. */
  readonly reader: SqlConnection;
  /**
   * Runs `work` as one transaction, after those before it. A `GatewayError` rolls back and is passed on;
   * anything else, and LEDGER_FAILED, ends all writing: disk or connection cannot be trusted.
   * Where several processes write, no other writes to these stores meanwhile, or to any where none are named.
   * It may then run more than once: after a lost connection from its beginning.
   */
  write<T>(work: (connection: SqlConnection) => Promise<T>, storeIds?: StoreIds): Promise<T>;
  /** Several reads of one state; `damage` is what the database finds wrong with its storage. */
  snapshot<T>(work: (connection: SqlConnection, damage: string[]) => Promise<T>): Promise<T>;
  /** Closes after what was begun. */
  close(): Promise<void>;
  /** As a crash would: an open transaction is gone, later calls reject. For simulations. */
  abandon(): Promise<void>;
}

/** Runs `work` under a savepoint: what fails other than by a `GatewayError` is undone, the transaction goes on. */
export async function savepoint<T>(connection: SqlConnection, work: () => Promise<T>): Promise<T> {
  await connection.run("SAVEPOINT attempt");
  try {
    const value = await work();
    await connection.run("RELEASE attempt");
    return value;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    await connection.run("ROLLBACK TO attempt");
    await connection.run("RELEASE attempt");
    throw error;
  }
}
