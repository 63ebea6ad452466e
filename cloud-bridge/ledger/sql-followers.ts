// Those that go after the ledger in their own time (published events, indexes, proofs): how far each has come in each
// store. What it did and how far it came are kept in one transaction, so nothing is passed over at a restart.

import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { type AlertMessage, dropAlertMessages, readAlertMessages } from "./sql-alerts.ts";

export const followerTables = `
-- The row of the store '' says that a follower has begun.
CREATE TABLE IF NOT EXISTS followers (
  store_id TEXT NOT NULL, follower TEXT NOT NULL,
  entry_number INTEGER NOT NULL,
  PRIMARY KEY (store_id, follower)
) WITHOUT ROWID;
`;

/** A store with entries that a follower has not seen. */
export interface Lag {
  readonly storeId: string;
  readonly position: number;
  readonly head: number;
}

/** Lets a follower begin: with what comes from now on, or with the first entry. Does nothing the next time. */
export async function beginFollower(
  connection: SqlConnection,
  follower: string,
  from: "first" | "now",
): Promise<void> {
  const begun = await connection.run(
    "INSERT INTO followers VALUES ('', ?, 0) ON CONFLICT (store_id, follower) DO NOTHING",
    follower,
  );
  if (begun === 0 || from === "first") return;
  await connection.run(
    `INSERT INTO followers SELECT store_id, ?, entry_number FROM chain_heads WHERE true
     ON CONFLICT (store_id, follower) DO NOTHING`,
    follower,
  );
}

/** Stores where the follower has work, at most `countMax`; `stepCount` entries at least. */
export async function followerLags(
  connection: SqlConnection,
  follower: string,
  countMax: number,
  stepCount = 1,
): Promise<Lag[]> {
  return await connection.all<Lag>(
    `SELECT h.store_id AS storeId, coalesce(f.entry_number, 0) AS position, h.entry_number AS head
     FROM chain_heads h LEFT JOIN followers f ON f.store_id = h.store_id AND f.follower = ?
     WHERE h.entry_number >= coalesce(f.entry_number, 0) + ?
     ORDER BY h.store_id LIMIT ?`,
    ...[follower, stepCount, countMax],
  );
}

/** How far a follower has come in a store. */
export async function followerPosition(
  connection: SqlConnection,
  follower: string,
  storeId: string,
): Promise<number> {
  const [row] = await connection.all<{ position: number }>(
    "SELECT entry_number AS position FROM followers WHERE store_id = ? AND follower = ?",
    ...[storeId, follower],
  );
  return row?.position ?? 0;
}

/** Says how far a follower has come; never back. */
export async function advanceFollower(
  connection: SqlConnection,
  follower: string,
  storeId: string,
  position: number,
): Promise<void> {
  await connection.run(
    `INSERT INTO followers VALUES (?, ?, ?) ON CONFLICT (store_id, follower) DO UPDATE SET
       entry_number = excluded.entry_number WHERE excluded.entry_number > followers.entry_number`,
    ...[storeId, follower, position],
  );
}

/** Followers whose work is not in the database: they keep only how far they came. */
export class SqlFollowers {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  begin(follower: string, from: "first" | "now"): Promise<void> {
    return this.#database.write((connection) => beginFollower(connection, follower, from));
  }

  lags(follower: string, countMax: number): Promise<Lag[]> {
    return followerLags(this.#database.reader, follower, countMax);
  }

  position(follower: string, storeId: string): Promise<number> {
    return followerPosition(this.#database.reader, follower, storeId);
  }

  /** The same for who goes after the messages of alerts, by their numbers. */
  beginAlerts(follower: string): Promise<void> {
    return this.#database.write(async (connection) => {
      const begun = await connection.run(
        "INSERT INTO followers VALUES ('', ?, 0) ON CONFLICT (store_id, follower) DO NOTHING",
        follower,
      );
      if (begun === 0) return;
      await connection.run(
        `INSERT INTO followers
         SELECT store_id, ?, max(message_number) FROM alert_messages WHERE true GROUP BY store_id
         ON CONFLICT (store_id, follower) DO NOTHING`,
        follower,
      );
    });
  }

  /** Stores with messages that a follower has not seen. */
  alertLags(follower: string, countMax: number): Promise<{ storeId: string }[]> {
    return this.#database.reader.all(
      `SELECT s.store_id AS storeId
       FROM (SELECT store_id FROM chain_heads UNION SELECT store_id FROM positions) s
       LEFT JOIN followers f ON f.store_id = s.store_id AND f.follower = ?
       WHERE (SELECT max(m.message_number) FROM alert_messages m WHERE m.store_id = s.store_id)
        > coalesce(f.entry_number, 0)
       ORDER BY s.store_id LIMIT ?`,
      ...[follower, countMax],
    );
  }

  /** Messages of alerts of a store after a number. */
  alerts(query: Parameters<typeof readAlertMessages>[1]): Promise<AlertMessage[]> {
    return readAlertMessages(this.#database.reader, query);
  }

  /** Says how far stores were told of their alerts, and lets go of what was told. */
  advanceAlerts(
    follower: string,
    positions: readonly (readonly [storeId: string, number: number])[],
  ): Promise<void> {
    const storeIds = positions.map(([storeId]) => storeId);
    return this.#database.write(async (connection) => {
      for (const [storeId, position] of positions) {
        await advanceFollower(connection, follower, storeId, position);
      }
      await dropAlertMessages(connection, positions);
    }, storeIds);
  }

  advance(follower: string, storeId: string, position: number): Promise<void> {
    return this.advanceAll(follower, [[storeId, position]]);
  }

  /** Several stores in one transaction. */
  advanceAll(
    follower: string,
    positions: readonly (readonly [storeId: string, position: number])[],
  ): Promise<void> {
    const storeIds = positions.map(([storeId]) => storeId);
    return this.#database.write(async (connection) => {
      for (const [storeId, position] of positions) {
        await advanceFollower(connection, follower, storeId, position);
      }
    }, storeIds);
  }
}
