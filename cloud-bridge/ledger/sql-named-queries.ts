// Queries of EPCIS that were given a name (EPCIS 2.0, 8.2.6): kept as they were sent, run by whoever may read events.

import type { Author } from "./author.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { saveAudit } from "./sql-audit.ts";

export const namedQueryTables = `
-- used_at_ms: to the day.
-- query_name: with the scope before it, and a slash, where it is not of all stores.
CREATE TABLE IF NOT EXISTS named_queries (
  query_name TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL,
  added_by TEXT NOT NULL, added_at_ms INTEGER NOT NULL, used_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** Queries there can be in a scope. */
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
/** Queries of a scope; none has a slash in its own name. */
const inScope = `substr(query_name, 1, length(CAST(? AS TEXT))) = ?
  AND instr(query_name, '/') = length(CAST(? AS TEXT))`;

/**
 * The table of named queries. A scope is whoever shares them: those who see all stores (empty), or those who see some;
 * it may be any text without a slash, and names of one scope are not those of another.
 */
export class SqlNamedQueries {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Keeps a query, unless there is one of its name, or there are as many as there may be. */
  add(named: NamedQuery, author: Author, scope = ""): Promise<"added" | "exists" | "full"> {
    return this.#database.write((connection) => addQuery(connection, named, author, scope));
  }

  /** Whether there was such a query. */
  remove(name: string, { by, nowMs }: Author, scope = ""): Promise<boolean> {
    return this.#database.write(async (connection) => {
      const sql = "DELETE FROM named_queries WHERE query_name = ?";
      const count = await connection.run(sql, stemOf(scope) + name);
      if (count === 0) return false;
      await saveAudit(connection, [{ act: "epcis_query_removed", subject: name, by, atMs: nowMs }]);
      return true;
    });
  }

  async find(name: string, scope = ""): Promise<NamedQuery | undefined> {
    const [row] = await this.#database.reader.all<QueryRow>(
      "SELECT query_name AS name, body FROM named_queries WHERE query_name = ?",
      stemOf(scope) + name,
    );
    return row && queryOf(row);
  }

  /** By name, after a name. */
  async list(query: { after: string; countMax: number; scope?: string }): Promise<NamedQuery[]> {
    const stem = stemOf(query.scope ?? "");
    const rows = await this.#database.reader.all<QueryRow>(
      `SELECT query_name AS name, body FROM named_queries
       WHERE query_name > ? AND ${inScope} ORDER BY query_name LIMIT ?`,
      ...[stem + query.after, stem, stem, stem, query.countMax],
    );
    return rows.map(queryOf);
  }

  /** Notes that a query was run: once a day, so that reading seldom writes. */
  async noteUse(name: string, nowMs: number, scope = ""): Promise<void> {
    const key = stemOf(scope) + name;
    const [row] = await this.#database.reader.all<{ usedAtMs: number }>(
      "SELECT used_at_ms AS usedAtMs FROM named_queries WHERE query_name = ?",
      key,
    );
    if (row === undefined || row.usedAtMs + useStepMs > nowMs) return;
    await this.#database.write((connection) =>
      connection.run("UPDATE named_queries SET used_at_ms = ? WHERE query_name = ?", nowMs, key),
    );
  }
}

async function addQuery(
  connection: SqlConnection,
  { name, query }: NamedQuery,
  { by, nowMs }: Author,
  scope: string,
): Promise<"added" | "exists" | "full"> {
  const stem = stemOf(scope);
  const key = stem + name;
  const staleMs = nowMs - namedQueryKeepMs;
  await connection.run("DELETE FROM named_queries WHERE used_at_ms < ?", staleMs);
  const [known] = await connection.all<{ isKnown: number; count: number }>(
    `SELECT count(*) AS count, coalesce(sum(CASE WHEN query_name = ? THEN 1 ELSE 0 END), 0) AS isKnown
     FROM named_queries WHERE ${inScope}`,
    ...[key, stem, stem, stem],
  );
  if (known!.isKnown > 0) return "exists";
  if (known!.count >= namedQueryCountMax) return "full";
  const body = JSON.stringify(query);
  await connection.run(
    "INSERT INTO named_queries VALUES (?, ?, ?, ?, ?)",
    ...[key, body, by, nowMs, nowMs],
  );
  await saveAudit(connection, [{ act: "epcis_query_added", subject: name, by, atMs: nowMs }]);
  return "added";
}

function queryOf({ name, body }: QueryRow): NamedQuery {
  return { name: name.slice(name.indexOf("/") + 1), query: JSON.parse(body) };
}

function stemOf(scope: string): string {
  return scope === "" ? "" : `${scope}/`;
}
