// What the bridge's shell knows of a ledger. The rules and the database are behind it.

import type { Acknowledgement, Batch } from "../../contract/delivery.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import type { gapReasons, severities } from "../../contract/event.ts";
import type { GivenPlan, Plan } from "../../contract/plan.ts";
import type { Alert, Entry, StockLevel } from "../../contract/stock.ts";
import type { StockState } from "../../contract/units.ts";
import type { StoredAlert } from "./alerts.ts";
import type { Author } from "./author.ts";
import type { Availability, Withheld } from "./availability.ts";
import type { BatchItem } from "./batch-items.ts";
import type { StoredPlan } from "./catalogue/plan-fill.ts";
import type { SqlCatalogue } from "./catalogue/sql-catalogue.ts";
import type { Claim, ClaimOutcome, ClaimRequest } from "./claims.ts";
import type { SqlCounting } from "./counting/sql-counting.ts";
import type { SqlReceiving } from "./receiving/sql-receiving.ts";
import type { SqlReturns } from "./returns/sql-returns.ts";
import type { Sale } from "./sold.ts";
import type { AuditRecord } from "./sql-audit.ts";
import type { ClaimsQuery } from "./sql-claims.ts";
import type { SqlEpcis } from "./sql-epcis.ts";
import type { SqlFacts } from "./sql-facts.ts";
import type { SqlFollowers } from "./sql-followers.ts";
import type { SqlHistory } from "./sql-history.ts";
import type { SqlLots } from "./sql-lots.ts";
import type { PlanChange, SavedPlan } from "./sql-plan.ts";
import type { PlanNews } from "./sql-plan-news.ts";
import type { SetBack } from "./sql-set-backs.ts";
import type { SqlTagNames } from "./sql-tag-names.ts";
import type { SqlTree } from "./sql-tree.ts";
import type { SqlUnknownTags } from "./sql-unknown-tags.ts";
import type { SqlWebhooks } from "./sql-webhooks.ts";
import type { WithheldRow } from "./sql-withheld.ts";

/** A decoded batch. Its ids equal the topic's, and `batchProblem` found nothing wrong with it. */
export interface Incoming {
  readonly storeId: string;
  readonly edgeId: string;
  readonly batch: Batch;
  /** `itemsOf(batch)`, where that was done while the ledger was busy with others. */
  readonly items?: readonly BatchItem[];
  /** Who sent it by a call; never of what came from an edge. */
  readonly by?: string | undefined;
}

/** What one batch (or repost) changed, known once it is committed. */
export interface Posted {
  entries: Entry[];
  /** GTINs whose stock level changed, each once; `*`: all of the store. */
  changedItems: { storeId: string; gtin: string }[];
  alerts: Alert[];
}

/** What became of one incoming batch. */
export interface Committed extends Posted {
  answer: Acknowledgement;
  /** Events and gaps that advanced the position, the quarantined ones included. */
  postedEventCount: number;
  /** Events and gaps that the ledger had already. */
  skippedEventCount: number;
}

/** How far the ledger has read one outbox. */
export interface OutboxStanding {
  storeId: string;
  edgeId: string;
  outboxId: string;
  throughSequence: number;
  throughDigest: string;
  /** The digest chain parted: nothing more is taken from this outbox. */
  frozen: boolean;
  /** Everything that happened up to here has been posted; never goes back. */
  completeThroughAtMs: number;
}

/** Why somebody should count. */
export type CountTaskCode = "negative_balance" | "second_outbox" | "declared_loss";

/** A request to count a location (the whole store where `location` is the store id). */
export interface CountTask {
  storeId: string;
  taskId: number;
  code: CountTaskCode;
  location: string;
  state?: StockState;
  /** GTIN, or `epc/HEX`. */
  item?: string;
  message: string;
  openedAtMs: number;
}

/** An event that could not be posted, kept whole. */
export interface QuarantinedEvent {
  /** `{storeId}/{edgeId}/{outboxId}/{sequence}`: what `repost` takes. */
  id: string;
  storeId: string;
  edgeId: string;
  outboxId: string;
  sequence: number;
  code: ErrorCode;
  message: string;
  /** The event as it came, as JSON. */
  text: string;
  quarantinedAtMs: number;
}

/** Posted and taken out of quarantine, or still there, and why. */
export type RepostResult =
  | ({ ok: true } & Posted)
  | { ok: false; code: ErrorCode | "QUARANTINE_UNKNOWN"; message: string };

/** What an edge noticed: outbox_started, sensing_gap, clock_set, exit_unpaid and the like. */
export interface Notice {
  storeId: string;
  edgeId: string;
  outboxId: string;
  sequence: number;
  code: string;
  severity: (typeof severities)[number];
  deviceId: string;
  occurredAtMs: number;
  /** When the ledger took it. */
  recordedAtMs: number;
  detail: Record<string, unknown>;
}

/** Which notices of a store are asked for. */
export interface NoticesQuery {
  readonly storeId: string;
  readonly code?: string | undefined;
  /** The last one of the page before. */
  readonly before?: readonly [
    recordedAtMs: number,
    sequence: number,
    edgeId: string,
    outboxId: string,
  ];
  readonly countMax: number;
}

/** Sequences that an edge declared as gone, as far as the ledger did not have them. */
export interface DeclaredLoss {
  storeId: string;
  edgeId: string;
  outboxId: string;
  firstSequence: number;
  lastSequence: number;
  reason: (typeof gapReasons)[number];
}

/** A sale and the edge that reported it. */
export interface SaleRow extends Sale {
  readonly edgeId: string;
}

/** One thing that does not verify. */
export interface VerifyProblem {
  storeId: string;
  check:
    | "file"
    | "chain"
    | "sum_zero"
    | "balances"
    | "lots"
    | "claims"
    | "counts"
    | "sequences"
    | "digests"
    | "posting_order"
    | "tree";
  /** The row: `entry 17`, `account s0042/floor sellable 0952…`, `event edge-1/{outboxId}/12`. */
  where: string;
  message: string;
}

export interface VerifyReport {
  ok: boolean;
  storeCount: number;
  entryCount: number;
  eventCount: number;
  /** The first `verifyProblemCountMax` of `problemCount`. */
  problems: VerifyProblem[];
  problemCount: number;
  /** When the ledger went back to an earlier state: what is there is right, but more was there. */
  setBacks: SetBack[];
  /** Events that edges declared as gone, and where: the first `verifyProblemCountMax` gaps. */
  lostEventCount: number;
  declaredLosses: DeclaredLoss[];
}

/** Quarantined events that are listed at once. */
export const quarantineCountMax = 1000;

/** What a run of settlement posted, and of how many items. */
export interface Settled extends Posted {
  readonly itemCount: number;
  /** Those of them that could not be settled. */
  readonly refusedItemCount: number;
}

/** Items that are settled in one transaction. */
export const settledItemCountMax = 200;

/** Problems that a report spells out. */
export const verifyProblemCountMax = 100;

/** The central stock ledger. Every method rejects with LEDGER_FAILED once its disk has failed. */
export interface Ledger {
  /** Unix ms of its creation or last restore. */
  readonly epoch: number;
  /** Captures and queries of EPCIS. */
  readonly epcis: SqlEpcis;
  /** How far those have come that go after the ledger in their own time. */
  readonly followers: SqlFollowers;
  /** Who is told over HTTP, and how far. */
  readonly webhooks: SqlWebhooks;
  /** Proofs, and the history of single units. */
  readonly tree: SqlTree;
  /** Counts that people carry out, count plans, trust and refill. */
  readonly counting: SqlCounting;
  readonly catalogue: SqlCatalogue;
  readonly receiving: SqlReceiving;
  readonly returns: SqlReturns;
  /** Facts of tills and ERPs. */
  readonly facts: Pick<SqlFacts, "take" | "waitingCount">;
  /**
   * Posts a group in one transaction: one result per incoming, in order, after the commit. What cannot be posted is
   * quarantined, so it rejects only with LEDGER_FAILED, or LEDGER_REFUSED where even quarantine cannot take it.
   */
  post(group: readonly Incoming[], recordedAtMs: number): Promise<Committed[]>;
  /**
   * Settles what became due, of `settledItemCountMax` items at most: what shelf, till and exit said of one
   * unit, and time-outs, by event time. `itemCount` is 0 when nothing is due; an item that is refused waits for its next
   * movement.
   */
  settle(recordedAtMs: number): Promise<Settled>;
  /** Levels in order of GTIN; `afterGtin` pages on. A GTIN that never moved has none. */
  stockLevels(query: {
    storeId: string;
    gtin?: string;
    afterGtin?: string;
    countMax: number;
    /** For reservations that run out. */
    nowMs: number;
  }): Promise<StockLevel[]>;
  /** Items of which something else may be promised since a time: by a claim, one that ran out, or a limit; `*` for any. */
  promisesChanged(span: {
    readonly sinceMs: number;
    readonly nowMs: number;
  }): Promise<{ storeId: string; gtin: string }[]>;
  /** Products whose reservations ran out after a time, until another. */
  expiredReservations(span: {
    afterMs: number;
    throughMs: number;
  }): Promise<{ storeId: string; gtin: string }[]>;
  entries(query: { storeId: string; afterEntryNumber: number; countMax: number }): Promise<Entry[]>;
  /** Sales of items with a GTIN and what came back of them, placed at or after `sinceMs`; the newest first. */
  sales(query: { storeId: string; sinceMs: number; countMax: number }): Promise<SaleRow[]>;
  /** Of all outboxes, in order of their ids. */
  positions(): Promise<OutboxStanding[]>;
  /** Open count tasks. */
  tasks(query: { storeId?: string }): Promise<CountTask[]>;
  /** Newest first; `isOpen`: those that are neither acknowledged nor over at `nowMs`. */
  alerts(query: {
    storeId: string;
    code?: string;
    isOpen: boolean;
    beforeAlertId?: number;
    countMax: number;
    nowMs: number;
  }): Promise<StoredAlert[]>;
  /** Raises an alert for each edge that fell silent, once for each silence; gives those to publish. */
  raiseSilences(nowMs: number): Promise<Alert[]>;
  /** Closes an open alert, with who and why; false where there is none. */
  acknowledgeAlert(change: {
    storeId: string;
    alertId: number;
    by: string;
    cause?: string;
    nowMs: number;
  }): Promise<boolean>;
  /** What the alert is about is stored, but not published, until a time; false where there is none. */
  muteAlert(change: {
    storeId: string;
    alertId: number;
    by: string;
    untilMs: number;
  }): Promise<boolean>;
  /** Reserves an order, or takes a claim a step on: as a whole or not at all. */
  decideClaim(request: ClaimRequest, nowMs: number): Promise<ClaimOutcome>;
  /** Claims of a store in some states, the newest first. */
  claims(query: ClaimsQuery): Promise<Claim[]>;
  claim(claimId: string, nowMs: number): Promise<Claim | undefined>;
  /** What can be promised of a GTIN, of each of the stores (without: of all that have entries). */
  availability(query: {
    gtin: string;
    channel: string;
    storeIds?: readonly string[];
    nowMs: number;
  }): Promise<({ storeId: string } & Availability)[]>;
  /** Sets how many units are kept from being promised. */
  setWithheld(withheld: Withheld, author: Author): Promise<void>;
  /** What a store withholds, in order of GTIN and channel, and who said so last. */
  withheld(query: {
    storeId: string;
    after?: readonly [gtin: string, channel: string] | undefined;
    countMax: number;
  }): Promise<WithheldRow[]>;
  /** Newest first. */
  notices(query: NoticesQuery): Promise<Notice[]>;
  declaredLosses(query: { storeId?: string }): Promise<DeclaredLoss[]>;
  /** What lies in quarantine and was not reposted, of all stores or of some: the oldest `quarantineCountMax`. */
  quarantine(query?: { storeIds?: readonly string[] }): Promise<QuarantinedEvent[]>;
  /** How many rows of quarantine wait, of each edge or source that has some. */
  quarantineCounts(): Promise<{ storeId: string; edgeId: string; count: number }[]>;
  /** Posts a quarantined event through the same rules, where it was. */
  repost(id: string, author: Author): Promise<RepostResult>;
  /** Deeds that no entry names their doer of, of a store or (without one) of the whole chain. */
  audit(query: {
    storeId?: string | undefined;
    afterNumber?: number | undefined;
    countMax: number;
  }): Promise<AuditRecord[]>;
  /**
   * Takes a plan, and gives it as it stands then, with the items whose level may be another by it. A version that was
   * given before, with other content, is CONFIG_INVALID, and so is a plan that replaces (`replacedVersion`) another one
   * than is there.
   */
  setPlan(plan: GivenPlan, author?: Author, replacedVersion?: number): Promise<SavedPlan>;
  /** The plan of a store as it was given, and as it is, with what the catalogue says. */
  storedPlan(storeId: string): Promise<StoredPlan | undefined>;
  /** Fills plans anew that the catalogue has changed since; gives the stores that have another one now. */
  refreshPlans(nowMs: number): Promise<string[]>;
  /** Who gave a store its plans, the latest first. */
  planChanges(query: {
    storeId: string;
    beforeVersion?: number;
    countMax: number;
  }): Promise<PlanChange[]>;
  plan(storeId: string): Promise<Plan | undefined>;
  /** Plans that changed after a number (over all stores), in order; reads nothing where none did. Without one all of them. */
  planNews(query?: {
    readonly afterNumber: number;
    readonly countMax: number;
  }): Promise<PlanNews[]>;
  /**
   * Checks everything: the file, the chain, that the sum is zero, balances = sum of entries, claims = their entries,
   * posted lines = counts, sequences 1..n without hole or repeat per outbox, their digests, posting order = sequence order.
   */
  verify(): Promise<VerifyReport>;
  /**
   * Says that this ledger was restored from a backup: the epoch becomes max(now, old + 1), plans get new versions, every
   * store gets an alert. A file that lacks its end is marked so when it is opened.
   */
  restoreMark(nowMs: number): Promise<number>;
  /** Every time that the ledger went back to an earlier state, the latest first. */
  setBacks(): Promise<SetBack[]>;
  /** The life of single items. */
  readonly history: SqlHistory;
  /** What is left of lots, and when they expire. */
  readonly lots: SqlLots;
  /** Tags that are not GS1. */
  readonly unknownTags: SqlUnknownTags;
  /** What such tags are, where somebody said it. */
  readonly tagNames: SqlTagNames;
  close(): Promise<void>;
}
