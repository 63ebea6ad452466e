// A short form of the weight shelves' score card: the long one is `npm run score -- --only weight`.

import { expect, test } from "vitest";
import type { WeightReading } from "../../contract/reading.ts";
import { seededRandom } from "../../simulators/random.ts";
import type { ShelfScenario } from "../../simulators/weight-scenario.ts";
import { judgingSeedMin } from "../../simulators/world/physics.ts";
import { playWeight, runShelf, runThreshold, weightScenarios } from "./weight.score.ts";
import { WeightCard } from "./weight-card.ts";

const scenarios = weightScenarios();
const short = (name: string, actionCount = 60): ShelfScenario => {
  const scenario = scenarios.get(name)!;
  return { ...scenario, use: { ...scenario.use, actionCount } };
};
const figures = (card: WeightCard) => card.row("", "") as Record<string, number>;

test("every scenario file is one, and the same seed gives the same day", () => {
  expect(scenarios.size).toBeGreaterThanOrEqual(4);
  const scenario = short("weight-normal", 5);
  const once = () => [...playWeight(scenario, 7).readings];
  expect(once()).toEqual(once());
  expect(playWeight(scenario, 8).day.truth).not.toEqual(playWeight(scenario, 7).day.truth);
});

test("a shelf with a cell for each column tells nearly all of a judging day, a threshold little of it", () => {
  const scenario = short("weight-normal");
  const seed = judgingSeedMin + 1;
  const { day, readings } = playWeight(scenario, seed);
  const [ours, threshold] = [new WeightCard(), new WeightCard()];
  ours.add(day, runShelf(scenario, day, readings), true);
  threshold.add(day, runThreshold(day, playWeight(scenario, seed).readings, true), true);
  expect(figures(ours)["f1Share"]).toBeGreaterThan(0.93);
  expect(figures(ours)["wrongShare"]).toBeLessThan(0.03);
  expect(figures(threshold)["f1Share"]).toBeLessThan(0.6);
});

test("samples that are missing, repeated or swapped invent nothing", () => {
  const scenario = short("weight-easy", 30);
  const { day, readings } = playWeight(scenario, 3);
  const random = seededRandom(1);
  const damaged: WeightReading[] = [];
  for (const reading of readings) {
    if (random() < 0.05) continue;
    damaged.push(reading);
    if (random() < 0.05) damaged.push(reading);
    if (random() < 0.01 && damaged.length > 1) damaged.push(damaged.splice(-2, 1)[0]!);
  }
  const card = new WeightCard();
  card.add(day, runShelf(scenario, day, damaged), true);
  expect(figures(card)["wrongShare"]).toBeLessThan(0.03);
  expect(figures(card)["recall"]).toBeGreaterThan(0.9);
});

test("a shelf where nothing happens says nothing but its first count", () => {
  const scenario = short("weight-hard", 1);
  const quiet = { ...scenario, use: { ...scenario.use, touchShare: 1, putbackShare: 0 } };
  const { day, readings } = playWeight(quiet, judgingSeedMin + 5);
  expect(day.truth).toEqual([]);
  expect(runShelf(quiet, day, readings).decisions).toEqual([]);
});

test("ticks between samples change nothing, and a restart in the middle of a day changes next to nothing", () => {
  const scenario = short("weight-normal", 25);
  const said = (disturb: Parameters<typeof runShelf>[3]) => {
    const { decisions, corrections } = runShelf(scenario, ...played(scenario, 5), disturb);
    // When somebody looked is the tick's matter; what was said is not.
    return { decisions: decisions.map(({ decidedAtMs: _, ...rest }) => rest), corrections };
  };
  expect(said({ tickEveryCount: 17 })).toEqual(said({}));
  const restarted = new WeightCard();
  const [day, readings] = played(scenario, 5);
  restarted.add(day, runShelf(scenario, day, readings, { restartAtCount: 20_000 }), true);
  expect(figures(restarted)["wrongShare"]).toBeLessThan(0.05);
  expect(figures(restarted)["recall"]).toBeGreaterThan(0.9);
});

function played(scenario: ShelfScenario, seed: number) {
  const { day, readings } = playWeight(scenario, seed);
  return [day, readings] as const;
}
