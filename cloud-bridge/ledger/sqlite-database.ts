// A ledger's database in a SQLite file: one connection writes, one transaction at a time; another reads.

import { stat } from "node:fs/promises";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { CommitCounter, type MissingEnd } from "./commit-counter.ts";
import {
  endsWriting,
  type LedgerDatabase,
  type OnRefused,
  refusalOf,
  type SqlConnection,
} from "./database.ts";
import { additions, tables, tablesVersion, upgradesAfter } from "./sql-tables.ts";
import { SqliteConnection, type SqliteOptions } from "./sqlite.ts";
import { WriteBack } from "./write-back.ts";

/** How a ledger is opened; `nowMs` is the epoch of a new one. */
export interface SqliteLedgerOptions extends SqliteOptions {
  readonly nowMs: number;
  readonly onRefused?: OnRefused | undefined;
  /** A larger ledger is not read whole at the start, which would take longer than a start may: `verify` does that. */
  readonly checkedSizeBytesMax?: number;
}

const checkedSizeBytesMaxDefault = 512 * 1024 * 1024;
/** What is read of a larger one: where every outbox and every chain stands. */
const vitalTables = ["meta", "positions", "chain_heads"];

/** The connections to a file, and the queue of transactions. */
export class SqliteDatabase implements LedgerDatabase {
  readonly reader: SqliteConnection;
  /** Set where the file lacks what was committed before. */
  readonly missingEnd: MissingEnd | undefined;
  readonly #counter: CommitCounter;
  readonly #options: SqliteLedgerOptions;
  readonly #writer: SqliteConnection;
  readonly #keeper: SqliteConnection;
  readonly #writeBack: WriteBack;
  #queue: Promise<unknown> = Promise.resolve();
  #failure: GatewayError | undefined;

  private constructor(
    options: SqliteLedgerOptions,
    [writer, reader, keeper]: readonly [SqliteConnection, SqliteConnection, SqliteConnection],
    counter: CommitCounter,
    missingEnd: MissingEnd | undefined,
  ) {
    this.#counter = counter;
    this.missingEnd = missingEnd;
    this.#options = options;
    this.#writer = writer;
    this.reader = reader;
    this.#keeper = keeper;
    this.#writeBack = new WriteBack(keeper, (error) => {
      this.#failure ??= failureOf(error);
    });
  }

  /** Opens a file, or creates it with its tables. LEDGER_FAILED, or LEDGER_CORRUPT for a damaged file. */
  static async open(options: SqliteLedgerOptions): Promise<SqliteDatabase> {
    const counter = await CommitCounter.look(options.path, options.gate);
    const opened: SqliteConnection[] = [];
    const open = async (each: SqliteLedgerOptions) => {
      const connection = await SqliteConnection.open(each);
      opened.push(connection);
      return connection;
    };
    try {
      const writer = await open(options);
      await createTables(writer, options);
      // A statement that may be refused keeps every page as it was before; in a file that took a third of the writing.
      // The cache holds the places where entries of a few thousand products go into the indexes.
      await writer.script("PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536");
      const missingEnd = await counter.begin(writer);
      const reader = await open(options);
      // What it does decides nothing: no simulation has to order it.
      const keeper = await open({ ...options, gate: undefined });
      return new SqliteDatabase(options, [writer, reader, keeper], counter, missingEnd);
    } catch (error) {
      for (const each of opened.reverse()) await each.close();
      throw error;
    }
  }

  write<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      const done = await this.#trusted(async () => {
        await this.#writer.run("BEGIN IMMEDIATE");
        const outcome = await this.#orRollBack(async (writer) => ({
          value: await work(writer),
          counted: await this.#counter.count(writer),
        }));
        if ("value" in outcome) {
          await this.#writer.run("COMMIT");
          await this.#counter.note(outcome.value.counted);
          this.#writeBack.begin(this.#writer.changedRowCount);
        }
        return outcome;
      });
      if ("value" in done) return done.value.value;
      if (done.refusal.code === "LEDGER_REFUSED") this.#options.onRefused?.(done.refusal);
      throw done.refusal;
    });
    this.#queue = result.catch(ignoreReported);
    return result;
  }

  async snapshot<T>(work: (connection: SqlConnection, damage: string[]) => Promise<T>): Promise<T> {
    // A connection of its own, so that other reads go on.
    const connection = await SqliteConnection.open(this.#options);
    try {
      await connection.run("BEGIN");
      const check = "PRAGMA quick_check(10)";
      const rows = await connection.all<{ quick_check: string }>(check);
      const damage = rows.map(({ quick_check: message }) => message);
      return await work(
        connection,
        damage.filter((message) => message !== "ok"),
      );
    } finally {
      await connection.close();
    }
  }

  /** Leaves nothing in the -wal: what lies behind its lost end would be taken for another loss after the next crash. */
  async emptyWal(): Promise<void> {
    await this.#writer.script("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  async close(): Promise<void> {
    await this.#queue.catch(ignoreReported);
    await this.#writeBack.end();
    for (const each of [this.#keeper, this.reader, this.#writer]) await each.close();
    await this.#counter.close();
  }

  async abandon(): Promise<void> {
    await Promise.all([this.#writer, this.reader, this.#keeper].map((each) => each.abandon()));
    await this.#counter.close();
  }

  /** Whatever goes wrong here ends all writing. */
  async #trusted<T>(operate: () => Promise<T>): Promise<T> {
    try {
      return await operate();
    } catch (error) {
      this.#failure = failureOf(error);
      throw this.#failure;
    }
  }

  async #orRollBack<T>(
    work: (connection: SqlConnection) => Promise<T>,
  ): Promise<{ value: T } | { refusal: GatewayError }> {
    try {
      return { value: await work(this.#writer) };
    } catch (error) {
      if (!endsWriting(error)) {
        await this.#writer.run("ROLLBACK");
        return { refusal: refusalOf(error) };
      }
      // After some failures SQLite has rolled back itself, and after a crash nobody can: either way
      // the first error is the one to tell.
      await this.#writer.run("ROLLBACK").catch(ignoreReported);
      throw error;
    }
  }
}

function failureOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("LEDGER_FAILED", errorMessageOf(error), { cause: error });
}

async function vitalTablesOf(connection: SqliteConnection): Promise<string[]> {
  const rows = await connection.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (SELECT value FROM json_each(?))",
    JSON.stringify(vitalTables),
  );
  return rows.map(({ name }) => name);
}

async function createTables(
  connection: SqliteConnection,
  { nowMs, path, checkedSizeBytesMax = checkedSizeBytesMaxDefault }: SqliteLedgerOptions,
): Promise<void> {
  const isSmall = (await stat(path)).size <= checkedSizeBytesMax;
  for (const part of isSmall ? [1] : await vitalTablesOf(connection)) {
    const damage = await connection.all<{ quick_check: string }>(`PRAGMA quick_check(${part})`);
    if (damage[0]?.quick_check === "ok") continue;
    const message = `the ledger ${path} is damaged: ${damage[0]?.quick_check}; restore a backup`;
    throw new GatewayError("LEDGER_CORRUPT", message);
  }
  await connection.run("BEGIN IMMEDIATE");
  const [row] = await connection.all<{ user_version: number }>("PRAGMA user_version");
  const version = row?.user_version ?? 0;
  if (version > tablesVersion) {
    const message = `the ledger ${path} is of version ${version}, this bridge knows ${tablesVersion}`;
    throw new GatewayError("LEDGER_FAILED", message);
  }
  const isNew = version === 0;
  if (version < tablesVersion) {
    const scripts = isNew ? [tables] : upgradesAfter(version, "sqlite");
    const marked = [...scripts, `PRAGMA user_version = ${tablesVersion}`];
    await connection.script(marked.join(";"));
  }
  if (isNew) {
    await connection.run("INSERT INTO meta VALUES ('epoch', ?)", Math.max(1, nowMs));
  }
  await connection.script(additions);
  await connection.run("INSERT OR IGNORE INTO meta VALUES ('commits', 0)");
  await connection.run("COMMIT");
}

/** For errors that their own caller is told. */
function ignoreReported(): undefined {
  return undefined;
}
