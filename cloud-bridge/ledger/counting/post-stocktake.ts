// What the postings of a stocktake do to the book: its counts as anchors, and the alerts of what differs. Pure.

import type { Alert, Entry } from "../../../contract/stock.ts";
import type { Count } from "../anchors.ts";
import type { Author } from "../author.ts";
import type { Book } from "../book.ts";
import { changedItemsOf } from "../changed-items.ts";
import type { Posted } from "../types.ts";
import { type CountItem, type CountPolicy, judge } from "./count-policy.ts";
import type { Stocktake } from "./stocktake.ts";

/** The device that entries of stocktakes name. */
export const stocktakeDeviceId = "counts";
/** Differences that one posting tells; the largest in value. */
export const toldDifferenceCountMax = 100;

/** Posts counts on the book, each line at the time when it was counted, in the name of who posts them. */
export function postCounts(
  book: Book,
  counts: readonly Count[],
  { by, nowMs: recordedAtMs }: Author,
): Omit<Posted, "alerts"> {
  const entries: Entry[] = [];
  for (const count of counts) {
    const { storeId, edgeId, outboxId, sequence, location, state, complete } = count;
    for (const movement of book.count(count)) {
      const placedAtMs = movement.occurredAtMs;
      const source = {
        ...{ storeId, edgeId, outboxId, sequence, deviceId: stocktakeDeviceId },
        ...{ recordedAtMs, placedAtMs, unsyncedBootId: null, by },
      };
      entries.push(book.transfer(movement, source));
    }
    if (complete) book.tasks.closeCounted(storeId, location, state);
  }
  return { entries, changedItems: changedItemsOf(entries) };
}

/** Alerts of lines that were posted outside their tolerance, with who counted, who approved and why. */
export function differenceAlerts(
  stocktake: Stocktake,
  counts: readonly Count[],
  about: { policy: CountPolicy; itemOf: (gtin: string) => CountItem; nowMs: number },
): Alert[] {
  const { storeId, countId, state } = stocktake;
  const posted = new Set(
    counts.flatMap(({ location, lines }) => lines.map(({ item }) => `${item} ${location}`)),
  );
  const differing = stocktake.lines.flatMap((line) => {
    const last = line.observations.at(-1);
    if (last === undefined || last.isAnchored === true) return [];
    if (!posted.has(`${line.gtin} ${line.location}`)) return [];
    const { quantity: counted, book } = last;
    const judged = judge({ counted, book }, about.itemOf(line.gtin), about.policy);
    return judged.isWithin ? [] : [{ line, last, ...judged }];
  });
  // What has no price may be worth anything.
  const worth = ({ valueMinor = Number.MAX_SAFE_INTEGER }) => valueMinor;
  return differing
    .sort((a, b) => worth(b) - worth(a) || Math.abs(b.difference) - Math.abs(a.difference))
    .slice(0, toldDifferenceCountMax)
    .map(({ line, last, difference, valueMinor }) => {
      const { gtin: item, location, observations, reason, cause, approvedBy } = line;
      const why = Object.fromEntries(
        Object.entries({ valueMinor, reason, cause, approvedBy }).filter(
          ([, value]) => value !== undefined,
        ),
      );
      return {
        ...{ storeId, code: "count_variance", severity: "warning", atMs: about.nowMs },
        message: `${item} at ${location}: counted ${last.quantity}, a difference of ${difference}`,
        detail: {
          ...{ item, location, state, counted: last.quantity, difference, countId },
          ...{ countedBy: observations.map(({ by }) => by), ...why },
        },
      };
    });
}
