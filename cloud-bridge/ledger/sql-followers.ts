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

/** What is followed, and how far it goes in each store: entries, or the messages of alerts (those that are not told yet). */
const headsOf = {
  entries: "(SELECT store_id, entry_number AS head FROM chain_heads)",
  alerts: "(SELECT store_id, max(message_number) AS head FROM alert_messages GROUP BY store_id)",
};
type Followed = keyof typeof headsOf;

/** A store with entries that a follower has not seen. */
export interface Lag {
  readonly storeId: string;
  readonly position: number;
  readonly head: number;
}

/** Lets a follower begin: with what comes from now on, or with the first one. Does nothing the next time. */
export async function beginFollower(
  connection: SqlConnection,
  follower: string,
  from: "first" | "now",
  followed: Followed = "entries",
): Promise<void> {
  const begun = await connection.run(
    "INSERT INTO followers VALUES ('', ?, 0) ON CONFLICT (store_id, follower) DO NOTHING",
    follower,
  );
  if (begun === 0 || from === "first") return;
  await connection.run(
    `INSERT INTO followers SELECT store_id, ?, head FROM ${headsOf[followed]} h WHERE true
     ON CONFLICT (store_id, follower) DO NOTHING`,
    follower,
  );
}

/** Stores where the follower has work, at most `countMax`; `stepCount` of what it follows at least. */
export async function followerLags(
  connection: SqlConnection,
  follower: string,
  countMax: number,
  stepCount = 1,
  followed: Followed = "entries",
): Promise<Lag[]> {
  return await connection.all<Lag>(
    `SELECT h.store_id AS storeId, coalesce(f.entry_number, 0) AS position, h.head
     FROM ${headsOf[followed]} h LEFT JOIN followers f ON f.store_id = h.store_id AND f.follower = ?
     WHERE h.head >= coalesce(f.entry_number, 0) + ?
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

/** How far stores have come. */
type Positions = readonly (readonly [storeId: string, position: number])[];

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
    return this.#database.write((connection) =>
      beginFollower(connection, follower, "now", "alerts"),
    );
  }

  alertLags(follower: string, countMax: number): Promise<Lag[]> {
    return followerLags(this.#database.reader, follower, countMax, 1, "alerts");
  }

  /** Messages of alerts of a store after a number. */
  alerts(query: Parameters<typeof readAlertMessages>[1]): Promise<AlertMessage[]> {
    return readAlertMessages(this.#database.reader, query);
  }

  /** Says how far stores were told of their alerts, and lets go of what was told. */
  advanceAlerts(follower: string, positions: Positions): Promise<void> {
    return this.#advance(follower, positions, dropAlertMessages);
  }

  advance(follower: string, storeId: string, position: number): Promise<void> {
    return this.advanceAll(follower, [[storeId, position]]);
  }

  /** Several stores in one transaction. */
  advanceAll(follower: string, positions: Positions): Promise<void> {
    return this.#advance(follower, positions);
  }

  #advance(
    follower: string,
    positions: Positions,
    then?: (connection: SqlConnection, positions: Positions) => Promise<void>,
  ): Promise<void> {
    const storeIds = positions.map(([storeId]) => storeId);
    return this.#database.write(async (connection) => {
      for (const [storeId, position] of positions) {
        await advanceFollower(connection, follower, storeId, position);
      }
      await then?.(connection, positions);
    }, storeIds);
  }
}
