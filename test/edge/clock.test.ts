import { describe, expect, test } from "vitest";
import { conclusionSchema, eventDraftSchema } from "../../contract/event.ts";
import { EdgeClock } from "../../edge/clock.ts";

const bootId = "0b5c1a7e-0000-4000-8000-000000000001";
const builtAtMs = Date.UTC(2025, 10, 1);
const deadAtMs = Date.UTC(2000, 0, 1);
const nowAtMs = Date.UTC(2025, 10, 23);

function clockAt(wallMs: number, synchronised?: boolean): EdgeClock {
  const begin = { bootId, edgeId: "edge-1", notBeforeAtMs: builtAtMs, wallMs, monotonicMs: 5_000 };
  return new EdgeClock(synchronised === undefined ? begin : { ...begin, synchronised });
}

describe("a clock that is right from the start", () => {
  test("notices nothing while it runs, slewing included", () => {
    const clock = clockAt(nowAtMs);
    expect(clock.clockSynced).toBe(true);
    for (let step = 1; step <= 1000; step += 1) {
      expect(clock.observe(nowAtMs + step * 250.1, 5_000 + step * 250)).toEqual([]);
    }
  });

  test("says that it was set", () => {
    const clock = clockAt(nowAtMs);
    expect(clock.stepMs(nowAtMs - 3_599_000, 6_000)).toBe(-3_600_000);
    const [noticed] = clock.observe(nowAtMs - 3_599_000, 6_000);
    expect(noticed).toMatchObject({
      code: "clock_stepped",
      detail: { bootId, stepMs: -3_600_000 },
    });
    expect(clock.stepMs(nowAtMs - 3_598_000, 7_000)).toBe(0);
    expect(clock.observe(nowAtMs - 3_598_000, 7_000)).toEqual([]);
  });
});

describe("a clock that boots in the past", () => {
  test("is not believed, learns the time once, and says by how much it was wrong", () => {
    const clock = clockAt(deadAtMs);
    expect(clock.clockSynced).toBe(false);
    expect(clock.observe(deadAtMs + 1_000, 6_000)).toEqual([]);
    const offsetMs = nowAtMs - (deadAtMs + 2_000);
    expect(clock.stepMs(nowAtMs, 7_000)).toBe(offsetMs);
    const noticed = clock.observe(nowAtMs, 7_000);
    expect(noticed).toMatchObject([
      {
        code: "clock_set",
        occurredAtMs: nowAtMs,
        deviceId: "edge-1",
        detail: { bootId, offsetMs },
      },
    ]);
    expect(noticed.every((one) => conclusionSchema.safeParse(one).success)).toBe(true);
    expect(clock.clockSynced).toBe(true);
    expect(clock.observe(nowAtMs + 250, 7_250)).toEqual([]);
  });

  test("falls back into the past and learns it again", () => {
    const clock = clockAt(nowAtMs);
    expect(clock.observe(deadAtMs, 6_000)).toMatchObject([{ code: "clock_stepped" }]);
    expect(clock.clockSynced).toBe(false);
    expect(clock.observe(nowAtMs + 2_000, 7_000)).toMatchObject([
      { code: "clock_set", detail: { offsetMs: nowAtMs + 1_000 - deadAtMs } },
    ]);
  });
});

describe("a process that ends before its clock learned the time", () => {
  const times = { edgeId: "edge-1", notBeforeAtMs: builtAtMs };
  const left = clockAt(deadAtMs).changedState();
  const stored = new Map(left.map(({ key, value }) => [key, value ?? ""]));

  test("leaves it to the next of the same boot to say by how much it was wrong", () => {
    const now = { wallMs: nowAtMs, monotonicMs: 65_000, stored };
    const next = new EdgeClock({ bootId, ...times, ...now });
    expect(next.changedState()).toEqual([]);
    const offsetMs = nowAtMs - (deadAtMs + 60_000);
    expect(next.observe(nowAtMs + 250, 65_250)).toMatchObject([
      { code: "clock_set", detail: { bootId, offsetMs } },
    ]);
    // With the notice, in the same transaction.
    expect(next.changedState()).toEqual([{ key: left[0]!.key, value: null }]);
    expect(next.changedState()).toEqual([]);
  });

  test("says nothing for another boot, whose clock is right", () => {
    const other = "0b5c1a7e-0000-4000-8000-000000000002";
    const now = { wallMs: nowAtMs, monotonicMs: 1_000, stored };
    const next = new EdgeClock({ bootId: other, ...times, ...now });
    expect(next.clockSynced).toBe(true);
    expect(next.observe(nowAtMs + 250, 1_250)).toEqual([]);
    expect(next.changedState()).toEqual([{ key: left[0]!.key, value: null }]);
  });
});

test("the system's own word counts more than what seems plausible", () => {
  const clock = clockAt(nowAtMs, false);
  expect(clock.clockSynced).toBe(false);
  expect(clock.observe(nowAtMs + 250, 5_250, false)).toEqual([]);
  expect(clock.observe(nowAtMs + 500, 5_500, true)).toMatchObject([
    { code: "clock_set", detail: { offsetMs: 0 } },
  ]);
});

test("stamps with boot, uptime and trust", () => {
  const clock = clockAt(deadAtMs);
  clock.observe(deadAtMs + 1_000.7, 6_000.7);
  const draft = clock.stamp({
    type: "noticed",
    occurredAtMs: deadAtMs,
    deviceId: "portal-1",
    code: "passage_uncertain",
    severity: "info",
    detail: {},
  });
  expect(draft).toMatchObject({ bootId, uptimeMs: 6_000, clockSynced: false });
  expect(eventDraftSchema.safeParse(draft).success).toBe(true);
});
