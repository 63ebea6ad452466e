// Publishes what a ledger numbers by store (entries, alerts) on a topic, in order, at least once: how far each store came
// is kept in the ledger. What was just committed goes out from memory; whoever is behind (the broker was away, the bridge
// was killed, another bridge posted or had the store before) reads on from the ledger.

import { type Clock, sleep } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";
import { Waker } from "../waker.ts";

/** What is followed. */
export interface TopicSource<Item> {
  /** Under what name it is kept how far each store came. */
  readonly follower: string;
  /** The first time: what comes from then on is published. */
  begin(): Promise<void>;
  /** Stores with more than was published. */
  lags(countMax: number): Promise<readonly { readonly storeId: string }[]>;
  /** The next ones of a store, in order. */
  read(query: { storeId: string; afterNumber: number; countMax: number }): Promise<Item[]>;
  numberOf(item: Item): number;
  messageOf(item: Item): OutgoingMessage;
  /** Keeps how far stores came. */
  save(positions: readonly (readonly [storeId: string, number: number])[]): Promise<void>;
}

export interface FollowedTopicsOptions {
  readonly ledger: Pick<Ledger, "followers">;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  /** Whether this bridge publishes a store. */
  readonly isHeld: (storeId: string) => boolean;
  readonly clock: Clock;
  readonly count: (name: string, by?: number) => void;
  /** Items in memory; beyond it a store's are let go, counted, and read from the ledger when it is their turn. */
  readonly queueCountMax: number;
}

/** Items of one store on the way to the broker at the same time, and of all stores. */
const pageCount = 100;
const windowCount = 1000;
/** Stores in the ledger that are looked through for some that are behind. */
const lagCountMax = 100_000;
const retryDelayMs = 250;
/** Between two times that it is kept how far stores came: what may go out once more after a crash. */
const saveIntervalMs = 5_000;
/** Between two looks for stores that are behind although nobody said so. */
const lookIntervalMs = 60_000;
/** How long what waits may take at the stop, and what is under way when a store is released: the next one goes on. */
const drainMsMax = 2_000;
/** Stores that are kept in one transaction. */
const saveStoreCountMax = 100;

/** A store that is published here. */
interface Stream<Item> {
  readonly storeId: string;
  /** Number of the last one that the broker has acknowledged; undefined until it is read how far the store came. */
  through: number | undefined;
  saved: number;
  /** Of the last one that is on its way to the broker or waits for it. */
  last: number | undefined;
  /** What waits, without a hole. */
  queue: Item[];
  /** There may be more in the ledger than in the queue; `news` counts what came meanwhile. */
  isBehind: boolean;
  news: number;
}

/** The publisher of one kind of topics. */
export class FollowedTopics<Item extends { readonly storeId: string }> {
  readonly #source: TopicSource<Item>;
  readonly #options: FollowedTopicsOptions;
  readonly #streams = new Map<string, Stream<Item>>();
  readonly #due = new Set<Stream<Item>>();
  #queuedCount = 0;
  #isLookAsked = true;
  readonly #waker: Waker;
  #step: Promise<unknown> = Promise.resolve();

  constructor(source: TopicSource<Item>, options: FollowedTopicsOptions) {
    this.#source = source;
    this.#options = options;
    this.#waker = new Waker(options.clock);
  }

  /** Items in memory that wait for the broker. */
  get waitingCount(): number {
    return this.#queuedCount;
  }

  /** How far each store came. */
  positions(): [storeId: string, number: number][] {
    return [...this.#streams.values()].flatMap(({ storeId, through }) =>
      through === undefined ? [] : [[storeId, through] as [string, number]],
    );
  }

  /** Takes what was committed here, in order; returns at once. */
  onPosted(items: readonly Item[]): void {
    for (const item of items) {
      if (!this.#options.isHeld(item.storeId)) continue;
      const stream = this.#streamOf(item.storeId);
      const number = this.#source.numberOf(item);
      const { last } = stream;
      if (!stream.isBehind && last === number - 1) {
        stream.queue.push(item);
        stream.last = number;
        this.#queuedCount += 1;
        if (this.#queuedCount > this.#options.queueCountMax) this.#letGo(stream);
      } else if (last === undefined || number > last) {
        fallBehind(stream);
      }
      this.#due.add(stream);
    }
    this.#waker.wake();
  }

  /** Something was committed for a store elsewhere. */
  onNews(storeId: string): void {
    if (!this.#options.isHeld(storeId)) return;
    const stream = this.#streamOf(storeId);
    fallBehind(stream);
    this.#due.add(stream);
    this.#waker.wake();
  }

  /** The broker is there (again), or stores came to this bridge: the ledger is asked which are behind. */
  onOnline(): void {
    this.#isLookAsked = true;
    this.#waker.wake();
  }

  /** Stores that another bridge will publish: it begins where this one is. Resolves when that is kept. */
  async release(isOf: (storeId: string) => boolean): Promise<void> {
    const streams = [...this.#streams.values()].filter(({ storeId }) => isOf(storeId));
    for (const stream of streams) {
      this.#due.delete(stream);
      this.#streams.delete(stream.storeId);
    }
    const stop = new AbortController();
    const limit = sleep(this.#options.clock, drainMsMax, stop.signal);
    await Promise.race([this.#step, limit]);
    stop.abort();
    for (const stream of streams) this.#clear(stream);
    await this.#save(streams);
  }

  /** Publishes until `signal` aborts, then keeps how far it came. Rejects when the ledger fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, link } = this.#options;
    await this.#source.begin();
    let savedMs = clock.monotonicMs();
    let lookedMs = savedMs;
    while (!signal.aborted) {
      const isFine = !link.isOnline || (await this.#round());
      const dueMs = savedMs + saveIntervalMs - clock.monotonicMs();
      if (dueMs <= 0) {
        await this.#save([...this.#streams.values()]);
        savedMs = clock.monotonicMs();
        if (savedMs - lookedMs >= lookIntervalMs) {
          lookedMs = savedMs;
          this.#isLookAsked = true;
        }
      }
      const isIdle = !link.isOnline || (this.#due.size === 0 && !this.#isLookAsked);
      if (isIdle || !isFine) await this.#waker.rest(isFine ? saveIntervalMs : retryDelayMs, signal);
    }
    const untilMs = clock.monotonicMs() + drainMsMax;
    const hasTime = () => clock.monotonicMs() < untilMs;
    while (link.isOnline && this.#due.size > 0 && hasTime() && (await this.#round()));
    await this.#save([...this.#streams.values()]);
  }

  #streamOf(storeId: string): Stream<Item> {
    let stream = this.#streams.get(storeId);
    if (stream === undefined) {
      const nothing = { through: undefined, saved: 0, last: undefined, queue: [] };
      stream = { storeId, ...nothing, isBehind: true, news: 0 };
      this.#streams.set(storeId, stream);
    }
    return stream;
  }

  #letGo(stream: Stream<Item>): void {
    // They are read from the ledger when it is their turn.
    this.#options.count("publish_queue_released", stream.queue.length);
    this.#clear(stream);
    fallBehind(stream);
  }

  #clear(stream: Stream<Item>): void {
    this.#queuedCount -= stream.queue.length;
    stream.queue = [];
  }

  /** Publishes of each store that is due a page; false when the broker did not take everything. */
  async #round(): Promise<boolean> {
    if (this.#isLookAsked) await this.#look();
    const streams = [...this.#due].slice(0, Math.ceil(windowCount / pageCount));
    for (const stream of streams) this.#due.delete(stream);
    const step = Promise.all(streams.map((stream) => this.#publishPage(stream)));
    this.#step = step.catch(() => undefined);
    return !(await step).includes(false);
  }

  async #look(): Promise<void> {
    this.#isLookAsked = false;
    const { isHeld } = this.#options;
    for (const { storeId } of await this.#source.lags(lagCountMax)) {
      if (!isHeld(storeId)) continue;
      const stream = this.#streamOf(storeId);
      fallBehind(stream);
      this.#due.add(stream);
    }
  }

  async #publishPage(stream: Stream<Item>): Promise<boolean> {
    const { storeId } = stream;
    const { ledger, link, count } = this.#options;
    if (stream.through === undefined) {
      stream.through = await ledger.followers.position(this.#source.follower, storeId);
      stream.saved = stream.through;
    }
    const page = stream.isBehind ? await this.#read(stream) : this.#take(stream);
    const taken = await Promise.all(page.map((item) => link.publish(this.#source.messageOf(item))));
    const firstFailed = taken.indexOf(false);
    const takenCount = firstFailed < 0 ? page.length : firstFailed;
    if (takenCount > 0) stream.through = this.#source.numberOf(page[takenCount - 1]!);
    count("publish_messages", takenCount);
    if (firstFailed >= 0) {
      stream.last = stream.through;
      fallBehind(stream);
    }
    const isMore = stream.isBehind || stream.queue.length > 0;
    if (isMore && this.#streams.get(storeId) === stream) this.#due.add(stream);
    return firstFailed < 0;
  }

  #take(stream: Stream<Item>): Item[] {
    this.#queuedCount -= Math.min(pageCount, stream.queue.length);
    return stream.queue.splice(0, pageCount);
  }

  async #read(stream: Stream<Item>): Promise<Item[]> {
    const { storeId, through = 0, news } = stream;
    this.#clear(stream);
    const page = await this.#source.read({ storeId, afterNumber: through, countMax: pageCount });
    const last = page.at(-1);
    stream.last = last === undefined ? through : this.#source.numberOf(last);
    if (page.length < pageCount && stream.news === news) stream.isBehind = false;
    return page;
  }

  async #save(streams: readonly Stream<Item>[]): Promise<void> {
    const changed = streams.flatMap(({ storeId, through, saved }) =>
      through === undefined || through === saved ? [] : [[storeId, through] as const],
    );
    for (let first = 0; first < changed.length; first += saveStoreCountMax) {
      const some = changed.slice(first, first + saveStoreCountMax);
      await this.#source.save(some);
    }
    for (const stream of streams) stream.saved = stream.through ?? stream.saved;
  }
}

function fallBehind(stream: Stream<unknown>): void {
  stream.isBehind = true;
  stream.news += 1;
}
