// The ledger in a database that understands the statements of `sql-*.ts`: one method, one transaction.

import type { GivenPlan, Plan } from "../../contract/plan.ts";
import type { Alert, Entry, StockLevel } from "../../contract/stock.ts";
import type { StoredAlert } from "./alerts.ts";
import type { Author } from "./author.ts";
import type { Withheld } from "./availability.ts";
import { prepareBatch } from "./batch-items.ts";
import type { StoredPlan } from "./catalogue/plan-fill.ts";
import { SqlCatalogue } from "./catalogue/sql-catalogue.ts";
import { catalogueLock, markUnnotedPlans, readStalePlans } from "./catalogue/sql-plan-fills.ts";
import { ClaimQueue } from "./claim-queue.ts";
import { type Claim, type ClaimOutcome, type ClaimRequest, claimAt } from "./claims.ts";
import type { MissingEnd } from "./commit-counter.ts";
import { SqlCounting } from "./counting/sql-counting.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { writeHolding } from "./receiving/sql-followed.ts";
import { SqlReceiving } from "./receiving/sql-receiving.ts";
import { SqlReturns } from "./returns/sql-returns.ts";
import { acknowledgeAlert, muteAlert, raiseSilences, readAlerts } from "./sql-alerts.ts";
import { type AuditRecord, readAudit } from "./sql-audit.ts";
import {
  type ClaimsQuery,
  decideClaims,
  readAvailability,
  readClaims,
  readExpired,
  readStoreClaims,
} from "./sql-claims.ts";
import { SqlEpcis } from "./sql-epcis.ts";
import { type PostGroup, SqlFacts } from "./sql-facts.ts";
import { settleDue } from "./sql-flow.ts";
import { SqlFollowers } from "./sql-followers.ts";
import { type GroupAt, postPrepared, postQuarantined } from "./sql-group.ts";
import { SqlHistory } from "./sql-history.ts";
import { readPromisesChanged, readStockLevels } from "./sql-levels.ts";
import { SqlLots } from "./sql-lots.ts";
import {
  type PlanChange,
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
  readTasks,
} from "./sql-read.ts";
import { readSetBacks, type SetBack, saveSetBack } from "./sql-set-backs.ts";
import { SqlTagNames } from "./sql-tag-names.ts";
import { SqlTree } from "./sql-tree.ts";
import { SqlUnknownTags } from "./sql-unknown-tags.ts";
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
  QuarantinedEvent,
  RepostResult,
  SaleRow,
  Settled,
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
  readonly lots: SqlLots;
  readonly unknownTags: SqlUnknownTags;
  readonly tagNames: SqlTagNames;
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
    this.lots = new SqlLots(database);
    this.unknownTags = new SqlUnknownTags(database);
    this.#epoch = epoch;
    const post: PostGroup = (connection, group, recordedAtMs) =>
      postPrepared(connection, group.map(prepareBatch), this.#at(recordedAtMs));
    this.facts = new SqlFacts(database, post);
    this.tagNames = new SqlTagNames(database, post);
  }

  get epoch(): number {
    return this.#epoch;
  }

  async post(group: readonly Incoming[], recordedAtMs: number): Promise<Committed[]> {
    const prepared = group.map(prepareBatch);
    const storeIds = [...new Set(group.map(({ storeId }) => storeId))];
    return await writeHolding(this.#database, storeIds, (connection, held) =>
      postPrepared(connection, prepared, { ...this.#at(recordedAtMs), held }),
    );
  }

  repost(id: string, author: Author): Promise<RepostResult> {
    return this.#write((connection) => postQuarantined(connection, id, author));
  }

  audit(query: Parameters<typeof readAudit>[1]): Promise<AuditRecord[]> {
    return readAudit(this.#reader, query);
  }

  settle(recordedAtMs: number): Promise<Settled> {
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

  restoreMark(nowMs: number, missingEnd: MissingEnd = { cause: "restored" }): Promise<number> {
    return this.#write(async (connection) => {
      const epoch = Math.max(nowMs, this.#epoch + 1);
      await saveSetBack(connection, missingEnd, { nowMs, epoch });
      this.#epoch = epoch;
      return epoch;
    });
  }

  setBacks(): Promise<SetBack[]> {
    return readSetBacks(this.#reader);
  }

  stockLevels(query: Parameters<Ledger["stockLevels"]>[0]): Promise<StockLevel[]> {
    return readStockLevels(this.#reader, query);
  }

  promisesChanged(span: Parameters<Ledger["promisesChanged"]>[0]) {
    return readPromisesChanged(this.#reader, span);
  }

  expiredReservations(span: Parameters<Ledger["expiredReservations"]>[0]) {
    return readExpired(this.#reader, span);
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

  #at(nowMs: number): GroupAt {
    return { ledgerEpoch: this.#epoch, nowMs };
  }
}
