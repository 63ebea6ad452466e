// One edge of the simulation: the real outbox on a real file and the real uplink, in a process that
// dies and starts again, with a load that hands in numbered movements.

import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Batch } from "../../contract/delivery.ts";
import { GatewayError } from "../../contract/errors.ts";
import { topics } from "../../contract/topics.ts";
import { Outbox, type OutboxReader } from "../../edge/buffer/outbox.ts";
import { type OutboxSettings, outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { EdgeClock } from "../../edge/clock.ts";
import { Uplink } from "../../edge/uplink.ts";
import { uplinkSettingsSchema } from "../../edge/uplink-settings.ts";
import { integerBetween, type Random } from "../../simulators/random.ts";
import type { BrokenRule } from "./broken-rules.ts";
import { decisionLagMs, EdgeLoad } from "./edge-load.ts";
import type { WorldGate } from "./gate.ts";
import type { Intruder } from "./intruder.ts";
import { Mortal } from "./mortal.ts";
import type { Oracle } from "./oracle.ts";
import type { EdgePlan } from "./plan.ts";
import { epochAtMs, MachineClock, type VirtualTime } from "./virtual-clock.ts";
import type { Line, VirtualBroker } from "./virtual-link.ts";

/** No clock of an edge that has to learn the time is believed before this. */
const builtAtMs = Date.UTC(2025, 0, 1);
const uplinkSettings = uplinkSettingsSchema.parse({});
/** An edge looks at its clock this often. */
const lookIntervalMs = 250;

/** What an edge lives in. */
export interface EdgeSurroundings {
  readonly time: VirtualTime;
  readonly gate: WorldGate;
  readonly broker: VirtualBroker;
  readonly oracle: Oracle;
  readonly random: Random;
  readonly intruder: Intruder;
  /** What is broken in this world; nothing where it must hold. */
  readonly broken: BrokenRule;
}

/** An edge. `line` names the physical card: a clone has the edge's id and a line of its own. */
export class EdgeNode {
  readonly plan: EdgePlan;
  readonly line: string;
  readonly folder: string;
  /** What it hands in begins with an event that the ledger's database refuses. */
  isPoisonous = false;
  readonly #clientId: string;
  readonly #world: EdgeSurroundings;
  readonly #settings: OutboxSettings;
  readonly #load: EdgeLoad;
  readonly #onDied: () => void;
  #wallOffsetMs: number;
  #mortal: Mortal;
  #outbox: Outbox | undefined;
  #uplink: Uplink | undefined;
  #clock: MachineClock;
  #edgeClock: EdgeClock;
  #connection: Line | undefined;
  #appendsUnderWay = 0;
  #decidedAtMs = 0;
  #bootId = "";
  #sentNonce = "";

  constructor(
    world: EdgeSurroundings,
    plan: EdgePlan,
    options: {
      line: string;
      clientId: string;
      folder: string;
      index: number;
      settings: Partial<OutboxSettings>;
      fillerBytes: number;
      onDied: () => void;
    },
  ) {
    this.#world = world;
    this.plan = plan;
    this.line = options.line;
    this.folder = options.folder;
    this.#clientId = options.clientId;
    this.#settings = outboxSettingsSchema.parse({ ballastSizeBytes: 0, ...options.settings });
    const { line, fillerBytes, index } = options;
    const { storeId } = plan;
    const firstNumber = (index + 1) * 100_000;
    this.#load = new EdgeLoad(world, { line, storeId, firstNumber, fillerBytes });
    this.#onDied = options.onDied;
    this.#wallOffsetMs = epochAtMs + plan.wallOffsetMs;
    this.#clock = new MachineClock(world.time, this.#wallOffsetMs);
    this.#edgeClock = this.#createEdgeClock(this.#clock);
    this.#mortal = new Mortal(world.gate);
  }

  get isAlive(): boolean {
    return this.#outbox !== undefined && this.#mortal.isAlive;
  }

  /** Whether the ledger has acknowledged all there is. */
  get isAtRest(): boolean {
    if (!this.isAlive || this.#outbox === undefined) return false;
    const { acknowledgedSequence, lastSequence } = this.#outbox.position();
    return acknowledgedSequence === lastSequence && this.#appendsUnderWay === 0;
  }

  /** The outbox's file. */
  get file(): string {
    return join(this.folder, "outbox.db");
  }

  /** For the report of a failure. */
  describe(): string {
    const position = this.#outbox?.position();
    return `${this.line} alive=${this.isAlive} ${this.#uplink?.state()} ${JSON.stringify(position)}`;
  }

  /** Starts a process on the card; it may die of one of its first operations. */
  async start(): Promise<void> {
    const { time, gate, oracle } = this.#world;
    const mortal = new Mortal(gate);
    // Where the time is learned, the process dies and not the machine.
    const bootedAtMs = this.plan.learnsTime ? 0 : time.nowMs;
    const clock = new MachineClock(time, this.#wallOffsetMs, bootedAtMs);
    this.#mortal = mortal;
    this.#clock = clock;
    if (!this.plan.learnsTime || this.#bootId === "") this.#bootId = this.#randomId();
    this.#edgeClock = this.#createEdgeClock(clock);
    this.#appendsUnderWay = 0;
    mortal.onDeath(() => {
      clock.stop();
      this.#uplink = undefined;
      this.#connection?.end();
      const outbox = this.#outbox;
      this.#outbox = undefined;
      oracle.happens("edge died");
      this.#onDied();
      return outbox?.abandon();
    });
    try {
      this.#outbox = await Outbox.open({
        file: this.file,
        edgeId: this.plan.edgeId,
        settings: this.#settings,
        clock,
        randomId: () => this.#randomId(),
        stamp: () => this.#edgeClock.reading(),
        onCommit: () => this.#uplink?.wake(),
        onFailure: (error) => {
          if (mortal.isAlive) oracle.fail(`${this.line}: outbox failed: ${error.message}`);
        },
        synchronous: "OFF",
        gate: mortal.gate(() => new GatewayError("OUTBOX_FAILED", "died")),
      });
    } catch (error) {
      if (mortal.isAlive) throw error;
      return;
    }
    if (!mortal.isAlive) {
      const outbox = this.#outbox;
      this.#outbox = undefined;
      await outbox.abandon();
      return;
    }
    this.#edgeClock = this.#createEdgeClock(clock);
    this.#lookAtClock();
    this.#uplink = this.#createUplink(this.#outbox, mortal, clock);
    this.#connectAfter(0, mortal);
  }

  /** Ends the process: now, or with an operation on its file that is still to come. */
  die(operationCount: number, isAfterOperation: boolean): void {
    this.#mortal.dieWith(operationCount, isAfterOperation);
  }

  /** Dies of nothing that was planned any more. */
  spare(): void {
    this.#mortal.spare();
  }

  /** Resolves when a dead process has let go of its file. */
  buried(): Promise<void> {
    return this.#mortal.buried;
  }

  /** Hands in some movements. */
  append(count: number): void {
    const outbox = this.#outbox;
    if (outbox === undefined || !this.isAlive) return;
    const { oracle } = this.#world;
    this.#lookAtClock();
    const clocks = { clock: this.#clock, edgeClock: this.#edgeClock };
    const attempts = Array.from({ length: count }, (_, index) =>
      this.#load.attempt(clocks, this.isPoisonous && index === 0),
    );
    const filler = this.#load.filler(clocks);
    for (const attempt of attempts) oracle.attempted(attempt);
    this.#appendsUnderWay += 1;
    const mortal = this.#mortal;
    const stored = outbox.append([...attempts.map(({ draft }) => draft), ...filler], []);
    const { stored: broken } = this.#world.broken;
    void (broken?.(stored, outbox) ?? stored)
      .then(
        ({ firstSequence }) => {
          const { outboxId } = outbox.position();
          oracle.trace("accepted", this.line, firstSequence, count);
          for (const [index, attempt] of attempts.entries()) {
            attempt.accepted = { outboxId, sequence: firstSequence + index };
          }
        },
        (error: Error) => {
          if (oracle.mayFail(error)) for (const attempt of attempts) attempt.isRefused = true;
          else if (mortal.isAlive) oracle.fail(`${this.line}: append failed: ${error.message}`);
        },
      )
      .finally(() => {
        if (mortal === this.#mortal) this.#appendsUnderWay -= 1;
      });
  }

  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
    this.#clock.jump(byMs);
    const delayMs = integerBetween(this.#world.random, 0, lookIntervalMs);
    this.#clock.timer(delayMs, () => this.#lookAtClock());
  }

  halfOpen(): void {
    const mortal = this.#mortal;
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.halfOpen();
    this.#clock.timer(integerBetween(this.#world.random, 1_000, 30_000), () => {
      if (mortal.isAlive) connection.end();
    });
  }

  #createUplink(outbox: Outbox, mortal: Mortal, clock: MachineClock): Uplink {
    const { oracle, random, intruder, broken } = this.#world;
    const { storeId, edgeId } = this.plan;
    return new Uplink({
      ...{ storeId, edgeId, clock, random: broken.uplinkChance ?? random },
      outbox: this.#watched(outbox),
      randomId: () => this.#randomId(),
      send: (topic, payload) => {
        if (mortal.isAlive) this.#send(topic, payload);
      },
      completeThroughAtMs: () => this.#completeThroughAtMs(clock),
      alarm: (code) => {
        if (!mortal.isAlive) return;
        oracle.alarm(this.line, code);
        if (code === "ledger_behind") intruder.repeatRecent();
      },
      onRejected: (rejections) => oracle.trace("rejected", this.line, rejections.length),
      onFailure: (error) => {
        if (mortal.isAlive) oracle.fail(`${this.line}: uplink failed: ${String(error)}`);
      },
      count: () => undefined,
      settings: uplinkSettings,
    });
  }

  /** The outbox, with the oracle looking on where the position moves. */
  #watched(outbox: Outbox): OutboxReader {
    const { oracle } = this.#world;
    return {
      position: () => outbox.position(),
      read: (from, limits) => outbox.read(from, limits),
      digestAt: (sequence) => outbox.digestAt(sequence),
      acknowledge: (sequence, digest, ledgerEpoch) => {
        oracle.moved(this.line, outbox.position(), { sequence, digest });
        return outbox.acknowledge(sequence, digest, ledgerEpoch);
      },
      setAside: (sequence) => outbox.setAside(sequence),
      renew: (reason, afterSequence) => outbox.renew(reason, afterSequence),
    };
  }

  #send(topic: string, payload: Uint8Array): void {
    const { oracle, time, intruder } = this.#world;
    const plain = payload[0] === 0x1f ? gunzipSync(payload) : payload;
    const batch = JSON.parse(Buffer.from(plain).toString()) as Batch;
    const { events, firstSequence, outboxId, completeThroughAtMs } = batch;
    const last = events.at(-1) as { sequence?: number; lastSequence?: number } | undefined;
    const isBadRow = last !== undefined && last.sequence === undefined;
    const endSequence = last?.lastSequence ?? last?.sequence ?? firstSequence - 1;
    oracle.trace("sent", time.nowMs, this.line, batch.nonce, firstSequence, events.length);
    if (!isBadRow) oracle.claimed(this.line, outboxId, endSequence, completeThroughAtMs);
    intruder.hearBatch(topic, payload);
    const transferMs = this.#connection?.publish(topic, payload) ?? 0;
    if (last !== undefined && transferMs > uplinkSettings.answerTimeoutMs) {
      oracle.happens("batch slower than its timeout");
    }
    this.#sentNonce = batch.nonce;
    const { published } = this.#world.broken;
    if (published === undefined || this.#outbox === undefined) return;
    this.#breakRule(published(batch, this.#outbox));
  }

  #receive(uplink: Uplink, payload: Uint8Array): void {
    const { answer } = this.#world.broken;
    const outbox = this.#outbox;
    if (answer === undefined || outbox === undefined) {
      uplink.receive(payload);
      return;
    }
    const changed = answer(payload, { outbox, sentNonce: this.#sentNonce });
    this.#breakRule(changed.then((instead) => uplink.receive(instead)));
  }

  /** What a broken rule does may end with its process. */
  #breakRule(done: Promise<void>): void {
    const { gate } = this.#world;
    void gate.watch(done.catch(() => undefined));
  }

  #createEdgeClock(clock: MachineClock): EdgeClock {
    const { learnsTime, edgeId } = this.plan;
    const outbox = this.#outbox;
    const notBeforeAtMs = learnsTime ? Math.max(builtAtMs, outbox?.lastKnownWallMs ?? 0) : 0;
    const times = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs(), notBeforeAtMs };
    const stored = outbox?.storedState() ?? new Map<string, string>();
    return new EdgeClock({ bootId: this.#bootId, edgeId, ...times, stored });
  }

  /** As the daemon does all the time: notes what the clock has to say. */
  #lookAtClock(): void {
    const edgeClock = this.#edgeClock;
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    const noticed = edgeClock.observe(this.#clock.nowMs(), this.#clock.monotonicMs());
    const state = edgeClock.changedState();
    if (noticed.length === 0 && state.length === 0) return;
    for (const one of noticed) if (one.type === "noticed") this.#world.oracle.happens(one.code);
    const drafts = noticed.map((conclusion) => edgeClock.stamp(conclusion));
    void outbox.append(drafts, state).catch(() => undefined);
  }

  #connectAfter(delayMs: number, mortal: Mortal): void {
    this.#clock.timer(delayMs, () => {
      const { storeId, edgeId } = this.plan;
      const { broker, random } = this.#world;
      const uplink = this.#uplink;
      if (!mortal.isAlive || uplink === undefined) return;
      const ackTopic = topics.ack(storeId, edgeId);
      const commandTopic = topics.command(storeId, edgeId);
      const connection = broker.connect(this.#clientId, [ackTopic, commandTopic], {
        onOffline: () => {
          if (this.#connection === connection) this.#connection = undefined;
          if (!mortal.isAlive) return;
          uplink.disconnected();
          this.#connectAfter(integerBetween(random, 100, 5_000), mortal);
        },
        onMessage: (topic, payload) => {
          if (!mortal.isAlive) return;
          if (topic === ackTopic) this.#receive(uplink, payload);
          else uplink.helloRequested();
        },
      });
      this.#connection = connection;
      uplink.connected();
    });
  }

  #completeThroughAtMs(clock: MachineClock): number {
    if (this.#appendsUnderWay === 0) {
      this.#decidedAtMs = Math.max(this.#decidedAtMs, clock.nowMs() - decisionLagMs);
    }
    return this.#decidedAtMs;
  }

  #randomId(): string {
    const part = () =>
      Math.floor(this.#world.random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0");
    return `${part()}-${part()}`;
  }
}
