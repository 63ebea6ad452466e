// Which plans are new. Each change of a plan has the next number over all stores, so that who follows plans asks for those
// after the last one it saw, and reads nothing while nothing changes. Plans change one after the other (they wait for each
// other's transaction), so no number becomes visible after a greater one.

import type { SqlConnection } from "./database.ts";

/** Under what name it is kept which version of its plan each store was told. */
export const planFollower = "plan-topic";

export const planNewsTables = `
-- places_version: the last version of the plan that changed which places count in a level.
CREATE TABLE IF NOT EXISTS plan_news (
  store_id TEXT NOT NULL PRIMARY KEY,
  change_number INTEGER NOT NULL,
  places_version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS plan_news_number ON plan_news (change_number);
`;

/** The plan of a store as who publishes plans sees it. */
export interface PlanNews {
  readonly storeId: string;
  readonly version: number;
  readonly changeNumber: number;
  readonly placesVersion: number;
  /** The version that is kept as published; 0 for none. */
  readonly publishedVersion: number;
}

/** Says that a store's plan is another; `placesVersion` where other places count in its levels now. */
export async function notePlan(
  connection: SqlConnection,
  storeId: string,
  placesVersion = 0,
): Promise<void> {
  await connection.run(
    `INSERT INTO plan_news (store_id, change_number, places_version)
     VALUES (?, (SELECT coalesce(max(change_number), 0) + 1 FROM plan_news), ?)
     ON CONFLICT (store_id) DO UPDATE SET change_number = excluded.change_number,
       places_version = max(excluded.places_version, plan_news.places_version)`,
    ...[storeId, placesVersion],
  );
}

/** Plans that changed after a number, in order. Without one those of all stores: of a ledger that did not number them too. */
export async function readPlanNews(
  connection: SqlConnection,
  query?: { readonly afterNumber: number; readonly countMax: number },
): Promise<PlanNews[]> {
  const [source, order, values] =
    query === undefined
      ? ["plans p LEFT JOIN plan_news n ON n.store_id = p.store_id", "p.store_id", []]
      : [
          `(SELECT * FROM plan_news WHERE change_number > ? ORDER BY change_number LIMIT ?) n
           JOIN plans p ON p.store_id = n.store_id`,
          "n.change_number",
          [query.afterNumber, query.countMax],
        ];
  return await connection.all<PlanNews>(
    `SELECT p.store_id AS storeId, p.version, coalesce(n.change_number, 0) AS changeNumber,
            coalesce(n.places_version, 0) AS placesVersion,
            coalesce(f.entry_number, 0) AS publishedVersion
     FROM ${source} LEFT JOIN followers f ON f.store_id = p.store_id AND f.follower = ?
     ORDER BY ${order}`,
    ...[...values, planFollower],
  );
}
