import fc from "fast-check";
import { expect, test } from "vitest";
import { PublishRate } from "../../cloud-bridge/broker-rate.ts";

test("two seconds' worth at once, then one after the other", () => {
  const rate = new PublishRate(10, 0);
  const waits = Array.from({ length: 23 }, () => rate.waitMs(0));
  expect(waits.slice(0, 20).every((wait) => wait === 0)).toBe(true);
  expect(waits.slice(20)).toEqual([100, 200, 300]);
  expect(rate.waitMs(400)).toBe(0);
  expect(rate.waitMs(1e9)).toBe(0);
});

test("over any time no more pass than the rate allows", () => {
  const gaps = fc.array(fc.nat(500), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 50 }), (list, perSecond) => {
      const rate = new PublishRate(perSecond, 0);
      let nowMs = 0;
      let lastMs = 0;
      for (const gapMs of list) {
        nowMs += gapMs;
        lastMs = Math.max(lastMs, nowMs + rate.waitMs(nowMs));
      }
      expect(list.length).toBeLessThanOrEqual(2 * perSecond + (lastMs * perSecond) / 1000 + 1);
    }),
  );
});

test("a clock that goes back lets nobody in", () => {
  const rate = new PublishRate(1, 1_000);
  for (let message = 0; message < 2; message += 1) rate.waitMs(1_000);
  expect(rate.waitMs(0)).toBe(1_000);
});
