// The live path on clocks that are set while it runs, beside what a recording of the same minutes gives in replay.

import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Reading, Recorded } from "../../contract/reading.ts";
import type { Outbox } from "../../edge/buffer/outbox.ts";
import { EdgeClock } from "../../edge/clock.ts";
import { Intake } from "../../edge/intake.ts";
import { clockWatch } from "../../edge/record.ts";
import { seededRandom } from "../../simulators/random.ts";
import { VirtualTime } from "../simulation/virtual-clock.ts";
import { openOutbox, temporaryFolder } from "./buffer/outbox-kit.ts";
import { epcOf, scan, startMs, tag } from "./sense/harness.ts";
import { bench, codes } from "./sense/pipeline-kit.ts";

let outbox: Outbox;
beforeEach(async () => {
  outbox = (await openOutbox(await temporaryFolder())).outbox;
});
afterEach(() => outbox.close());

/** A machine whose wall clock is `aheadMs` ahead, and a recorder beside its intake. */
class Store {
  readonly time = new VirtualTime();
  aheadMs = 0;
  readonly recorded: Recorded[] = [];
  readonly clock = {
    nowMs: () => startMs + this.time.nowMs + this.aheadMs,
    monotonicMs: () => 5_000 + this.time.nowMs,
    timer: (delayMs: number, fire: () => void) => this.time.after(delayMs, fire),
  };
  readonly pipeline = bench().pipeline;
  readonly #look = clockWatch(this.clock, (step) => this.recorded.push(step));
  readonly #intake: Intake;

  constructor() {
    const edgeClock = new EdgeClock({
      bootId: randomUUID(),
      edgeId: "edge-1",
      notBeforeAtMs: 0,
      wallMs: this.clock.nowMs(),
      monotonicMs: this.clock.monotonicMs(),
    });
    this.#intake = new Intake({
      pipeline: this.pipeline,
      outbox,
      edgeClock,
      clock: this.clock,
      onRefused: (conclusions, error) => expect.unreachable(`${error} ${conclusions.length}`),
      onSignal: () => undefined,
      count: () => undefined,
    });
    this.#intake.start();
  }

  take(reading: Reading): void {
    this.#look();
    this.recorded.push(reading);
    this.#intake.take(reading);
  }

  async pass(ms: number): Promise<void> {
    await this.time.advance(ms, async () => undefined);
  }

  /** What was concluded, without what clock and outbox noticed. */
  async events(): Promise<Record<string, unknown>[]> {
    this.#intake.stop();
    await outbox.flush();
    const rows = await outbox.read(1, { countMax: 5_000, sizeBytesMax: 1e7 });
    return rows
      .map(({ text }) => JSON.parse(text) as Record<string, unknown>)
      .filter(({ code }) => code !== "clock_stepped" && code !== "outbox_started");
  }
}

test.each([1, 2, 3, 4, 5, 6])("live is replay over steps of the clock, seed %i", async (seed) => {
  const random = seededRandom(seed);
  const store = new Store();
  for (let index = 0; index < 400; index += 1) {
    await store.pass(Math.floor(random() * (random() < 0.1 ? 9_000 : 400)));
    if (random() < 0.04) store.aheadMs += Math.round((random() - 0.5) * 7_200_000);
    const atMs = store.clock.nowMs();
    const number = 1 + Math.floor(random() * 3);
    const antenna = 1 + Math.floor(random() * 4);
    const code = codes[Math.floor(random() * codes.length)] ?? "";
    store.take(random() < 0.7 ? tag(atMs, antenna, epcOf(number)) : scan(atMs, code));
  }
  await store.pass(120_000);
  const live = await store.events();
  const replayed = bench();
  for (const one of store.recorded) replayed.take(replayed.pipeline.push(one));
  replayed.feed([], store.clock.nowMs());
  expect(store.recorded.some(({ kind }) => kind === "clock")).toBe(true);
  expect(live.length).toBeGreaterThan(20);
  expect(live).toMatchObject(replayed.conclusions);
});

describe("a reading that was received just before the clock was set", () => {
  test.each([-3_600_000, 3_600_000])("by %i ms is of now", async (stepMs) => {
    const store = new Store();
    store.take(scan(store.clock.nowMs(), codes[0]!));
    await store.pass(1_000);
    const receivedAtMs = store.clock.nowMs();
    store.aheadMs += stepMs;
    store.take(scan(receivedAtMs, codes[0]!));
    await store.pass(1_000);
    store.take(scan(store.clock.nowMs(), "GONDOLA:END"));
    const events = await store.events();
    expect(events).toMatchObject([{ type: "counted", lines: [{ quantity: 2 }] }]);
  });
});
