// What is kept from being promised, as it stands and as it was: each change with who made it.

import type { Author } from "./author.ts";
import type { Withheld } from "./availability.ts";
import type { SqlConnection } from "./database.ts";

export const withheldTables = `
-- Units that are not promised: to a channel, or ('*') to any; of a GTIN, or ('*') of all others.
CREATE TABLE IF NOT EXISTS withheld (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL, channel TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (store_id, gtin, channel)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withheld_changes (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL, channel TEXT NOT NULL, change_number INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  PRIMARY KEY (store_id, gtin, channel, change_number)
) WITHOUT ROWID;
`;

/** What is withheld; who said so is absent for what was said before that was written down. */
export interface WithheldRow extends Withheld {
  readonly changedAtMs?: number;
  readonly changedBy?: string;
}

/** Sets how many units are withheld; zero withholds none, whatever is said of all GTINs. */
export async function saveWithheld(
  connection: SqlConnection,
  { storeId, gtin, channel, quantity }: Withheld,
  { by, nowMs }: Author,
): Promise<void> {
  const key = [storeId, gtin, channel];
  await connection.run(
    `INSERT INTO withheld VALUES (?, ?, ?, ?)
     ON CONFLICT (store_id, gtin, channel) DO UPDATE SET quantity = excluded.quantity`,
    ...[...key, quantity],
  );
  const [last] = await connection.all<{ number: number }>(
    `SELECT coalesce(max(change_number), 0) AS number FROM withheld_changes
     WHERE store_id = ? AND gtin = ? AND channel = ?`,
    ...key,
  );
  await connection.run(
    "INSERT INTO withheld_changes VALUES (?, ?, ?, ?, ?, ?, ?)",
    ...[...key, (last?.number ?? 0) + 1, quantity, nowMs, by],
  );
}

/** What a store withholds, in order of GTIN and channel, each with its last change. */
export async function readWithheld(
  connection: SqlConnection,
  query: {
    readonly storeId: string;
    readonly after?: readonly [gtin: string, channel: string] | undefined;
    readonly countMax: number;
  },
): Promise<WithheldRow[]> {
  const { storeId, after: [gtin, channel] = ["", ""], countMax } = query;
  const rows = await connection.all<
    Withheld & { changedAtMs: number | null; changedBy: string | null }
  >(
    `SELECT w.store_id AS storeId, w.gtin, w.channel, w.quantity,
            c.changed_at_ms AS changedAtMs, c.changed_by AS changedBy
     FROM withheld w LEFT JOIN withheld_changes c
      ON c.store_id = w.store_id AND c.gtin = w.gtin AND c.channel = w.channel
      AND c.change_number = (SELECT max(l.change_number) FROM withheld_changes l
        WHERE l.store_id = w.store_id AND l.gtin = w.gtin AND l.channel = w.channel)
     WHERE w.store_id = ? AND (w.gtin > ? OR (w.gtin = ? AND w.channel > ?))
     ORDER BY w.gtin, w.channel LIMIT ?`,
    ...[storeId, gtin, gtin, channel, countMax],
  );
  return rows.map(({ changedAtMs, changedBy, ...row }) =>
    changedAtMs === null || changedBy === null ? row : { ...row, changedAtMs, changedBy },
  );
}
