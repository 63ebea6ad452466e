// A whole store in one process and in virtual time: edges, network, bridge and ledger, with the faults
// and the special thing that the seed's plan says. Only time and network are models; outbox, uplink,
// ingest and ledger are the real ones on real files.

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { integerBetween, pickOne, seededRandom } from "../../simulators/random.ts";
import { appendBadRow } from "./bad-row.ts";
import { BridgeNode } from "./bridge-node.ts";
import { leaseMs } from "./bridge-worker.ts";
import type { BrokenRule } from "./broken-rules.ts";
import { EdgeNode, type EdgeSurroundings } from "./edge-node.ts";
import { fillDisk, freeDisk } from "./full-disk.ts";
import { FileLock, WorldGate } from "./gate.ts";
import { Intruder } from "./intruder.ts";
import { LeaseServer } from "./lease-server.ts";
import { Oracle } from "./oracle.ts";
import { type EdgePlan, type Plan, planOf } from "./plan.ts";
import { refusePoison } from "./poison.ts";
import { VirtualTime } from "./virtual-clock.ts";
import { soundLink, VirtualBroker } from "./virtual-link.ts";

/** What a run came to. */
export interface Outcome {
  readonly seed: number;
  readonly kind: Plan["kind"];
  /** Empty when all is well. */
  readonly problems: readonly string[];
  /** The same in every run of the seed. */
  readonly traceHash: string;
  readonly acceptedCount: number;
  readonly operationCount: number;
  readonly virtualMs: number;
  /** What happened, and how often. */
  readonly happened: ReadonlyMap<string, number>;
}

/** Everything must have come to rest this long after the last fault. */
const restMsMax = 3_600_000;
/** And must stay at rest over an idle hello; two clones throw each other out, which is busy enough. */
const quietMs = 700_000;
const quietMsWithClone = 30_000;
/** Original and clone come up together, so that both may send before either is found out. */
const cloneDownMs = 500;
/** Events take this much room in the worlds where the outbox has to shed some. */
const fillerBytes = 15_000;

/** How long a batch waits for others, and where many must come into one group. */
const commitDelayMs = 10;
const longCommitDelayMs = 1_000;
/** What every group writes to, in this order. */
const ledgerTables = ["event_log", "entries", "positions", "balances", "chain_heads"];

/** Runs the world of a seed; `onTrace` hears what happens in it, `plan` takes the place of the seed's own, `broken` breaks a rule. */
export async function runWorld(
  seed: number,
  onTrace?: (line: string) => void,
  plan?: Plan,
  broken: BrokenRule = {},
): Promise<Outcome> {
  const world = new World(seed, broken, onTrace, plan);
  try {
    return await world.run();
  } finally {
    await world.clear();
  }
}

class World {
  readonly #plan: Plan;
  readonly #folder: string;
  readonly #surroundings: EdgeSurroundings;
  readonly #bridges: readonly BridgeNode[];
  readonly #edges: EdgeNode[] = [];
  /** The copy of a card that is put back later. */
  readonly #image: string;

  constructor(seed: number, broken: BrokenRule, onTrace?: (line: string) => void, plan?: Plan) {
    const random = seededRandom(seed);
    const drawn = planOf(seed, random);
    this.#plan = plan ?? drawn;
    const { kind, faults, isDurable, edges, deathlyAnswerShare } = this.#plan;
    const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    this.#folder = mkdtempSync(join(base, "gondola-simulation-"));
    this.#image = join(this.#folder, "image");
    const time = new VirtualTime();
    const broker = new VirtualBroker({ time, random, faults, isDurable });
    const intruder = new Intruder(random, broker, edges);
    const oracle = new Oracle(kind, onTrace);
    this.#surroundings = { time, random, broker, intruder, oracle, broken, gate: new WorldGate() };
    const { workerCount } = this.#plan;
    const options = {
      ...{ folder: this.#folder, edges, deathlyAnswerShare, lock: new FileLock() },
      commitDelayMs: kind === "poison_batch" ? longCommitDelayMs : commitDelayMs,
      leaseServer: workerCount > 1 ? new LeaseServer(time, leaseMs) : undefined,
    };
    this.#bridges = Array.from({ length: workerCount }, () => {
      const onDied = () => this.#later(() => reviveBridge(bridge));
      const bridge: BridgeNode = new BridgeNode(this.#surroundings, { ...options, onDied });
      return bridge;
    });
    for (const [index, plan] of edges.entries()) this.#createEdge(plan, plan.edgeId, index);
  }

  async run(): Promise<Outcome> {
    const { time, oracle, gate } = this.#surroundings;
    const { seed, kind, activeMs, edges } = this.#plan;
    for (const bridge of this.#bridges) await bridge.start();
    for (const edge of this.#edges) await edge.start();
    this.#schedule();
    await this.#stepUntil(() => time.nowMs >= activeMs);
    this.#heal();
    await this.#stepUntil(() => this.#isAtRest() || time.nowMs > activeMs + restMsMax);
    const quietUntilMs = time.nowMs + (kind === "edge_cloned" ? quietMsWithClone : quietMs);
    await this.#stepUntil(
      () => (time.nowMs > quietUntilMs && this.#isAtRest()) || time.nowMs > activeMs + restMsMax,
    );
    if (oracle.problems.length === 0 && !this.#isAtRest()) {
      for (const edge of this.#edges) oracle.fail(`not at rest: ${edge.describe()}`);
    }
    if (oracle.problems.length === 0) {
      const storeIds = [...new Set(edges.map(({ storeId }) => storeId))];
      await oracle.judge(this.#bridge.ledger, storeIds, await this.#bridge.placements());
    }
    return {
      ...{ seed, kind, problems: oracle.problems, happened: oracle.happened },
      traceHash: oracle.traceHash(),
      acceptedCount: oracle.attempts.filter(({ accepted }) => accepted).length,
      operationCount: gate.operationCount,
      virtualMs: time.nowMs,
    };
  }

  /** Lets go of all files, and deletes them. */
  async clear(): Promise<void> {
    for (const node of [...this.#bridges, ...this.#edges]) node.die(0, false);
    await this.#surroundings.gate.idle();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The only one, or the first of several on the same ledger. */
  get #bridge(): BridgeNode {
    return this.#bridges[0]!;
  }

  #createEdge(plan: EdgePlan, line: string, index: number): EdgeNode {
    const folder = join(this.#folder, line);
    mkdirSync(folder, { recursive: true });
    const { kind } = this.#plan;
    const isFull = kind === "overflow" || kind === "ledger_restored_behind_trimmed";
    const edge: EdgeNode = new EdgeNode(this.#surroundings, plan, {
      ...{ line, folder, index },
      clientId: this.#plan.sharesClientId ? `${plan.storeId}:${plan.edgeId}` : line,
      settings: isFull ? { sizeBytesMax: 512 * 1024, retainedShareMax: 0.1 } : {},
      fillerBytes: isFull ? fillerBytes : 0,
      onDied: () => this.#later(() => this.#revive(edge)),
    });
    this.#edges.push(edge);
    return edge;
  }

  /** Goes from timer to timer, and lets everything react in between. */
  async #stepUntil(isDone: () => boolean): Promise<void> {
    const { gate, time, oracle } = this.#surroundings;
    await gate.idle();
    while (!isDone() && oracle.problems.length === 0 && time.step()) await gate.idle();
  }

  #isAtRest(): boolean {
    const areUp = this.#bridges.every((bridge) => bridge.isAlive);
    return areUp && this.#edges.every((edge) => edge.isAtRest);
  }

  /** Does something that takes no virtual time, at a moment to come. */
  #at(atMs: number, act: () => Promise<void> | void): void {
    const { time, gate, oracle } = this.#surroundings;
    const done = async () => {
      try {
        await act();
      } catch (error) {
        oracle.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    };
    time.after(atMs - time.nowMs, () => void gate.watch(done()));
  }

  #later(act: () => Promise<void>): void {
    const { time, random } = this.#surroundings;
    const downMs = integerBetween(random, 50, 15_000);
    this.#at(time.nowMs + (this.#plan.kind === "edge_cloned" ? cloneDownMs : downMs), act);
  }

  async #revive(edge: EdgeNode): Promise<void> {
    await edge.buried();
    if (!edge.isAlive) await edge.start();
  }

  #schedule(): void {
    const { broker, intruder } = this.#surroundings;
    const plan = this.#plan;
    for (const [index, { deaths, jumps }] of plan.edges.entries()) {
      const edge = this.#edges[index]!;
      this.#load(edge);
      for (const { atMs, operationCount, isAfterOperation } of deaths) {
        this.#at(atMs, () => edge.die(operationCount, isAfterOperation));
      }
      for (const { atMs, byMs } of jumps) this.#at(atMs, () => edge.jump(byMs));
    }
    for (const [index, { atMs, operationCount, isAfterOperation }] of plan.bridgeDeaths.entries()) {
      const bridge = this.#bridges[index % this.#bridges.length]!;
      this.#at(atMs, () => bridge.die(operationCount, isAfterOperation));
    }
    for (const { worker, atMs, ...pause } of plan.pauses) {
      this.#at(atMs, () => this.#bridges[worker]!.standStill(pause));
    }
    for (const atMs of plan.brokerForgetsAtMs) this.#at(atMs, () => broker.forget());
    for (const { atMs, edge } of plan.halfOpens)
      this.#at(atMs, () => this.#edges[edge]?.halfOpen());
    for (const atMs of plan.intrusionsAtMs) this.#at(atMs, () => intruder.act());
    this.#at(plan.special.beginAtMs, () => this.#beginSpecial());
    this.#at(plan.special.endAtMs, () => this.#endSpecial());
    // So that the active time ends when it ends, whatever else is due.
    this.#at(plan.activeMs, () => undefined);
  }

  /** An edge's appends that are still to come. */
  #load(edge: EdgeNode): void {
    const { nowMs } = this.#surroundings.time;
    for (const { atMs, count } of edge.plan.appends) {
      if (atMs >= nowMs) this.#at(atMs, () => edge.append(count));
    }
  }

  /** The first edge's card, its process dead. */
  async #card(): Promise<EdgeNode> {
    const edge = this.#edges[0]!;
    edge.die(0, false);
    await edge.buried();
    return edge;
  }

  async #beginSpecial(): Promise<void> {
    const { kind, overflowIsMute } = this.#plan;
    const { oracle, broker } = this.#surroundings;
    // Where only answers are lost, the ledger has what the edge then sheds: the gap has to be clipped.
    if (kind === "overflow" && overflowIsMute) broker.isMuteToEdges = true;
    else if (kind === "overflow") broker.faults = { ...broker.faults, dropShare: 1 };
    if (kind.startsWith("ledger_restored")) this.#bridge.backUp();
    if (kind === "bad_row" || kind === "unreadable_row") {
      await appendBadRow((await this.#card()).file, kind);
    }
    if (kind === "poison_batch") {
      await refusePoison(this.#bridge.file);
      this.#edges[0]!.isPoisonous = true;
    }
    const { random } = this.#surroundings;
    for (const { file, tables } of this.#filledFiles()) {
      await fillDisk(file, pickOne(random, tables)!);
    }
    if (kind !== "edge_cloned" && kind !== "edge_set_back") return;
    const original = await this.#card();
    oracle.cardCopied(original.line);
    if (kind === "edge_set_back") {
      cpSync(original.folder, this.#image, { recursive: true });
      return;
    }
    // At the same times as the original, but another number: the longer batch may come second.
    const appends = original.plan.appends.map(({ atMs, count }) => ({ atMs, count: 4 - count }));
    const plan = { ...original.plan, appends };
    const clone = this.#createEdge(plan, `${original.line}-clone`, this.#edges.length);
    cpSync(original.folder, clone.folder, { recursive: true });
    this.#load(clone);
    this.#later(() => this.#revive(clone));
  }

  async #endSpecial(): Promise<void> {
    const { kind, faults } = this.#plan;
    const { oracle, broker } = this.#surroundings;
    if (kind === "overflow") broker.faults = faults;
    broker.isMuteToEdges = false;
    this.#edges[0]!.isPoisonous = false;
    for (const { file } of this.#filledFiles()) await freeDisk(file);
    if (kind === "edge_set_back") {
      const edge = await this.#card();
      rmSync(edge.folder, { recursive: true });
      cpSync(this.#image, edge.folder, { recursive: true });
      oracle.cardSetBack();
    }
    if (!kind.startsWith("ledger_restored")) return;
    this.#bridge.die(0, false);
    await this.#bridge.buried();
    this.#bridge.putBack();
    oracle.happens("ledger restored");
  }

  /** Files whose disk is full in this world, and tables that feel it. */
  #filledFiles(): { file: string; tables: readonly string[] }[] {
    const { kind } = this.#plan;
    const { file } = this.#bridge;
    if (kind === "ledger_disk_full") return [{ file, tables: ledgerTables }];
    if (kind !== "edge_disk_full") return [];
    return this.#edges.map((edge) => ({ file: edge.file, tables: ["event", "outbox"] }));
  }

  /** The faults are over; a slow link stays one. */
  #heal(): void {
    const { bytesPerSecond } = this.#plan.faults;
    this.#surroundings.broker.faults = { ...soundLink, bytesPerSecond };
    for (const node of [...this.#bridges, ...this.#edges]) node.spare();
  }
}

async function reviveBridge(bridge: BridgeNode): Promise<void> {
  await bridge.buried();
  if (!bridge.isAlive) await bridge.start();
}
