import fc from "fast-check";
import { expect, test } from "vitest";
import { type OutputAction, outputActionSchema } from "../../../contract/actuation.ts";
import { phaseAt } from "../../../drivers/gpio-output/schedule.ts";

const never = Number.POSITIVE_INFINITY;
const day = 86_400_000;
const action = (input: unknown): OutputAction => outputActionSchema.parse(input);

test.each([
  ["rest", action({ type: "rest" }), 0, "rest", never],
  ["on for ever", action({ type: "on" }), 1e7, "on", day],
  ["on for a second", action({ type: "on", durationMs: 1000 }), 999, "on", 1000],
  ["and then rest", action({ type: "on", durationMs: 1000 }), 1000, "rest", never],
  ["off", action({ type: "off" }), 0, "off", day],
  ["blink begins on", action({ type: "blink" }), 0, "on", 500],
  ["blink, then off", action({ type: "blink" }), 500, "off", 1000],
  ["blink, later", action({ type: "blink" }), 12_345, "on", 12_500],
  ["blink to its end", action({ type: "blink", durationMs: 1200 }), 1100, "on", 1200],
  ["two beeps: the first", action({ type: "beeps", count: 2 }), 50, "on", 100],
  ["two beeps: the pause", action({ type: "beeps", count: 2 }), 150, "off", 200],
  ["two beeps: the second", action({ type: "beeps", count: 2 }), 250, "on", 300],
  ["two beeps: over", action({ type: "beeps", count: 2 }), 300, "rest", never],
] as const)("%s", (_what, given, elapsedMs, state, untilMs) => {
  expect(phaseAt(given, elapsedMs, day)).toEqual({ state, untilMs });
});

test("no action outlasts the output's own limit", () => {
  expect(phaseAt(action({ type: "on" }), 4999, 5000)).toEqual({ state: "on", untilMs: 5000 });
  expect(phaseAt(action({ type: "blink" }), 5000, 5000).state).toBe("rest");
});

test("walking from change to change ends, and every change is one", () => {
  const phase = fc.integer({ min: 100, max: 5000 });
  const anyAction = fc.oneof(
    fc.record({ type: fc.constant("blink" as const), onMs: phase, offMs: phase }),
    fc.record({
      type: fc.constant("beeps" as const),
      count: fc.integer({ min: 1, max: 20 }),
      onMs: phase,
      offMs: phase,
    }),
    fc.record({ type: fc.constant("on" as const), durationMs: phase }),
  );
  const property = fc.property(anyAction, (given) => {
    let atMs = 0;
    let before = "";
    for (let steps = 0; atMs !== never; steps += 1) {
      expect(steps).toBeLessThan(700);
      const { state, untilMs } = phaseAt(given, atMs, 60_000);
      expect(untilMs).toBeGreaterThan(atMs);
      expect(state).not.toBe(before);
      before = state;
      atMs = untilMs;
    }
    expect(before).toBe("rest");
  });
  fc.assert(property);
});
