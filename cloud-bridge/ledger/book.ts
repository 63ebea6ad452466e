// The double-entry book of one group, in memory: balances and chain heads as they were read, changed by
// every transfer. The sum over all accounts stays zero because a transfer is the only way to change one.

import { strict as assert } from "node:assert";
import type { Place } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Entry } from "../../contract/stock.ts";
import type { Gtin } from "../../contract/units.ts";
import { type Anchor, anchorOf, type Count, type PastEntry, settleAnchors } from "./anchors.ts";
import type { Balance, ChainHead, PlacedEntry, SerialHolding, View } from "./changes.ts";
import { productKey } from "./changes.ts";
import { type CountPolicy, defaultCountPolicy } from "./counting/count-policy.ts";
import { entryHash, genesisHash } from "./entry-hash.ts";
import { isFlowRule } from "./flow.ts";
import { isOutside, isReal, type Movement, type Places } from "./settle.ts";
import { negativeTaskStem, TaskBook } from "./task-book.ts";

/** The event behind an entry. */
export interface Source {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly sequence: number;
  readonly deviceId: string;
  readonly recordedAtMs: number;
  readonly placedAtMs: number;
  readonly unsyncedBootId: string | null;
  /** Who did it, where it was done by a call. */
  readonly by?: string | undefined;
}

/** Balances, chains, serials and tasks of one group. */
export class Book {
  readonly tasks = new TaskBook();
  readonly #view: View;
  readonly #ofProduct = new Map<string, Balance[]>();
  readonly #changed = new Set<Balance>();
  readonly #fallen = new Set<Balance>();
  readonly #heads = new Map<string, ChainHead>();
  readonly #entries: PlacedEntry[] = [];
  readonly #serials = new Map<string, SerialHolding>();
  readonly #counts: Count[] = [];
  readonly #anchors: Map<string, Anchor[]>;
  readonly #history: Map<string, PastEntry[]>;
  /** Entries of the group that are in the history: they come in when a count asks. */
  #historyCount = 0;

  constructor(view: View) {
    this.#view = view;
    for (const balance of view.balances) addTo(this.#ofProduct, { ...balance });
    this.#anchors = byProduct(view.anchors);
    this.#history = byProduct(view.history);
    for (const head of view.heads) this.#heads.set(head.storeId, { ...head });
  }

  /** What the plan says about an item. */
  places(storeId: string, item: string): Places {
    const facings = this.#view.facings.get(productKey(storeId, item)) ?? [];
    return { facings, stockroom: this.#view.stockrooms.get(storeId) };
  }

  /** What the store demands of its counts. */
  countPolicy(storeId: string): CountPolicy {
    return this.#view.countPolicies.get(storeId) ?? defaultCountPolicy;
  }

  /** Accounts that units of an item are sold from: at real places, in order of their locations. */
  sellable(storeId: string, item: string): Balance[] {
    return (this.#ofProduct.get(productKey(storeId, item)) ?? [])
      .filter(({ location, state }) => state === "sellable" && isReal(location))
      .sort((a, b) => (a.location < b.location ? -1 : 1));
  }

  /** Units of an item that customers have in hand; below zero where more were sold than taken. */
  inBasket(storeId: string, item: string): number {
    const accounts = this.#ofProduct.get(productKey(storeId, item)) ?? [];
    const basket = `${storeId}/@basket`;
    return accounts.find((at) => at.location === basket && at.state === "sellable")?.quantity ?? 0;
  }

  /** When the item was last counted, as far as the group's view goes back. */
  lastCountAtMs(storeId: string, item: string): number {
    return Math.max(0, ...this.#anchorsOf(storeId, item).map(({ atMs }) => atMs));
  }

  /** Takes a count that anchors; gives the transfers that it asks for. */
  count(count: Count): Movement[] {
    const { storeId } = count;
    this.#counts.push(count);
    const held = [...this.#ofProduct.values()].flat().filter((each) => each.storeId === storeId);
    const items = new Set([...count.lines, ...held].map(({ item }) => item));
    return [...items].flatMap((item) => {
      const anchor = anchorOf(count, item);
      return anchor === undefined ? [] : this.settle(storeId, item, anchor.atMs);
    });
  }

  /** What counts ask for after something was posted at a time. */
  settle(storeId: string, item: string, atMs: number): Movement[] {
    if (this.#anchors.size === 0 && this.#counts.length === 0) return [];
    const key = productKey(storeId, item);
    const anchors = this.#anchorsOf(storeId, item);
    if (!anchors.some((anchor) => anchor.atMs >= atMs)) return [];
    const entries = this.#historyOf(key);
    const balances = this.#ofProduct.get(key) ?? [];
    return settleAnchors({ storeId, item, anchors, entries, balances });
  }

  /** Posts a transfer: the only way in which balances change. */
  transfer(movement: Movement, source: Source): Entry {
    const { item, serial, lot, quantity, from, to, reason, occurredAtMs } = movement;
    const { storeId, edgeId, outboxId, sequence, deviceId, recordedAtMs, by } = source;
    assert(quantity > 0);
    const head = this.#head(storeId);
    const entry: Entry = {
      storeId,
      entryNumber: head.entryNumber + 1,
      item,
      quantity,
      from,
      to,
      reason,
      occurredAtMs,
      recordedAtMs,
      edgeId,
      outboxId,
      sequence,
      deviceId,
      previousHash: head.hash,
      hash: "",
    };
    if (serial !== undefined) entry.serial = serial;
    if (lot !== undefined) entry.lot = lot;
    if (by !== undefined) entry.by = by;
    entry.hash = entryHash(head.hash, entry);
    head.entryNumber = entry.entryNumber;
    head.hash = entry.hash;
    const { placedAtMs, unsyncedBootId } = source;
    this.#entries.push({ entry, placedAtMs, unsyncedBootId, expiry: movement.expiry });
    const accounts = this.#accountsOf(storeId, item);
    this.#add(entry, accounts, from, -quantity);
    this.#add(entry, accounts, to, quantity);
    // What settlement posts beside a fact does not move the unit: it says by itself where that is.
    if (serial !== undefined && !isFlowRule(reason)) {
      this.hold({ storeId, serialKey: serialKey(item as Gtin, serial), ...to, atMs: placedAtMs });
    }
    return entry;
  }

  /** Says where a serial is held, unless something later is known. */
  hold(holding: SerialHolding): void {
    const key = productKey(holding.storeId, holding.serialKey);
    const known = this.#serials.get(key);
    if (known === undefined || known.atMs <= holding.atMs) this.#serials.set(key, holding);
  }

  /** Accounts of real places that fell below zero since this was asked last, and still are: to be told. */
  takeNegatives(): Balance[] {
    const negatives = [...this.#fallen].filter(({ quantity }) => quantity < 0);
    this.#fallen.clear();
    return negatives;
  }

  changes() {
    return {
      entries: this.#entries,
      balances: [...this.#changed],
      heads: [...this.#heads.values()],
      serials: [...this.#serials.values()],
      counts: this.#counts,
      ...this.tasks.changes(),
    };
  }

  /** Those of the group too: a complete one speaks of items that come after it. */
  #anchorsOf(storeId: string, item: string): Anchor[] {
    const own = this.#counts.flatMap((count) =>
      count.storeId === storeId ? (anchorOf(count, item) ?? []) : [],
    );
    return [...(this.#anchors.get(productKey(storeId, item)) ?? []), ...own];
  }

  #historyOf(key: string): PastEntry[] {
    for (const { entry, placedAtMs } of this.#entries.slice(this.#historyCount)) {
      addTo(this.#history, { ...entry, placedAtMs });
    }
    this.#historyCount = this.#entries.length;
    return this.#history.get(key) ?? [];
  }

  #head(storeId: string): ChainHead {
    let head = this.#heads.get(storeId);
    if (head === undefined) {
      head = { storeId, entryNumber: 0, hash: genesisHash(storeId) };
      this.#heads.set(storeId, head);
    }
    return head;
  }

  #add(entry: Entry, accounts: Balance[], { location, state }: Place, quantity: number): void {
    const { storeId, item, entryNumber } = entry;
    // Of one product there are few: to compare them is faster than to make a key of all four names.
    let balance = accounts.find((each) => each.location === location && each.state === state);
    if (balance === undefined) {
      balance = { storeId, item, location, state, quantity: 0, entryNumber };
      accounts.push(balance);
    }
    const before = balance.quantity;
    balance.quantity += quantity;
    balance.entryNumber = entryNumber;
    this.#changed.add(balance);
    if (before < 0 !== balance.quantity < 0 && !isOutside(location)) this.#turn(balance, entry);
  }

  #accountsOf(storeId: string, item: string): Balance[] {
    const key = productKey(storeId, item);
    const known = this.#ofProduct.get(key);
    if (known !== undefined) return known;
    const accounts: Balance[] = [];
    this.#ofProduct.set(key, accounts);
    return accounts;
  }

  /** A balance fell below zero: somebody should count. Or it came back. */
  #turn(balance: Balance, entry: Entry): void {
    const { storeId, item, location, state, quantity } = balance;
    const key = `${negativeTaskStem}${location}/${state}/${item}`;
    if (quantity >= 0) {
      this.tasks.close(storeId, key);
      return;
    }
    if (isReal(location)) this.#fallen.add(balance);
    // A basket cannot be counted; the shelf that its units come from can.
    const shelf = this.places(storeId, item).facings[0]?.location ?? storeId;
    this.tasks.open({
      ...{ storeId, key, code: "negative_balance", item },
      ...(isReal(location) ? { location, state } : { location: shelf }),
      message: `${item} stands at ${quantity} in ${location} ${state}`,
      openedAtMs: entry.recordedAtMs,
    });
  }
}

interface OfProduct {
  readonly storeId: string;
  readonly item: string;
}

function byProduct<T extends OfProduct>(rows: readonly T[]): Map<string, T[]> {
  const all = new Map<string, T[]>();
  for (const row of rows) addTo(all, row);
  return all;
}

function addTo<T extends OfProduct>(all: Map<string, T[]>, row: T): void {
  const key = productKey(row.storeId, row.item);
  const known = all.get(key);
  if (known === undefined) all.set(key, [row]);
  else known.push(row);
}
