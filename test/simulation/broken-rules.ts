// Rules of delivery, each broken from outside at a seam of the simulation: what the oracle must find.

import {
  type LedgerDatabase,
  type SqlConnection,
  type SqlValue,
  StatementError,
} from "../../cloud-bridge/ledger/database.ts";
import type { Batch } from "../../contract/delivery.ts";
import { errorCodeOf } from "../../contract/errors.ts";
import type { Appended, OutboxReader } from "../../edge/buffer/outbox.ts";

/** Where a world can be broken; what is absent stays sound. */
export interface BrokenRule {
  /** What the ledger uses of its database. */
  readonly database?: (database: LedgerDatabase) => LedgerDatabase;
  /** An answer before the uplink reads it; `sentNonce` is that of the last message. */
  readonly answer?: (
    payload: Uint8Array,
    edge: { outbox: OutboxReader; sentNonce: string },
  ) => Promise<Uint8Array>;
  /** What an append came to, before whoever handed it in hears of it. */
  readonly stored?: (stored: Promise<Appended>, outbox: OutboxReader) => Promise<Appended>;
  /** Of the uplink: how much of the range that grows with its time-outs it waits. */
  readonly uplinkChance?: () => number;
  /** After a batch went out to the broker. */
  readonly published?: (batch: Batch, outbox: OutboxReader) => Promise<void>;
}

type Fields = Record<string, unknown>;

/** A broken rule that changes fields of an answer. */
function changedAnswer(
  change: (answer: Fields, edge: { outbox: OutboxReader; sentNonce: string }) => Promise<Fields>,
): BrokenRule {
  return {
    answer: async (payload, edge) => {
      let answer: unknown;
      try {
        answer = JSON.parse(Buffer.from(payload).toString());
      } catch {
        return payload;
      }
      if (typeof answer !== "object" || answer === null) return payload;
      const changed = await change(answer as Fields, edge);
      return Buffer.from(JSON.stringify({ ...answer, ...changed }));
    },
  };
}

type Run = (connection: SqlConnection, sql: string, values: SqlValue[]) => Promise<number>;

/** A ledger whose transactions write something else; `create` makes one for each process. */
function changedWrites(create: () => Run): BrokenRule {
  return {
    database: (database) => {
      const run = create();
      const changed = (connection: SqlConnection): SqlConnection => ({
        all: (sql, ...values) => connection.all(sql, ...values),
        run: (sql, ...values) => run(connection, sql, values),
      });
      return {
        ...passedOn(database),
        write: (work, storeIds) =>
          database.write((connection) => work(changed(connection)), storeIds),
      };
    },
  };
}

type KnownPosition = { outboxId: string; throughSequence: number; throughDigest: string };

function knownPositions(connection: SqlConnection): Promise<KnownPosition[]> {
  return connection.all(
    `SELECT outbox_id AS outboxId, through_sequence AS throughSequence,
       through_digest AS throughDigest FROM positions`,
  );
}

/** A connection that gives positions as they were `known`, but for those that it moved itself. */
function trusting(known: readonly KnownPosition[], connection: SqlConnection): SqlConnection {
  let trusted = known;
  let hasMoved = false;
  return {
    run: async (sql, ...values) => {
      // The log itself refuses what it has, and nothing would be posted twice: that second guard is off too.
      const isLog = sql.startsWith("INSERT INTO event_log");
      const count = await connection.run(isLog ? `${sql} ON CONFLICT DO NOTHING` : sql, ...values);
      if (sql.startsWith("INSERT INTO positions")) hasMoved = true;
      if (sql === "ROLLBACK TO attempt") hasMoved = false;
      if (sql === "RELEASE attempt" && hasMoved) trusted = await knownPositions(connection);
      return count;
    },
    all: async <Row>(sql: string, ...values: SqlValue[]) => {
      const rows = await connection.all<Row & { positions?: string }>(sql, ...values);
      const [view] = rows;
      if (view?.positions === undefined) return rows;
      const positions = (JSON.parse(view.positions) as KnownPosition[]).flatMap((position) => {
        const before = trusted.find(({ outboxId }) => outboxId === position.outboxId);
        return before === undefined ? [] : [{ ...position, ...before }];
      });
      return [{ ...view, positions: JSON.stringify(positions) }];
    },
  };
}

/** Everything of a database but its writes. */
export function passedOn(database: LedgerDatabase): Omit<LedgerDatabase, "write"> {
  return {
    reader: database.reader,
    snapshot: (work) => database.snapshot(work),
    close: () => database.close(),
    abandon: () => database.abandon(),
  };
}

/** The broken rules by their names. */
export const brokenRules: Readonly<Record<string, BrokenRule>> = {
  "answers before the commit": {
    database: (database) => ({
      ...passedOn(database),
      write: (work) =>
        new Promise((resolve, reject) => {
          // What is answered stays answered, whatever becomes of the transaction.
          const written = database.write(async (connection) => {
            const value = await work(connection);
            resolve(value);
            return value;
          });
          written.catch(reject);
        }),
    }),
  },
  "forgets every seventh position that a batch moved": changedWrites(() => {
    let count = 0;
    return async (connection, sql, values) => {
      if (sql.startsWith("INSERT INTO event_log")) {
        return await connection.run(`${sql} ON CONFLICT DO NOTHING`, ...values);
      }
      if (!sql.startsWith("INSERT INTO positions")) return await connection.run(sql, ...values);
      count += 1;
      return count % 7 === 0 ? 0 : await connection.run(sql, ...values);
    };
  }),
  "posts from positions that it knew before the ledger was its own": {
    database: (database) => ({
      ...passedOn(database),
      write: async (work, storeIds) => {
        const known = await knownPositions(database.reader);
        return await database.write((connection) => work(trusting(known, connection)), storeIds);
      },
    }),
  },
  "drops declared gaps": changedWrites(() => async (connection, sql, values) => {
    if (!sql.startsWith("INSERT INTO event_log")) return await connection.run(sql, ...values);
    const rows = JSON.parse(String(values[0])) as SqlValue[][];
    const kept = rows.filter((cells) => !cells.includes("gap"));
    return await connection.run(sql, JSON.stringify(kept));
  }),
  "answers what a full disk did not take": {
    database: (database) => ({
      ...passedOn(database),
      write: async (work) => {
        try {
          return await database.write(work);
        } catch (error) {
          if (!String(error).includes("SQLITE_FULL")) throw error;
          return await work({ all: database.reader.all.bind(database.reader), run: async () => 0 });
        }
      },
    }),
  },
  "leaves events where an untrue clock had placed them": changedWrites(
    () => async (connection, sql, values) =>
      sql.startsWith("UPDATE entries SET placed_at_ms") ? 0 : await connection.run(sql, ...values),
  ),
  "passes over rows that the database refuses": changedWrites(
    () => async (connection, sql, values) => {
      try {
        return await connection.run(sql, ...values);
      } catch (error) {
        if (!(error instanceof StatementError)) throw error;
        return 0;
      }
    },
  ),
  "posts a group again without undoing it": changedWrites(
    () => async (connection, sql, values) =>
      sql === "ROLLBACK TO attempt" ? 0 : await connection.run(sql, ...values),
  ),
  "calls stored what did not fit on the disk": {
    stored: async (stored, outbox) => {
      try {
        return await stored;
      } catch (error) {
        if (errorCodeOf(error) !== "OUTBOX_FULL") throw error;
        const { lastSequence } = outbox.position();
        return { firstSequence: lastSequence + 1, lastSequence, refused: [] };
      }
    },
  },
  "deletes what the broker has": {
    published: async (batch, outbox) => {
      const last = batch.events.at(-1) as { sequence?: number; lastSequence?: number } | undefined;
      const sequence = last?.lastSequence ?? last?.sequence;
      const { outboxId, ledgerEpoch } = outbox.position();
      if (sequence === undefined || outboxId !== batch.outboxId) return;
      const digest = await outbox.digestAt(sequence);
      if (digest !== undefined) await outbox.acknowledge(sequence, digest, ledgerEpoch);
    },
  },
  "takes an acknowledgement whose digest differs": changedAnswer(async (answer, { outbox }) => {
    const { throughSequence, code: _code } = answer;
    if (typeof throughSequence !== "number" || throughSequence < 0) return {};
    if (throughSequence > outbox.position().lastSequence) return {};
    const digest = await outbox.digestAt(throughSequence);
    return digest === undefined ? {} : { throughDigest: digest, code: undefined };
  }),
  "takes an answer of an older epoch": changedAnswer(async (answer, { outbox }) => {
    const { ledgerEpoch } = outbox.position();
    const { ledgerEpoch: said } = answer;
    return typeof said === "number" && said < ledgerEpoch ? { ledgerEpoch } : {};
  }),
  "waits no longer after a time-out": { uplinkChance: () => 0 },
  "takes an echo for an answer": changedAnswer(async (answer, { sentNonce }) =>
    "throughSequence" in answer ? { nonce: sentNonce } : {},
  ),
};
