// What the ledger uses of a database, whichever it is: statements, and transactions one after the other.

import { errorCodeOf, errorMessageOf, GatewayError } from "../../contract/errors.ts";

/** A value that is bound or read. */
export type SqlValue = string | number | null;

/** What the rest of the ledger uses of a database. */
export interface SqlConnection {
  /** Runs one statement; gives the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): Promise<number>;
  all<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]>;
  /** A faster way to insert many rows, where the database has one. */
  insert?(rows: NewRows): Promise<void>;
}

/** Rows for a table. */
export interface NewRows {
  readonly table: string;
  readonly names: readonly string[];
  /** Columns of whole numbers. */
  readonly integerNames: ReadonlySet<string>;
  readonly rows: readonly (readonly SqlValue[])[];
  /** What becomes of those that exist; empty where none may. */
  readonly conflict: string;
}

/** The database refused one statement (a constraint, a value too long); the transaction is as before it. */
export class StatementError extends Error {
  override readonly name = "StatementError";
  /** Whether no value of any row is to blame: a table or a column is not there. */
  readonly isOfTables: boolean;

  constructor(message: string, options: { cause: unknown; isOfTables: boolean }) {
    super(message, { cause: options.cause });
    this.isOfTables = options.isOfTables;
  }
}

/** Whether after this error nothing can be written any more: the disk, or the server, cannot be trusted. */
export function endsWriting(error: unknown): boolean {
  return errorCodeOf(error) === "LEDGER_FAILED";
}

/** For where even quarantine is refused: for want of a table nothing at all can be posted. */
export function endingWithoutTables(cause: unknown): unknown {
  if (!(cause instanceof StatementError && cause.isOfTables)) return cause;
  return new GatewayError("LEDGER_FAILED", cause.message, { cause });
}

/** Whether something was refused and undone, and whatever else is asked goes on. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StatementError || errorCodeOf(error) === "LEDGER_REFUSED";
}

/** What a caller is told of a transaction that was rolled back: an error of ours as it is, any other as LEDGER_REFUSED. */
export function refusalOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("LEDGER_REFUSED", errorMessageOf(error), { cause: error });
}

/** Hears of every transaction that was refused with LEDGER_REFUSED. */
export type OnRefused = (refusal: GatewayError) => void;

/** Every store that a transaction reads in order to write, or writes. */
export type StoreIds = readonly string[];

/** Reads at any time, writes in whole transactions. */
export interface LedgerDatabase {
  /** For single reads of what is committed. */
  readonly reader: SqlConnection;
  /**
   * Runs `work` as one transaction, after those before it. What it throws rolls back and goes to the caller, as LEDGER_REFUSED
   * unless it is a `GatewayError`; LEDGER_FAILED alone ends all writing: disk or connection cannot be trusted.
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

/** Runs `work` under a savepoint: what it did before it threw is undone, unless that ends the transaction too. */
export async function savepoint<T>(connection: SqlConnection, work: () => Promise<T>): Promise<T> {
  // Statements run in the order in which they are asked for, so nobody waits for this one; nor for the one that ends it,
  // without which nothing is committed.
  const begun = connection.run("SAVEPOINT attempt");
  begun.catch(ignoreTold);
  try {
    const value = await work();
    await begun;
    connection.run("RELEASE attempt").catch(ignoreTold);
    return value;
  } catch (error) {
    if (endsWriting(error)) throw error;
    await connection.run("ROLLBACK TO attempt");
    await connection.run("RELEASE attempt");
    throw error;
  }
}

/** For a statement whose failure those after it tell too. */
function ignoreTold(): undefined {
  return undefined;
}
