import { describe, expect, test } from "vitest";
import type { InputReading } from "../../../contract/reading.ts";
import { BeamEvidence } from "../../../edge/sense/beam-evidence.ts";
import { emptyOutput } from "../../../edge/sense/machine.ts";

const config = { deviceId: "beams-1", lineA: "outer", lineB: "inner", stuckAfterMs: 60_000 };
const input = (receivedAtMs: number, line: string, active: boolean): InputReading => ({
  ...{ kind: "input", deviceId: "beams-1", line, active, receivedAtMs },
});

function evidence() {
  const output = emptyOutput();
  const beams = new BeamEvidence(config);
  const cross = (atMs: number, [first, second] = ["outer", "inner"]) => {
    beams.take(input(atMs - 300, first!, true), output);
    beams.take(input(atMs - 100, second!, true), output);
    beams.take(input(atMs + 100, first!, false), output);
    beams.take(input(atMs + 300, second!, false), output);
  };
  const codes = () => output.conclusions.map((one) => one.type === "noticed" && one.code);
  return { beams, cross, output, codes };
}

describe("the ratio", () => {
  test("is for who crossed when the tag was nearest, against who did not, and falls with the time between", () => {
    const { beams, cross } = evidence();
    cross(10_000);
    const ratios = [9_400, 8_000, 5_000].map((nearest) => beams.ratio("a", nearest, 11_000));
    expect(ratios[0]).toBeGreaterThan(3);
    expect(ratios.toSorted((one, other) => other - one)).toEqual(ratios);
    expect(beams.ratio("b", 9_400, 11_000)).toBeLessThan(-3);
  });

  test("is worth less where many cross all the time", () => {
    const { beams, cross } = evidence();
    cross(600_000);
    const rare = beams.ratio("a", 599_400, 601_000);
    for (let atMs = 605_000; atMs < 900_000; atMs += 4_000) cross(atMs);
    expect(beams.ratio("a", 599_400, 900_000)).toBeLessThan(rare - 2);
  });

  test("moves with the clock", () => {
    const { beams, cross } = evidence();
    cross(10_000);
    const before = beams.ratio("a", 9_400, 11_000);
    beams.shiftTime(5_000);
    expect(beams.ratio("a", 14_400, 16_000)).toBe(before);
  });
});

test("figures of the sides exchanged: the odd change their sign, the even stay", () => {
  const [there, back] = (
    [
      ["outer", "inner"],
      ["inner", "outer"],
    ] as const
  ).map((lines) => {
    const { beams, cross } = evidence();
    cross(10_000, [...lines]);
    return beams.figures({ nearestAtMs: 9_500, fromAtMs: 5_000, atMs: 11_000 });
  });
  expect(back?.even).toEqual(there?.even);
  expect(back?.odd).toEqual(there?.odd.map((value) => -value));
});

describe("beams that do not work", () => {
  test("say nothing before their first word, nor while their device is away", () => {
    const { beams, cross, output } = evidence();
    expect(beams.isAnswering(0, output)).toBe(false);
    cross(10_000);
    expect(beams.isAnswering(11_000, output)).toBe(true);
    beams.goOffline();
    expect(beams.isAnswering(12_000, output)).toBe(false);
  });

  test("are noticed once when one stays broken, and when they work again", () => {
    const { beams, output, codes } = evidence();
    beams.take(input(1_000, "outer", true), output);
    expect(beams.isAnswering(61_000, output)).toBe(true);
    expect(beams.isAnswering(61_001, output)).toBe(false);
    expect(beams.isAnswering(90_000, output)).toBe(false);
    expect(codes()).toEqual(["beams_stuck"]);
    beams.take(input(95_000, "outer", false), output);
    expect(beams.isAnswering(95_001, output)).toBe(true);
    expect(codes()).toEqual(["beams_stuck", "beams_work"]);
  });

  test("a line that is none of theirs is left out", () => {
    const { beams, output } = evidence();
    beams.take(input(1_000, "door", true), output);
    expect(beams.isAnswering(2_000, output)).toBe(false);
  });
});
