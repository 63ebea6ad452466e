// The short form: an hour of each world with a tuning seed. `tsx test/score/presence.ts` is the long one.

import { expect, test } from "vitest";
import { shelfWorld } from "../edge/sense/presence-world.ts";
import { outageWorld, scorePresence, scoreTimeout, tuningSeed } from "./presence.ts";

test("an hour of shoppers before 200 tags: nobody leaves who was not taken, and all who were do", () => {
  const settings = { ...shelfWorld, seed: tuningSeed, hours: 1 };
  const score = scorePresence(settings);
  expect(score.takenCount).toBeGreaterThan(5);
  expect(score).toMatchObject({ falseCount: 0, missedCount: 0 });
  expect(scoreTimeout(settings, 5_000).falseCount).toBeGreaterThan(100);
});

test("a reader that is silent for 15 min: no departure, then or on return", () => {
  const settings = outageWorld(tuningSeed, 1);
  expect(scorePresence(settings).falseCount).toBe(0);
  expect(scoreTimeout(settings, 600_000).falseCount).toBe(200);
});

test("two zones 3 dB apart: nobody flaps", () => {
  const settings = { ...shelfWorld, seed: tuningSeed, hours: 1, zoneCount: 2, overlapDb: 3 };
  expect(scorePresence({ ...settings, tagsPerZone: 50 }).flapsPerTagHour).toBeLessThan(0.5);
});
