// Leases in PostgreSQL: advisory locks of one session. They live as long as the session: the server ends it when the
// worker is killed, and when it says nothing for too long (it was stopped, or its machine is gone).

import { PostgresConnection, type PostgresOptions } from "../ledger/postgres.ts";
import type { LeaseLook } from "./lease-plan.ts";

/** Classes of advisory locks: a worker's presence, and a lease. Others are in ledger/postgres-database.ts. */
const presenceClass = 0x60_10;
const leaseClass = 0x60_11;
const channel = "gondola_posted";

/** One worker's session. Every call may reject with `TransientError`: then all leases are lost. */
export class LeaseSession {
  readonly #connection: PostgresConnection;

  private constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  /** Connects and says that this worker is there. `leaseMs`: silence after which the server ends the session. */
  static async open(
    options: PostgresOptions,
    leaseMs: number,
    onNotification: (payload: string) => void,
  ): Promise<LeaseSession> {
    const connection = await PostgresConnection.open(options, "leases");
    try {
      await connection.native(`SET idle_session_timeout = ${leaseMs}`);
      await connection.native(`SELECT pg_advisory_lock(${presenceClass}, pg_backend_pid())`);
      await connection.listen(channel, onNotification);
      return new LeaseSession(connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Who is there, and what is held. */
  async look(): Promise<LeaseLook> {
    const rows = await this.#connection.native<{ kind: string; lease: number; isMine: string }>(
      `SELECT CASE classid::bigint WHEN ${presenceClass} THEN 'worker' ELSE 'lease' END AS kind,
         objid::bigint AS lease, (pid = pg_backend_pid())::text AS "isMine"
       FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND objsubid = 2
         AND classid::bigint IN (${presenceClass}, ${leaseClass})
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    const leases = rows.filter(({ kind }) => kind === "lease");
    return {
      memberCount: rows.length - leases.length,
      taken: new Set(leases.map(({ lease }) => lease)),
      held: new Set(leases.filter(({ isMine }) => isMine === "true").map(({ lease }) => lease)),
    };
  }

  /** Tries to take leases; gives those that it got. */
  async take(leases: readonly number[]): Promise<number[]> {
    if (leases.length === 0) return [];
    const rows = await this.#connection.native<{ lease: number; isTaken: string }>(
      `SELECT lease, pg_try_advisory_lock(${leaseClass}, lease)::text AS "isTaken"
       FROM unnest($1::int[]) lease`,
      `{${leases.join(",")}}`,
    );
    return rows.filter(({ isTaken }) => isTaken === "true").map(({ lease }) => lease);
  }

  async give(lease: number): Promise<void> {
    await this.#connection.native(`SELECT pg_advisory_unlock(${leaseClass}, ${lease})`);
  }

  /** Tells all workers, this one too. At most 7,900 bytes. */
  async notify(payload: string): Promise<void> {
    await this.#connection.native("SELECT pg_notify($1, $2)", channel, payload);
  }

  /** Ends the session, and with it all leases. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Cuts the session, whatever runs. */
  abandon(): void {
    this.#connection.abandon();
  }
}
