// A ledger's database in PostgreSQL. Several processes may write to it at once: each transaction first takes
// the stores that it names, so what it reads of them stays as it is until it has committed.

import { setTimeout as sleep } from "node:timers/promises";
import { GatewayError } from "../../contract/errors.ts";
import {
  endsWriting,
  type LedgerDatabase,
  type OnRefused,
  refusalOf,
  type SqlConnection,
  type SqlValue,
  type StoreIds,
} from "./database.ts";
import { PostgresConnection, type PostgresOptions, TransientError } from "./postgres.ts";
import { migrate } from "./postgres-tables.ts";

/** How a ledger is opened; `nowMs` is the epoch of a new one. */
export interface PostgresLedgerOptions extends PostgresOptions {
  readonly nowMs: number;
  /** Counts what went wrong and was mended. */
  readonly count?: ((what: "ledger_reconnected" | "ledger_retried") => void) | undefined;
  readonly onRefused?: OnRefused | undefined;
  /** Tries of one transaction, and the pause between them: how long a server may be away. */
  readonly attemptCountMax?: number;
  readonly retryDelayMs?: number;
  /** Ends the wait for a server that does not answer while the ledger is opened. */
  readonly signal?: AbortSignal;
}

/** Tries of one transaction or read: with the pause, a minute for a server to come back. */
const attemptCountMaxDefault = 120;
const retryDelayMsDefault = 500;
/** Advisory locks: one for all stores, and one for each. */
const allStoresLock = 0x60_0d;
const storeLockClass = 0x60_0e;

type Work<T> = (connection: SqlConnection) => Promise<T>;

/** One session that writes, one transaction after the other, and one that reads. */
export class PostgresDatabase implements LedgerDatabase {
  readonly reader: SqlConnection;
  readonly #options: PostgresLedgerOptions;
  #writer: PostgresConnection | undefined;
  #reading: Promise<PostgresConnection> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #failure: GatewayError | undefined;

  private constructor(options: PostgresLedgerOptions) {
    this.#options = options;
    this.reader = {
      run: (sql, ...values) => this.#read((connection) => connection.run(sql, ...values)),
      all: <Row>(sql: string, ...values: SqlValue[]) =>
        this.#read((connection) => connection.all<Row>(sql, ...values)),
    };
  }

  /** Connects, and creates or migrates the tables. */
  static async open(options: PostgresLedgerOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options);
    await database.#retried(async () => {
      if (options.signal?.aborted) {
        throw new GatewayError("LEDGER_FAILED", "stopped before the server of the ledger answered");
      }
      await migrate(await database.#openWriter(), options.nowMs);
    });
    return database;
  }

  write<T>(work: Work<T>, storeIds?: StoreIds): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await this.#transact(work, storeIds);
      } catch (error) {
        if (endsWriting(error)) this.#failure = error as GatewayError;
        const refusal = refusalOf(error);
        if (refusal.code === "LEDGER_REFUSED") this.#options.onRefused?.(refusal);
        throw refusal;
      }
    });
    this.#queue = result.catch(ignoreReported);
    return result;
  }

  async snapshot<T>(work: (connection: SqlConnection, damage: string[]) => Promise<T>): Promise<T> {
    const connection = await PostgresConnection.open(this.#options, "reader");
    try {
      await connection.native("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      // The work between two pages may take its time.
      await connection.native("SET LOCAL idle_in_transaction_session_timeout = 0");
      return await work(connection, []);
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    await this.#queue.catch(ignoreReported);
    this.#failure ??= new GatewayError("LEDGER_FAILED", "the ledger is closed");
    await this.#writer?.close();
    await (await this.#reading?.catch(ignoreReported))?.close();
  }

  async abandon(): Promise<void> {
    this.#failure = new GatewayError("LEDGER_FAILED", "the ledger was abandoned");
    this.#writer?.abandon();
    (await this.#reading?.catch(ignoreReported))?.abandon();
  }

  async #transact<T>(work: Work<T>, storeIds: StoreIds | undefined): Promise<T> {
    // Of the try whose COMMIT got no answer: what it would have given, and the transaction to ask for.
    let doubtful: { value: T; transactionId: string } | undefined;
    return await this.#retried(async () => {
      const writer = await this.#openWriter();
      if (doubtful !== undefined) {
        if (await hasCommitted(writer, doubtful.transactionId)) return doubtful.value;
        doubtful = undefined;
      }
      let value: T;
      let transactionId: string;
      try {
        // All that the work asks for comes after the locks, so it need not wait for them; and has ended before it is told.
        const [begun, worked] = await Promise.allSettled([begin(writer, storeIds), work(writer)]);
        if (begun.status === "rejected") throw begun.reason;
        if (worked.status === "rejected") throw worked.reason;
        transactionId = begun.value;
        value = worked.value;
      } catch (error) {
        // The first error is the one to tell, unless the transaction of a refused piece of work cannot be left.
        const rolledBack = writer.isLost ? undefined : writer.native("ROLLBACK");
        await (endsWriting(error) ? rolledBack?.catch(ignoreReported) : rolledBack);
        throw error;
      }
      doubtful = { value, transactionId };
      await writer.commit();
      return value;
    });
  }

  /** Runs something until it is not a lost connection or a conflict that ends it. */
  async #retried<T>(work: () => Promise<T>): Promise<T> {
    const { attemptCountMax = attemptCountMaxDefault, retryDelayMs = retryDelayMsDefault } =
      this.#options;
    for (let attempt = 1; ; attempt += 1) {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TransientError) || attempt >= attemptCountMax) throw error;
        this.#options.count?.(error.isConnectionLost ? "ledger_reconnected" : "ledger_retried");
        if (error.isConnectionLost) await sleep(attempt === 1 ? 0 : retryDelayMs);
      }
    }
  }

  async #openWriter(): Promise<PostgresConnection> {
    if (this.#writer === undefined || this.#writer.isLost) {
      this.#writer = await PostgresConnection.open(this.#options, "writer");
    }
    return this.#writer;
  }

  #read<T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    return this.#retried(async () => {
      const before = this.#reading;
      let connection = await before?.catch(ignoreReported);
      if (connection === undefined || connection.isLost) {
        // Of many reads that find it lost at once, the first one opens another.
        const other = this.#reading === before ? undefined : this.#reading;
        this.#reading = other ?? PostgresConnection.open(this.#options, "reader");
        connection = await this.#reading;
      }
      return await work(connection);
    });
  }
}

/** Begins a transaction that has the stores, taken in one order, or all of them; gives its id. All in one round trip. */
async function begin(
  connection: PostgresConnection,
  storeIds: StoreIds | undefined,
): Promise<string> {
  const shared = storeIds === undefined ? "" : "_shared";
  const [, [row]] = await Promise.all([
    connection.native("BEGIN"),
    connection.native<{ id: string }>(
      `SELECT pg_current_xact_id()::text AS id, pg_advisory_xact_lock${shared}(${allStoresLock})`,
    ),
    // Two stores may share a lock. By its number, so that nobody waits in a circle.
    connection.native(
      `SELECT pg_advisory_xact_lock(${storeLockClass}, number) FROM (
         SELECT DISTINCT hashtext(id) AS number FROM jsonb_array_elements_text($1::jsonb) id
         ORDER BY 1) stores`,
      JSON.stringify(storeIds ?? []),
    ),
  ]);
  return row!.id;
}

/** What became of a transaction whose COMMIT got no answer. Still running is waited for. */
async function hasCommitted(connection: PostgresConnection, id: string): Promise<boolean> {
  const [known] = await connection.native<{ isKnown: string }>(
    `SELECT $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) AS "isKnown"`,
    id,
  );
  // After a fail-over that lost it, the id has not been given yet.
  if (known?.isKnown !== "t") return false;
  const [row] = await connection.native<{ status: string | null }>(
    "SELECT pg_xact_status($1::xid8) AS status",
    id,
  );
  if (row?.status === "committed") return true;
  if (row?.status === "aborted") return false;
  throw new TransientError(`transaction ${id} has not ended`, true, undefined);
}

/** For errors that their own caller is told. */
function ignoreReported(): undefined {
  return undefined;
}
