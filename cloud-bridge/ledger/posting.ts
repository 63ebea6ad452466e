// What one event does to the book: transfers, tasks and alerts. Pure. Nothing is changed before all
// rules have been checked, so an event is posted whole or not at all.

import { z } from "zod";
import {
  type CountedEvent,
  type MovedEvent,
  type NoticedEvent,
  noticeCodes,
  type StockEvent,
} from "../../contract/event.ts";
import type { Alert, Entry } from "../../contract/stock.ts";
import { randomIdSchema } from "../../contract/units.ts";
import { storableText } from "../storable-text.ts";
import { negativeAlert } from "./alerts.ts";
import { countOf, variancesOf } from "./anchors.ts";
import type { Book, Source } from "./book.ts";
import { changedItemsOf } from "./changed-items.ts";
import type { OutboxKey, Placement } from "./changes.ts";
import { isCountSure } from "./counting/count-policy.ts";
import { countProblem, itemKeyOf, type Movement, settleMoved } from "./settle.ts";
import type { CountTaskCode, Posted } from "./types.ts";

/** No clock is further off; and a time that is moved by it is still a number that every ledger reads exactly. */
const offsetMsMax = 8_640_000_000_000;
const clockSetSchema = z.looseObject({
  bootId: randomIdSchema,
  offsetMs: z.int().min(-offsetMsMax).max(offsetMsMax),
});
const serialKeyPattern = /^01\/\d{14}\/21\/.+$/;

/** Where a batch (or repost) is from, and when it is posted; `by`: who sent it by a call. */
export interface PostingSource {
  readonly outbox: OutboxKey;
  readonly recordedAtMs: number;
  readonly by: string | undefined;
}

/** Collects what one batch (or repost) changed. */
export class Posting {
  readonly entries: Entry[] = [];
  readonly alerts: Alert[] = [];
  readonly outbox: OutboxKey;
  readonly recordedAtMs: number;
  readonly #book: Book;
  readonly #placements: Placement[];
  readonly #by: string | undefined;

  constructor(book: Book, placements: Placement[], { outbox, recordedAtMs, by }: PostingSource) {
    this.#book = book;
    this.#placements = placements;
    this.outbox = outbox;
    this.recordedAtMs = recordedAtMs;
    this.#by = by;
  }

  /** Posts an event placed at `placedAtMs`; gives the rule it breaks, and then changes nothing. */
  apply(event: StockEvent, placedAtMs: number): string | undefined {
    if (event.type === "noticed") return this.#noticed(event);
    const problem =
      event.type === "moved" ? this.#moved(event, placedAtMs) : this.#counted(event, placedAtMs);
    for (const negative of this.#book.takeNegatives()) {
      this.alert(negativeAlert(negative, event));
    }
    return problem;
  }

  alert(alert: Pick<Alert, "code" | "severity" | "message" | "detail"> & { atMs?: number }): void {
    const { storeId, edgeId, outboxId } = this.outbox;
    const message = storableText(alert.message.slice(0, 500));
    const detail = { outboxId, ...alert.detail };
    this.alerts.push({ atMs: this.recordedAtMs, ...alert, storeId, edgeId, message, detail });
  }

  /** Opens a count task for the whole store, with an alert. */
  askForCount(code: CountTaskCode, key: string, message: string, detail: Alert["detail"]): void {
    const { storeId } = this.outbox;
    this.#book.tasks.open({
      ...{ storeId, code, key: `${code}/${key}`, location: storeId, message },
      openedAtMs: this.recordedAtMs,
    });
    this.alert({ code, severity: "warning", message, detail });
  }

  posted(): Posted {
    const { entries, alerts } = this;
    return { entries, changedItems: changedItemsOf(entries), alerts };
  }

  #moved(event: MovedEvent, placedAtMs: number): string | undefined {
    const { storeId } = this.outbox;
    const item = itemKeyOf(event.item);
    const places = this.#book.places(storeId, item);
    const settlement = settleMoved(event, storeId, places);
    if (!settlement.ok) return settlement.message;
    // Without the right time nothing is older than a count.
    const floorMs = event.clockSynced ? 0 : this.#book.lastCountAtMs(storeId, item) + 1;
    const atMs = Math.max(placedAtMs, floorMs);
    const source = this.#source(event, atMs);
    for (const movement of settlement.movements) {
      this.entries.push(this.#book.transfer(movement, source));
    }
    if (settlement.movements.length > 0) {
      this.#adjust(source, this.#book.settle(storeId, item, atMs));
    }
    return undefined;
  }

  #counted(event: CountedEvent, placedAtMs: number): string | undefined {
    const { storeId } = this.outbox;
    const { location, state, complete, confidence, deviceId, sequence } = event;
    const problem = countProblem(event, storeId);
    if (problem !== undefined) return problem;
    if (!isCountSure(event, this.#book.countPolicy(storeId))) {
      const message = `a count of ${location} is too unsure to change stock`;
      const detail = { location, state, deviceId, sequence, confidence: confidence ?? 1 };
      this.alert({ code: "count_observed", severity: "warning", message, detail });
      return undefined;
    }
    const source = this.#source(event, placedAtMs);
    const count = countOf(event, this.outbox);
    const differences = this.#book.count(count);
    this.#adjust(source, differences);
    for (const variance of variancesOf(count, differences)) {
      const { item, difference, counted } = variance;
      const message = `${item} at ${location}: counted ${counted}, a difference of ${difference}`;
      const detail = { ...variance, location, state, deviceId, sequence };
      this.alert({ code: "count_variance", severity: "warning", message, detail });
    }
    for (const { key, observedAtMs } of event.serials ?? []) {
      if (!serialKeyPattern.test(key)) continue;
      this.#book.hold({ storeId, serialKey: key, location, state, atMs: observedAtMs });
    }
    if (complete) this.#book.tasks.closeCounted(storeId, location, state);
    return undefined;
  }

  #noticed(event: NoticedEvent): string | undefined {
    const { storeId, edgeId } = this.outbox;
    const { code, severity, deviceId, sequence, detail } = event;
    if (code === noticeCodes.clockSet) {
      const parsed = clockSetSchema.safeParse(detail);
      if (!parsed.success) return `clock_set: ${z.prettifyError(parsed.error)}`;
      const { bootId, offsetMs } = parsed.data;
      this.#placements.push({ storeId, edgeId, bootId, offsetMs });
    }
    if (severity !== "info") {
      const message = `${deviceId}: ${code.replaceAll("_", " ")}`;
      const alert = { code, severity, message, detail: { ...detail, deviceId, sequence } };
      this.alert({ ...alert, atMs: event.occurredAtMs });
    }
    return undefined;
  }

  /** Posts what counts ask for, each at the time of its count, whatever the clock of this event's edge. */
  #adjust(source: Source, movements: readonly Movement[]): void {
    for (const movement of movements) {
      const at = { placedAtMs: movement.occurredAtMs, unsyncedBootId: null };
      this.entries.push(this.#book.transfer(movement, { ...source, ...at }));
    }
  }

  #source(event: StockEvent, placedAtMs: number): Source {
    const { sequence, deviceId, clockSynced, bootId } = event;
    const unsyncedBootId = clockSynced ? null : bootId;
    const { recordedAtMs } = this;
    const { storeId, edgeId, outboxId } = this.outbox;
    // Written out: what a spread makes is slow to make and to read, a quarter of a group's time.
    return {
      storeId,
      edgeId,
      outboxId,
      sequence,
      deviceId,
      recordedAtMs,
      placedAtMs,
      unsyncedBootId,
      by: this.#by,
    };
  }
}
