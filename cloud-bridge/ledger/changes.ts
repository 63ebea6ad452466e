// What the posting of a group reads at its start (`View`) and writes at its end (`Changes`). Between
// the two everything is computed in memory, so a group costs a dozen statements whatever its size.

import type { Rejection } from "../../contract/delivery.ts";
import type { Entry } from "../../contract/stock.ts";
import type { StockState } from "../../contract/units.ts";
import type { Anchor, Count, PastEntry } from "./anchors.ts";
import type { BatchItem } from "./batch-items.ts";
import type { CountPolicy } from "./counting/count-policy.ts";
import type { Facing } from "./settle.ts";
import type { CountTask, OutboxStanding } from "./types.ts";

/** Names one outbox. */
export interface OutboxKey {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
}

/** The position of an outbox, with what only the ledger needs of it. */
export interface Position extends OutboxStanding {
  /** Where in time its last event was placed. */
  placedAtMs: number;
}

/** The balance of one item in one account, and the last entry that touched it. */
export interface Balance {
  readonly storeId: string;
  readonly item: string;
  readonly location: string;
  readonly state: StockState;
  quantity: number;
  entryNumber: number;
}

/** The end of a store's hash chain. */
export interface ChainHead {
  readonly storeId: string;
  entryNumber: number;
  hash: string;
}

/** Everything that the posting of a group may look at. */
export interface View {
  /** Of every outbox of every edge in the group. */
  readonly positions: readonly Position[];
  /** Stored digests, by `eventKey`, where the group asks for them. */
  readonly digests: ReadonlyMap<string, string>;
  /** Earlier rejections within the sequences of the group's batches. */
  readonly rejections: readonly (OutboxKey & Rejection)[];
  readonly heads: readonly ChainHead[];
  /** All accounts of the group's items, and of what its counts cover. */
  readonly balances: readonly Balance[];
  /** What counts say of these items, from the time of the group's earliest fact about each. */
  readonly anchors: readonly Anchor[];
  /** Entries from that time on, of those items that have such an anchor or are counted now. */
  readonly history: readonly PastEntry[];
  /** Facings of the group's items in the plan's order, by `productKey`. */
  readonly facings: ReadonlyMap<string, readonly Facing[]>;
  /** First stockroom of the plan, by store. */
  readonly stockrooms: ReadonlyMap<string, string>;
  /** What the stores of the group's counts demand of counts; where nothing is said, the default holds. */
  readonly countPolicies: ReadonlyMap<string, CountPolicy>;
}

/** A row of the event log. */
export interface LoggedEvent extends OutboxKey {
  readonly item: BatchItem;
  readonly type: "moved" | "counted" | "noticed" | "gap" | "rejected";
}

/** An entry and where it is placed in time while, or because, the edge's clock was not set. */
export interface PlacedEntry {
  readonly entry: Entry;
  readonly placedAtMs: number;
  /** The boot whose clock was not set. */
  readonly unsyncedBootId: string | null;
  /** Of its lot, where the event told it, YYYY-MM-DD. */
  readonly expiry?: string | undefined;
}

/** Where a known serial is held. */
export interface SerialHolding {
  readonly storeId: string;
  /** `01/{gtin}/21/{serial}` */
  readonly serialKey: string;
  readonly location: string;
  readonly state: StockState;
  readonly atMs: number;
}

/** An event for quarantine. */
export interface QuarantineRow extends OutboxKey, Rejection {
  readonly text: string;
}

/** A boot's clock was set: its unsynced entries move by the offset. */
export interface Placement {
  readonly storeId: string;
  readonly edgeId: string;
  readonly bootId: string;
  readonly offsetMs: number;
}

/** A count task to open, unless one with the same key is open. */
export interface TaskOpening extends Omit<CountTask, "taskId"> {
  readonly key: string;
}

/** A complete count: closes the tasks below its location. */
export interface CountClosing {
  readonly storeId: string;
  readonly location: string;
  readonly state: StockState;
}

/** Everything that the posting of a group writes, in this order. */
export interface Changes {
  readonly recordedAtMs: number;
  readonly positions: readonly Position[];
  readonly events: readonly LoggedEvent[];
  readonly quarantined: readonly QuarantineRow[];
  readonly entries: readonly PlacedEntry[];
  readonly balances: readonly Balance[];
  readonly heads: readonly ChainHead[];
  readonly serials: readonly SerialHolding[];
  readonly counts: readonly Count[];
  readonly placements: readonly Placement[];
  /** First close by key, then by count, then open. */
  readonly taskClosings: readonly { readonly storeId: string; readonly key: string }[];
  readonly countClosings: readonly CountClosing[];
  readonly taskOpenings: readonly TaskOpening[];
}

export function outboxKey({ storeId, edgeId, outboxId }: OutboxKey): string {
  return `${storeId}/${edgeId}/${outboxId}`;
}

/** Names one event; what quarantine rows are known by. */
export function eventKey(outbox: OutboxKey, sequence: number): string {
  return `${outboxKey(outbox)}/${sequence}`;
}

export function productKey(storeId: string, item: string): string {
  return `${storeId}/${item}`;
}
