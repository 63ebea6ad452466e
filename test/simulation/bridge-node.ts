// The bridge of the simulation: the real ingest and the real ledger on a real file, in a process that
// dies and starts again, and whose ledger may be restored from an older copy.

import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Ingest } from "../../cloud-bridge/ingest.ts";
import { readEpoch, SqlLedger } from "../../cloud-bridge/ledger/sql-ledger.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteDatabase } from "../../cloud-bridge/ledger/sqlite-database.ts";
import { GatewayError } from "../../contract/errors.ts";
import { topics } from "../../contract/topics.ts";
import type { EdgeSurroundings } from "./edge-node.ts";
import { Mortal } from "./mortal.ts";
import { epochAtMs, MachineClock } from "./virtual-clock.ts";

/** The bridge and its ledger. */
export class BridgeNode {
  readonly #world: EdgeSurroundings;
  readonly #onDied: () => void;
  #deathlyAnswerShare: number;
  readonly #commitDelayMs: number;
  readonly #folder: string;
  readonly #edges: readonly { storeId: string; edgeId: string }[];
  #mortal: Mortal;
  /** The ledger is an older copy, and not yet marked as one. */
  #isPutBack = false;
  #ledger: SqlLedger | undefined;

  constructor(
    world: EdgeSurroundings,
    options: {
      folder: string;
      edges: readonly { storeId: string; edgeId: string }[];
      onDied: () => void;
      deathlyAnswerShare: number;
      commitDelayMs: number;
    },
  ) {
    this.#world = world;
    this.#folder = options.folder;
    this.#edges = options.edges;
    this.#onDied = options.onDied;
    this.#deathlyAnswerShare = options.deathlyAnswerShare;
    this.#commitDelayMs = options.commitDelayMs;
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
    const { time, gate, broker, oracle, broken } = this.#world;
    const mortal = new Mortal(gate);
    const clock = new MachineClock(time, epochAtMs);
    this.#mortal = mortal;
    mortal.onDeath(() => {
      clock.stop();
      broker.detachBridge();
      const ledger = this.#ledger;
      this.#ledger = undefined;
      oracle.happens("bridge died");
      this.#onDied();
      return ledger?.abandon();
    });
    const died = () => new GatewayError("LEDGER_FAILED", "died");
    try {
      const database = await SqliteDatabase.open({
        path: this.file,
        nowMs: clock.nowMs(),
        synchronous: "OFF",
        gate: mortal.gate(died),
      });
      const used = broken.database?.(database) ?? database;
      this.#ledger = new SqlLedger(used, await readEpoch(database.reader));
      if (this.#isPutBack) await this.#ledger.restoreMark(clock.nowMs());
      this.#isPutBack = false;
    } catch (error) {
      if (mortal.isAlive) throw error;
      return;
    }
    if (!mortal.isAlive) {
      const ledger = this.#ledger;
      this.#ledger = undefined;
      await ledger.abandon();
      return;
    }
    const ingest = this.#createIngest(this.#ledger, mortal, clock);
    broker.attachBridge((topic, payload) => ingest.handle(topic, payload));
    for (const { storeId, edgeId } of this.#edges) {
      broker.toEdges(topics.command(storeId, edgeId), Buffer.from("hello_request"));
    }
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

  /** Dies of nothing that was planned any more. */
  spare(): void {
    this.#deathlyAnswerShare = 0;
    this.#mortal.spare();
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
    return join(this.#folder, "ledger.db");
  }

  get #backupFile(): string {
    return join(this.#folder, "backup.db");
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
      commitDelayMs: this.#commitDelayMs,
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
