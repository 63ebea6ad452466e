// Subscriptions, how far each has been told of each store, and deliveries that were given up. What is told stands in the
// ledger's own tables, so a delivery is no more than a range of numbers and can be made again at any time.

import type { WebhookKind } from "../../contract/webhook.ts";
import type { StoredAlert } from "./alerts.ts";
import type { Author } from "./author.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { readAlertsAfter } from "./sql-alerts.ts";
import { saveAudit } from "./sql-audit.ts";

export const webhookTables = `
CREATE TABLE IF NOT EXISTS webhooks (
  webhook_id TEXT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL, kinds TEXT NOT NULL, stores TEXT NOT NULL,
  secret TEXT, secret_file TEXT,
  created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
-- pending_through: a delivery from position + 1 to it was begun, and stays that delivery until it is taken or given up.
CREATE TABLE IF NOT EXISTS webhook_cursors (
  store_id TEXT NOT NULL, webhook_id TEXT NOT NULL, kind TEXT NOT NULL,
  position INTEGER NOT NULL, pending_through INTEGER,
  attempt_count INTEGER NOT NULL, next_attempt_at_ms INTEGER NOT NULL, last_error TEXT,
  PRIMARY KEY (store_id, webhook_id, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook_dead (
  store_id TEXT NOT NULL, webhook_id TEXT NOT NULL, kind TEXT NOT NULL, first_number INTEGER NOT NULL,
  last_number INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL, error TEXT NOT NULL, dead_at_ms INTEGER NOT NULL,
  retry_at_ms INTEGER,
  PRIMARY KEY (store_id, webhook_id, kind, first_number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_dead_retry ON webhook_dead (retry_at_ms) WHERE retry_at_ms IS NOT NULL;
`;

/** Subscriptions there can be. */
export const webhookCountMax = 100;

/** Deliveries of a subscription that are kept after they were given up. */
export const deadDeliveryCountMax = 10_000;

/** Who is told what. */
export interface Webhook {
  readonly webhookId: string;
  readonly url: string;
  readonly kinds: readonly WebhookKind[];
  /** None: all stores. */
  readonly stores: readonly string[];
  readonly secretFile?: string;
  readonly createdAtMs: number;
}

/** With what its deliveries are signed, where no file holds it. */
export interface SecretWebhook extends Webhook {
  readonly secret?: string;
}

/** What one subscription is told of one store. */
export interface Stream {
  readonly webhookId: string;
  readonly storeId: string;
  readonly kind: WebhookKind;
}

/** A stream with something to tell, or a delivery that is to be made again. */
export interface DueDelivery extends Stream {
  readonly firstNumber: number;
  /** Fixed where it was begun before. */
  readonly lastNumber: number | undefined;
  readonly attemptCount: number;
  readonly isDead: boolean;
}

/** A delivery that was given up. */
export interface DeadDelivery extends Stream {
  readonly firstNumber: number;
  readonly lastNumber: number;
  readonly attemptCount: number;
  readonly error: string;
  readonly deadAtMs: number;
}

/** How a subscription does. */
export interface WebhookStanding {
  readonly webhookId: string;
  readonly storeId: string;
  readonly kind: WebhookKind;
  readonly position: number;
  readonly attemptCount: number;
  readonly lastError?: string;
}

// How far each kind could be told: entries, what follows from them, and alerts.
const heads = `(SELECT store_id, 'entries' AS source, entry_number AS head FROM chain_heads
  UNION ALL SELECT s.store_id, 'alerts', coalesce((SELECT max(alert_id) FROM alerts a WHERE a.store_id = s.store_id), 0)
  FROM (SELECT store_id FROM chain_heads UNION SELECT store_id FROM positions) s)`;
const sourceOf = (kind: WebhookKind) => (kind === "alerts" ? "alerts" : "entries");

type Key = [storeId: string, webhookId: string, kind: string];
const keyOf = ({ storeId, webhookId, kind }: Stream): Key => [storeId, webhookId, kind];
const whereKey = "store_id = ? AND webhook_id = ? AND kind = ?";

/** Webhooks in the ledger. */
export class SqlWebhooks {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Adds one, told from now on or from the first entry; false when there are `webhookCountMax`. */
  add(webhook: SecretWebhook, from: "first" | "now", by: string): Promise<boolean> {
    return this.#database.write(async (connection) => {
      const [row] = await connection.all<{ count: number }>(
        "SELECT count(*) AS count FROM webhooks",
      );
      if (row!.count >= webhookCountMax) return false;
      const { webhookId, url, kinds, stores, secret, secretFile, createdAtMs } = webhook;
      await connection.run(
        `INSERT INTO webhooks (webhook_id, url, kinds, stores, secret, secret_file, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ...[webhookId, url, JSON.stringify(kinds), JSON.stringify(stores)],
        ...[secret ?? null, secretFile ?? null, createdAtMs],
      );
      const deed = { act: "webhook_added", subject: webhookId, by, atMs: createdAtMs } as const;
      await saveAudit(connection, [deed]);
      if (from === "first") return true;
      await connection.run(
        `INSERT INTO webhook_cursors (store_id, webhook_id, kind, position, attempt_count, next_attempt_at_ms)
         SELECT h.store_id, ?, k.value->>0, h.head, 0, 0 FROM json_each(?) k
         JOIN ${heads} h ON h.source = k.value->>1`,
        ...[webhookId, JSON.stringify(kinds.map((kind) => [kind, sourceOf(kind)]))],
      );
      return true;
    });
  }

  /** Ends a subscription, with what it was still to be told; false where there is none. */
  remove(webhookId: string, { by, nowMs }: Author): Promise<boolean> {
    return this.#database.write(async (connection) => {
      for (const table of ["webhook_cursors", "webhook_dead"]) {
        await connection.run(`DELETE FROM ${table} WHERE webhook_id = ?`, webhookId);
      }
      const count = await connection.run("DELETE FROM webhooks WHERE webhook_id = ?", webhookId);
      if (count === 0) return false;
      const deed = { act: "webhook_removed", subject: webhookId, by, atMs: nowMs } as const;
      await saveAudit(connection, [deed]);
      return true;
    });
  }

  /** All of them, with their secrets: for who signs. */
  async secretList(): Promise<SecretWebhook[]> {
    const rows = await this.#database.reader.all<
      Omit<SecretWebhook, "kinds" | "stores"> & { kinds: string; stores: string }
    >(
      `SELECT webhook_id AS webhookId, url, kinds, stores, secret, secret_file AS secretFile,
              created_at_ms AS createdAtMs FROM webhooks ORDER BY created_at_ms, webhook_id`,
    );
    return rows.map(({ kinds, stores, secret, secretFile, ...row }) => ({
      ...row,
      ...{ kinds: JSON.parse(kinds), stores: JSON.parse(stores) },
      ...(secret === null ? {} : { secret: secret! }),
      ...(secretFile === null ? {} : { secretFile: secretFile! }),
    }));
  }

  async list(): Promise<Webhook[]> {
    return (await this.secretList()).map(({ secret: _secret, ...webhook }) => webhook);
  }

  /** Streams that wait for another attempt. */
  async failing(): Promise<WebhookStanding[]> {
    const rows = await this.#database.reader.all<WebhookStanding>(
      `SELECT webhook_id AS webhookId, store_id AS storeId, kind, position,
              attempt_count AS attemptCount, last_error AS lastError
       FROM webhook_cursors WHERE attempt_count > 0 ORDER BY webhook_id, store_id, kind LIMIT 1000`,
    );
    return rows;
  }

  /** Alerts of a store in the order of their numbers. */
  alerts(query: Parameters<typeof readAlertsAfter>[1]): Promise<StoredAlert[]> {
    return readAlertsAfter(this.#database.reader, query);
  }

  /** What is to be delivered now, at most one delivery of a stream. */
  async due(webhooks: readonly Webhook[], nowMs: number, countMax: number): Promise<DueDelivery[]> {
    const pairs = webhooks.flatMap(({ webhookId, kinds, stores }) =>
      kinds.map((kind) => [webhookId, kind, sourceOf(kind), Number(stores.length === 0)]),
    );
    const named = webhooks.flatMap(({ webhookId, stores }) => stores.map((id) => [webhookId, id]));
    const rows = await this.#database.reader.all<
      Omit<DueDelivery, "isDead" | "lastNumber"> & { lastNumber: number | null }
    >(
      `SELECT k.value->>0 AS webhookId, h.store_id AS storeId, k.value->>1 AS kind,
              coalesce(c.position, 0) + 1 AS firstNumber, c.pending_through AS lastNumber,
              coalesce(c.attempt_count, 0) AS attemptCount
       FROM json_each(?) k JOIN ${heads} h ON h.source = k.value->>2
       LEFT JOIN webhook_cursors c
         ON c.store_id = h.store_id AND c.webhook_id = k.value->>0 AND c.kind = k.value->>1
       WHERE h.head > coalesce(c.position, 0) AND coalesce(c.next_attempt_at_ms, 0) <= ?
        AND (k.value->>3 = 1 OR EXISTS (SELECT 1 FROM json_each(?) s
          WHERE s.value->>0 = k.value->>0 AND s.value->>1 = h.store_id))
       ORDER BY coalesce(c.next_attempt_at_ms, 0), h.store_id, k.value->>0 LIMIT ?`,
      ...[JSON.stringify(pairs), nowMs, JSON.stringify(named), countMax],
    );
    const again = await this.#database.reader.all<Omit<DueDelivery, "isDead">>(
      `SELECT webhook_id AS webhookId, store_id AS storeId, kind, first_number AS firstNumber,
              last_number AS lastNumber, attempt_count AS attemptCount
       FROM webhook_dead WHERE retry_at_ms <= ? ORDER BY retry_at_ms, store_id, first_number LIMIT ?`,
      ...[nowMs, countMax],
    );
    return [
      ...again.map((row) => ({ ...row, isDead: true })),
      ...rows.map((row) => ({ ...row, lastNumber: row.lastNumber ?? undefined, isDead: false })),
    ];
  }

  /** Says which numbers a delivery covers, before it is sent for the first time. */
  begin(stream: Stream, firstNumber: number, lastNumber: number): Promise<void> {
    return this.#database.write(async (connection) => {
      await connection.run(
        `INSERT INTO webhook_cursors
           (store_id, webhook_id, kind, position, pending_through, attempt_count, next_attempt_at_ms)
         SELECT ?, ?, ?, ?, ?, 0, 0 WHERE EXISTS (SELECT 1 FROM webhooks WHERE webhook_id = ?)
         ON CONFLICT (store_id, webhook_id, kind) DO UPDATE SET pending_through = excluded.pending_through`,
        ...[...keyOf(stream), firstNumber - 1, lastNumber, stream.webhookId],
      );
    });
  }

  /** A delivery was taken; there was nothing to tell is the same. */
  taken(due: DueDelivery, lastNumber: number): Promise<void> {
    return this.#database.write(async (connection) => {
      if (due.isDead) await forgetDead(connection, due);
      else await moveOn(connection, due, lastNumber);
    });
  }

  /** An attempt failed; the next one is at a time. */
  failed(due: DueDelivery, failure: { error: string; nextAttemptAtMs: number }): Promise<void> {
    return this.#database.write(async (connection) => {
      await connection.run(
        `UPDATE webhook_cursors SET attempt_count = ?, next_attempt_at_ms = ?, last_error = ? WHERE ${whereKey}`,
        ...[due.attemptCount + 1, failure.nextAttemptAtMs, failure.error, ...keyOf(due)],
      );
    });
  }

  /**
   * A delivery is given up: it goes to the dead ones, and the stream moves on. Gives how many older ones were
   * forgotten for it.
   */
  gaveUp(
    due: DueDelivery,
    { error, nowMs, lastNumber }: { error: string; nowMs: number; lastNumber: number },
  ): Promise<number> {
    return this.#database.write(async (connection) => {
      await connection.run(
        `INSERT INTO webhook_dead
           (store_id, webhook_id, kind, first_number, last_number, attempt_count, error, dead_at_ms)
         SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM webhooks WHERE webhook_id = ?)
         ON CONFLICT (store_id, webhook_id, kind, first_number) DO UPDATE SET
           attempt_count = excluded.attempt_count, error = excluded.error, retry_at_ms = NULL`,
        ...[...keyOf(due), due.firstNumber, lastNumber, due.attemptCount + 1, error, nowMs],
        due.webhookId,
      );
      if (!due.isDead) await moveOn(connection, due, lastNumber);
      return await trimDead(connection, due.webhookId);
    });
  }

  /** Deliveries that were given up, the oldest first. */
  dead(query: {
    webhookId?: string;
    /** The last one of the page before, of the same subscription. */
    after?: readonly [deadAtMs: number, storeId: string, kind: string, firstNumber: number];
    countMax: number;
  }): Promise<DeadDelivery[]> {
    return this.#database.reader.all<DeadDelivery>(
      `SELECT webhook_id AS webhookId, store_id AS storeId, kind, first_number AS firstNumber,
              last_number AS lastNumber, attempt_count AS attemptCount, error, dead_at_ms AS deadAtMs
       FROM webhook_dead WHERE webhook_id = coalesce(?, webhook_id)
        AND (dead_at_ms, store_id, kind, first_number) > (?, ?, ?, ?)
       ORDER BY dead_at_ms, store_id, kind, first_number, webhook_id LIMIT ?`,
      ...[query.webhookId ?? null, ...(query.after ?? [-1, "", "", 0]), query.countMax],
    );
  }

  /** Has dead deliveries made again: all of a subscription, or one; gives how many. */
  retry(
    query: { webhookId: string } & Partial<Pick<DeadDelivery, "storeId" | "kind" | "firstNumber">>,
    { by, nowMs }: Author,
  ): Promise<number> {
    const { webhookId, storeId, kind, firstNumber } = query;
    return this.#database.write(async (connection) => {
      const count = await connection.run(
        `UPDATE webhook_dead SET retry_at_ms = ? WHERE webhook_id = ? AND store_id = coalesce(?, store_id)
          AND kind = coalesce(?, kind) AND first_number = coalesce(?, first_number)`,
        ...[nowMs, webhookId, storeId ?? null, kind ?? null, firstNumber ?? null],
      );
      const deed = { act: "webhook_retried", subject: webhookId, by, atMs: nowMs } as const;
      if (count > 0) await saveAudit(connection, [deed]);
      return count;
    });
  }
}

async function moveOn(
  connection: SqlConnection,
  stream: Stream & { readonly firstNumber: number },
  position: number,
): Promise<void> {
  await connection.run(
    `INSERT INTO webhook_cursors (store_id, webhook_id, kind, position, attempt_count, next_attempt_at_ms)
     SELECT ?, ?, ?, ?, 0, 0 WHERE EXISTS (SELECT 1 FROM webhooks WHERE webhook_id = ?)
     ON CONFLICT (store_id, webhook_id, kind) DO UPDATE SET position = excluded.position,
       pending_through = NULL, attempt_count = 0, next_attempt_at_ms = 0, last_error = NULL`,
    ...[...keyOf(stream), position, stream.webhookId],
  );
}

async function trimDead(connection: SqlConnection, webhookId: string): Promise<number> {
  return await connection.run(
    `DELETE FROM webhook_dead WHERE webhook_id = ? AND dead_at_ms <= coalesce((
       SELECT dead_at_ms FROM webhook_dead WHERE webhook_id = ?
       ORDER BY dead_at_ms DESC LIMIT 1 OFFSET ${deadDeliveryCountMax}), -1)`,
    ...[webhookId, webhookId],
  );
}

async function forgetDead(connection: SqlConnection, due: DueDelivery): Promise<void> {
  await connection.run(
    `DELETE FROM webhook_dead WHERE ${whereKey} AND first_number = ?`,
    ...[...keyOf(due), due.firstNumber],
  );
}
