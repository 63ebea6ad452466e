import { describe, expect, test } from "vitest";
import type { Gtin } from "../../../contract/units.ts";
import { matchWeight, partsOf, residualOf } from "../../../edge/sense/weight-match.ts";

const settings = { sensorSdGrams: 2, toleranceSigmas: 4 };
const coffee = { gtin: "09521321002012" as Gtin, unitWeightGrams: 512, unitWeightSdGrams: 4 };
const pasta = { gtin: "09521321002050" as Gtin, unitWeightGrams: 509, unitWeightSdGrams: 3 };
const tea = { gtin: "09521321002029" as Gtin, unitWeightGrams: 146, unitWeightSdGrams: 1.5 };

describe("one product", () => {
  test.each([
    [512, 1],
    [1020, 2],
    [5125, 10],
    [497, 1],
  ])("%d g are %d", (grams, quantity) => {
    const match = matchWeight(grams, [coffee], settings);
    expect(match).toMatchObject({ kind: "fits", best: { quantity, product: coffee } });
  });

  test.each([256, 480, 780, 40])("%d g fit nothing", (grams) => {
    expect(matchWeight(grams, [coffee], settings).kind).toBe("none");
  });

  test("the worse it fits, the lower the confidence", () => {
    const [good, poor] = [512, 495].map((grams) => matchWeight(grams, [coffee], settings));
    if (good?.kind !== "fits" || poor?.kind !== "fits") throw new Error("both fit");
    expect(good.confidence).toBeGreaterThan(0.99);
    expect(poor.confidence).toBeLessThan(0.9);
  });

  test("so many units that their own spread hides one of them: ambiguous", () => {
    const loose = { ...tea, unitWeightSdGrams: 15 };
    expect(matchWeight(146 * 40 + 73, [loose], settings).kind).toBe("ambiguous");
  });
});

describe("several products", () => {
  test("the one that fits", () => {
    const match = matchWeight(292, [coffee, tea], settings);
    expect(match).toMatchObject({ kind: "fits", best: { product: tea, quantity: 2 } });
  });

  test("two that are as good: ambiguous, the better first", () => {
    const match = matchWeight(510, [coffee, pasta], settings);
    expect(match).toMatchObject({
      kind: "ambiguous",
      candidates: [{ product: pasta }, { product: coffee }],
    });
  });

  test("two coffees rather than seven teas", () => {
    const match = matchWeight(1024, [coffee, tea], settings);
    expect(match).toMatchObject({ kind: "fits", best: { product: coffee, quantity: 2 } });
  });

  test("two at once, where nothing else fits as well", () => {
    const match = matchWeight(512 + 146 + 6.6, [coffee, tea], settings);
    if (match.kind !== "fits") throw new Error(match.kind);
    expect(partsOf(match.best)).toEqual([
      { product: coffee, quantity: 1 },
      { product: tea, quantity: 1 },
    ]);
    const residuals = partsOf(match.best).map((part) => residualOf(match.best, part));
    expect(residuals[0]! + residuals[1]!).toBeCloseTo(6.6, 6);
    expect(residuals[0]! / residuals[1]!).toBeCloseTo(512 / 146, 6);
  });

  test("two at once that could be two others: ambiguous", () => {
    const match = matchWeight(146 + 510.5, [coffee, pasta, tea], settings);
    if (match.kind !== "ambiguous") throw new Error(match.kind);
    expect(match.candidates.slice(0, 2).every(({ also }) => also !== undefined)).toBe(true);
  });

  test("not of what is not expected there, nor more than there is", () => {
    const stranger = { ...tea, prior: 0.3 };
    expect(matchWeight(658, [coffee, stranger], settings).kind).toBe("none");
    const few = { ...tea, quantityMax: 1 };
    expect(matchWeight(512 + 2 * 146, [coffee, few], settings).kind).toBe("none");
  });

  test("no product at all", () => {
    expect(matchWeight(510, [], settings)).toEqual({ kind: "none" });
  });
});
