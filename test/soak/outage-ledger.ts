// What a ledger has of an outage's events, and how long the machine takes to write the same rows.

import { additions, tables } from "../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";

/** Events that stand in the ledger, and those of which it was told that they are lost. */
export async function countEvents(
  ledger: string,
): Promise<{ postedCount: number; declaredLostCount: number }> {
  const connection = await SqliteConnection.open({ path: ledger });
  try {
    const [row] = await connection.all<{ postedCount: number; declaredLostCount: number }>(
      `SELECT count(*) FILTER (WHERE type <> 'gap') AS postedCount,
         coalesce(sum(sequence - first_sequence + 1) FILTER (WHERE type = 'gap'), 0) AS declaredLostCount
       FROM event_log`,
    );
    return row!;
  } finally {
    await connection.close();
  }
}

/** How long the machine takes to write the same rows: one statement a table, one commit. */
export async function bareCopyMs(ledger: string, file: string): Promise<number> {
  const connection = await SqliteConnection.open({ path: file });
  try {
    await connection.script(tables);
    await connection.script(additions);
    await connection.run("ATTACH ? AS ledger", ledger);
    const startedMs = performance.now();
    await connection.run("BEGIN IMMEDIATE");
    for (const table of ["event_log", "entries", "balances", "serials"]) {
      await connection.run(`INSERT INTO main.${table} SELECT * FROM ledger.${table}`);
    }
    await connection.run("COMMIT");
    return performance.now() - startedMs;
  } finally {
    await connection.close();
  }
}
