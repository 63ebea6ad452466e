// Entries live to many listeners. Each has its place in the store's chain: what follows it goes out at once, and
// whoever is behind reads from the ledger. One who does not read is cut off, and comes back to where it was.

import type { Entry } from "../../contract/stock.ts";
import type { Clock } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";

/** Listeners at once; more are told to come later. */
export const listenerCountMax = 1000;
/** What may wait for a listener that does not read. */
export const listenerBufferBytesMax = 256 * 1024;
/** Entries that one who is behind reads at once. */
const pageCount = 100;
const heartbeatMs = 15_000;

/** Where a listener's lines go: a response's socket. */
export interface FeedSink {
  /** Bytes that were written and not yet taken by the other side. */
  readonly waitingBytes: number;
  write(text: string): void;
  /** Whether it may still listen. */
  isAllowed(): Promise<boolean>;
  /** Cuts the listener off. */
  end(): void;
}

interface Listener {
  readonly storeId: string;
  readonly sink: FeedSink;
  through: number;
  isReading: boolean;
  /** More was posted while it read. */
  isStale: boolean;
}

/** The listeners of a bridge. */
export class Feed {
  readonly #ledger: Pick<Ledger, "entries">;
  readonly #clock: Clock;
  readonly #count: (name: string) => void;
  readonly #listeners = new Map<string, Set<Listener>>();
  #listenerCount = 0;
  #cancel: (() => void) | undefined;

  constructor(options: {
    readonly ledger: Pick<Ledger, "entries">;
    readonly clock: Clock;
    readonly count: (name: string) => void;
  }) {
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#count = options.count;
  }

  get listenerCount(): number {
    return this.#listenerCount;
  }

  /** Adds a listener behind an entry; the returned function removes it. Undefined where there are too many. */
  listen(storeId: string, through: number, sink: FeedSink): (() => void) | undefined {
    if (this.#listenerCount >= listenerCountMax) {
      this.#count("feed_listeners_refused");
      return undefined;
    }
    const listener: Listener = { storeId, sink, through, isReading: false, isStale: false };
    const others = this.#listeners.get(storeId) ?? new Set();
    this.#listeners.set(storeId, others.add(listener));
    this.#listenerCount += 1;
    if (this.#cancel === undefined) this.#beat();
    void this.#catchUp(listener);
    return () => this.#remove(listener);
  }

  /** Takes what was committed. */
  onPosted({ entries }: { readonly entries: readonly Entry[] }): void {
    for (const entry of entries) {
      const listeners = this.#listeners.get(entry.storeId);
      if (listeners === undefined) continue;
      const text = eventText(entry);
      for (const listener of listeners) {
        if (entry.entryNumber <= listener.through) continue;
        if (!listener.isReading && entry.entryNumber === listener.through + 1) {
          this.#give(listener, entry.entryNumber, text);
        } else {
          void this.#catchUp(listener);
        }
      }
    }
  }

  /** Something was committed by another bridge on the same ledger. */
  onNews(storeId: string): void {
    for (const listener of this.#listeners.get(storeId) ?? []) void this.#catchUp(listener);
  }

  /** Cuts all off. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const listener of this.#all()) this.#end(listener);
  }

  #all(): Listener[] {
    return [...this.#listeners.values()].flatMap((some) => [...some]);
  }

  #isListening(listener: Listener): boolean {
    return this.#listeners.get(listener.storeId)?.has(listener) === true;
  }

  #give(listener: Listener, entryNumber: number, text: string): void {
    if (listener.sink.waitingBytes + text.length > listenerBufferBytesMax) {
      this.#count("feed_listeners_slow");
      this.#end(listener);
      return;
    }
    listener.through = entryNumber;
    listener.sink.write(text);
  }

  async #catchUp(listener: Listener): Promise<void> {
    listener.isStale = true;
    if (listener.isReading) return;
    listener.isReading = true;
    try {
      while (listener.isStale && this.#isListening(listener)) {
        // A long way behind is no reason to be cut off: it goes on when what it has was taken.
        if (listener.sink.waitingBytes > listenerBufferBytesMax / 2) return;
        listener.isStale = false;
        const { storeId, through } = listener;
        const query = { storeId, afterEntryNumber: through, countMax: pageCount };
        const entries = await this.#ledger.entries(query);
        for (const entry of entries) {
          if (!this.#isListening(listener)) return;
          this.#give(listener, entry.entryNumber, eventText(entry));
        }
        if (entries.length === pageCount) listener.isStale = true;
      }
    } catch {
      this.#end(listener);
    } finally {
      listener.isReading = false;
    }
  }

  /** The other side took what waited: one that is behind goes on. */
  onDrained(storeId: string): void {
    for (const listener of this.#listeners.get(storeId) ?? []) {
      if (listener.isStale) void this.#catchUp(listener);
    }
  }

  /** Says that it still lives; whoever closed without a word is found so, and one whose token was revoked is cut off. */
  #beat(): void {
    this.#cancel = this.#clock.timer(heartbeatMs, () => {
      for (const listener of this.#all()) void this.#beatOf(listener);
      this.#beat();
    });
  }

  async #beatOf(listener: Listener): Promise<void> {
    const isAllowed = await listener.sink.isAllowed().catch(() => false);
    if (!isAllowed) return this.#end(listener);
    if (!this.#isListening(listener)) return;
    listener.sink.write(": heartbeat\n\n");
    // Another bridge on the same ledger posts too.
    await this.#catchUp(listener);
  }

  #end(listener: Listener): void {
    this.#remove(listener);
    listener.sink.end();
  }

  #remove(listener: Listener): void {
    const listeners = this.#listeners.get(listener.storeId);
    if (listeners?.delete(listener) !== true) return;
    this.#listenerCount -= 1;
    if (listeners.size === 0) this.#listeners.delete(listener.storeId);
    if (this.#listenerCount > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

function eventText(entry: Entry): string {
  return `id: ${entry.entryNumber}\nevent: entry\ndata: ${JSON.stringify(entry)}\n\n`;
}
