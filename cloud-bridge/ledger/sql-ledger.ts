// The ledger in a database: the rules between reading and writing. A group is one transaction; what fails in it is retried batch by batch, then event by event, under savepoints.

import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { GivenPlan, Plan } from "../../contract/plan.ts";
import type { Alert, Entry, StockLevel } from "../../contract/stock.ts";
import type { StoredAlert } from "./alerts.ts";
import type { Author } from "./author.ts";
import type { Withheld } from "./availability.ts";
import { contentOf, type PreparedBatch, partsOf, prepareBatch } from "./batch-items.ts";
import type { StoredPlan } from "./catalogue/plan-fill.ts";
import { SqlCatalogue } from "./catalogue/sql-catalogue.ts";
import { catalogueLock, markUnnotedPlans, readStalePlans } from "./catalogue/sql-plan-fills.ts";
import type { LoggedEvent } from "./changes.ts";
import { ClaimQueue } from "./claim-queue.ts";
import { type Claim, type ClaimOutcome, type ClaimRequest, claimAt } from "./claims.ts";
import { SqlCounting } from "./counting/sql-counting.ts";
import { compareEvents } from "./counting/sql-rfid.ts";
import { type LedgerDatabase, type SqlConnection, StatementError, savepoint } from "./database.ts";
import { postAgain, postGroup } from "./ledger.ts";
import { followConsignments } from "./receiving/sql-followed.ts";
import { SqlReceiving } from "./receiving/sql-receiving.ts";
import { SqlReturns } from "./returns/sql-returns.ts";
import {
  acknowledgeAlert,
  muteAlert,
  raiseSilences,
  readAlerts,
  saveAlerts,
} from "./sql-alerts.ts";
import { type AuditRecord, readAudit, saveAudit } from "./sql-audit.ts";
import {
  type ClaimsQuery,
  decideClaims,
  readAvailability,
  readClaims,
  readStoreClaims,
} from "./sql-claims.ts";
import { SqlEpcis } from "./sql-epcis.ts";
import { SqlFacts } from "./sql-facts.ts";
import { settleDue } from "./sql-flow.ts";
import { SqlFollowers } from "./sql-followers.ts";
import { SqlHistory } from "./sql-history.ts";
import { loadEventView, loadGroupView } from "./sql-load.ts";
import {
  type PlanChange,
  raisePlanVersions,
  readPlanChanges,
  readStoredPlan,
  refreshPlan,
  type SavedPlan,
  savePlan,
} from "./sql-plan.ts";
import { type PlanNews, readPlanNews } from "./sql-plan-news.ts";
import {
  readDeclaredLosses,
  readEntries,
  readNotices,
  readPlan,
  readPositions,
  readQuarantine,
  readQuarantineCounts,
  readSales,
  readStockLevels,
  readTasks,
} from "./sql-read.ts";
import type { PostedEvent } from "./sql-references.ts";
import { saveChanges, saveRepost } from "./sql-save.ts";
import { SqlTree } from "./sql-tree.ts";
import { verifyLedger } from "./sql-verify.ts";
import { SqlWebhooks } from "./sql-webhooks.ts";
import { readWithheld, saveWithheld, type WithheldRow } from "./sql-withheld.ts";
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

/** A ledger in a database that understands the statements of `sql-*.ts`. */
export class SqlLedger implements Ledger {
  readonly epcis: SqlEpcis;
  readonly followers: SqlFollowers;
  readonly webhooks: SqlWebhooks;
  readonly tree: SqlTree;
  readonly #database: LedgerDatabase;
  readonly #reader: SqlConnection;
  readonly counting: SqlCounting;
  readonly catalogue: SqlCatalogue;
  readonly receiving: SqlReceiving;
  readonly returns: SqlReturns;
  readonly #claims = new ClaimQueue((requests, nowMs) =>
    this.#write((connection) => decideClaims(connection, requests, nowMs)),
  );
  readonly facts: SqlFacts;
  readonly history: SqlHistory;
  #epoch: number;
  #arePlansMarked = false;

  /** For a database that has its tables; `epoch` as `readEpoch` gives it. */
  constructor(database: LedgerDatabase, epoch: number) {
    this.#database = database;
    this.#reader = database.reader;
    this.epcis = new SqlEpcis(database);
    this.followers = new SqlFollowers(database);
    this.webhooks = new SqlWebhooks(database);
    this.tree = new SqlTree(database);
    this.counting = new SqlCounting(database);
    this.catalogue = new SqlCatalogue(database);
    this.receiving = new SqlReceiving(database);
    this.returns = new SqlReturns(database);
    this.history = new SqlHistory(database);
    this.#epoch = epoch;
    this.facts = new SqlFacts(database, (connection, group, recordedAtMs) =>
      this.#attempt(connection, group.map(prepareBatch), recordedAtMs),
    );
  }

  get epoch(): number {
    return this.#epoch;
  }

  async post(group: readonly Incoming[], recordedAtMs: number): Promise<Committed[]> {
    const prepared = group.map(prepareBatch);
    const work = (connection: SqlConnection) => this.#attempt(connection, prepared, recordedAtMs);
    return await this.#database.write(work, [...new Set(group.map(({ storeId }) => storeId))]);
  }

  repost(id: string, author: Author): Promise<RepostResult> {
    return this.#write((connection) => postQuarantined(connection, id, author));
  }

  audit(query: Parameters<typeof readAudit>[1]): Promise<AuditRecord[]> {
    return readAudit(this.#reader, query);
  }

  settle(recordedAtMs: number): Promise<Posted & { itemCount: number }> {
    return this.#write((connection) => settleDue(connection, recordedAtMs));
  }

  setPlan(plan: GivenPlan, author?: Author, replacedVersion?: number): Promise<SavedPlan> {
    return this.#write((connection) => savePlan(connection, plan, author, replacedVersion));
  }

  storedPlan(storeId: string): Promise<StoredPlan | undefined> {
    return readStoredPlan(this.#reader, storeId);
  }

  async refreshPlans(nowMs: number): Promise<string[]> {
    if (!this.#arePlansMarked) await this.#database.write(markUnnotedPlans, catalogueLock);
    this.#arePlansMarked = true;
    const refreshed: string[] = [];
    for (const storeId of await readStalePlans(this.#reader)) {
      const work = (connection: SqlConnection) => refreshPlan(connection, storeId, nowMs);
      if (await this.#database.write(work, catalogueLock)) refreshed.push(storeId);
    }
    return refreshed;
  }

  planNews(query?: Parameters<Ledger["planNews"]>[0]): Promise<PlanNews[]> {
    return readPlanNews(this.#reader, query);
  }

  planChanges(query: Parameters<Ledger["planChanges"]>[0]): Promise<PlanChange[]> {
    return readPlanChanges(this.#reader, query);
  }

  restoreMark(nowMs: number): Promise<number> {
    return this.#write(async (connection) => {
      const epoch = Math.max(nowMs, this.#epoch + 1);
      await connection.run("UPDATE meta SET value = ? WHERE name = 'epoch'", epoch);
      await raisePlanVersions(connection, nowMs);
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
    return this.#write((connection) => raiseSilences(connection, nowMs));
  }

  acknowledgeAlert(change: Parameters<Ledger["acknowledgeAlert"]>[0]): Promise<boolean> {
    return this.#write((connection) => acknowledgeAlert(connection, change));
  }

  muteAlert(change: Parameters<Ledger["muteAlert"]>[0]): Promise<boolean> {
    return this.#write((connection) => muteAlert(connection, change));
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

  claims(query: ClaimsQuery): Promise<Claim[]> {
    return readStoreClaims(this.#reader, query);
  }

  setWithheld(withheld: Withheld, author: Author): Promise<void> {
    return this.#write((connection) => saveWithheld(connection, withheld, author));
  }

  withheld(query: Parameters<Ledger["withheld"]>[0]): Promise<WithheldRow[]> {
    return readWithheld(this.#reader, query);
  }

  notices(query: Parameters<Ledger["notices"]>[0]): Promise<Notice[]> {
    return readNotices(this.#reader, query);
  }

  declaredLosses(query: { storeId?: string }): Promise<DeclaredLoss[]> {
    return readDeclaredLosses(this.#reader, query.storeId);
  }

  quarantine(query: Parameters<Ledger["quarantine"]>[0] = {}): Promise<QuarantinedEvent[]> {
    return readQuarantine(this.#reader, query);
  }

  quarantineCounts(): ReturnType<Ledger["quarantineCounts"]> {
    return readQuarantineCounts(this.#reader);
  }

  plan(storeId: string): Promise<Plan | undefined> {
    return readPlan(this.#reader, storeId);
  }

  verify(): Promise<VerifyReport> {
    return this.#database.snapshot(verifyLedger);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** As a crash would: an open transaction is gone, later calls reject. For simulations. */
  abandon(): Promise<void> {
    return this.#database.abandon();
  }

  #write<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#database.write(work);
  }

  async #attempt(
    connection: SqlConnection,
    group: readonly PreparedBatch[],
    recordedAtMs: number,
  ): Promise<Committed[]> {
    try {
      return await savepoint(connection, async () => {
        const view = await loadGroupView(connection, group);
        const options = { ledgerEpoch: this.#epoch, recordedAtMs };
        const { results, changes } = postGroup(view, group, options);
        const found = await compareEvents(connection, changes.events, recordedAtMs);
        results.at(-1)?.alerts.push(...found);
        await saveChanges(connection, changes);
        const told = await followConsignments(connection, postedOf(changes.events), recordedAtMs);
        results.at(-1)?.alerts.push(...told);
        const raised = results.flatMap(({ alerts }) => alerts);
        const loud = await saveAlerts(connection, raised, recordedAtMs);
        return results.map((each) => ({
          ...each,
          alerts: each.alerts.filter((alert) => loud.has(alert)),
        }));
      });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      return await this.#retry(connection, group, recordedAtMs, error);
    }
  }

  /** A group batch by batch, a batch event by event, an event into quarantine. */
  async #retry(
    connection: SqlConnection,
    group: readonly PreparedBatch[],
    recordedAtMs: number,
    cause: unknown,
  ): Promise<Committed[]> {
    const results: Committed[] = [];
    if (group.length > 1) {
      for (const prepared of group)
        results.push(...(await this.#attempt(connection, [prepared], recordedAtMs)));
      return results;
    }
    const [prepared] = group;
    const [item, ...others] = prepared?.items ?? [];
    if (prepared === undefined || item === undefined) throw cause;
    if (others.length > 0) {
      for (const part of partsOf(prepared)) {
        results.push(...(await this.#attempt(connection, [part], recordedAtMs)));
      }
      return [merge(results)];
    }
    if (item.content.kind === "rejected") throw cause;
    const code = "LEDGER_RULE";
    const content = { kind: "rejected", code, message: errorMessageOf(cause) } as const;
    const unpostable = { ...prepared, items: [{ ...item, content }] };
    return await this.#attempt(connection, [unpostable], recordedAtMs);
  }
}

/** The logged events that obey the rules. */
function postedOf(events: readonly LoggedEvent[]): PostedEvent[] {
  return events.flatMap(({ type, item: { content }, ...outbox }) =>
    content.kind === "event" && type !== "rejected" ? [{ ...outbox, event: content.event }] : [],
  );
}

/** Posts one quarantined event through the same rules, where it was. */
async function postQuarantined(
  connection: SqlConnection,
  id: string,
  { by, nowMs: recordedAtMs }: Author,
): Promise<RepostResult> {
  const [row] = await readQuarantine(connection, { id });
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
    await savepoint(connection, async () => {
      await saveChanges(connection, changes);
      const told = await followConsignments(connection, [{ ...outbox, event }], recordedAtMs);
      posted.alerts.push(...told);
      await saveAlerts(connection, posted.alerts, recordedAtMs);
      await saveRepost(connection, { ...outbox, sequence, type: event.type, recordedAtMs });
      const deed = { act: "quarantine_reposted", subject: id, by, atMs: recordedAtMs } as const;
      await saveAudit(connection, [{ storeId, ...deed }]);
    });
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    return { ok: false, code: "LEDGER_RULE", message: error.message };
  }
  return { ok: true, ...posted };
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
