import { describe, expect, test } from "vitest";
import { DeviceClock, offsetWindowMs } from "../../../edge/sense/device-clock.ts";
import type { Machine } from "../../../edge/sense/machine.ts";
import { Pipeline } from "../../../edge/sense/pipeline.ts";
import { Bench, epcOf, startMs, tag } from "./harness.ts";

/** A reading at `atMs` after the start whose reader's clock is `aheadMs` before ours, `delayMs` on its way. */
function told(atMs: number, { aheadMs = 0, delayMs = 0 } = {}) {
  const receivedAtMs = startMs + atMs;
  const readerAtMs = receivedAtMs - delayMs + aheadMs;
  return { ...tag(receivedAtMs, 1, epcOf(1)), readerAtMs };
}

const codesOf = (clock: DeviceClock, ...readings: ReturnType<typeof told>[]) =>
  readings.flatMap((reading) => clock.judge(reading).notices.map(({ code }) => code));

describe("a device's clock", () => {
  test("whatever it is set to, a reading is as late as it was longer on its way than the fastest", () => {
    for (const aheadMs of [0, -5 * 3_600_000, 86_400_000]) {
      const clock = new DeviceClock("portal-1");
      expect(clock.judge(told(0, { aheadMs, delayMs: 40 })).lateMs).toBe(0);
      expect(clock.judge(told(1_000, { aheadMs, delayMs: 15 })).lateMs).toBe(0);
      expect(clock.judge(told(2_000, { aheadMs, delayMs: 315 })).lateMs).toBe(300);
    }
  });

  test("a backlog after an outage of any length is late, down to its last reading", () => {
    const clock = new DeviceClock("portal-1");
    clock.judge(told(0));
    const outageMs = 4 * 3_600_000;
    for (let sent = 0; sent <= 100; sent += 1) {
      const atMs = outageMs + sent * 10;
      const delayMs = outageMs * (1 - sent / 100);
      const { lateMs, notices } = clock.judge(told(atMs, { delayMs }));
      expect(lateMs).toBeCloseTo(delayMs);
      expect(notices).toEqual([]);
    }
  });

  test("a reader without a clock is never late, and one that counts from its start is told by it", () => {
    const clock = new DeviceClock("portal-1");
    expect(clock.judge(tag(startMs, 1, epcOf(1)))).toEqual({ lateMs: 0, notices: [] });
  });

  test("drift is followed over the window", () => {
    const clock = new DeviceClock("portal-1");
    // 100 ppm slow: a second in 10,000 s.
    for (let atMs = 0; atMs <= 10_000_000; atMs += 5_000) {
      const { lateMs, notices } = clock.judge(told(atMs, { aheadMs: -atMs / 10_000 }));
      expect(lateMs).toBeLessThanOrEqual(offsetWindowMs / 10_000 + 4);
      expect(notices).toEqual([]);
    }
  });

  test.each([[3_600_000], [-3_600_000], [2_500], [-2_500]])(
    "set by %d ms: one notice, and nothing is late for it",
    (stepMs) => {
      const clock = new DeviceClock("portal-1");
      clock.judge(told(0));
      clock.judge(told(100));
      const { lateMs, notices } = clock.judge(told(200, { aheadMs: stepMs }));
      expect(lateMs).toBe(0);
      expect(notices).toMatchObject([
        { code: "device_clock_stepped", occurredAtMs: startMs + 200, detail: { stepMs } },
      ]);
      expect(codesOf(clock, told(300, { aheadMs: stepMs }))).toEqual([]);
    },
  );

  test("one that was never set is said so, compared all the same, and steps when it is set", () => {
    const aheadMs = Date.UTC(2000, 0) - startMs;
    const clock = new DeviceClock("portal-1");
    expect(codesOf(clock, told(0, { aheadMs }), told(10, { aheadMs }))).toEqual([
      "device_clock_dead",
    ]);
    expect(clock.judge(told(5_000, { aheadMs, delayMs: 700 })).lateMs).toBe(700);
    expect(codesOf(clock, told(6_000))).toEqual(["device_clock_stepped"]);
  });

  test("our own clock being set makes nothing late", () => {
    const clock = new DeviceClock("portal-1");
    clock.judge(told(0));
    clock.shiftTime(3_600_000);
    const reading = { ...told(3_600_100), readerAtMs: startMs + 100 };
    expect(clock.judge(reading)).toEqual({ lateMs: 0, notices: [] });
  });
});

describe("the pipeline", () => {
  const seen: number[] = [];
  const machine: Machine = {
    deviceIds: ["portal-1"],
    nextDeadlineMs: () => Number.POSITIVE_INFINITY,
    advance: () => undefined,
    apply: (reading) => seen.push(reading.receivedAtMs - startMs),
    decidedThroughMs: (nowMs) => nowMs,
    restore: () => undefined,
    setPlan: () => undefined,
    shiftTime: () => undefined,
  };

  test("counts and notices a backlog, and does not apply it", () => {
    const bench = new Bench(
      (count) => new Pipeline({ machines: [machine], count, latenessMsMax: 5_000 }),
    );
    const backlog = Array.from({ length: 60 }, (_, index) =>
      told(60_000 + index, { delayMs: 60_000 - index * 1_000 }),
    );
    bench.feed([told(0), ...backlog, told(61_000)]);
    expect(seen).toEqual([0, 60_055, 60_056, 60_057, 60_058, 60_059, 61_000]);
    expect(bench.counters.get("readings_late")).toBe(55);
    expect(bench.conclusions).toMatchObject([
      { code: "readings_late", deviceId: "portal-1", detail: { lateMs: 60_000 } },
    ]);
  });
});
