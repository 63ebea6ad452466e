// Counts as anchors. Pure. A count says what stood in a place (and all below it) at a time; what the book
// said then differs by what is posted against `@variance` at that time. Whatever is reported later of an
// earlier time changes that difference and nothing after it: so the same facts and counts give the same
// balances and the same history by time, in every order of arrival.

import type { CountedEvent, Place } from "../../contract/event.ts";
import { isWithin } from "../../contract/units.ts";
import { isReal, type Movement } from "./settle.ts";

/** What a count says of one item. */
export interface Anchor extends Place {
  readonly storeId: string;
  readonly item: string;
  readonly quantity: number;
  /** When the item was counted. */
  readonly atMs: number;
  readonly outboxId: string;
  readonly sequence: number;
}

/** An entry as far as anchors look at it. */
export interface PastEntry {
  readonly storeId: string;
  readonly item: string;
  readonly quantity: number;
  readonly from: Place;
  readonly to: Place;
  readonly reason: string;
  readonly placedAtMs: number;
}

/** A balance of one item. */
export interface Holding extends Place {
  readonly item: string;
  readonly quantity: number;
}

/** A count that is kept because later facts of earlier times have to look at it. */
export interface Count extends Place {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly sequence: number;
  /** Whether a product that it does not list was absent, at `atMs`. */
  readonly complete: boolean;
  readonly atMs: number;
  readonly lines: readonly { readonly item: string; readonly quantity: number; atMs: number }[];
}

export const countDifference = "count_difference";

/** The lines of a count, one for each product: its lots together, at the time of the last of them. */
export function countOf(
  event: CountedEvent,
  outbox: { storeId: string; edgeId: string; outboxId: string },
): Count {
  const lines = new Map<string, { item: string; quantity: number; atMs: number }>();
  for (const { gtin, quantity, observedAtMs } of event.lines) {
    const before = lines.get(gtin);
    lines.set(gtin, {
      item: gtin,
      quantity: (before?.quantity ?? 0) + quantity,
      atMs: Math.max(before?.atMs ?? 0, observedAtMs),
    });
  }
  const { location, state, complete, sequence, occurredAtMs: atMs } = event;
  const { storeId, edgeId, outboxId } = outbox;
  const identity = { storeId, edgeId, outboxId, sequence };
  return { ...identity, location, state, complete, atMs, lines: [...lines.values()] };
}

/** A count differs noticeably by more than this many units, or this share of what was counted. */
export const varianceTolerance = { units: 1, share: 0.02 } as const;
/** Variances that one count tells; the largest. */
export const varianceCountMax = 20;

/** By how much a count differs from the book, where that is more than the tolerance. */
export function variancesOf(
  { lines, atMs }: Count,
  movements: readonly Movement[],
): { item: string; counted: number; difference: number }[] {
  const times = new Map(lines.map((line) => [line.item, line]));
  const sums = new Map<string, number>();
  for (const { item, quantity, to, occurredAtMs } of movements) {
    // The differences of other counts that this one moved are theirs.
    if (occurredAtMs !== (times.get(item)?.atMs ?? atMs)) continue;
    sums.set(item, (sums.get(item) ?? 0) + (isReal(to.location) ? quantity : -quantity));
  }
  return [...sums]
    .map(([item, difference]) => ({ item, difference, counted: times.get(item)?.quantity ?? 0 }))
    .filter(({ difference, counted }) => {
      const { units, share } = varianceTolerance;
      return Math.abs(difference) > Math.max(units, share * counted);
    })
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    .slice(0, varianceCountMax);
}

/** What a count says of an item; undefined where it says nothing. */
export function anchorOf(count: Count, item: string): Anchor | undefined {
  const line = count.lines.find((each) => each.item === item);
  const isAbsent = line === undefined && count.complete && !item.startsWith("epc/");
  if (line === undefined && !isAbsent) return undefined;
  const { storeId, location, state, outboxId, sequence } = count;
  const { quantity, atMs } = line ?? { quantity: 0, atMs: count.atMs };
  return { storeId, item, location, state, quantity, atMs, outboxId, sequence };
}

/**
 * What has to be posted so that every anchor holds. All of one item of one store: `anchors` and `entries`
 * from some time on, `balances` as they are now. Too much is posted at the counted location itself; too
 * little is taken from the accounts below that hold it, in order of their names, the location itself last.
 */
export function settleAnchors(options: {
  storeId: string;
  item: string;
  anchors: readonly Anchor[];
  entries: readonly PastEntry[];
  balances: readonly Holding[];
}): Movement[] {
  const { storeId, item } = options;
  const anchors = [...options.anchors].sort(inTime);
  const times = new Set(anchors.map(({ atMs }) => atMs));
  // Posted for an anchor before: what it amounts to now is computed anew.
  const isDerived = (entry: PastEntry) =>
    entry.reason === countDifference && times.has(entry.placedAtMs);
  const stock = new Accounts();
  for (const { location, state, quantity } of options.balances) {
    stock.add({ location, state }, quantity);
  }
  for (const { from, to, quantity } of options.entries) {
    stock.add(from, quantity);
    stock.add(to, -quantity);
  }
  const changes = new Changed();
  for (const entry of options.entries.filter(isDerived)) {
    if (isReal(entry.from.location)) changes.add(entry.placedAtMs, entry.from, entry.quantity);
    if (isReal(entry.to.location)) changes.add(entry.placedAtMs, entry.to, -entry.quantity);
  }
  const facts = options.entries.filter((entry) => !isDerived(entry));
  facts.sort((a, b) => a.placedAtMs - b.placedAtMs);
  let next = 0;
  for (const anchor of anchors) {
    // What happened in the moment of the count was seen by it.
    for (; next < facts.length && facts[next]!.placedAtMs <= anchor.atMs; next += 1) {
      const { from, to, quantity } = facts[next]!;
      stock.add(from, -quantity);
      stock.add(to, quantity);
    }
    for (const { account, difference } of spread(anchor, stock.below(anchor))) {
      stock.add(account, difference);
      changes.add(anchor.atMs, account, difference);
    }
  }
  return changes.movements(storeId, item);
}

function inTime(a: Anchor, b: Anchor): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs;
  if (a.outboxId !== b.outboxId) return a.outboxId < b.outboxId ? -1 : 1;
  return a.sequence - b.sequence;
}

/** By how much each account has to change so that together they hold what was counted. */
function spread(anchor: Anchor, held: readonly (Place & { quantity: number })[]) {
  const { location, state } = anchor;
  let difference = anchor.quantity - held.reduce((sum, { quantity }) => sum + quantity, 0);
  const changes: { account: Place; difference: number }[] = [];
  for (const account of difference < 0 ? held : []) {
    if (account.location === location || account.quantity <= 0) continue;
    const taken = Math.min(account.quantity, -difference);
    if (taken > 0) changes.push({ account, difference: -taken });
    difference += taken;
  }
  if (difference !== 0) changes.push({ account: { location, state }, difference });
  return changes;
}

/** Quantities by account. */
class Accounts {
  readonly #accounts = new Map<string, Place & { quantity: number }>();

  add({ location, state }: Place, quantity: number): void {
    const key = `${location} ${state}`;
    const account = this.#accounts.get(key) ?? { location, state, quantity: 0 };
    account.quantity += quantity;
    this.#accounts.set(key, account);
  }

  /** What a count of this place covers. */
  below({ location, state }: Place): (Place & { quantity: number })[] {
    return [...this.#accounts.values()]
      .filter((each) => each.state === state && isReal(each.location))
      .filter((each) => isWithin(each.location, location))
      .sort((a, b) => (a.location < b.location ? -1 : 1));
  }
}

/** By how much accounts still have to change, by time. */
class Changed {
  readonly #changes = new Map<string, { atMs: number; account: Place; difference: number }>();

  add(atMs: number, { location, state }: Place, difference: number): void {
    const key = `${atMs} ${location} ${state}`;
    const change = this.#changes.get(key) ?? {
      ...{ atMs, account: { location, state }, difference: 0 },
    };
    change.difference += difference;
    this.#changes.set(key, change);
  }

  movements(storeId: string, item: string): Movement[] {
    const due = [...this.#changes.values()].filter(({ difference }) => difference !== 0);
    return due.map(({ atMs, account, difference }) => {
      const variance = { location: `${storeId}/@variance`, state: account.state };
      return {
        item,
        quantity: Math.abs(difference),
        from: difference > 0 ? variance : account,
        to: difference > 0 ? account : variance,
        reason: countDifference,
        occurredAtMs: atMs,
      };
    });
  }
}
