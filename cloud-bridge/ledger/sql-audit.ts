// Who did what, where neither entries nor rows of their own say it: written in the transaction of the deed itself.

import type { SqlConnection } from "./database.ts";

export const auditTables = `
-- Numbered by store; '' is the whole chain.
CREATE TABLE IF NOT EXISTS audit (
  store_id TEXT NOT NULL, audit_number INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, actor TEXT NOT NULL,
  act TEXT NOT NULL, subject TEXT NOT NULL,
  PRIMARY KEY (store_id, audit_number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_subject ON audit (store_id, act, subject, audit_number);
`;

/** What is noted here. */
export const auditActs = [
  "count_policy_set",
  "count_items_set",
  "quarantine_reposted",
  "facts_posted",
  "epcis_captured",
  "epcis_query_added",
  "epcis_query_removed",
  "webhook_added",
  "webhook_removed",
  "webhook_retried",
  "claim_reserved",
  "claim_picked",
  "claim_handed_over",
  "claim_released",
  "return_inspected",
  "tag_named",
  "tag_renamed",
] as const;

/** One deed. */
export interface AuditRecord {
  /** Absent: of the whole chain. */
  readonly storeId?: string;
  readonly auditNumber: number;
  readonly atMs: number;
  readonly by: string;
  readonly act: (typeof auditActs)[number];
  /** What it was done to: an id, or a source of facts. */
  readonly subject: string;
}

/** Notes deeds; the caller's transaction holds their stores. */
export async function saveAudit(
  connection: SqlConnection,
  deeds: readonly Omit<AuditRecord, "auditNumber">[],
): Promise<void> {
  if (deeds.length === 0) return;
  await connection.run(
    `INSERT INTO audit (store_id, audit_number, at_ms, actor, act, subject)
     SELECT d.store_id, coalesce((SELECT max(a.audit_number) FROM audit a WHERE a.store_id = d.store_id), 0)
       + row_number() OVER (PARTITION BY d.store_id ORDER BY d.ordinal), d.at_ms, d.actor, d.act, d.subject
     FROM (SELECT value->>0 AS store_id, CAST(value->>1 AS INTEGER) AS ordinal,
        CAST(value->>2 AS INTEGER) AS at_ms, value->>3 AS actor, value->>4 AS act, value->>5 AS subject
       FROM json_each(?)) d`,
    JSON.stringify(
      deeds.map(({ storeId = "", atMs, by, act, subject }, at) => {
        return [storeId, at, atMs, by, act, subject];
      }),
    ),
  );
}

/**
 * Notes who sent the facts of sources, where it is somebody else than the last time: the facts themselves name source and
 * time, so that one row a change says who sent each.
 */
export async function saveSenders(
  connection: SqlConnection,
  senders: readonly { storeId: string; sourceId: string; by: string }[],
  atMs: number,
): Promise<void> {
  const known = await connection.all<{ storeId: string; sourceId: string; by: string | null }>(
    `SELECT k.value->>0 AS storeId, k.value->>1 AS sourceId,
            (SELECT a.actor FROM audit a WHERE a.store_id = k.value->>0 AND a.act = 'facts_posted'
              AND a.subject = k.value->>1 ORDER BY a.audit_number DESC LIMIT 1) AS by
     FROM json_each(?) k`,
    JSON.stringify(senders.map(({ storeId, sourceId }) => [storeId, sourceId])),
  );
  const last = new Map(known.map((row) => [`${row.storeId}/${row.sourceId}`, row.by]));
  const deeds = senders.flatMap(({ storeId, sourceId, by }) => {
    const source = `${storeId}/${sourceId}`;
    if (last.get(source) === by) return [];
    last.set(source, by);
    return [{ storeId, act: "facts_posted" as const, subject: sourceId, by, atMs }];
  });
  await saveAudit(connection, deeds);
}

/** Deeds in a store, or of the whole chain, in their order. */
export async function readAudit(
  connection: SqlConnection,
  query: { storeId?: string | undefined; afterNumber?: number | undefined; countMax: number },
): Promise<AuditRecord[]> {
  const { storeId = "", afterNumber = 0, countMax } = query;
  const rows = await connection.all<Omit<AuditRecord, "storeId">>(
    `SELECT audit_number AS auditNumber, at_ms AS atMs, actor AS by, act, subject FROM audit
     WHERE store_id = ? AND audit_number > ? ORDER BY audit_number LIMIT ?`,
    ...[storeId, afterNumber, countMax],
  );
  return storeId === "" ? rows : rows.map((row) => ({ storeId, ...row }));
}
