// Queries of EPCIS that were given a name (EPCIS 2.0, 8.2.6): kept as they were sent, run by whoever may read events.

import type { Author } from "./author.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { saveAudit } from "./sql-audit.ts";

export const namedQueryTables = `
-- used_at_ms: to the day.
CREATE TABLE IF NOT EXISTS named_queries (
  query_name TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL,
  added_by TEXT NOT NULL, added_at_ms INTEGER NOT NULL, used_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** Queries there can be. */
export const namedQueryCountMax = 200;
/** One that nobody ran for so long makes room for the next. */
export const namedQueryKeepMs = 90 * 24 * 3_600_000;
const useStepMs = 24 * 3_600_000;

/** A query and its name. */
export interface NamedQuery {
  readonly name: string;
  /** The standard's parameters, as they were sent. */
  readonly query: Readonly<Record<string, unknown>>;
}

interface QueryRow {
  readonly name: string;
  readonly body: string;
}
const columns = "query_name AS name, body";

/** The table of named queries. */
export class SqlNamedQueries {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Keeps a query, unless there is one of its name, or there are as many as there may be. */
  add(named: NamedQuery, author: Author): Promise<"added" | "exists" | "full"> {
    return this.#database.write((connection) => addQuery(connection, named, author));
  }

  /** Whether there was such a query. */
  remove(name: string, { by, nowMs }: Author): Promise<boolean> {
    return this.#database.write(async (connection) => {
      const count = await connection.run("DELETE FROM named_queries WHERE query_name = ?", name);
      if (count === 0) return false;
      await saveAudit(connection, [{ act: "epcis_query_removed", subject: name, by, atMs: nowMs }]);
      return true;
    });
  }

  async find(name: string): Promise<NamedQuery | undefined> {
    const sql = `SELECT ${columns} FROM named_queries WHERE query_name = ?`;
    const [row] = await this.#database.reader.all<QueryRow>(sql, name);
    return row && queryOf(row);
  }

  /** By name, after a name. */
  async list(query: { after: string; countMax: number }): Promise<NamedQuery[]> {
    const rows = await this.#database.reader.all<QueryRow>(
      `SELECT ${columns} FROM named_queries WHERE query_name > ? ORDER BY query_name LIMIT ?`,
      ...[query.after, query.countMax],
    );
    return rows.map(queryOf);
  }

  /** Notes that a query was run: once a day, so that reading seldom writes. */
  async noteUse(name: string, nowMs: number): Promise<void> {
    const [row] = await this.#database.reader.all<{ usedAtMs: number }>(
      "SELECT used_at_ms AS usedAtMs FROM named_queries WHERE query_name = ?",
      name,
    );
    if (row === undefined || row.usedAtMs + useStepMs > nowMs) return;
    await this.#database.write((connection) =>
      connection.run("UPDATE named_queries SET used_at_ms = ? WHERE query_name = ?", nowMs, name),
    );
  }
}

async function addQuery(
  connection: SqlConnection,
  { name, query }: NamedQuery,
  { by, nowMs }: Author,
): Promise<"added" | "exists" | "full"> {
  const staleMs = nowMs - namedQueryKeepMs;
  await connection.run("DELETE FROM named_queries WHERE used_at_ms < ?", staleMs);
  const [known] = await connection.all<{ isKnown: number; count: number }>(
    `SELECT count(*) AS count, coalesce(sum(CASE WHEN query_name = ? THEN 1 ELSE 0 END), 0) AS isKnown
     FROM named_queries`,
    name,
  );
  if (known!.isKnown > 0) return "exists";
  if (known!.count >= namedQueryCountMax) return "full";
  const body = JSON.stringify(query);
  await connection.run(
    "INSERT INTO named_queries VALUES (?, ?, ?, ?, ?)",
    ...[name, body, by, nowMs, nowMs],
  );
  await saveAudit(connection, [{ act: "epcis_query_added", subject: name, by, atMs: nowMs }]);
  return "added";
}

function queryOf({ name, body }: QueryRow): NamedQuery {
  return { name, query: JSON.parse(body) };
}
