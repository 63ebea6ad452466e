// The one file of the bridge that names the package `pg`, which is loaded when a ledger in PostgreSQL is
// opened: one connection with prepared statements, and what its errors mean for a transaction.

import type { Client, ClientConfig, Submittable } from "pg";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { AnswerWatch } from "./answer-watch.ts";
import { type NewRows, type SqlConnection, type SqlValue, StatementError } from "./database.ts";
import { copyIn, copyText, type QueryClass } from "./postgres-copy.ts";
import { translateStatement } from "./postgres-dialect.ts";

/** How a server is reached. */
export interface PostgresOptions {
  /** `postgres://user@host:port/database?sslmode=…`, without a password; several servers by commas: `host:port,host:port`. */
  readonly url: string;
  readonly password?: string | undefined;
  /** How long a server may take to accept a connection, and may say nothing to a statement before it is asked. */
  readonly answerMsMax?: number;
}

/** The transaction did not happen, or it is not known whether it did: it may be tried again. */
export class TransientError extends GatewayError {
  readonly isConnectionLost: boolean;

  constructor(message: string, isConnectionLost: boolean, cause: unknown) {
    super("LEDGER_FAILED", message, { cause });
    this.isConnectionLost = isConnectionLost;
  }
}

const answerMsMaxDefault = 5_000;
/** TCP itself looks whether the server is there, where nothing is asked for or a long statement runs. */
const keepAliveMs = 5_000;
/** A transaction whose process sleeps is ended by the server, so that others get its locks. */
const idleInTransactionMsMax = 5000;
/** How long one statement may wait for locks; then its transaction begins anew. */
const lockWaitMsMax = 20_000;

const sessionOptions = [
  `idle_in_transaction_session_timeout=${idleInTransactionMsMax}`,
  `lock_timeout=${lockWaitMsMax}`,
  "jit=off",
  "client_min_messages=warning",
  "tcp_keepalives_idle=5",
  "tcp_keepalives_interval=2",
  "tcp_keepalives_count=3",
];
// A plan by keys alone: it must not be made from the statistics of a table that was empty then.
const writerOptions = [
  "plan_cache_mode=force_generic_plan",
  "enable_seqscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
];

/** Of the server, as SQLSTATE. */
const tooManyConnections = "53300";
/** Fewer rows are inserted faster by a statement that is prepared. */
const copiedRowCountMin = 20;

type Role = "writer" | "reader" | "leases" | "watch";

/** One session of a server. Statements run in the order in which they were asked for. */
export class PostgresConnection implements SqlConnection {
  readonly #client: Client;
  readonly #Query: QueryClass;
  readonly #statements = new Map<string, { name: string; text: string }>();
  readonly #watch: AnswerWatch;
  #loss: Error | undefined;
  /** Of the server's process for this session, as it says itself: a pooler in between has numbers of its own. */
  #processId = 0;

  private constructor(client: Client, Query: QueryClass, options: PostgresOptions) {
    this.#client = client;
    this.#Query = Query;
    this.#watch = new AnswerWatch({
      answerMsMax: options.answerMsMax ?? answerMsMaxDefault,
      heardCount: () => insideOf(client).connection.stream.bytesRead,
      isWorking: () => isWorking(options, this.#processId),
      onSilent: () => this.#cut("the server does not answer"),
    });
    client.on("error", (error) => {
      this.#loss ??= error;
    });
    client.on("end", () => {
      this.#loss ??= new Error("the connection ended");
    });
  }

  /**
   * Connects, of several servers to the one that takes writes; `TransientError` where none answers (yet), LEDGER_FAILED
   * where that is of no use.
   */
  static async open(options: PostgresOptions, role: Role): Promise<PostgresConnection> {
    const urls = serverUrls(options.url);
    let lastError: unknown;
    for (const url of urls) {
      try {
        const connection = await PostgresConnection.#connect({ ...options, url }, role);
        if (urls.length === 1 || (await connection.#isPrimary())) return connection;
        await connection.close();
        lastError ??= new TransientError(
          `no server of ${options.url} takes writes`,
          true,
          undefined,
        );
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        lastError = error;
      }
    }
    throw lastError;
  }

  static async #connect(options: PostgresOptions, role: Role): Promise<PostgresConnection> {
    const { Client: PgClient, Query } = await loadPackage();
    const settings = [...sessionOptions, ...(role === "writer" ? writerOptions : [])];
    const client = new PgClient({
      ...clientConfig(options, role),
      // What is asked for at once is sent at once: the server works while the next statement is made.
      pipeline: true,
      options: settings.map((setting) => `-c ${setting}`).join(" "),
      types: { getTypeParser: (oid: number) => parserOf(oid) },
    });
    const connection = new PostgresConnection(client, Query as unknown as QueryClass, options);
    try {
      await client.connect();
      const asked = client.query<{ id: number }>("SELECT pg_backend_pid() AS id");
      connection.#processId = (await connection.#watch.wait(asked)).rows[0]!.id;
    } catch (error) {
      client.end().catch(ignoreTold);
      throw failure(error, true);
    }
    return connection;
  }

  /** Whether the session is gone. */
  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  async run(sql: string, ...values: SqlValue[]): Promise<number> {
    return (await this.#query(this.#statement(sql), values)).rowCount ?? 0;
  }

  async all<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
    return (await this.#query(this.#statement(sql), values)).rows as Row[];
  }

  /** By COPY where no row may meet another and there are enough of them; else by arrays, which cost less than JSON. */
  async insert({ table, names, integerNames, rows, conflict }: NewRows): Promise<void> {
    if (conflict === "" && rows.length >= copiedRowCountMin) {
      await this.#copy(`COPY ${table} (${names.join(", ")}) FROM STDIN`, copyText(rows));
      return;
    }
    const lists = names.map((name) => (integerNames.has(name) ? "?::INTEGER[]" : "?::TEXT[]"));
    const sql = `INSERT INTO ${table} (${names.join(", ")})
      SELECT * FROM unnest(${lists.join(", ")}) rows WHERE true ${conflict}`;
    await this.run(sql, ...names.map((_, index) => arrayText(rows, index)));
  }

  /** Runs one statement that is PostgreSQL's own, not one of the ledger's. */
  async native<Row>(text: string, ...values: SqlValue[]): Promise<Row[]> {
    return (await this.#query({ text }, values)).rows as Row[];
  }

  /** Commits; LEDGER_FAILED where a statement was refused and nobody heard of it: the server then rolls back instead. */
  async commit(): Promise<void> {
    const { command } = await this.#query({ text: "COMMIT" }, []);
    if (command === "COMMIT") return;
    throw new GatewayError("LEDGER_FAILED", "the ledger in PostgreSQL: a refusal was passed over");
  }

  /** Takes what other sessions notify on a channel; the name is an identifier. */
  async listen(channel: string, onNotification: (payload: string) => void): Promise<void> {
    this.#client.on("notification", (message) => {
      if (message.channel === channel) onNotification(message.payload ?? "");
    });
    await this.native(`LISTEN ${channel}`);
  }

  async close(): Promise<void> {
    this.#loss ??= new Error("the ledger is closed");
    await this.#watch.wait(this.#client.end()).catch(ignoreTold);
  }

  /** Cuts the connection, whatever runs. */
  abandon(): void {
    this.#cut("the ledger was abandoned");
  }

  #cut(reason: string): void {
    this.#loss = new Error(reason);
    insideOf(this.#client).connection.stream.destroy();
  }

  async #copy(sql: string, text: string): Promise<void> {
    if (this.#loss !== undefined) throw failure(this.#loss, true);
    // Half a surrogate pair would be stored as another character.
    if (!text.isWellFormed()) throw failure(new TypeError("a text is not well-formed"), false);
    const answer = new Promise<Error | null>((resolve) => {
      const data = Buffer.from(text);
      this.#client.query(copyIn(this.#Query, { sql, data }, resolve) as Submittable);
    });
    const error = await this.#watch.wait(answer);
    if (error !== null) throw failure(error, this.#loss !== undefined);
  }

  async #isPrimary(): Promise<boolean> {
    const [row] = await this.native<{ isStandby: string }>(
      `SELECT pg_is_in_recovery()::text AS "isStandby"`,
    );
    return row?.isStandby === "false";
  }

  async #query(query: { text: string; name?: string }, values: SqlValue[]) {
    if (this.#loss !== undefined) throw failure(this.#loss, true);
    try {
      return await this.#watch.wait(this.#client.query({ ...query, values }));
    } catch (error) {
      throw failure(error, this.#loss !== undefined);
    }
  }

  #statement(sql: string): { name: string; text: string } {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      const name = `ledger_${this.#statements.size + 1}`;
      statement = { name, text: translateStatement(sql) };
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** What a client has beside its types. */
interface ClientInside {
  readonly connection: { readonly stream: { readonly bytesRead: number; destroy(): void } };
}

function insideOf(client: Client): ClientInside {
  return client as unknown as ClientInside;
}

function clientConfig(options: PostgresOptions, role: Role): ClientConfig {
  return {
    connectionString: options.url,
    application_name: `gondola-bridge ${role}`,
    connectionTimeoutMillis: options.answerMsMax ?? answerMsMaxDefault,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    ...(options.password === undefined ? {} : { password: options.password }),
  };
}

/** Asks a server over a session of its own whether a process of it still works on what it was asked for. */
async function isWorking(options: PostgresOptions, processId: number): Promise<boolean> {
  const { Client: PgClient } = await loadPackage();
  const config = clientConfig(options, "watch");
  const client = new PgClient({ ...config, query_timeout: config.connectionTimeoutMillis });
  client.on("error", ignoreTold);
  try {
    await client.connect();
    // Who waits for a lock works too, and so may one of which the server keeps no state.
    const sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state NOT LIKE 'idle%'";
    const { rows } = await client.query(sql, [processId]);
    client.end().catch(ignoreTold);
    return rows.length > 0;
  } catch (error) {
    insideOf(client).connection.stream.destroy();
    // A server that has no connection to spare is there.
    return (error as { code?: unknown }).code === tooManyConnections;
  }
}

/** A column of rows as the text of an array. */
function arrayText(rows: readonly (readonly SqlValue[])[], index: number): string {
  let text = "{";
  for (const row of rows) {
    const cell = row[index] ?? null;
    const separator = text === "{" ? "" : ",";
    text += separator + (typeof cell === "string" ? quoted(cell) : String(cell));
  }
  return `${text}}`;
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}

/** One URL for each server that a URL names. */
export function serverUrls(url: string): string[] {
  const [, before = "", hosts = "", after = ""] =
    /^([^/]*\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/.exec(url) ?? [];
  return hosts.split(",").map((host) => `${before}${host}${after}`);
}

async function loadPackage(): Promise<typeof import("pg").default> {
  try {
    return (await import("pg")).default;
  } catch (error) {
    const message = "a ledger in PostgreSQL needs the package pg: npm install pg";
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}

const textOids = { bigint: 20, integer: 23, numeric: 1700 } as const;

function parserOf(oid: number): (text: string) => SqlValue {
  const isNumber = Object.values<number>(textOids).includes(oid);
  return isNumber ? wholeNumberOf : (text) => text;
}

function wholeNumberOf(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${text} is not a whole number that fits`);
}

// SQLSTATE classes. 21 too many rows, 22 data, 23 constraint, 42 name or syntax, 54 limit, P0 raised by a trigger; 25P02
// follows any of them.
const refused = /^(21|22|23|42|54|P0|25P02)/;
// Serialization failure, deadlock, lock not available in time, cancelled by somebody.
const tryAgain = /^(40001|40P01|55P03|57014)$/;
// Connection, ended by an administrator or after a crash, starting up, too many clients, now a standby.
const connectionLost = /^(08|57P|25006|25P03|53300)/;

function failure(error: unknown, isLost: boolean): Error {
  if (error instanceof GatewayError) return error;
  const code = (error as { code?: string }).code ?? "";
  const message = `the ledger in PostgreSQL: ${errorMessageOf(error)}`;
  if (connectionLost.test(code) || (isLost && !/^(28|3D)/.test(code))) {
    return new TransientError(message, true, error);
  }
  if (tryAgain.test(code)) return new TransientError(message, false, error);
  // What the client finds wrong with a value never reaches the server.
  if (refused.test(code) || error instanceof TypeError || error instanceof RangeError) {
    return new StatementError(errorMessageOf(error), {
      cause: error,
      isOfTables: /^42/.test(code),
    });
  }
  // Sockets have errors without an SQLSTATE.
  if (!/^[0-9A-Z]{5}$/.test(code)) return new TransientError(message, true, error);
  return new GatewayError("LEDGER_FAILED", message, { cause: error });
}

/** For a connection that is gone in any case. */
function ignoreTold(): undefined {
  return undefined;
}
