// The ledger's tables in PostgreSQL: created and moved forward at every start, by one process at a time.

import { createHash } from "node:crypto";
import { GatewayError } from "../../contract/errors.ts";
import type { PostgresConnection } from "./postgres.ts";
import { dialectFunctions, storageSettings, translateScript } from "./postgres-dialect.ts";
import { additions, tables, tablesVersion, upgradesAfter } from "./sql-tables.ts";

const migrationLock = 0x60_0f;

/** Brings the tables to what this bridge knows, forward only; `nowMs` is the epoch of a new ledger. */
export async function migrate(connection: PostgresConnection, nowMs: number): Promise<void> {
  await connection.native("BEGIN");
  try {
    await connection.native(`SELECT pg_advisory_xact_lock(${migrationLock})`);
    await moveForward(connection, nowMs);
    await connection.native("COMMIT");
  } catch (error) {
    if (!connection.isLost) await connection.native("ROLLBACK");
    throw error;
  }
}

async function moveForward(connection: PostgresConnection, nowMs: number): Promise<void> {
  await connection.native(
    "CREATE TABLE IF NOT EXISTS ledger_version (version bigint NOT NULL, digest text NOT NULL)",
  );
  const [stored] = await connection.native<{ version: number; digest: string }>(
    "SELECT version, digest FROM ledger_version",
  );
  if (stored !== undefined && stored.version > tablesVersion) {
    const message = `the ledger is of version ${stored.version}, this bridge knows ${tablesVersion}`;
    throw new GatewayError("LEDGER_FAILED", message);
  }
  const scripts = [...dialectFunctions, ...storageSettings, ...translateScript(additions)];
  const digest = createHash("sha256").update(scripts.join(";")).digest("hex");
  // Every CREATE would lock its table, and running workers with it.
  if (stored?.digest === digest && stored.version === tablesVersion) return;
  const lacking = stored === undefined ? [tables] : upgradesAfter(stored.version, "postgres");
  for (const statement of lacking.flatMap(translateScript)) await connection.native(statement);
  if (stored === undefined) {
    await connection.native("INSERT INTO meta VALUES ('epoch', $1)", Math.max(1, nowMs));
  }
  for (const statement of scripts) await connection.native(statement);
  await connection.native("DELETE FROM ledger_version");
  const values = [tablesVersion, digest];
  await connection.native("INSERT INTO ledger_version VALUES ($1, $2)", ...values);
}
