// A short trading day: `npm run score -- --only day` plays the long ones.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadPortalScenario } from "../../simulators/rfid-scenario.ts";
import { playTradingDay, tillsAlone } from "./trading-day.ts";
import { weightScenarios } from "./weight.score.ts";

test("shelf, portal and till through one ledger: the stock is what is there, which tills alone do not know", async () => {
  const file = new URL("../../config/scenarios/rfid/portal-fitted.yaml", import.meta.url);
  const door = await loadPortalScenario(fileURLToPath(file));
  const portal = { ...door, durationMs: 180_000 };
  const quiet = weightScenarios().get("weight-easy")!;
  const weight = { ...quiet, use: { ...quiet.use, actionCount: 120 } };
  const day = await playTradingDay(weight, portal, 1);
  expect(day.problems).toEqual([]);
  expect(day.shelfLineCount).toBeGreaterThan(8);
  expect(day.tagCount).toBeGreaterThan(10);
  expect(day.saleCount).toBeGreaterThan(40);
  expect(day.shelfExactCount).toBe(day.shelfLineCount);
  expect(day.tagExactCount).toBeGreaterThanOrEqual(day.tagCount - 1);
  const tills = tillsAlone(weight, portal, 1);
  expect(tills.shelfExactCount).toBeLessThan(tills.shelfLineCount);
});
