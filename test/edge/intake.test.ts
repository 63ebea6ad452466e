// The live path on clocks that are set while it runs, beside what a recording of the same minutes gives in replay.

import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorCodeOf } from "../../contract/errors.ts";
import type { Reading, Recorded } from "../../contract/reading.ts";
import type { Outbox } from "../../edge/buffer/outbox.ts";
import { EdgeClock } from "../../edge/clock.ts";
import { Intake } from "../../edge/intake.ts";
import { clockWatch } from "../../edge/record.ts";
import { seededRandom } from "../../simulators/random.ts";
import { fillDisk, freeDisk } from "../simulation/full-disk.ts";
import { VirtualTime } from "../simulation/virtual-clock.ts";
import { openOutbox, temporaryFolder } from "./buffer/outbox-kit.ts";
import { epcOf, scan, startMs, tag } from "./sense/harness.ts";
import { bench, codes } from "./sense/pipeline-kit.ts";

let outbox: Outbox;
let file: string;
beforeEach(async () => {
  ({ outbox, file } = await openOutbox(await temporaryFolder()));
});
afterEach(() => outbox.close());

const bootId = randomUUID();

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
  readonly intake: Intake;

  readonly refused: { count: number; code: string | undefined }[] = [];

  constructor(notBeforeAtMs = 0) {
    const edgeClock = new EdgeClock({
      bootId,
      edgeId: "edge-1",
      notBeforeAtMs,
      wallMs: this.clock.nowMs(),
      monotonicMs: this.clock.monotonicMs(),
    });
    this.intake = new Intake({
      pipeline: this.pipeline,
      outbox,
      edgeClock,
      clock: this.clock,
      onRefused: ({ length: count }, error) =>
        this.refused.push({ count, code: errorCodeOf(error) }),
      onSignal: () => undefined,
      count: () => undefined,
    });
    this.intake.start();
  }

  take(reading: Reading): void {
    this.#look();
    this.recorded.push(reading);
    this.intake.take(reading);
  }

  async pass(ms: number): Promise<void> {
    await this.time.advance(ms, async () => undefined);
  }

  /** What was concluded, without what clock and outbox noticed. */
  async events(): Promise<Record<string, unknown>[]> {
    this.intake.stop();
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
  expect(store.refused).toEqual([]);
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

describe("on a full disk, what the clock has to say", () => {
  const keptClock = () => outbox.storedState().get("clock");

  test("is said with the next event that the disk takes, once", async () => {
    const store = new Store(startMs + 3_600_000);
    await outbox.flush();
    expect(keptClock()).toContain(bootId);
    await fillDisk(file, "event");
    store.aheadMs = 7_200_000;
    await store.pass(250);
    await outbox.flush();
    store.take(scan(store.clock.nowMs(), codes[0]!));
    store.take(scan(store.clock.nowMs(), "GONDOLA:END"));
    await outbox.flush();
    // The clock's notice is not among them: it is not lost.
    expect(store.refused.map(({ count }) => count)).toEqual([0, 0, 1]);
    expect(store.refused.every(({ code }) => code === "OUTBOX_FULL")).toBe(true);
    expect(keptClock()).toContain(bootId);
    await freeDisk(file);
    for (let index = 0; index < 2; index += 1) {
      store.take(scan(store.clock.nowMs(), codes[0]!));
      store.take(scan(store.clock.nowMs(), "GONDOLA:END"));
      await outbox.flush();
    }
    expect(await store.events()).toMatchObject([
      { code: "clock_set", detail: { bootId, offsetMs: 7_200_000 }, clockSynced: true },
      { type: "counted" },
      { type: "counted" },
    ]);
    expect(keptClock()).toBeUndefined();
  });

  test("a notice that the disk does not take is not said to be stored", async () => {
    const store = new Store();
    const notice = { type: "noticed", severity: "alarm", deviceId: "edge-1", detail: {} } as const;
    const note = () =>
      store.intake.note([{ ...notice, code: "config_returned", occurredAtMs: startMs }]);
    await outbox.flush();
    await fillDisk(file, "event");
    expect(await note()).toBe(false);
    await freeDisk(file);
    expect(await note()).toBe(true);
    expect(await store.events()).toMatchObject([{ code: "config_returned" }]);
  });

  test("is kept for the next start also when it could not be at first", async () => {
    await fillDisk(file, "state");
    const store = new Store(startMs + 3_600_000);
    await outbox.flush();
    expect(keptClock()).toBeUndefined();
    await freeDisk(file);
    store.take(scan(store.clock.nowMs(), codes[0]!));
    store.take(scan(store.clock.nowMs(), "GONDOLA:END"));
    await outbox.flush();
    expect(keptClock()).toContain(bootId);
  });
});
