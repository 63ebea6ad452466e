import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BeamPair, type Crossing } from "../../../edge/sense/beam-pair.ts";

/** Edges by time: `a+` breaks beam a, `a-` clears it. */
function crossings(edges: Readonly<Record<number, string>>, pair = new BeamPair()): Crossing[] {
  return Object.entries(edges).flatMap(([atMs, edge]) => {
    const side = edge[0] === "a" ? "a" : "b";
    return pair.edge(side, edge[1] === "+", Number(atMs)) ?? [];
  });
}

describe("who goes through", () => {
  test("breaks one beam, both, and clears the other last", () => {
    const edges = { 100: "a+", 300: "b+", 600: "a-", 800: "b-" };
    expect(crossings(edges)).toEqual([{ from: "a", atMs: 450 }]);
    const back = { 100: "b+", 300: "a+", 600: "b-", 800: "a-" };
    expect(crossings(back)).toEqual([{ from: "b", atMs: 450 }]);
  });

  test("is between the beams for a moment, where they are far apart", () => {
    expect(crossings({ 100: "a+", 300: "a-", 900: "b+", 1100: "b-" })).toMatchObject([
      { from: "a" },
    ]);
    expect(crossings({ 100: "a+", 300: "a-", 1400: "b+", 1600: "b-" })).toEqual([]);
  });

  test("is followed by another, who breaks the first beam before the second is clear", () => {
    const edges = {
      ...{ 100: "a+", 300: "b+", 600: "a-", 700: "a+", 800: "b-" },
      ...{ 900: "b+", 1200: "a-", 1400: "b-" },
    };
    expect(crossings(edges)).toEqual([
      { from: "a", atMs: 450 },
      { from: "a", atMs: 1050 },
    ]);
  });
});

describe("no crossing", () => {
  test.each<[string, Record<number, string>]>([
    ["who turns back in the doorway", { 100: "a+", 300: "b+", 600: "b-", 800: "a-" }],
    ["a hand in one beam", { 100: "a+", 300: "a-" }],
    ["a beam that clears without having been broken", { 100: "b-", 200: "a-" }],
    ["a beam that says again what it said", { 100: "a+", 200: "a+", 300: "a-", 400: "a-" }],
  ])("%s", (_, edges) => {
    expect(crossings(edges)).toEqual([]);
  });

  test("what was broken before the device was away", () => {
    const pair = new BeamPair();
    crossings({ 100: "a+", 300: "b+", 600: "a-" }, pair);
    pair.clear();
    expect(crossings({ 800: "b-" }, pair)).toEqual([]);
    expect(pair.brokenSinceMs).toBe(Number.POSITIVE_INFINITY);
  });
});

test("how long a beam is broken; all times move together", () => {
  const pair = new BeamPair();
  pair.edge("b", true, 500);
  pair.edge("a", true, 700);
  expect(pair.brokenSinceMs).toBe(500);
  pair.shiftTime(10_000);
  expect(pair.brokenSinceMs).toBe(10_500);
  expect(crossings({ 10900: "b-", 11000: "a-" }, pair)).toEqual([{ from: "b", atMs: 10_750 }]);
});

test("any edges: a crossing lies between them, and sides exchanged give it the other way", () => {
  const edge = fc.record({
    side: fc.constantFrom("a" as const, "b" as const),
    isBroken: fc.boolean(),
    waitMs: fc.nat(2_000),
  });
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 60 }), (edges) => {
      const [pair, mirrored] = [new BeamPair(), new BeamPair()];
      let atMs = 0;
      for (const { side, isBroken, waitMs } of edges) {
        atMs += waitMs;
        const found = pair.edge(side, isBroken, atMs);
        const other = mirrored.edge(side === "a" ? "b" : "a", isBroken, atMs);
        expect(other?.atMs).toBe(found?.atMs);
        if (found === undefined) continue;
        expect(other?.from).not.toBe(found.from);
        expect(found.from).not.toBe(side);
        expect(found.atMs).toBeLessThanOrEqual(atMs);
      }
    }),
  );
});
