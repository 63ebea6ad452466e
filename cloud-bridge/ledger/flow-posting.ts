// Posts what settlement asks for of one item: what is to stand beside its facts, less what stands there already.
// Pure: works on a book, and says when the item is due again.

import type { Place } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Alert, Entry } from "../../contract/stock.ts";
import type { Gtin } from "../../contract/units.ts";
import { negativeAlert } from "./alerts.ts";
import type { Book } from "./book.ts";
import {
  type FlowCorrection,
  flowDifference,
  flowKindOf,
  flowSegment,
  isFlowRule,
  isUnitSaid,
  settleFlow,
} from "./flow.ts";
import { pastOf } from "./flow-past.ts";
import { type FlowFact, flowGapMs, nameOf } from "./flow-units.ts";

/** How far before the earliest open fact entries are read: no chain of facts is followed further. */
export const flowLookBackMs = 9 * flowGapMs;

/** An item that is due. */
export interface Unsettled {
  readonly storeId: string;
  readonly item: string;
  readonly sinceMs: number;
  /** Until when every edge of the store has told everything. */
  readonly watermarkMs: number;
}

/** A posted entry of the item, of customers' goods or beside them. */
export interface FlowEntry extends Omit<FlowFact, "kind"> {
  readonly reason: string;
}

/** Entries of an item from some time on, and all of the units with serials that passed an exit among them. */
export interface FlowHistory {
  readonly rows: readonly FlowEntry[];
  readonly ofUnits: readonly FlowEntry[];
}

/** What was posted, and when to look again. */
export interface FlowPosting {
  readonly entries: Entry[];
  readonly alerts: Alert[];
  readonly open: { readonly sinceMs: number; readonly dueAtMs: number } | undefined;
}

/** Settles an item on the book. */
export function postFlow(
  book: Book,
  { storeId, item, sinceMs, watermarkMs }: Unsettled,
  { rows, ofUnits }: FlowHistory,
  recordedAtMs: number,
): FlowPosting {
  const facts = flowSegment(
    rows.flatMap((row) => {
      const kind = flowKindOf(row);
      return kind === undefined ? [] : { ...row, kind };
    }),
    sinceMs,
  );
  const known = new Set(facts.map(nameOf));
  const posted = rows.flatMap((row): FlowCorrection[] => {
    const { reason, from, to, atMs, quantity } = row;
    if (!isFlowRule(reason) || !known.has(nameOf(row))) return [];
    return [{ fact: { ...row, kind: "sale" }, rule: reason, from, to, atMs, quantity }];
  });
  const shelf = book.places(storeId, item).facings[0]?.location ?? `${storeId}/floor`;
  const past = pastOf(ofUnits, facts[0]?.atMs ?? sinceMs);
  const { corrections, open } = settleFlow(facts, { storeId, shelf, watermarkMs, past });
  const entries: Entry[] = [];
  const alerts: Alert[] = [];
  const differences = flowDifference(corrections, posted);
  holdUnits(book, { storeId, item }, facts, differences);
  for (const correction of differences) {
    const { fact, rule, atMs } = correction;
    const isBack = correction.quantity < 0;
    const [from, to] = isBack ? [correction.to, correction.from] : [correction.from, correction.to];
    const { edgeId, outboxId, sequence, deviceId, serial } = fact;
    const source = {
      ...{ storeId, edgeId, outboxId, sequence, deviceId, recordedAtMs, placedAtMs: atMs },
      unsyncedBootId: null,
    };
    const quantity = Math.abs(correction.quantity);
    const movement = { item, serial, quantity, from, to, reason: rule, occurredAtMs: atMs };
    entries.push(book.transfer(movement, source));
    if (rule === "exit_timeout") alerts.push(lossAlert(storeId, item, correction));
    for (const difference of book.settle(storeId, item, atMs)) {
      const at = { ...source, placedAtMs: difference.occurredAtMs };
      entries.push(book.transfer(difference, at));
    }
  }
  // An entry may have been placed anew in time, by an edge that learned its clock: counts are looked at again.
  const last = rows.at(-1);
  for (const difference of last === undefined ? [] : book.settle(storeId, item, sinceMs)) {
    const { edgeId, outboxId, sequence, deviceId } = last!;
    const source = {
      ...{ storeId, edgeId, outboxId, sequence, deviceId, recordedAtMs },
      ...{ placedAtMs: difference.occurredAtMs, unsyncedBootId: null },
    };
    entries.push(book.transfer(difference, source));
  }
  for (const negative of book.takeNegatives()) {
    const { edgeId, outboxId, ...about } = entries.at(-1)!;
    const { detail, ...alert } = negativeAlert(negative, about);
    alerts.push({
      ...{ storeId, edgeId, atMs: recordedAtMs, ...alert },
      detail: { outboxId, ...detail },
    });
  }
  return { entries, alerts, open };
}

/** Says where units with serials are: where the facts took them, unless something beside a fact says otherwise. */
function holdUnits(
  book: Book,
  { storeId, item }: Pick<Unsettled, "storeId" | "item">,
  facts: readonly FlowFact[],
  differences: readonly FlowCorrection[],
): void {
  const told = new Map(facts.map((fact) => [nameOf(fact), fact]));
  const hold = (serial: string | undefined, place: Place, atMs: number) => {
    if (serial === undefined) return;
    book.hold({ storeId, serialKey: serialKey(item as Gtin, serial), ...place, atMs });
  };
  for (const { fact, rule, quantity } of differences) {
    const { serial, to, atMs } = told.get(nameOf(fact))!;
    if (quantity < 0 && isUnitSaid(rule)) hold(serial, to, atMs);
  }
  for (const { fact, unitAt, quantity } of differences) {
    if (quantity > 0 && unitAt !== undefined) hold(fact.serial, unitAt.place, unitAt.atMs);
  }
}

/** A unit was lost; or, where the posting goes back, was found again. */
function lossAlert(storeId: string, item: string, correction: FlowCorrection): Alert {
  const { fact, quantity, to, from, atMs } = correction;
  const { edgeId, outboxId, sequence, deviceId, serial } = fact;
  const isFound = quantity < 0;
  const message = isFound
    ? `${-quantity} of ${item} that was lost at ${from.location} is accounted for`
    : `${quantity} of ${item} left by ${from.location} and nobody sold it since: posted to ${to.location}`;
  const code = isFound ? "item_found" : "exit_loss";
  const evidence = { outboxId, sequence, deviceId, location: from.location };
  return {
    ...{ storeId, edgeId, code, severity: isFound ? "info" : "warning", atMs, message },
    detail: { item, quantity, ...(serial === undefined ? {} : { serial }), ...evidence },
  };
}
