// The ledger on PostgreSQL, for several bridges beside each other.

import { PostgresDatabase, type PostgresLedgerOptions } from "./postgres-database.ts";
import { SqlLedger } from "./sql-ledger.ts";
import { readEpoch } from "./sql-read.ts";

/** A ledger in a database of a PostgreSQL server. */
export class PostgresLedger extends SqlLedger {
  /** Opens a ledger or creates it; waits a while for a server that does not answer yet. LEDGER_FAILED. */
  static async open(options: PostgresLedgerOptions): Promise<PostgresLedger> {
    const database = await PostgresDatabase.open(options);
    return new PostgresLedger(database, await readEpoch(database.reader));
  }
}
