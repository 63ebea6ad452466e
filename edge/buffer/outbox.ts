// The edge's only durable thing: events wait here, each with its sequence and the chain's digest,
// until the ledger has acknowledged them; sensing keeps its decided state in the same transactions.
// This file decides when to write; what a write does is in rows.ts, shedding.ts and renew.ts.

import assert from "node:assert/strict";
import { ProgressFile } from "../../contract/commit-progress.ts";
import { errorCodeOf, GatewayError } from "../../contract/errors.ts";
import type { EventDraft } from "../../contract/event.ts";
import type { StateChange } from "../sense/machine.ts";
import { Ballast } from "./ballast.ts";
import { CommitQueue, type Entry } from "./commit-queue.ts";
import { DiskSpace } from "./disk-space.ts";
import { type CheckedEvent, checkDraft, refusalNotice } from "./draft.ts";
import { readFacts } from "./facts.ts";
import { writeIdentity } from "./identity.ts";
import {
  type Beginning,
  type OpenedFile,
  openOutboxFile,
  type SetBack,
  setBackNotice,
} from "./outbox-file.ts";
import type {
  Appended,
  OutboxOptions,
  OutboxPosition,
  OutboxReader,
  OutboxRow,
  OutboxStats,
} from "./outbox-types.ts";
import type { Progress } from "./progress.ts";
import { readRows } from "./reading.ts";
import { moveEvents } from "./renew.ts";
import { chainEvent, digestAfter, insertRows, mendDigest, setRowAside } from "./rows.ts";
import { type OutboxRecord, pageSizeBytes } from "./schema.ts";
import { dropExpired, makeRoom } from "./shedding.ts";
import type { Sql } from "./sqlite.ts";
import { Store } from "./store.ts";
import { replaceState, writeState } from "./stored.ts";

export type {
  Appended,
  CommittedRange,
  OutboxOptions,
  OutboxPosition,
  OutboxReader,
  OutboxRow,
  OutboxStats,
} from "./outbox-types.ts";

const stateKeyLengthMax = 200;
const stateValueSizeBytesMax = 4096;
/** What a row takes beside its texts: sequence, digest, cell headers. */
const rowSizeBytes = 100;
const expiryCheckMs = 600_000;

/** The durable buffer between sensing and the ledger. One process, one instance per file. */
export class Outbox implements OutboxReader {
  /** Set where a new outbox began with this start; `setAsideFile` names what became of a damaged one. */
  readonly started: OpenedFile["started"];
  /** Set where something of the run before is lost; a notice says so. */
  readonly setBack: OpenedFile["setBack"];
  /** Sensing was alive and everything before was decided, says the run before; undefined for the first. */
  readonly lastAliveAtMs: number | undefined;
  /** The time is never earlier than this. */
  readonly lastKnownWallMs: number;
  readonly #options: OutboxOptions;
  readonly #space: DiskSpace;
  readonly #store: Store;
  readonly #queue: CommitQueue;
  readonly #state: Map<string, string>;
  #refusedCount = 0;
  #queueFullCount = 0;
  #expiryCheckedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: OutboxOptions, space: DiskSpace, opened: OpenedFile) {
    const { file, clock, settings, stamp, gate } = options;
    const { sqlite, record } = opened;
    this.#options = options;
    this.#space = space;
    this.#state = opened.state;
    this.started = opened.started;
    this.setBack = opened.setBack;
    this.lastAliveAtMs = record.aliveAtMs || undefined;
    this.lastKnownWallMs = record.wallAtMs;
    this.#queue = new CommitQueue(clock, settings, (group) => this.#commit(group));
    const onFailure = (failure: GatewayError) => {
      this.#rejectWaiting(failure);
      options.onFailure(failure);
    };
    const progress = new ProgressFile<Progress>(file, gate);
    this.#store = new Store({ sqlite, record, space, progress, clock, stamp, onFailure });
  }

  /**
   * Opens the outbox of a file or begins one; a damaged file is set aside. GatewayError OUTBOX_FAILED
   * or OUTBOX_FULL when the disk does not let us.
   */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const { file, settings, clock, synchronous, gate } = options;
    const ballast = new Ballast(file, settings.ballastSizeBytes);
    const sqliteOptions = {
      file,
      sizeBytesMax: settings.sizeBytesMax,
      ...(synchronous === undefined ? {} : { synchronous }),
      ...(gate === undefined ? {} : { gate }),
    };
    const openFile = () => openOutboxFile(sqliteOptions, beginningOf(options));
    const opened = await openFile().catch(async (error: unknown) => {
      if (errorCodeOf(error) !== "OUTBOX_FULL" || !(await ballast.drop())) throw error;
      return await openFile();
    });
    const space = new DiskSpace(ballast, clock, settings);
    await space.restore();
    const outbox = new Outbox(options, space, opened);
    const { setBack, record } = opened;
    if (setBack !== undefined) await outbox.#tellOf(setBack, record);
    return outbox;
  }

  // A disk without room for it keeps nobody from starting; the log says it too.
  async #tellOf(setBack: SetBack, record: OutboxRecord): Promise<void> {
    try {
      await this.append([setBackNotice(beginningOf(this.#options), setBack, record)], []);
      // What lies behind the lost end would be taken for another loss after the next crash.
      await this.#store.read((sql) => sql.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
      if (setBack.stateCount === undefined) return;
      // After the notice: a crash between them says it twice.
      await this.#store.rewrite(async (sql, now) => {
        await replaceState(sql, this.#state);
        return now;
      });
    } catch (error) {
      if (errorCodeOf(error) !== "OUTBOX_FULL") throw error;
    }
  }

  /**
   * Stores drafts and state changes in one transaction, and resolves when that is committed. A draft
   * that does not fit takes nothing with it: a notice stands in its place. GatewayError
   * OUTBOX_QUEUE_FULL, OUTBOX_FULL, or OUTBOX_FAILED / OUTBOX_CORRUPT for good.
   */
  append(drafts: readonly EventDraft[], state: readonly StateChange[]): Promise<Appended> {
    if (this.#store.failure !== undefined) return Promise.reject(this.#store.failure);
    const refused: { index: number; error: GatewayError }[] = [];
    const events = drafts.map((draft, index) =>
      this.#check(draft, (error) => refused.push({ index, error })),
    );
    this.#refusedCount += refused.length;
    const sizeBytes =
      sum(events, (event) => rowSizeBytes + event.sizeBytes) + sum(state, stateSizeBytes);
    return new Promise((resolve, reject) => {
      const accept = (firstSequence: number) => {
        resolve({ firstSequence, lastSequence: firstSequence + events.length - 1, refused });
      };
      try {
        this.#queue.add({ events, state, sizeBytes, accept, reject });
      } catch (error) {
        this.#queueFullCount += 1;
        reject(error);
      }
    });
  }

  /** What sensing stored, as committed. */
  storedState(): ReadonlyMap<string, string> {
    return this.#state;
  }

  /**
   * Notes that sensing is alive and that everything before `decidedThroughAtMs` is decided and
   * appended. Written with the next commit, by itself every `aliveFlushMs` at most.
   */
  keepAlive(decidedThroughAtMs: number): void {
    const aliveAtMs = Math.floor(decidedThroughAtMs);
    if (aliveAtMs <= this.#store.marks.aliveAtMs || this.#store.failure !== undefined) return;
    this.#store.mark({ aliveAtMs });
    const isDue = this.#store.sinceCommitMs() >= this.#options.settings.aliveFlushMs;
    if (isDue) this.#queue.commitWithin(0);
  }

  position(): OutboxPosition {
    const { outboxId, lastSequence, lastDigest, baseSequence } = this.#store.record;
    const { acknowledgedSequence, acknowledgedDigest, ledgerEpoch } = this.#store.marks;
    return {
      outboxId,
      lastSequence,
      lastDigest,
      acknowledgedSequence,
      acknowledgedDigest,
      oldestSequence: baseSequence + 1,
      ledgerEpoch,
    };
  }

  async read(
    fromSequence: number,
    limits: { countMax: number; sizeBytesMax: number },
  ): Promise<OutboxRow[]> {
    assert(fromSequence >= 1 && limits.countMax >= 1);
    for (;;) {
      const { rows, damagedSequence } = await this.#store.read((sql, record) =>
        readRows(sql, record, fromSequence, limits),
      );
      if (damagedSequence === undefined) return rows;
      if (!(await this.#mend(damagedSequence))) await this.setAside(damagedSequence);
    }
  }

  async #mend(damagedSequence: number): Promise<boolean> {
    let isMended = false;
    await this.#store.rewrite(async (sql, record) => {
      isMended = await mendDigest(sql, record, damagedSequence);
      return record;
    });
    return isMended;
  }

  digestAt(sequence: number): Promise<string | undefined> {
    return this.#store.read((sql, record) => digestAfter(sql, record, sequence));
  }

  async acknowledge(sequence: number, digest: string, ledgerEpoch: number): Promise<void> {
    const { record, marks, failure } = this.#store;
    if (failure !== undefined) throw failure;
    assert(sequence >= 0 && sequence <= record.lastSequence, "acknowledged past the end");
    assert(ledgerEpoch >= marks.ledgerEpoch, "an older ledger's word moves nothing");
    const goesOn = sequence >= marks.acknowledgedSequence && ledgerEpoch === marks.ledgerEpoch;
    this.#store.mark({
      acknowledgedSequence: sequence,
      acknowledgedDigest: digest,
      ledgerEpoch,
    });
    // A step forward may be lost at a crash: the next hello asks for it. A commit of its own for each
    // would double the wear of the card.
    if (goesOn) this.#queue.commitWithin(this.#options.settings.acknowledgeFlushMs);
    else await this.flush();
  }

  async setAside(sequence: number): Promise<void> {
    const nowMs = Math.floor(this.#options.clock.nowMs());
    await this.#store.rewrite(async (sql, record) => {
      if (sequence <= record.baseSequence || sequence > record.lastSequence) return record;
      const { outboxId, setAsideCount } = record;
      const movedCount = await setRowAside(sql, { outboxId, sequence, nowMs });
      return { ...record, setAsideCount: setAsideCount + movedCount };
    });
  }

  async renew(_reason: "diverged", afterSequence: number): Promise<void> {
    const { file, onCommit } = this.#options;
    const beginning = beginningOf(this.#options);
    const record = await this.#store.rewrite((sql, old) =>
      moveEvents(sql, old, afterSequence, beginning),
    );
    await writeIdentity(file, record);
    const { outboxId, lastSequence } = record;
    onCommit({ outboxId, firstSequence: 1, lastSequence });
  }

  /** Facts for the health report. */
  async stats(): Promise<OutboxStats> {
    const { marks, commitCount } = this.#store;
    const facts = await this.#store.read((sql, record) => readFacts(sql, { ...record, ...marks }));
    return {
      ...facts,
      usedShare: Math.min(1, facts.usedSizeBytes / (this.#space.pageCountMax * pageSizeBytes)),
      queuedCount: this.#queue.eventCount,
      counters: {
        outbox_commits: commitCount,
        outbox_events_refused: this.#refusedCount,
        outbox_queue_full: this.#queueFullCount,
        outbox_disk_full: this.#space.fullCount,
        outbox_evidence_shed: facts.evidenceShedCount,
        outbox_events_trimmed: facts.trimmedCount,
        outbox_events_overflowed: facts.overflowedCount,
        outbox_events_set_aside: facts.setAsideCount,
      },
    };
  }

  /** Commits what waits now. */
  async flush(): Promise<void> {
    await this.#queue.flush();
    if (this.#store.failure !== undefined) throw this.#store.failure;
  }

  /** Commits what waits and closes the file. */
  async close(): Promise<void> {
    await this.#queue.flush();
    await this.#rejectingWaiting(this.#store.close());
  }

  /** Drops the file as a crash would: what is not committed is lost. Resolves when the file is free. */
  async abandon(): Promise<void> {
    await this.#rejectingWaiting(this.#store.abandon());
  }

  #check(draft: EventDraft, onRefused: (error: GatewayError) => void): CheckedEvent {
    try {
      return checkDraft(draft);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      onRefused(error);
      const { edgeId, stamp, clock } = this.#options;
      const nowMs = Math.floor(clock.nowMs());
      return refusalNotice(draft, error, { edgeId, stamp: stamp(), nowMs });
    }
  }

  async #rejectingWaiting(ended: Promise<void>): Promise<void> {
    if (this.#store.failure !== undefined) this.#rejectWaiting(this.#store.failure);
    await ended;
  }

  #rejectWaiting(error: GatewayError): void {
    this.#queue.stop();
    for (const entry of this.#queue.takeAll()) entry.reject(error);
  }

  // Called by the queue, one group at a time; an empty one writes the marks alone.
  async #commit(group: readonly Entry[]): Promise<void> {
    if (group.length === 0 && !this.#store.marksAreDirty) return;
    const eventCount = sum(group, (entry) => entry.events.length);
    let record: OutboxRecord;
    try {
      record = await this.#write(group);
    } catch (error) {
      for (const entry of group) entry.reject(error);
      return;
    }
    const { outboxId, lastSequence } = record;
    const firstSequence = lastSequence - eventCount + 1;
    let sequence = firstSequence;
    for (const entry of group) {
      entry.accept(sequence);
      sequence += entry.events.length;
    }
    if (eventCount > 0) this.#options.onCommit({ outboxId, firstSequence, lastSequence });
  }

  #write(group: readonly Entry[]): Promise<OutboxRecord> {
    const events = group.flatMap((entry) => entry.events);
    const changes = group.flatMap((entry) => entry.state);
    const state = new Map(changes.map(({ key, value }) => [key, value]));
    const needBytes = sum(group, (entry) => entry.sizeBytes);
    const change = async (sql: Sql, record: OutboxRecord) => {
      const keepsEvidence = await this.#makeRoom(sql, record, needBytes);
      const rows = events.map((event) => chainEvent(record, event, keepsEvidence));
      if (!keepsEvidence) record.evidenceShedCount += sum(events, hasEvidence);
      await insertRows(sql, rows);
      await writeState(sql, state);
      return record;
    };
    return this.#store.rewrite(change, () => {
      for (const [key, value] of state) {
        if (value === null) this.#state.delete(key);
        else this.#state.set(key, value);
      }
    });
  }

  async #makeRoom(sql: Sql, record: OutboxRecord, needBytes: number): Promise<boolean> {
    const { clock, settings } = this.#options;
    if (clock.monotonicMs() - this.#expiryCheckedAtMs >= expiryCheckMs) {
      this.#expiryCheckedAtMs = clock.monotonicMs();
      await dropExpired(sql, record, clock.nowMs() - settings.retentionMs);
    }
    // Marks alone need no room; nothing that waits is dropped for them.
    if (needBytes === 0) return true;
    const { pageCountMax } = this.#space;
    const { retainedShareMax } = settings;
    return await makeRoom(sql, record, { pageCountMax, needBytes, retainedShareMax });
  }
}

function beginningOf({ edgeId, randomId, clock, stamp }: OutboxOptions): Beginning {
  return { edgeId, outboxId: randomId(), nowMs: Math.floor(clock.nowMs()), stamp: stamp() };
}

function hasEvidence({ evidence }: CheckedEvent): number {
  return evidence === null ? 0 : 1;
}

function stateSizeBytes({ key, value }: StateChange): number {
  const sizeBytes = Buffer.byteLength(value ?? "");
  assert(key.length <= stateKeyLengthMax, `the state key ${key} is too long`);
  assert(sizeBytes <= stateValueSizeBytesMax, `the state of ${key} has ${sizeBytes} bytes`);
  return rowSizeBytes + key.length + sizeBytes;
}

function sum<T>(items: readonly T[], sizeOf: (item: T) => number): number {
  return items.reduce((total, item) => total + sizeOf(item), 0);
}
