// Whether the broker still has what the bridge before published of a partition, retained. That one published a number
// with it (`publishedTopic`), retained too, and kept it in the ledger, before it kept how far it came: who takes the
// partition goes on from there where the broker has that number, and publishes everything where it has none or an
// older one: it lost what it kept, was set back, or is another one. Numbers belong to an epoch of the ledger; each is the time
// at which it was given, or more.

import { z } from "zod";
import { parsePayload } from "../../contract/payload.ts";
import { partitionOf, publishedTopic } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";

const markSchema = z.object({ ledgerEpoch: z.int(), number: z.int() });
type Mark = z.infer<typeof markSchema>;

/** How long a number that the ledger has is waited for: the broker sends what it keeps after the subscription. */
const hearMsMax = 2_000;
const hearStepMs = 50;
/** Longer than a broker waits for a client that says nothing. */
const youngMs = 120_000;

/** A partition that was taken: its number, and whether the broker has that. */
export interface TakenMark {
  readonly partition: number;
  readonly number: number;
  readonly isKept: boolean;
}

export interface RetainedMarksOptions {
  readonly ledger: Pick<Ledger, "followers" | "epoch">;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly clock: Clock;
  readonly count: (name: string, by?: number) => void;
}

/** Where the ledger keeps them: no store has such a name. */
const follower = "retained-mark";
const rowOf = (partition: number) => `*${partition}`;

/** The numbers of this bridge's partitions. */
export class RetainedMarks {
  readonly #options: RetainedMarksOptions;
  readonly #heard = new Map<number, Mark>();
  /** Of the partitions that are held, as the ledger has them. */
  readonly #numbers = new Map<number, number>();
  /** Those that are being published anew: the broker gets their number when that is done. */
  readonly #open = new Set<number>();
  /** Those where the broker has what the bridge before published. */
  readonly #kept = new Set<number>();
  /** Those that were taken, and of which the broker's word is waited for. */
  readonly #taking = new Set<number>();
  /** When each was taken. */
  readonly #takenMs = new Map<number, number>();

  constructor(options: RetainedMarksOptions) {
    this.#options = options;
  }

  /** Takes what the broker has; true when somebody cleared the number of a partition that is held here: publish it anew. */
  onMessage(partition: number, payload: Uint8Array, isRetained: boolean): boolean {
    const mark = markSchema.safeParse(parsePayload(payload)).data;
    if (mark !== undefined) this.#heard.set(partition, mark);
    else this.#heard.delete(partition);
    return payload.length === 0 && !isRetained && this.#numbers.has(partition);
  }

  /** The connection is a new one: what was heard before says nothing of this broker. */
  onConnected(): void {
    this.#heard.clear();
  }

  /** Whether it is known what the broker has of a store. */
  isKnown(storeId: string): boolean {
    return this.#numbers.has(partitionOf(storeId));
  }

  /** Whether that is what the ledger says was published. */
  isKept(storeId: string): boolean {
    return this.#kept.has(partitionOf(storeId));
  }

  /** Whether a store was taken so lately that the bridge before may go on with it, where it only stood still. */
  isYoung(storeId: string): boolean {
    const takenMs = this.#takenMs.get(partitionOf(storeId));
    return takenMs !== undefined && this.#options.clock.monotonicMs() - takenMs < youngMs;
  }

  /** Partitions that are being published anew. */
  get openCount(): number {
    return this.#open.size;
  }

  get held(): number[] {
    return [...this.#numbers.keys()];
  }

  /** A partition was taken: its number, and whether the broker has it. Undefined where it was lost meanwhile. */
  async ask(partition: number): Promise<TakenMark | undefined> {
    const { ledger, clock } = this.#options;
    this.#taking.add(partition);
    this.#takenMs.set(partition, clock.monotonicMs());
    const number = await ledger.followers.position(follower, rowOf(partition));
    const isKept = number > 0 && (await this.#hears(partition, number));
    return this.#taking.has(partition) ? { partition, number, isKept } : undefined;
  }

  /** It is known what is to be published of a partition: all of it, or what the bridge before had not. */
  async hold({ partition, number, isKept }: TakenMark): Promise<void> {
    if (!this.#taking.delete(partition)) return;
    this.#numbers.set(partition, number);
    this.#options.count(isKept ? "publish_partitions_continued" : "publish_partitions_anew");
    if (isKept) this.#kept.add(partition);
    else await this.begin([partition]);
  }

  /** These are published anew from now on; whoever has them next does so too where this bridge does not finish. */
  async begin(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      this.#open.add(partition);
      this.#kept.delete(partition);
    }
    await this.put(new Set(partitions));
  }

  /** Everything of those that were begun is out. */
  async finish(): Promise<void> {
    for (const partition of [...this.#open]) {
      const number = this.#numbers.get(partition);
      if (number !== undefined && !(await this.#publish(partition, number))) return;
      this.#open.delete(partition);
    }
  }

  /** To be called before it is kept how far stores of these partitions came; false where that must not be kept now. */
  async put(partitions: ReadonlySet<number>): Promise<boolean> {
    const numbers = [...partitions].map((each) => [each, this.#numbers.get(each)] as const);
    if (numbers.length === 0) return true;
    const next: [partition: number, number: number][] = [];
    for (const [partition, before] of numbers) {
      if (before === undefined) return false;
      next.push([partition, Math.max(before + 1, this.#options.clock.nowMs())]);
    }
    const closed = next.filter(([partition]) => !this.#open.has(partition));
    const taken = await Promise.all(closed.map((each) => this.#publish(...each)));
    if (taken.includes(false)) return false;
    const positions = next.map(([partition, number]) => [rowOf(partition), number] as const);
    await this.#options.ledger.followers.advanceAll(follower, positions);
    for (const [partition, number] of next) {
      if (this.#numbers.has(partition)) this.#numbers.set(partition, number);
    }
    return true;
  }

  /** Another bridge may have it now. */
  lose(partition: number): void {
    this.#taking.delete(partition);
    this.#takenMs.delete(partition);
    this.#numbers.delete(partition);
    this.#open.delete(partition);
    this.#kept.delete(partition);
  }

  #publish(partition: number, number: number): Promise<boolean> {
    const { ledger, link } = this.#options;
    const payload = JSON.stringify({ ledgerEpoch: ledger.epoch, number });
    return link.publish({ topic: publishedTopic(partition), payload, retain: true });
  }

  async #hears(partition: number, number: number): Promise<boolean> {
    const { ledger, clock, link } = this.#options;
    let untilMs = clock.monotonicMs() + hearMsMax;
    while (this.#taking.has(partition) && clock.monotonicMs() < untilMs) {
      const heard = this.#heard.get(partition);
      if (heard?.ledgerEpoch === ledger.epoch && heard.number >= number) return true;
      // Without a broker there is nothing to publish either.
      if (!link.isOnline) untilMs = clock.monotonicMs() + hearMsMax;
      await sleep(clock, hearStepMs, new AbortController().signal);
    }
    return false;
  }
}
