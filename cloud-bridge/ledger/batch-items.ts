// Takes a batch apart: one item for each event or gap, with the digest of the chain after it. Pure;
// needs nothing of the ledger, so it is done before the transaction.

import { strict as assert } from "node:assert";
import { z } from "zod";
import type { Batch } from "../../contract/delivery.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { canonicalJson, nextDigest } from "../../contract/digest.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import {
  eventSizeBytesMax,
  type Gap,
  gapSchema,
  type StockEvent,
  stockEventSchema,
} from "../../contract/event.ts";
import type { Incoming } from "./types.ts";

/** Levels that an event may nest. Deeper ones, which no edge makes, would exhaust the stack. */
const eventDepthMax = 32;

/** What an item says: a readable event, a declared gap, or something only quarantine takes. */
export type Content =
  | { readonly kind: "event"; readonly event: StockEvent }
  | { readonly kind: "gap"; readonly gap: Gap }
  | { readonly kind: "rejected"; readonly code: ErrorCode; readonly message: string };

/** One event or gap of a batch. */
export interface BatchItem {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The chain's digest after it. */
  readonly digest: string;
  /** Canonical JSON without evidence: what the digest covers. */
  readonly text: string;
  /** The event's evidence as JSON. */
  readonly evidence: string | null;
  readonly content: Content;
  /** The event as it came. */
  readonly raw: object;
}

/** A batch, taken apart. A hello has no items. */
export interface PreparedBatch {
  readonly storeId: string;
  readonly edgeId: string;
  readonly batch: Batch;
  readonly by?: string | undefined;
  /** The batch's own, or those of the part that is retried alone. */
  readonly firstSequence: number;
  readonly previousDigest: string;
  readonly items: readonly BatchItem[];
}

/**
 * What makes a batch unreadable as a whole, or undefined: an event that does not say its sequence, a
 * gap that does not fit (the chain ends there), items that are not contiguous.
 */
export function batchProblem(batch: Batch): string | undefined {
  if (batch.events.length > batchEventCountMax) return `more than ${batchEventCountMax} events`;
  let next = batch.firstSequence;
  for (const [index, raw] of batch.events.entries()) {
    const where = `events[${index}]`;
    if (isDeeperThan(raw, eventDepthMax)) return `${where} nests deeper than ${eventDepthMax}`;
    if (isGap(raw) && !gapSchema.safeParse(raw).success)
      return `${where} is a gap that does not fit`;
    const { first, last } = spanOf(raw as object | null);
    if (!Number.isSafeInteger(first)) return `${where} has no sequence`;
    if (first !== next) return `${where} begins at sequence ${first}, expected ${next}`;
    next = last + 1;
  }
  return undefined;
}

/** Takes apart a batch that `batchProblem` found nothing wrong with. */
export function itemsOf({ firstSequence, previousDigest, events }: Batch): BatchItem[] {
  let digest = previousDigest;
  let next = firstSequence;
  return events.map((value): BatchItem => {
    const raw = value as object;
    const { first, last } = spanOf(raw);
    assert.equal(first, next, "the caller has asked batchProblem");
    next = last + 1;
    const { evidence: why, ...fact } = raw as { evidence?: unknown };
    const text = canonicalJson(fact);
    const evidence = JSON.stringify(why) ?? null;
    const sizeBytes = Buffer.byteLength(text) + (evidence?.length ?? 0);
    // Evidence came as JSON, and no rule reads it: an object is all that it has to be.
    const content = contentOf(evidence?.startsWith("{") ? fact : raw, sizeBytes);
    digest = content.kind === "gap" ? content.gap.digest : nextDigest(digest, text);
    return { firstSequence: first, lastSequence: last, digest, text, evidence, content, raw };
  });
}

/** A batch with its items, taken apart now unless that was done when it arrived. */
export function prepareBatch({ storeId, edgeId, batch, items, by }: Incoming): PreparedBatch {
  const { firstSequence, previousDigest } = batch;
  return {
    storeId,
    edgeId,
    batch,
    by,
    firstSequence,
    previousDigest,
    items: items ?? itemsOf(batch),
  };
}

/** What an event as it came says. */
export function contentOf(raw: object, sizeBytes: number): Content {
  if (isGap(raw)) return { kind: "gap", gap: gapSchema.parse(raw) };
  if (sizeBytes > eventSizeBytesMax) {
    const message = `${sizeBytes} bytes, the limit is ${eventSizeBytesMax}`;
    return { kind: "rejected", code: "EVENT_TOO_LARGE", message };
  }
  const event = stockEventSchema.safeParse(raw);
  if (event.success) return { kind: "event", event: event.data };
  const message = z.prettifyError(event.error).slice(0, 500);
  return { kind: "rejected", code: "EVENT_INVALID", message };
}

/** The batch's items as batches of their own, to be posted one by one. */
export function partsOf(prepared: PreparedBatch): PreparedBatch[] {
  return prepared.items.map((item, index) => ({
    ...prepared,
    firstSequence: item.firstSequence,
    previousDigest: prepared.items[index - 1]?.digest ?? prepared.previousDigest,
    items: [item],
  }));
}

function isGap(raw: unknown): boolean {
  return (raw as { type?: unknown } | null)?.type === "gap";
}

function spanOf(raw: object | null): { first: number; last: number } {
  const { sequence, firstSequence, lastSequence } = (raw ?? {}) as Record<string, number>;
  return isGap(raw)
    ? { first: firstSequence!, last: lastSequence! }
    : { first: sequence!, last: sequence! };
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  if (levels === 0) return true;
  for (const member of Object.values(value)) if (isDeeperThan(member, levels - 1)) return true;
  return false;
}
