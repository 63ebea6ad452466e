// Small forms of the score, and what must hold of the portal's machine on any simulated day.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reading } from "../../contract/reading.ts";
import { evenNames, featuresOf, oddNames } from "../../edge/sense/passage-features.ts";
import { PassageWindow, sliceCountMax } from "../../edge/sense/passage-window.ts";
import { Pipeline } from "../../edge/sense/pipeline.ts";
import { Portal } from "../../edge/sense/portal.ts";
import { portalConfigSchema } from "../../edge/sense/portal-config.ts";
import { chancesOf, scoresOf } from "../../edge/sense/portal-model.ts";
import { portalWeights } from "../../edge/sense/portal-weights.ts";
import { portalScenarioSchema } from "../../simulators/rfid-scenario.ts";
import { judgingSeedMin, useOf } from "../../simulators/world/physics.ts";
import { playPortal } from "../../simulators/world/portal-scene.ts";
import { PortalCard } from "./card.ts";
import { portalRules } from "./portal-baselines.ts";
import { runPortal } from "./portal-machine.ts";
import { plotPortal } from "./portal-plot.ts";
import { judgingSeeds, tuningSeeds } from "./seeds.ts";
import { tableOf } from "./table.ts";

const portal = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1, 2] },
  sideB: { location: "s0042/floor", antennas: [3, 4] },
};
const scenario = portalScenarioSchema.parse({
  name: "small",
  climate: "normal",
  durationMs: 200_000,
  portal,
  standingCount: 4,
  traffic: {
    ...{ intervalMs: 6000, tagCountMax: 4, pauseShare: 0.1 },
    ...{ inShare: 0.35, outShare: 0.35, passByShare: 0.15, turnBackShare: 0.15 },
  },
});
const isSideA = (antenna: number) => antenna <= 2;
const days = judgingSeeds(3).map((seed) => playPortal(scenario, seed));

/** Everything a portal concludes, the time running on in steps of `tickMs` between readings. */
function concluded(readings: readonly Reading[], tickMs?: number, settings = {}): unknown[] {
  const config = portalConfigSchema.parse({ ...portal, ...settings });
  const machine = new Portal(config, () => undefined);
  const pipeline = new Pipeline({ machines: [machine], count: () => undefined });
  const conclusions: unknown[] = [];
  let nowMs = readings[0]?.receivedAtMs ?? 0;
  for (const reading of readings) {
    for (; tickMs !== undefined && nowMs < reading.receivedAtMs; nowMs += tickMs) {
      conclusions.push(...pipeline.advance(nowMs).conclusions);
    }
    conclusions.push(...pipeline.push(reading).conclusions);
  }
  conclusions.push(...pipeline.advance(nowMs + 3_600_000).conclusions);
  return conclusions;
}

describe("with light beams", () => {
  const beams = { deviceId: "beams-1", lineA: "outer", lineB: "inner" };
  const beamScenario = { ...scenario, portal: { ...scenario.portal, beams } };
  const beamDays = judgingSeeds(3).map((seed) => playPortal(beamScenario, seed));

  test("the world is the same, with beams; more is decided, and sooner", () => {
    const [card, bare] = [new PortalCard(), new PortalCard()];
    for (const [index, day] of beamDays.entries()) {
      expect(day.readings.filter(({ kind }) => kind !== "input")).toEqual(days[index]!.readings);
      card.add(day.passages, runPortal(beamScenario, day.readings, day.endAtMs));
      bare.add(day.passages, runPortal(scenario, days[index]!.readings, day.endAtMs));
    }
    const [ours, without] = [card.row("small", "ours"), bare.row("small", "ours")];
    expect(ours["precision"]).toBeGreaterThan(0.93);
    expect(ours["recall"]).toBeGreaterThan(Number(without["recall"]));
    expect(ours["latencyMsP50"]).toBeLessThan(Number(without["latencyMsP50"]));
  });

  test("the same is concluded whatever ticks come between; without a word of the beams, as without beams", () => {
    const { readings } = beamDays[0]!;
    const whole = concluded(readings, undefined, { beams });
    expect(concluded(readings, 97, { beams })).toEqual(whole);
    const tagsOnly = readings.filter(({ kind }) => kind === "tag");
    expect(concluded(tagsOnly, undefined, { beams })).toEqual(concluded(tagsOnly));
  });
});

test("seeds for tuning and for judging are apart", () => {
  expect(tuningSeeds(999).every((seed) => useOf(seed) === "tuning")).toBe(true);
  expect(judgingSeeds(999).every((seed) => useOf(seed) === "judging")).toBe(true);
  expect(Math.max(...tuningSeeds(999))).toBeLessThan(judgingSeedMin);
});

describe("a small score", () => {
  const cardOf = (method: string) => {
    const card = new PortalCard();
    for (const { readings, passages, endAtMs } of days) {
      const rule = portalRules[method];
      card.add(passages, rule?.(readings, isSideA) ?? runPortal(scenario, readings, endAtMs));
    }
    return card.row("small", method);
  };

  test("ours is right where it decides, and better than each rule of thumb", () => {
    const ours = cardOf("ours");
    expect(ours["passageCount"]).toBeGreaterThan(50);
    expect(ours["precision"]).toBeGreaterThan(0.93);
    expect(ours["direction"]).toBeGreaterThan(0.98);
    for (const method of Object.keys(portalRules)) {
      expect(ours["precision"]).toBeGreaterThan(Number(cardOf(method)["precision"]));
    }
    expect(tableOf([ours])).toContain("small");
  });

  test("pictures show tags and decisions", () => {
    const [day] = days;
    const decisions = runPortal(scenario, day!.readings, day!.endAtMs);
    const svg = plotPortal(day!, decisions, isSideA);
    expect(svg).toMatch(/^<svg[\s\S]*<circle[\s\S]*door[\s\S]*<\/svg>\n$/);
  });
});

describe("whatever the readings", () => {
  const [day] = days;

  test("the same is concluded whatever ticks come between", () => {
    const whole = concluded(day!.readings);
    expect(whole.length).toBeGreaterThan(10);
    for (const tickMs of [97, 1_500]) expect(concluded(day!.readings, tickMs)).toEqual(whole);
  });

  test("missing, repeated and exchanged readings throw nothing", () => {
    const readings = day!.readings.slice(0, 3_000);
    fc.assert(
      fc.property(fc.array(fc.nat(2_999), { maxLength: 200 }), (places) => {
        const mixed = [...readings];
        for (const place of places) {
          if (place % 3 === 0) mixed.splice(place, 1);
          else mixed.splice(place % mixed.length, 0, mixed[(place * 7) % mixed.length]!);
        }
        concluded(mixed);
      }),
      { numRuns: 10, seed: 1 },
    );
  });
});

describe("the model", () => {
  const windowOf = (sides: "ab" | "ba") => {
    const window = new PassageWindow(1_000_000);
    for (let step = 0; step < 40; step += 1) {
      const isFirst = step < 20;
      const side = isFirst ? sides[0] : sides[1];
      window.add(side as "a" | "b", -60 + (isFirst ? step : 39 - step), 1, 1_000_000 + step * 100);
    }
    return window;
  };

  test("has a weight for every figure", () => {
    const features = featuresOf(windowOf("ab"), true);
    expect(features.odd).toHaveLength(oddNames.length);
    expect(features.even).toHaveLength(evenNames.length);
    expect(portalWeights.movedOdd).toHaveLength(oddNames.length);
    for (const { even } of portalWeights.stayed) expect(even).toHaveLength(evenNames.length);
  });

  test("takes the sides exchanged for the other direction", () => {
    const [there, back] = (["ab", "ba"] as const).map((sides) =>
      chancesOf(scoresOf(featuresOf(windowOf(sides), true))),
    );
    expect(there!.in).toBeGreaterThan(0.9);
    expect(back!.out).toBeCloseTo(there!.in, 10);
  });

  test("a window holds no more than its slices, however long a tag stays", () => {
    const window = new PassageWindow(0);
    for (let atMs = 0; atMs < 600_000; atMs += 40) window.add("a", -60, 1, atMs);
    expect(window.slices.length).toBeLessThanOrEqual(sliceCountMax);
  });
});
