// The bridge of the simulation, or one of several on one ledger: the real ingest and the real ledger on a real file, in a
// process that dies and starts again, or stands still and goes on. The ledger may be restored from an older copy.

import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Ingest } from "../../cloud-bridge/ingest.ts";
import type { LedgerDatabase } from "../../cloud-bridge/ledger/database.ts";
import { SqlLedger } from "../../cloud-bridge/ledger/sql-ledger.ts";
import { readEpoch } from "../../cloud-bridge/ledger/sql-read.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteDatabase } from "../../cloud-bridge/ledger/sqlite-database.ts";
import { GatewayError } from "../../contract/errors.ts";
import { partitionOf, topics } from "../../contract/topics.ts";
import { BridgeWorker } from "./bridge-worker.ts";
import { passedOn } from "./broken-rules.ts";
import type { EdgeSurroundings } from "./edge-node.ts";
import type { FileLock } from "./gate.ts";
import type { LeaseServer } from "./lease-server.ts";
import { Mortal } from "./mortal.ts";
import { type Pause, Stillness } from "./stillness.ts";
import { epochAtMs, MachineClock } from "./virtual-clock.ts";

/** What a bridge is given. */
export interface BridgeOptions {
  readonly folder: string;
  readonly edges: readonly { storeId: string; edgeId: string }[];
  readonly onDied: () => void;
  readonly deathlyAnswerShare: number;
  readonly commitDelayMs: number;
  /** Of the ledger's file, which others may write to as well. */
  readonly lock: FileLock;
  /** Where it is one of several. */
  readonly leaseServer: LeaseServer | undefined;
}

/** A bridge and its ledger. */
export class BridgeNode {
  readonly #world: EdgeSurroundings;
  readonly #options: BridgeOptions;
  #deathlyAnswerShare: number;
  #mortal: Mortal;
  #stillness: Stillness | undefined;
  /** The ledger is an older copy, and not yet marked as one. */
  #isPutBack = false;
  #ledger: SqlLedger | undefined;

  constructor(world: EdgeSurroundings, options: BridgeOptions) {
    this.#world = world;
    this.#options = options;
    this.#deathlyAnswerShare = options.deathlyAnswerShare;
    this.#mortal = new Mortal(world.gate);
  }

  get isAlive(): boolean {
    return this.#ledger !== undefined && this.#mortal.isAlive;
  }

  /** The open ledger. */
  get ledger(): SqlLedger {
    if (this.#ledger === undefined) throw new Error("the bridge is down");
    return this.#ledger;
  }

  /** Starts a process; a ledger that was put back is marked first. */
  async start(): Promise<void> {
    const { time, gate, broker, oracle } = this.#world;
    const mortal = new Mortal(gate);
    const clock = new MachineClock(time, epochAtMs);
    const stillness = new Stillness(time, clock, () => oracle.happens("worker stood still"));
    const worker = this.#createWorker(clock);
    this.#mortal = mortal;
    this.#stillness = stillness;
    let detach = () => undefined as unknown;
    mortal.onDeath(() => {
      clock.stop();
      detach();
      worker?.end();
      stillness.end();
      const ledger = this.#ledger;
      this.#ledger = undefined;
      oracle.happens("bridge died");
      this.#options.onDied();
      return ledger?.abandon();
    });
    try {
      await this.#open(mortal, clock, (database) => this.#shared(database, stillness, worker));
    } catch (error) {
      if (mortal.isAlive) throw error;
      return;
    }
    if (!mortal.isAlive) {
      const ledger = this.#ledger;
      this.#ledger = undefined;
      await ledger?.abandon();
      return;
    }
    const ingest = this.#createIngest(this.ledger, mortal, clock);
    detach = broker.attachBridge({
      hears: (topic) => worker?.hears(topic) ?? true,
      take: (topic, payload) => stillness.when(() => ingest.handle(topic, payload)),
    });
    this.#askForHellos();
    void worker?.run().catch((error: unknown) => oracle.fail(`leases failed: ${String(error)}`));
  }

  /** Where the ledger places its entries in time, by their quantities. */
  async placements(): Promise<Map<number, number>> {
    const connection = await SqliteConnection.open({ path: this.file, synchronous: "OFF" });
    try {
      const rows = await connection.all<{ quantity: number; placedAtMs: number }>(
        "SELECT quantity, placed_at_ms AS placedAtMs FROM entries",
      );
      return new Map(rows.map(({ quantity, placedAtMs }) => [quantity, placedAtMs]));
    } finally {
      await connection.close();
    }
  }

  /** Ends the process: now, or with an operation on its file that is still to come. */
  die(operationCount: number, isAfterOperation: boolean): void {
    this.#mortal.dieWith(operationCount, isAfterOperation);
  }

  /** Stands still with its next write. */
  standStill(pause: Pause): void {
    this.#stillness?.plan(pause);
  }

  /** Dies of nothing that was planned any more, and does not stand still either. */
  spare(): void {
    this.#deathlyAnswerShare = 0;
    this.#mortal.spare();
    this.#stillness?.end();
  }

  buried(): Promise<void> {
    return this.#mortal.buried;
  }

  /** Copies the ledger's files as they are; call it when nothing is under way. */
  backUp(): void {
    this.#copy(this.file, this.#backupFile);
  }

  /** Puts the copy in the place of the ledger, whose process is dead. */
  putBack(): void {
    this.#copy(this.#backupFile, this.file);
    this.#isPutBack = true;
  }

  /** The ledger's file. */
  get file(): string {
    return join(this.#options.folder, "ledger.db");
  }

  get #backupFile(): string {
    return join(this.#options.folder, "backup.db");
  }

  async #open(
    mortal: Mortal,
    clock: MachineClock,
    sharing: (database: LedgerDatabase) => LedgerDatabase,
  ): Promise<void> {
    const gate = mortal.gate(() => new GatewayError("LEDGER_FAILED", "died"));
    const options = { path: this.file, nowMs: clock.nowMs(), synchronous: "OFF", gate } as const;
    const database = await this.#options.lock.run(() => SqliteDatabase.open(options));
    const { broken } = this.#world;
    const used = sharing(database);
    const epoch = await readEpoch(database.reader);
    this.#ledger = new SqlLedger(broken.database?.(used) ?? used, epoch);
    if (this.#isPutBack) await this.#ledger.restoreMark(clock.nowMs());
    this.#isPutBack = false;
  }

  /** The ledger's database as one of several processes has it, any of which may stand still. */
  #shared(
    database: LedgerDatabase,
    stillness: Stillness,
    worker: BridgeWorker | undefined,
  ): LedgerDatabase {
    const { oracle } = this.#world;
    return {
      ...passedOn(database),
      write: (work, storeIds) =>
        stillness.writing(() => {
          if (worker?.isZombieFor(storeIds ?? [])) oracle.happens("zombie wrote");
          return this.#options.lock.run(() => database.write(work, storeIds));
        }),
    };
  }

  #createWorker(clock: MachineClock): BridgeWorker | undefined {
    const { leaseServer: server } = this.#options;
    const { random, broker } = this.#world;
    if (server === undefined) return undefined;
    return new BridgeWorker({
      ...{ server, clock, random },
      onTaken: (partition) => {
        broker.drain();
        this.#askForHellos(partition);
      },
    });
  }

  /** Asks edges where they stand: all of them, or those of a partition. */
  #askForHellos(partition?: number): void {
    for (const { storeId, edgeId } of this.#options.edges) {
      if (partition !== undefined && partitionOf(storeId) !== partition) continue;
      const topic = topics.command(storeId, edgeId);
      this.#world.broker.toEdges(topic, Buffer.from("hello_request"));
    }
  }

  #copy(from: string, to: string): void {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${to}${suffix}`, { force: true });
    for (const suffix of ["", "-wal"]) {
      if (existsSync(`${from}${suffix}`)) copyFileSync(`${from}${suffix}`, `${to}${suffix}`);
    }
  }

  #createIngest(ledger: SqlLedger, mortal: Mortal, clock: MachineClock): Ingest {
    const { oracle, broker, time, intruder, random } = this.#world;
    return new Ingest({
      ledger,
      clock,
      commitDelayMs: this.#options.commitDelayMs,
      publishAnswer: (topic, answer) => {
        if (!mortal.isAlive) return;
        if ("outboxId" in answer) {
          oracle.ledgerSaid(answer);
          intruder.hearAnswer(topic, answer);
          oracle.trace("answered", time.nowMs, answer.outboxId, answer.throughSequence);
        }
        broker.toEdges(topic, Buffer.from(JSON.stringify(answer)));
        if (random() < this.#deathlyAnswerShare) this.die(0, false);
      },
      onCommitted: (committed, group) => {
        const isPoisoned = committed.some(
          ({ answer, postedEventCount }) => answer.rejected.length > 0 && postedEventCount > 0,
        );
        const storeCount = new Set(group.map(({ storeId }) => storeId)).size;
        if (isPoisoned && storeCount > 1) oracle.happens("poison among others");
      },
      onFailure: (error) => {
        if (!mortal.isAlive) return;
        if (oracle.mayFail(error)) this.die(0, false);
        else oracle.fail(`ingest failed: ${String(error)}`);
      },
      count: () => undefined,
    });
  }
}
