// The rules of posting a group: positions, skipping, holes, divergence, gaps, quarantine. Pure: reads a
// `View`, gives results and `Changes`. Whoever has a database calls it between reading and writing.

import type { Acknowledgement } from "../../contract/delivery.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import { noticeCodes, type StockEvent } from "../../contract/event.ts";
import { storableText } from "../storable-text.ts";
import type { Author } from "./author.ts";
import type { BatchItem, PreparedBatch } from "./batch-items.ts";
import { Book } from "./book.ts";
import {
  type Changes,
  eventKey,
  type LoggedEvent,
  type OutboxKey,
  outboxKey,
  type Placement,
  type Position,
  type QuarantineRow,
  type View,
} from "./changes.ts";
import { isFeed } from "./facts.ts";
import { Posting } from "./posting.ts";
import { judgeBatch, newPosition, type Verdict } from "./stream.ts";
import type { Committed } from "./types.ts";

/** What a ledger adds to a group. */
export interface GroupOptions {
  readonly ledgerEpoch: number;
  readonly recordedAtMs: number;
}

/** Posts a group: one result per batch, in order, and what has to be written. */
export function postGroup(view: View, group: readonly PreparedBatch[], options: GroupOptions) {
  const poster = new GroupPoster(view, options);
  const results = group.map((prepared) => poster.post(prepared));
  return { results, changes: poster.changes() };
}

/** Posts one quarantined event where it was, the position stays; or says which rule it breaks. */
export function postAgain(view: View, outbox: OutboxKey, event: StockEvent, author: Author) {
  const { by, nowMs: recordedAtMs } = author;
  const placements: Placement[] = [];
  const book = new Book(view);
  const posting = new Posting(book, placements, { outbox, recordedAtMs, by });
  const problem = posting.apply(event, event.occurredAtMs);
  const nothing = { positions: [], events: [], quarantined: [] };
  const changes: Changes = { recordedAtMs, ...nothing, placements, ...book.changes() };
  return { problem, posted: posting.posted(), changes };
}

class GroupPoster {
  readonly #view: View;
  readonly #options: GroupOptions;
  readonly #book: Book;
  readonly #positions = new Map<string, Position>();
  readonly #changed = new Set<Position>();
  readonly #events: LoggedEvent[] = [];
  readonly #quarantined: QuarantineRow[] = [];
  readonly #placements: Placement[] = [];

  constructor(view: View, options: GroupOptions) {
    this.#view = view;
    this.#options = options;
    this.#book = new Book(view);
    for (const position of view.positions) {
      this.#positions.set(outboxKey(position), { ...position });
    }
  }

  post(prepared: PreparedBatch): Committed {
    const { storeId, edgeId, batch, by } = prepared;
    const { recordedAtMs } = this.#options;
    const outbox = { storeId, edgeId, outboxId: batch.outboxId };
    const position = this.#positions.get(outboxKey(outbox)) ?? newPosition(outbox);
    const posting = new Posting(this.#book, this.#placements, { outbox, recordedAtMs, by });
    const verdict = judgeBatch(prepared, position, (sequence) =>
      this.#digestAt(position, sequence),
    );
    const items = verdict.kind === "post" ? verdict.items : [];
    if (verdict.kind === "diverged") this.#freeze(position, posting, verdict.reason);
    if (items.length > 0) this.#advance(position, posting, items);
    this.#noteProgress(position, prepared, verdict);
    return {
      answer: this.#answer(prepared, position, verdict),
      ...posting.posted(),
      postedEventCount: items.length,
      skippedEventCount: verdict.kind === "post" ? verdict.skippedCount : 0,
    };
  }

  changes(): Changes {
    return {
      recordedAtMs: this.#options.recordedAtMs,
      positions: [...this.#changed],
      events: this.#events,
      quarantined: this.#quarantined,
      placements: this.#placements,
      ...this.#book.changes(),
    };
  }

  #digestAt(position: Position, sequence: number): string | undefined {
    if (sequence === position.throughSequence) return position.throughDigest;
    return this.#view.digests.get(eventKey(position, sequence));
  }

  #freeze(position: Position, posting: Posting, reason: string): void {
    position.frozen = true;
    this.#save(position);
    const { outboxId, throughSequence } = position;
    const message = `outbox ${outboxId} is frozen: ${reason} (a cloned or restored card?)`;
    const detail = { frozenOutboxId: outboxId, throughSequence };
    posting.alert({ code: "outbox_diverged", severity: "alarm", message, detail });
  }

  #advance(position: Position, posting: Posting, items: readonly BatchItem[]): void {
    if (position.throughSequence === 0) this.#welcome(position, posting);
    const { storeId, edgeId, outboxId } = position;
    for (const item of items) {
      const type = this.#apply(position, posting, item);
      this.#events.push({ storeId, edgeId, outboxId, item, type });
      position.throughSequence = item.lastSequence;
      position.throughDigest = item.digest;
    }
    this.#save(position);
  }

  #apply(position: Position, posting: Posting, item: BatchItem): LoggedEvent["type"] {
    const { content } = item;
    if (content.kind === "gap") {
      this.#declareLoss(posting, item);
      return "gap";
    }
    if (content.kind === "rejected") {
      return this.#reject(posting, item, content.code, content.message);
    }
    const { event } = content;
    // Without the right time an event is placed by its sequence, never before the one it follows.
    const floorMs = event.clockSynced ? 0 : position.placedAtMs;
    const placedAtMs = Math.max(event.occurredAtMs, floorMs);
    const problem = posting.apply(event, placedAtMs);
    if (problem !== undefined) return this.#reject(posting, item, "LEDGER_RULE", problem);
    position.placedAtMs = placedAtMs;
    if (event.type === "noticed" && event.code === noticeCodes.outboxStarted) {
      this.#outboxStarted(posting, event.detail);
    }
    if (event.type === "noticed" && event.code === noticeCodes.bufferSetBack) {
      const { edgeId, outboxId } = posting.outbox;
      const message = `the disk of edge ${edgeId} did not keep its last events before a crash`;
      const key = `${outboxId}/${item.lastSequence}`;
      posting.askForCount("declared_loss", key, message, { reason: event.code });
    }
    return event.type;
  }

  #declareLoss(posting: Posting, { firstSequence, lastSequence, content }: BatchItem): void {
    const { outboxId } = posting.outbox;
    const reason = content.kind === "gap" ? content.gap.reason : "unreadable";
    const message = `events ${firstSequence} to ${lastSequence} of outbox ${outboxId} are gone (${reason})`;
    const detail = { firstSequence, lastSequence, reason };
    posting.askForCount("declared_loss", `${outboxId}/${firstSequence}`, message, detail);
  }

  #reject(posting: Posting, item: BatchItem, code: ErrorCode, text: string): "rejected" {
    const sequence = item.lastSequence;
    const message = storableText(text.slice(0, 500));
    this.#quarantined.push({
      ...posting.outbox,
      ...{ sequence, code, message, text: JSON.stringify(item.raw) },
    });
    const detail = { sequence, reason: code };
    posting.alert({ code: "event_quarantined", severity: "warning", message, detail });
    return "rejected";
  }

  /** The first events of an outbox; where the edge had another, something may have been lost between. */
  #welcome(position: Position, posting: Posting): void {
    const others = [...this.#positions.values()].filter(
      ({ storeId, edgeId }) => storeId === position.storeId && edgeId === position.edgeId,
    );
    if (others.some((other) => other.outboxId !== position.outboxId)) this.#askForSecond(posting);
  }

  #outboxStarted(posting: Posting, detail: Record<string, unknown>): void {
    const { previousOutboxId, reason } = detail;
    if (typeof previousOutboxId !== "string") return;
    this.#askForSecond(posting);
    const previous = this.#positions.get(
      outboxKey({ ...posting.outbox, outboxId: previousOutboxId }),
    );
    // The edge itself found that the histories parted, before a batch showed it to us.
    if (reason !== "diverged" || previous === undefined || previous.frozen) return;
    this.#freeze(previous, posting, "the edge says that it diverged");
  }

  #askForSecond(posting: Posting): void {
    const { edgeId, outboxId } = posting.outbox;
    if (posting.alerts.some((alert) => alert.code === "second_outbox")) return;
    const message = `edge ${edgeId} began another outbox, ${outboxId}; events may have been lost`;
    posting.askForCount("second_outbox", outboxId, message, {});
  }

  #noteProgress(position: Position, prepared: PreparedBatch, verdict: Verdict): void {
    const end = prepared.items.at(-1)?.lastSequence ?? prepared.firstSequence - 1;
    const { completeThroughAtMs } = prepared.batch;
    if (verdict.kind !== "post" || position.throughSequence < end) return;
    // A hello begins no outbox: an edge's first event does. A source may tell how far it is before its first sale.
    if (position.throughSequence === 0 && !isFeed(position.edgeId)) return;
    if (completeThroughAtMs <= position.completeThroughAtMs) return;
    position.completeThroughAtMs = completeThroughAtMs;
    this.#save(position);
  }

  #answer(prepared: PreparedBatch, position: Position, verdict: Verdict): Acknowledgement {
    const { outboxId, nonce, probe } = prepared.batch;
    const { throughSequence, throughDigest } = position;
    const { kind } = verdict;
    const code = kind === "post" ? undefined : kind === "hole" ? "OUTBOX_HOLE" : "OUTBOX_DIVERGED";
    const probed = probe === undefined ? undefined : this.#digestAt(position, probe.sequence);
    return {
      ...{
        outboxId,
        ledgerEpoch: this.#options.ledgerEpoch,
        throughSequence,
        throughDigest,
        nonce,
      },
      ...(code === undefined ? {} : { code }),
      rejected: this.#rejectionsOf(prepared),
      ...(probe === undefined ? {} : { probeMatches: probed === probe.digest }),
    };
  }

  /** What of this batch lies in quarantine, from now or from before. */
  #rejectionsOf({ items, storeId, edgeId, batch }: PreparedBatch) {
    const first = items[0]?.firstSequence ?? 1;
    const last = items.at(-1)?.lastSequence ?? 0;
    const key = outboxKey({ storeId, edgeId, outboxId: batch.outboxId });
    return [...this.#view.rejections, ...this.#quarantined]
      .filter((row) => row.sequence >= first && row.sequence <= last && outboxKey(row) === key)
      .map(({ sequence, code, message }) => ({ sequence, code, message }));
  }

  #save(position: Position): void {
    this.#positions.set(outboxKey(position), position);
    this.#changed.add(position);
  }
}
