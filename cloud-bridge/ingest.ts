// From a message on an `events` topic to an acknowledgement after the commit. Taking a message is quick
// and never waits: the PUBACK means nothing. What waits together is committed together; of one outbox
// only the newest batch waits, because an edge has but one message in flight and the others are echoes. A hello does not
// push out events: an edge that grew tired of waiting asks where it stands, and is answered after what it sent.

import { decodeBatch, payloadDigest } from "../contract/batch-codec.ts";
import { type Answer, batchEventCountMax, type Refusal } from "../contract/delivery.ts";
import { type ErrorCode, errorCodeOf, errorMessageOf } from "../contract/errors.ts";
import { parseTopic, topics } from "../contract/topics.ts";
import type { Clock } from "./clock.ts";
import { batchProblem, itemsOf } from "./ledger/batch-items.ts";
import { outboxKey } from "./ledger/changes.ts";
import { endsWriting } from "./ledger/database.ts";
import { isFeed } from "./ledger/facts.ts";
import type { Committed, Incoming, Ledger } from "./ledger/types.ts";
import { wholeOrEach } from "./ledger/whole-or-each.ts";

/** Outboxes whose batch may wait. Beyond, a batch is dropped and counted; its edge asks again. */
const waitingCountMax = 1000;
/** Events that may wait, all together. */
const waitingEventCountMax = 100_000;
/** Events of one transaction; it may exceed this by one batch. */
const groupEventCountMax = 10 * batchEventCountMax;

/** What ingest is given. */
export interface IngestOptions {
  readonly ledger: Pick<Ledger, "post">;
  readonly clock: Pick<Clock, "nowMs" | "timer">;
  /** How long a batch waits for others to be committed with. */
  readonly commitDelayMs: number;
  readonly publishAnswer: (topic: string, answer: Answer) => void;
  /** After the commit, once for each group. */
  readonly onCommitted: (committed: readonly Committed[], group: readonly Incoming[]) => void;
  /** The ledger failed: the process must stop and start anew. Nothing is taken any more. */
  readonly onFailure: (error: unknown) => void;
  readonly count: (name: string, by?: number) => void;
  /** For the log: what was refused, and why. */
  readonly onRefused?: (topic: string, code: ErrorCode, message: string) => void;
}

/** Takes messages of edges and brings them to the ledger. */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #waiting = new Map<string, readonly Incoming[]>();
  #waitingEventCount = 0;
  #cancelTimer: (() => void) | undefined;
  #posting: Promise<void> | undefined;
  #closed = false;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** Outboxes whose batches wait for the next transaction. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Takes one message. Never throws, never waits. */
  handle(topic: string, payload: Uint8Array): void {
    const { count } = this.#options;
    if (this.#closed) return;
    const parsed = parseTopic(topic);
    // The name of a source over HTTP is no edge's.
    if (parsed?.channel !== "events" || isFeed(parsed.edgeId)) {
      this.#refuse(topic, "TOPIC_FOREIGN", "not a topic of an edge's events");
      return;
    }
    const { storeId, edgeId } = parsed;
    const decoded = decodeBatch(payload);
    if (!decoded.ok) {
      this.#answerRefusal(topic, parsed, decoded.refusal);
      return;
    }
    const { batch } = decoded;
    if (batch.storeId !== storeId || batch.edgeId !== edgeId) {
      // No answer: a refusal would make the edge set its events aside.
      const message = `the batch says ${batch.storeId}/${batch.edgeId}`;
      this.#refuse(topic, "TOPIC_FOREIGN", message);
      return;
    }
    const problem = batchProblem(batch);
    if (problem !== undefined) {
      const refusal = { code: "BATCH_UNREADABLE", message: problem } as const;
      this.#answerRefusal(topic, parsed, { ...refusal, payloadDigest: payloadDigest(payload) });
      return;
    }
    count(batch.events.length === 0 ? "ingest_hellos" : "ingest_batches");
    // Taken apart here, while the database works on the group before.
    this.#enqueue({ storeId, edgeId, batch, items: itemsOf(batch) });
  }

  /** Commits and answers what waits, then takes nothing any more. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    if (!this.#closed && this.#waiting.size > 0) this.#flush();
    this.#closed = true;
    while (this.#posting !== undefined) await this.#posting;
  }

  #enqueue(incoming: Incoming): void {
    const key = outboxKey({ ...incoming, outboxId: incoming.batch.outboxId });
    const older = this.#waiting.get(key) ?? [];
    const isHello = incoming.batch.events.length === 0;
    const kept = isHello ? older.filter(({ batch }) => batch.events.length > 0) : [];
    const eventCount = eventCountOf([...kept, incoming]) - eventCountOf(older);
    const isFull = older.length === 0 && this.#waiting.size >= waitingCountMax;
    if (isFull || this.#waitingEventCount + eventCount > waitingEventCountMax) {
      this.#options.count("ingest_queue_full");
      return;
    }
    this.#options.count("ingest_batches_replaced", older.length - kept.length);
    this.#waiting.set(key, [...kept, incoming]);
    this.#waitingEventCount += eventCount;
    if (this.#posting !== undefined || this.#cancelTimer !== undefined) return;
    const { clock, commitDelayMs } = this.#options;
    this.#cancelTimer = clock.timer(commitDelayMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancelTimer = undefined;
    if (this.#posting !== undefined) return;
    this.#posting = this.#postWaiting().finally(() => {
      this.#posting = undefined;
    });
  }

  /** Posts group after group until nothing waits. */
  async #postWaiting(): Promise<void> {
    const { clock, count, ledger, onCommitted, onFailure } = this.#options;
    try {
      while (this.#waiting.size > 0) {
        const group = this.#takeGroup();
        const results = await wholeOrEach(group, (part) => ledger.post(part, clock.nowMs()));
        count("ingest_groups");
        const posted = results.flatMap((result, index) => {
          if (result.status === "fulfilled") return { ...result, incoming: group[index]! };
          // Its edge keeps it and asks again, later and later.
          this.#leaveOut(group[index]!, result.reason);
          return [];
        });
        for (const { incoming, value } of posted) this.#tell(incoming, value);
        if (posted.length === 0) continue;
        onCommitted(
          posted.map(({ value }) => value),
          posted.map(({ incoming }) => incoming),
        );
      }
    } catch (error) {
      this.#closed = true;
      this.#waiting.clear();
      onFailure(error);
    }
  }

  #leaveOut({ storeId, edgeId }: Incoming, error: unknown): void {
    if (endsWriting(error)) throw error;
    const code = errorCodeOf(error) ?? "LEDGER_REFUSED";
    this.#refuse(topics.events(storeId, edgeId), code, errorMessageOf(error));
  }

  #takeGroup(): Incoming[] {
    const group: Incoming[] = [];
    let eventCount = 0;
    for (const [key, waiting] of this.#waiting) {
      if (eventCount >= groupEventCountMax) break;
      this.#waiting.delete(key);
      eventCount += eventCountOf(waiting);
      group.push(...waiting);
    }
    this.#waitingEventCount -= eventCount;
    return group;
  }

  #tell({ storeId, edgeId }: Incoming, committed: Committed): void {
    const { count, publishAnswer } = this.#options;
    const { answer, postedEventCount, skippedEventCount } = committed;
    if (answer.code !== undefined) count(`ingest_${answer.code.toLowerCase()}`);
    count("ingest_events_posted", postedEventCount);
    count("ingest_events_skipped", skippedEventCount);
    publishAnswer(topics.ack(storeId, edgeId), answer);
  }

  #answerRefusal(topic: string, to: { storeId: string; edgeId: string }, refusal: Refusal): void {
    this.#refuse(topic, refusal.code, refusal.message);
    const message = refusal.message.slice(0, 500);
    this.#options.publishAnswer(topics.ack(to.storeId, to.edgeId), { ...refusal, message });
  }

  #refuse(topic: string, code: ErrorCode, message: string): void {
    this.#options.count(`ingest_${code.toLowerCase()}`);
    this.#options.onRefused?.(topic, code, message);
  }
}

function eventCountOf(incoming: readonly Incoming[]): number {
  return incoming.reduce((sum, { batch }) => sum + batch.events.length, 0);
}
