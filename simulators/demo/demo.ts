// The demo: a store for about a minute, everything real but the people. In the middle the cable to the
// broker is cut and the edge is killed; at the end the ledger is held against the truth.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { sleep, systemClock } from "../../drivers/clock.ts";
import { Player } from "../player.ts";
import { type LoadedScenario, loadScenario } from "../scenario.ts";
import type { Balances, Movement } from "../world/truth.ts";
import { type Findings, report } from "./report.ts";
import { type Out, Screen } from "./screen.ts";
import { Stage } from "./stage.ts";

const redrawMs = 1000;
const cutMs = 10_000;
const edgeDownMs = 3000;
/** The edge empties its buffer within this time after the last fault. */
const drainTimeoutMs = 60_000;

/** How the demo is run. */
export interface DemoOptions {
  readonly scenarioFile: string;
  readonly seed: number;
  readonly faults: boolean;
  readonly forever: boolean;
  /** Leaves the temporary folder with configurations, data, logs and `truth.jsonl`. */
  readonly keep: boolean;
  readonly out: Out;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs the demo. True when ledger and truth agree as they should; false also when it was interrupted. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const loaded = await loadScenario(options.scenarioFile);
  const folder = await mkdtemp(join(tmpdir(), "gondola-demo-"));
  const screen = new Screen(options.out, loaded.plan, `Gondola, store ${loaded.plan.storeId}`);
  const stop = new AbortController();
  const interrupt = () => stop.abort(new GatewayError("SCENARIO_FAILED", "interrupted"));
  options.signal.addEventListener("abort", interrupt);
  let stage: Stage | undefined;
  try {
    screen.print(`Starting bridge, devices and edge (seed ${options.seed}) ...`);
    const onFailure = (error: GatewayError) => stop.abort(error);
    stage = await Stage.open({ ...options, loaded, folder, onFailure });
    const demo = new Demo({ ...options, loaded, stage, screen, stop });
    const findings = await demo.run();
    if (options.keep) await writeTruth(join(folder, "truth.jsonl"), findings.movements);
    const { lines, isRight } = report(findings);
    screen.leaveTable();
    for (const line of lines) screen.print(line);
    return isRight;
  } catch (error) {
    screen.leaveTable();
    const reason = errorMessageOf(stop.signal.reason ?? error);
    screen.print(options.signal.aborted ? "Stopped." : `The demo failed: ${reason}`);
    return false;
  } finally {
    options.signal.removeEventListener("abort", interrupt);
    stop.abort();
    await stage?.close();
    if (options.keep) screen.print(`Everything is kept in ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

interface DemoParts extends DemoOptions {
  readonly loaded: LoadedScenario;
  readonly stage: Stage;
  readonly screen: Screen;
  readonly stop: AbortController;
}

/** One performance on a stage that stands. */
class Demo {
  readonly #parts: DemoParts;
  readonly #player: Player;
  readonly #movements: Movement[] = [];
  readonly #startMs = systemClock.monotonicMs();
  #happening = "opening count";
  #fault = "";

  constructor(parts: DemoParts) {
    this.#parts = parts;
    const { loaded, stage, screen, seed } = parts;
    this.#player = new Player({
      scenario: parts.forever ? endless(loaded.scenario) : loaded.scenario,
      plan: loaded.plan,
      seed,
      clock: systemClock,
      onControl: (deviceId, message) => stage.control(deviceId, message),
      onMovement: (movement) => {
        // Without an end there is no verdict, and so no use for what would grow without end.
        if (!parts.forever) this.#movements.push(movement);
      },
      onNote: (text) => screen.note(text),
      onPhase: (phase) => {
        this.#happening = phase;
      },
    });
  }

  /** Plays the whole piece; rejects as soon as anything fails or somebody interrupts. */
  async run(): Promise<Findings> {
    const { signal } = this.#parts.stop;
    const interrupted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (signal.aborted) reject(signal.reason);
    });
    try {
      return await Promise.race([this.#play(), this.#redraw(), interrupted]);
    } finally {
      this.#player.stop();
    }
  }

  async #play(): Promise<Findings> {
    const { loaded, stage, faults } = this.#parts;
    await stage.monitor.nextHealth(({ devices }) => devices.every((one) => one.state === "online"));
    this.#player.begin();
    await this.#player.reached("open");
    await Promise.all([this.#player.reached("closed"), faults ? this.#faults() : undefined]);
    const before = await this.#compare();
    this.#player.beginCount();
    await this.#player.reached("counted");
    const after = await this.#compare();
    const gaps = await stage.ledger.sensingGaps();
    const movements = this.#movements;
    return { plan: loaded.plan, before, after, movements, gaps, hadFaults: faults };
  }

  /** Cuts the cable after a third of the opening hours, kills the edge after two. */
  async #faults(): Promise<void> {
    const { stage, loaded, screen, forever } = this.#parts;
    const thirdMs = loaded.scenario.openMs / 3;
    do {
      await this.#pause(thirdMs);
      screen.note(`*** the broker is cut off for ${cutMs / 1000} s`);
      this.#fault = "broker cut";
      await stage.proxy.cut();
      await this.#pause(cutMs);
      await stage.proxy.mend();
      this.#fault = "";
      screen.note("*** the broker is back");
      await this.#pause(Math.max(thirdMs - cutMs, 0));
      screen.note("*** the edge is killed (SIGKILL)");
      this.#fault = "edge killed";
      await stage.killEdge();
      await this.#pause(edgeDownMs);
      await stage.startEdge();
      this.#fault = "";
      screen.note("*** the edge runs again");
      await this.#pause(forever ? thirdMs : 0);
    } while (forever);
  }

  /** Waits until the ledger has all that the edge concluded, then takes both sides. */
  async #compare(): Promise<{ truth: Balances; ledger: Balances }> {
    const { stage } = this.#parts;
    const drained = stage.monitor.nextHealth(({ waitingCount }) => waitingCount === 0);
    const late = this.#pause(drainTimeoutMs).then(() => {
      throw new GatewayError("SCENARIO_FAILED", "the edge's buffer did not empty");
    });
    await Promise.race([drained, late]);
    const truth = new Map(this.#player.world.truth.balances);
    return { truth, ledger: await stage.ledger.balances() };
  }

  async #redraw(): Promise<never> {
    const { stage, screen } = this.#parts;
    for (;;) {
      const ledger = await stage.ledger.balances();
      const { monitor } = stage;
      screen.show({
        truth: this.#player.world.truth.balances,
        ledger,
        eventsPerSecond: monitor.eventsPerSecond,
        waitingCount: stage.waitingCount,
        latency: monitor.latency.percentiles(),
        happening: this.#fault === "" ? this.#happening : `${this.#happening}, ${this.#fault}`,
        elapsedMs: systemClock.monotonicMs() - this.#startMs,
      });
      await this.#pause(redrawMs);
    }
  }

  /** Waits; rejects when the demo is over. */
  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#parts.stop;
    await sleep(systemClock, delayMs, signal);
    signal.throwIfAborted();
  }
}

async function writeTruth(file: string, movements: Findings["movements"]): Promise<void> {
  await writeFile(file, movements.map((movement) => `${JSON.stringify(movement)}\n`).join(""));
}

/** The same store, never closing. */
function endless(scenario: LoadedScenario["scenario"]): LoadedScenario["scenario"] {
  return { ...scenario, openMs: Number.POSITIVE_INFINITY };
}
