// Facts of tills and ERPs, as events of an outbox of their own for each store and source. Pure. They are
// posted through the same code as those of edges: settlement, sold list and verification know no difference.

import { createHash } from "node:crypto";
import type { Batch } from "../../contract/delivery.ts";
import { canonicalEvent, genesisDigest, nextDigest } from "../../contract/digest.ts";
import type { Item, Place, Step } from "../../contract/event.ts";
import { feedPrefix, type Gtin, idSchema, type StockState } from "../../contract/units.ts";
import type { Incoming } from "./types.ts";

export const factKinds = ["sale", "return", "receipt"] as const;
/** `move`: what the ledger itself posts when a person gives something up; of places that it names. */
export type FactKind = (typeof factKinds)[number] | "move";

/** What happened, as a till or an ERP tells it. */
export interface Fact {
  readonly kind: FactKind;
  readonly occurredAtMs: number;
  readonly item: Item;
  readonly quantity: number;
  /** The place in the store, where it is known: sold from, or brought to. */
  readonly location?: string | undefined;
  /** Of a `move`. */
  readonly from?: Place;
  readonly to?: Place;
  /** The till's receipt, the delivery, the order. */
  readonly reference?: { readonly type: string; readonly id: string } | undefined;
}

/** An item as events have it: of what is not known there is no member. */
export function factItem(known: {
  readonly gtin: Gtin;
  readonly serial?: string | undefined;
  readonly lot?: string | undefined;
  readonly expiry?: string | undefined;
}): Item {
  const { gtin, serial, lot, expiry } = known;
  return {
    gtin,
    ...(serial === undefined ? {} : { serial }),
    ...(lot === undefined ? {} : { lot }),
    ...(expiry === undefined ? {} : { expiry }),
  };
}

/** Facts of one source that are posted as a whole, once for each key. */
export interface FactRequest {
  readonly storeId: string;
  readonly sourceId: string;
  readonly key: string;
  /** Of the body: a key with another one is a conflict. */
  readonly digest: string;
  readonly facts: readonly Fact[];
  /** Until when the source has told all of its sales and returns, where it says so. */
  readonly completeThroughAtMs?: number | undefined;
  /** Who sent it, or did what the ledger itself posts. */
  readonly by?: string | undefined;
}

/** Where an outbox stands. */
export interface FactPosition {
  readonly throughSequence: number;
  readonly throughDigest: string;
}

/** Facts in one request: they are one batch. */
export const factCountMax = 500;
/** By how much a source's clock may be ahead. */
export const factAheadMsMax = 3_600_000;
/** How long the answer to an idempotency key is kept: a repetition after that is posted anew. */
export const factAnswerKeepMs = 90 * 24 * 3_600_000;

/** Begins the edge id of every source, so that none is taken for an edge. */
/** A source's id has to leave room for the prefix. */
const sourceIdLengthMax = 32 - feedPrefix.length;

/** Sources under which the ledger itself posts what a person decided over HTTP; nobody else takes their names. */
export const ownSourceIds = {
  transfers: "transfers",
  returns: "returns",
  tags: "tags",
} as const;

/** A source as others may name theirs. */
export const sourceIdSchema = idSchema
  .max(sourceIdLengthMax, `must be at most ${sourceIdLengthMax} characters`)
  .refine((id) => !isOwnSource(id), "this name is the ledger's own");

/** The name of a source among edges. */
export function feedEdgeId(sourceId: string): string {
  return `${feedPrefix}${sourceId}`;
}

/** Whether a source is one that the ledger itself posts under. */
export function isOwnSource(sourceId: string): boolean {
  return Object.hasOwn(ownSourceIds, sourceId);
}

/** Whether an edge id is that of a source over HTTP: it has no connection, and cannot be asked for anything. */
export function isFeed(edgeId: string): boolean {
  return edgeId.startsWith(feedPrefix);
}

/** The one outbox of a source in a store. */
export function feedOutboxId(storeId: string, sourceId: string): string {
  return createHash("sha256").update(`${storeId}/${sourceId}`).digest("hex").slice(0, 32);
}

const meanings: Record<FactKind, { step: Step; side: "from" | "to"; state: StockState }> = {
  sale: { step: "retail_selling", side: "from", state: "sellable" },
  return: { step: "returning", side: "to", state: "returned" },
  receipt: { step: "receiving", side: "to", state: "sellable" },
  move: { step: "relocating", side: "to", state: "sellable" },
};

/** The request as the batch that follows `position`, and where the outbox stands after it. */
export function factBatch(
  request: FactRequest,
  position: FactPosition | undefined,
  recordedAtMs: number,
): { incoming: Incoming; after: FactPosition } {
  const { storeId, sourceId, facts, by } = request;
  const outboxId = feedOutboxId(storeId, sourceId);
  const before = position ?? { throughSequence: 0, throughDigest: genesisDigest(outboxId) };
  let { throughSequence, throughDigest } = before;
  const events = facts.map((fact) => {
    throughSequence += 1;
    const event = eventOf(fact, { sourceId, outboxId, sequence: throughSequence });
    throughDigest = nextDigest(throughDigest, canonicalEvent(event));
    return event;
  });
  const hello = { oldestSequence: throughSequence + 1, lastSequence: throughSequence };
  const batch: Batch = {
    ...{ schemaVersion: 1, storeId, edgeId: feedEdgeId(sourceId), outboxId },
    ...{ firstSequence: before.throughSequence + 1, previousDigest: before.throughDigest },
    ...{ completeThroughAtMs: completeThrough(request), sentAtMs: recordedAtMs },
    ...{ nonce: outboxId, events },
    ...(events.length === 0 ? hello : {}),
  };
  const incoming = { storeId, edgeId: batch.edgeId, batch, by };
  return { incoming, after: { throughSequence, throughDigest } };
}

/**
 * What the source says; else the newest sale or return that it told, because tills tell in order of time
 * for the most part, and a later one undoes what was concluded. Zero, where it never told of customers,
 * holds up nobody: a supplier's receipts say nothing of them.
 */
function completeThrough({ completeThroughAtMs, facts }: FactRequest): number {
  if (completeThroughAtMs !== undefined) return completeThroughAtMs;
  const told = facts.filter(({ kind }) => kind === "sale" || kind === "return");
  return Math.max(0, ...told.map(({ occurredAtMs }) => occurredAtMs));
}

function eventOf(
  { kind, occurredAtMs, item, quantity, location, reference, from, to }: Fact,
  source: { sourceId: string; outboxId: string; sequence: number },
): object {
  const { step, side, state } = meanings[kind];
  return {
    ...{ sequence: source.sequence, type: "moved", occurredAtMs, step, item, quantity },
    // A source has no boots; its clock is its own word.
    ...{ bootId: source.outboxId, uptimeMs: 0, clockSynced: true, deviceId: source.sourceId },
    ...(location === undefined ? {} : { [side]: { location, state } }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(reference === undefined ? {} : { reference }),
  };
}
