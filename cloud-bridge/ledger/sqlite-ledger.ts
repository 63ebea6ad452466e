// The ledger on SQLite, the embedded default.

import { SqlLedger } from "./sql-ledger.ts";
import { readEpoch } from "./sql-read.ts";
import { SqliteDatabase, type SqliteLedgerOptions } from "./sqlite-database.ts";

/** A ledger in a SQLite file. */
export class SqliteLedger extends SqlLedger {
  /** Opens a ledger or creates it; marks one that lacks its end. LEDGER_FAILED, or LEDGER_CORRUPT for a damaged file. */
  static async open(options: SqliteLedgerOptions): Promise<SqliteLedger> {
    const database = await SqliteDatabase.open(options);
    try {
      const ledger = new SqliteLedger(database, await readEpoch(database.reader));
      if (database.missingEnd !== undefined) {
        await ledger.restoreMark(options.nowMs, database.missingEnd);
        await database.emptyWal();
      }
      return ledger;
    } catch (error) {
      await database.close();
      throw error;
    }
  }
}
