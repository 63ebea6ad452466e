// The ledger on SQLite: one connection writes, one transaction at a time; another reads. A group is one
// transaction; what fails in it is retried batch by batch, then event by event, under savepoints.

import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Alert, Entry, StockLevel } from "../../contract/stock.ts";
import type { StoredAlert } from "./alerts.ts";
import { contentOf, type PreparedBatch, partsOf, prepareBatch } from "./batch-items.ts";
import { ClaimQueue } from "./claim-queue.ts";
import {
  type Claim,
  type ClaimOutcome,
  type ClaimRequest,
  claimAt,
  type Withheld,
} from "./claims.ts";
import { postAgain, postGroup } from "./ledger.ts";
import { SqliteConnection, type SqliteOptions, StatementError } from "./sqlite.ts";
import {
  acknowledgeAlert,
  muteAlert,
  raiseSilences,
  readAlerts,
  saveAlerts,
} from "./sqlite-alerts.ts";
import { decideClaims, readAvailability, readClaims, saveWithheld } from "./sqlite-claims.ts";
import { settleDue } from "./sqlite-flow.ts";
import { loadEventView, loadGroupView } from "./sqlite-load.ts";
import { savePlan } from "./sqlite-plan.ts";
import {
  readDeclaredLosses,
  readEntries,
  readNotices,
  readPlan,
  readPositions,
  readQuarantine,
  readSales,
  readStockLevels,
  readTasks,
} from "./sqlite-read.ts";
import { saveChanges, saveRepost } from "./sqlite-save.ts";
import { additions, tables, tablesVersion } from "./sqlite-tables.ts";
import { verifyLedger } from "./sqlite-verify.ts";
import type {
  Committed,
  CountTask,
  DeclaredLoss,
  Incoming,
  Ledger,
  Notice,
  OutboxStanding,
  Posted,
  QuarantinedEvent,
  RepostResult,
  SaleRow,
  VerifyReport,
} from "./types.ts";

/** How a ledger is opened; `nowMs` is the epoch of a new one. */
export interface SqliteLedgerOptions extends SqliteOptions {
  readonly nowMs: number;
}

/** A ledger in a SQLite file. */
export class SqliteLedger implements Ledger {
  readonly #options: SqliteLedgerOptions;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #claims = new ClaimQueue((requests, nowMs) =>
    this.#write(() => decideClaims(this.#writer, requests, nowMs)),
  );
  #epoch = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #failure: GatewayError | undefined;

  private constructor(
    options: SqliteLedgerOptions,
    writer: SqliteConnection,
    reader: SqliteConnection,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Opens a ledger or creates it. LEDGER_FAILED, or LEDGER_CORRUPT for a damaged file. */
  static async open(options: SqliteLedgerOptions): Promise<SqliteLedger> {
    const writer = await SqliteConnection.open(options);
    try {
      await createTables(writer, options);
      const reader = await SqliteConnection.open(options);
      const ledger = new SqliteLedger(options, writer, reader);
      ledger.#epoch = await readEpoch(reader);
      return ledger;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  get epoch(): number {
    return this.#epoch;
  }

  async post(group: readonly Incoming[], recordedAtMs: number): Promise<Committed[]> {
    const prepared = group.map(prepareBatch);
    return await this.#write(() => this.#attempt(prepared, recordedAtMs));
  }

  repost(id: string, recordedAtMs: number): Promise<RepostResult> {
    return this.#write(() => this.#postAgain(id, recordedAtMs));
  }

  settle(recordedAtMs: number): Promise<Posted & { itemCount: number }> {
    return this.#write(() => settleDue(this.#writer, recordedAtMs));
  }

  setPlan(plan: Plan): Promise<void> {
    return this.#write(() => savePlan(this.#writer, plan));
  }

  restoreMark(nowMs: number): Promise<number> {
    return this.#write(async () => {
      const epoch = Math.max(nowMs, this.#epoch + 1);
      await this.#writer.run("UPDATE meta SET value = ? WHERE name = 'epoch'", epoch);
      this.#epoch = epoch;
      return epoch;
    });
  }

  stockLevels(query: Parameters<Ledger["stockLevels"]>[0]): Promise<StockLevel[]> {
    return readStockLevels(this.#reader, query);
  }

  entries(query: Parameters<Ledger["entries"]>[0]): Promise<Entry[]> {
    return readEntries(this.#reader, query);
  }

  sales(query: Parameters<Ledger["sales"]>[0]): Promise<SaleRow[]> {
    return readSales(this.#reader, query);
  }

  positions(): Promise<OutboxStanding[]> {
    return readPositions(this.#reader);
  }

  tasks(query: { storeId?: string }): Promise<CountTask[]> {
    return readTasks(this.#reader, query.storeId);
  }

  alerts(query: Parameters<Ledger["alerts"]>[0]): Promise<StoredAlert[]> {
    return readAlerts(this.#reader, query);
  }

  raiseSilences(nowMs: number): Promise<Alert[]> {
    return this.#write(() => raiseSilences(this.#writer, nowMs));
  }

  acknowledgeAlert(change: Parameters<Ledger["acknowledgeAlert"]>[0]): Promise<boolean> {
    return this.#write(() => acknowledgeAlert(this.#writer, change));
  }

  muteAlert(change: Parameters<Ledger["muteAlert"]>[0]): Promise<boolean> {
    return this.#write(() => muteAlert(this.#writer, change));
  }

  decideClaim(request: ClaimRequest, nowMs: number): Promise<ClaimOutcome> {
    return this.#claims.take(request, nowMs);
  }

  async claim(claimId: string, nowMs: number): Promise<Claim | undefined> {
    const [claim] = await readClaims(this.#reader, [claimId]);
    return claim && claimAt(claim, nowMs);
  }

  availability(query: Parameters<Ledger["availability"]>[0]) {
    return readAvailability(this.#reader, query);
  }

  setWithheld(withheld: Withheld): Promise<void> {
    return this.#write(() => saveWithheld(this.#writer, withheld));
  }

  notices(query: Parameters<Ledger["notices"]>[0]): Promise<Notice[]> {
    return readNotices(this.#reader, query);
  }

  declaredLosses(query: { storeId?: string }): Promise<DeclaredLoss[]> {
    return readDeclaredLosses(this.#reader, query.storeId);
  }

  quarantine(): Promise<QuarantinedEvent[]> {
    return readQuarantine(this.#reader);
  }

  plan(storeId: string): Promise<Plan | undefined> {
    return readPlan(this.#reader, storeId);
  }

  async verify(): Promise<VerifyReport> {
    // A connection of its own: the check is one long snapshot.
    const connection = await SqliteConnection.open(this.#options);
    try {
      return await verifyLedger(connection);
    } finally {
      await connection.close();
    }
  }

  /** Closes after what was begun. */
  async close(): Promise<void> {
    await this.#queue.catch(ignoreReported);
    await this.#reader.close();
    await this.#writer.close();
  }

  /** As a crash would: an open transaction is gone, later calls reject. For simulations. */
  async abandon(): Promise<void> {
    await Promise.all([this.#writer.abandon(), this.#reader.abandon()]);
  }

  /** Runs `work` as one transaction, after those before it. A failed disk ends all writing. */
  #write<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#writer.run("BEGIN IMMEDIATE");
        const value = await this.#orRollBack(work);
        await this.#writer.run("COMMIT");
        return value;
      } catch (error) {
        if (error instanceof GatewayError && error.code !== "LEDGER_FAILED") throw error;
        const cause = { cause: error };
        this.#failure =
          error instanceof GatewayError
            ? error
            : new GatewayError("LEDGER_FAILED", errorMessageOf(error), cause);
        throw this.#failure;
      }
    });
    this.#queue = result.catch(ignoreReported);
    return result;
  }

  async #orRollBack<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // After some failures SQLite has rolled back itself, and after a crash nobody can: either way
      // the first error is the one to tell.
      await this.#writer.run("ROLLBACK").catch(ignoreReported);
      throw error;
    }
  }

  async #savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#writer.run("SAVEPOINT attempt");
    try {
      const value = await work();
      await this.#writer.run("RELEASE attempt");
      return value;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      await this.#writer.run("ROLLBACK TO attempt");
      await this.#writer.run("RELEASE attempt");
      throw error;
    }
  }

  async #postAgain(id: string, recordedAtMs: number): Promise<RepostResult> {
    const connection = this.#writer;
    const [row] = await readQuarantine(connection, id);
    if (row?.id !== id) {
      const message = `${id} is not in quarantine, or was reposted`;
      return { ok: false, code: "QUARANTINE_UNKNOWN", message };
    }
    const { storeId, edgeId, outboxId, sequence, text } = row;
    const content = contentOf(JSON.parse(text), Buffer.byteLength(text));
    if (content.kind === "gap") throw new GatewayError("LEDGER_CORRUPT", `${id} is a gap`);
    if (content.kind === "rejected") return { ok: false, ...content };
    const { event } = content;
    const view = await loadEventView(connection, storeId, event);
    const outbox = { storeId, edgeId, outboxId };
    const { problem, posted, changes } = postAgain(view, outbox, event, recordedAtMs);
    if (problem !== undefined) return { ok: false, code: "LEDGER_RULE", message: problem };
    try {
      await this.#savepoint(async () => {
        await saveChanges(connection, changes);
        await saveAlerts(connection, posted.alerts, recordedAtMs);
        await saveRepost(connection, { ...outbox, sequence, type: event.type, recordedAtMs });
      });
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      return { ok: false, code: "LEDGER_RULE", message: error.message };
    }
    return { ok: true, ...posted };
  }

  async #attempt(group: readonly PreparedBatch[], recordedAtMs: number): Promise<Committed[]> {
    try {
      return await this.#savepoint(async () => {
        const view = await loadGroupView(this.#writer, group);
        const options = { ledgerEpoch: this.#epoch, recordedAtMs };
        const { results, changes } = postGroup(view, group, options);
        await saveChanges(this.#writer, changes);
        const raised = results.flatMap(({ alerts }) => alerts);
        const loud = await saveAlerts(this.#writer, raised, recordedAtMs);
        return results.map((each) => ({
          ...each,
          alerts: each.alerts.filter((alert) => loud.has(alert)),
        }));
      });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      return await this.#retry(group, recordedAtMs, error);
    }
  }

  /** A group batch by batch, a batch event by event, an event into quarantine. */
  async #retry(
    group: readonly PreparedBatch[],
    recordedAtMs: number,
    cause: unknown,
  ): Promise<Committed[]> {
    const results: Committed[] = [];
    if (group.length > 1) {
      for (const prepared of group)
        results.push(...(await this.#attempt([prepared], recordedAtMs)));
      return results;
    }
    const [prepared] = group;
    const [item, ...others] = prepared?.items ?? [];
    if (prepared === undefined || item === undefined) throw cause;
    if (others.length > 0) {
      for (const part of partsOf(prepared)) {
        results.push(...(await this.#attempt([part], recordedAtMs)));
      }
      return [merge(results)];
    }
    if (item.content.kind === "rejected") throw cause;
    const code = "LEDGER_RULE";
    const content = { kind: "rejected", code, message: errorMessageOf(cause) } as const;
    const unpostable = { ...prepared, items: [{ ...item, content }] };
    return await this.#attempt([unpostable], recordedAtMs);
  }
}

/** One result of a batch that was posted event by event. */
function merge(parts: readonly Committed[]): Committed {
  const last = parts.at(-1)!;
  const items = parts.flatMap((part) => part.changedItems);
  return {
    answer: { ...last.answer, rejected: parts.flatMap((part) => part.answer.rejected) },
    entries: parts.flatMap((part) => part.entries),
    alerts: parts.flatMap((part) => part.alerts),
    changedItems: [...new Map(items.map((item) => [item.gtin, item])).values()],
    postedEventCount: parts.reduce((sum, part) => sum + part.postedEventCount, 0),
    skippedEventCount: parts.reduce((sum, part) => sum + part.skippedEventCount, 0),
  };
}

async function createTables(
  connection: SqliteConnection,
  { nowMs, path }: SqliteLedgerOptions,
): Promise<void> {
  const damage = await connection.all<{ quick_check: string }>("PRAGMA quick_check(1)");
  if (damage[0]?.quick_check !== "ok") {
    const message = `the ledger ${path} is damaged: ${damage[0]?.quick_check}; restore a backup`;
    throw new GatewayError("LEDGER_CORRUPT", message);
  }
  await connection.run("BEGIN IMMEDIATE");
  const [row] = await connection.all<{ user_version: number }>("PRAGMA user_version");
  const version = row?.user_version ?? 0;
  if (version > tablesVersion) {
    const message = `the ledger ${path} is of version ${version}, this bridge knows ${tablesVersion}`;
    throw new GatewayError("LEDGER_FAILED", message);
  }
  if (version === 0) {
    await connection.script(`${tables}; PRAGMA user_version = ${tablesVersion};`);
    await connection.run("INSERT INTO meta VALUES ('epoch', ?)", Math.max(1, nowMs));
  }
  await connection.script(additions);
  await connection.run("COMMIT");
}

async function readEpoch(connection: SqliteConnection): Promise<number> {
  const [row] = await connection.all<{ value: number }>(
    "SELECT value FROM meta WHERE name = 'epoch'",
  );
  if (row === undefined) throw new GatewayError("LEDGER_CORRUPT", "the ledger has no epoch");
  return row.value;
}

/** For errors that their own caller is told. */
function ignoreReported(): undefined {
  return undefined;
}
