// A store in one process and in virtual time, with nothing replaced but wires and clock: the simulated
// world, the devices' behaviours over memory ports, the real drivers under the real supervisor, sensing,
// outbox on a real file, uplink, ingest and ledger on a real file.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ingest } from "../../cloud-bridge/ingest.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { errorMessageOf } from "../../contract/errors.ts";
import { findDevice } from "../../drivers/registry.ts";
import { MemoryPort } from "../../drivers/transport/memory.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { EdgeClock } from "../../edge/clock.ts";
import { CommandGate } from "../../edge/command-gate.ts";
import { type EdgeConfig, edgeConfigSchema } from "../../edge/config.ts";
import { Gateway } from "../../edge/gateway.ts";
import { buildPipeline } from "../../edge/sense/build-machines.ts";
import type { SupervisedDevice } from "../../edge/supervisor.ts";
import { DeviceRunner } from "../../simulators/device.ts";
import { createDevice } from "../../simulators/device-process.ts";
import { devicesOf, edgeConfig, edgeId } from "../../simulators/edge-config.ts";
import { Player } from "../../simulators/player.ts";
import { type Random, seededRandom } from "../../simulators/random.ts";
import type { LoadedScenario } from "../../simulators/scenario.ts";
import { accountKey, type Balances } from "../../simulators/world/truth.ts";
import { WorldGate } from "../simulation/gate.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

const startAtMs = 1_763_888_000_000;
/** One way from edge to ledger or back. */
const wayMs = 5;
/** Devices are found before the store opens. */
const warmUpMs = 2000;
/** Files in memory where the system has that; what is tested does not depend on it. */
const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const ignore = () => undefined;

/** What a day came to. */
export interface Day {
  readonly truth: Balances;
  readonly ledger: Balances;
  readonly movementCount: number;
  /** What the edge noticed, by code: a calm day has little. */
  readonly notices: readonly string[];
  /** Whatever should not have happened: refused events, failures, quarantine. */
  readonly problems: readonly string[];
}

/** Plays a scenario to its end and lets the ledger have all that the edge concluded. */
export async function playDay(loaded: LoadedScenario, seed: number): Promise<Day> {
  const folder = mkdtempSync(join(base, "gondola-virtual-"));
  const store = new VirtualStore(loaded, seed, folder);
  try {
    return await store.play();
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

class VirtualStore {
  readonly #loaded: LoadedScenario;
  readonly #folder: string;
  readonly #seed: number;
  readonly #random: Random;
  readonly #time = new VirtualTime();
  readonly #clock = new MachineClock(this.#time, startAtMs);
  readonly #gate = new WorldGate();
  readonly #ports = new Map<string, MemoryPort>();
  readonly #runners = new Map<string, DeviceRunner>();
  readonly #problems: string[] = [];
  readonly #closers: (() => Promise<unknown>)[] = [];
  #movementCount = 0;

  constructor(loaded: LoadedScenario, seed: number, folder: string) {
    this.#loaded = loaded;
    this.#seed = seed;
    this.#folder = folder;
    this.#random = seededRandom(seed);
  }

  async play(): Promise<Day> {
    const { scenario, plan } = this.#loaded;
    this.#plugDevices();
    const player = new Player({
      ...{ scenario, plan, seed: this.#seed, clock: this.#clock },
      onControl: (deviceId, message) => this.#runners.get(deviceId)?.control(message),
      onMovement: () => {
        this.#movementCount += 1;
      },
    });
    const ledger = await SqliteLedger.open({
      path: join(this.#folder, "ledger.db"),
      nowMs: this.#clock.nowMs(),
      synchronous: "OFF",
      gate: (operation) => this.#gate.watch(operation()),
    });
    this.#closers.push(() => ledger.close());
    await ledger.setPlan(plan);
    const outbox = await this.#startEdge(ledger);
    await this.#runUntil(() => this.#time.nowMs >= warmUpMs);
    player.begin();
    await this.#runUntil(() => player.world.phase === "closed");
    const { position } = outbox;
    await this.#runUntil(() => {
      const { acknowledgedSequence, lastSequence } = position.call(outbox);
      return acknowledgedSequence === lastSequence;
    });
    player.stop();
    return await this.#judge(player, ledger);
  }

  /** Ends everything, last started first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      let isDone = false;
      const closing = close().finally(() => {
        isDone = true;
      });
      await this.#runUntil(() => isDone);
      await closing;
    }
  }

  #plugDevices(): void {
    for (const [index, { deviceId, kind, simulated }] of devicesOf(
      this.#loaded.scenario,
    ).entries()) {
      const port = new MemoryPort(deviceId);
      const device = createDevice(kind, seededRandom(this.#seed * 100 + index), simulated);
      const runner = new DeviceRunner(device, this.#clock, (bytes) => void port.send(bytes));
      port.plug((bytes) => runner.receive(bytes));
      runner.start();
      this.#ports.set(deviceId, port);
      this.#runners.set(deviceId, runner);
    }
    this.#closers.push(async () => {
      for (const runner of this.#runners.values()) runner.stop();
    });
  }

  async #startEdge(ledger: SqliteLedger): Promise<Outbox> {
    const { scenario, plan, planFile } = this.#loaded;
    const paths = new Map([...this.#ports.keys()].map((id) => [id, `/memory/${id}`]));
    const { storeId } = plan;
    const brokerUrl = "mqtt://memory";
    const facts = { scenario, storeId, planFile, dataDir: this.#folder, brokerUrl, paths };
    const config = edgeConfigSchema.parse(edgeConfig(facts));
    const clock = this.#clock;
    const edgeClock = new EdgeClock({
      ...{ bootId: this.#id(), edgeId, notBeforeAtMs: 0 },
      ...{ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() },
    });
    let gateway: Gateway | undefined;
    const failed = (what: string) => (error: unknown) => {
      this.#problems.push(`${what}: ${errorMessageOf(error)}`);
    };
    const outbox = await Outbox.open({
      file: join(this.#folder, "outbox.db"),
      ...{ edgeId, clock, settings: { ...config.outbox, ballastSizeBytes: 0 } },
      randomId: () => this.#id(),
      stamp: () => edgeClock.reading(),
      onCommit: () => gateway?.uplink.wake(),
      onFailure: failed("outbox"),
      synchronous: "OFF",
      gate: (operation) => this.#gate.watch(operation()),
    });
    this.#closers.push(() => outbox.close());
    const pipeline = buildPipeline(config);
    pipeline.restore(outbox.storedState(), clock.nowMs());
    pipeline.setPlan(plan);
    const log = (fields: object, event: string) => {
      this.#problems.push(`${event} ${JSON.stringify(fields)}`);
    };
    const ingest = new Ingest({
      ...{ ledger, clock, commitDelayMs: 10, count: ignore, onCommitted: ignore },
      publishAnswer: (_, answer) => {
        clock.timer(wayMs, () => gateway?.uplink.receive(Buffer.from(JSON.stringify(answer))));
      },
      onFailure: failed("ingest"),
    });
    gateway = new Gateway({
      ...{ config, outbox, pipeline, edgeClock, clock, random: this.#random, count: ignore },
      devices: await this.#drivers(config),
      commandGate: new CommandGate(config, clock),
      health: () => Promise.reject(new Error("a store without a process has no health report")),
      applyConfig: () => Promise.reject(new Error("a store without a process is not restarted")),
      renewCertificate: () => Promise.reject(new Error("a store without a link shows none")),
      randomId: () => this.#id(),
      send: (topic, payload) => void clock.timer(wayMs, () => ingest.handle(topic, payload)),
      onFailure: failed("edge"),
      log: { info: ignore, warn: log, error: log },
    });
    gateway.start();
    gateway.uplink.connected();
    this.#closers.push(() => gateway.stop());
    return outbox;
  }

  async #drivers(config: EdgeConfig): Promise<SupervisedDevice[]> {
    const devices: SupervisedDevice[] = [];
    for (const { id, kind, options } of config.devices) {
      const driver = (await findDevice(kind)).createDriver(options);
      devices.push({ deviceId: id, kind, portKey: id, open: this.#ports.get(id)!.open, driver });
    }
    return devices;
  }

  /** Goes from deadline to deadline, and lets everything react in between. */
  async #runUntil(isDone: () => boolean): Promise<void> {
    await this.#gate.idle();
    while (!isDone() && this.#time.step()) await this.#gate.idle();
  }

  async #judge(player: Player, ledger: SqliteLedger): Promise<Day> {
    const { storeId } = this.#loaded.plan;
    const balances = new Map<string, number>();
    for (const { gtin, balances: accounts } of await ledger.stockLevels({
      storeId,
      countMax: 1000,
      nowMs: this.#clock.nowMs(),
    })) {
      for (const account of accounts) {
        if (account.quantity !== 0) balances.set(accountKey(account, gtin), account.quantity);
      }
    }
    const quarantined = (await ledger.quarantine()).map(
      ({ code, message }) => `${code}: ${message}`,
    );
    const { problems: unverified } = await ledger.verify();
    const notices = await ledger.notices({ storeId, countMax: 1000 });
    return {
      truth: player.world.truth.balances,
      ledger: balances,
      movementCount: this.#movementCount,
      notices: notices.map(({ code, detail }) => `${code} ${JSON.stringify(detail)}`),
      problems: [...this.#problems, ...quarantined, ...unverified.map(({ message }) => message)],
    };
  }

  #id(): string {
    const digits = () =>
      Math.floor(this.#random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0");
    return `${digits()}-${digits()}`;
  }
}
