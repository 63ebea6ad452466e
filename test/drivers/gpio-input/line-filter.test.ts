import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  calmMs,
  LineFilter,
  type LineNews,
  type LineRules,
} from "../../../drivers/gpio-input/line-filter.ts";

const rules: LineRules = { debounceMs: 10, stuckWhen: "any", edgesPerSecondMax: 100 };
const changes = (news: LineNews[]) => news.filter((each) => each.type === "changed");

describe("debounce", () => {
  test("a change counts after the line stood still, with the time of its first edge", () => {
    const line = new LineFilter(rules, false, 0);
    const edges = [100, 101, 103, 104, 107].map((atMs, index) => line.edge(index % 2 === 0, atMs));
    expect(edges.flat()).toEqual([]);
    expect(line.nextDeadlineMs()).toBe(117);
    expect(line.advance(116)).toEqual([]);
    expect(line.advance(117)).toEqual([{ type: "changed", active: true, edgeAtMs: 100 }]);
    expect(line.active).toBe(true);
  });

  test("a spike is none", () => {
    const line = new LineFilter(rules, true, 0);
    line.edge(false, 50);
    expect(line.edge(true, 53)).toEqual([]);
    expect(line.advance(63)).toEqual([{ type: "bounced", edgeCount: 2 }]);
    expect(line.active).toBe(true);
  });

  test("without debounce every edge is a change at once", () => {
    const line = new LineFilter({ ...rules, debounceMs: 0 }, false, 0);
    expect(line.edge(true, 5)).toEqual([{ type: "changed", active: true, edgeAtMs: 5 }]);
    expect(line.edge(false, 6)).toEqual([{ type: "changed", active: false, edgeAtMs: 6 }]);
  });

  test("edges that are told late are decided by their own times", () => {
    const line = new LineFilter(rules, false, 0);
    line.edge(true, 100);
    // Nobody looked in between: the first change stood for 100 ms all the same.
    expect(line.edge(false, 200)).toEqual([{ type: "changed", active: true, edgeAtMs: 100 }]);
    expect(line.advance(500)).toEqual([{ type: "changed", active: false, edgeAtMs: 200 }]);
  });

  test("the same level twice is a pulse too short to be seen, and no change", () => {
    const line = new LineFilter(rules, false, 0);
    line.edge(false, 100);
    expect(line.advance(200)).toEqual([{ type: "bounced", edgeCount: 1 }]);
  });
});

describe("chatter", () => {
  test("too many edges: said once, not believed, and over when the line is calm", () => {
    const line = new LineFilter({ ...rules, debounceMs: 0 }, false, 0);
    const news = Array.from({ length: 500 }, (_, index) =>
      line.edge(index % 2 === 0, index),
    ).flat();
    expect(changes(news)).toHaveLength(100);
    expect(news.filter(({ type }) => type === "chattering")).toHaveLength(1);
    const after = line.advance(499 + calmMs);
    expect(after.map(({ type }) => type)).toEqual(["calm"]);
    expect(line.edge(true, 5000)).toEqual([{ type: "changed", active: true, edgeAtMs: 5000 }]);
  });

  test("a line that never settles chatters too", () => {
    const line = new LineFilter({ ...rules, debounceMs: 50 }, false, 0);
    const news = Array.from({ length: 60 }, (_, index) => line.edge(index % 2 === 0, index * 40));
    expect(news.flat().map(({ type }) => type)).toEqual(["chattering"]);
    expect(line.advance(60 * 40 + calmMs).map(({ type }) => type)).toEqual(["calm"]);
  });

  test("the level it ends at counts, at the time of its last edge", () => {
    const line = new LineFilter({ ...rules, debounceMs: 50 }, false, 0);
    for (let index = 0; index < 61; index += 1) line.edge(index % 2 === 0, index * 40);
    expect(line.advance(10_000)).toEqual([
      { type: "calm", edgeCount: 61 },
      { type: "changed", active: true, edgeAtMs: 2400 },
    ]);
  });
});

describe("stuck", () => {
  const stuck = { ...rules, stuckAfterMs: 60_000 };

  test("a line that does not move is said once, and taken back when it moves", () => {
    const line = new LineFilter(stuck, false, 1000);
    expect(line.advance(61_000)).toEqual([{ type: "stuck", sinceAtMs: 1000 }]);
    expect(line.advance(10_000_000)).toEqual([]);
    line.edge(true, 10_000_000);
    expect(line.advance(10_000_010).map(({ type }) => type)).toEqual(["moving", "changed"]);
    expect(line.advance(10_070_000).map(({ type }) => type)).toEqual(["stuck"]);
  });

  test("a beam may be clear all night, and not blocked", () => {
    const line = new LineFilter({ ...stuck, stuckWhen: "active" }, false, 0);
    expect(line.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    line.edge(true, 100_000);
    expect(line.advance(160_000)).toEqual([
      { type: "changed", active: true, edgeAtMs: 100_000 },
      { type: "stuck", sinceAtMs: 100_000 },
    ]);
  });
});

/** Pauses between edges, most of them shorter than the debounce time. */
const pauses = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 3000 })),
  { maxLength: 60 },
);
const anyRules = fc.record({
  debounceMs: fc.constantFrom(0, 1, 10, 50),
  stuckWhen: fc.constantFrom("active" as const, "any" as const),
  stuckAfterMs: fc.constantFrom(undefined, 1000, 5000),
  edgesPerSecondMax: fc.constantFrom(2, 10, 100),
});

function run(given: LineRules, gapsMs: number[], lookEveryMs: number | undefined): LineNews[] {
  const line = new LineFilter(given, false, 0);
  const news: LineNews[] = [];
  let atMs = 0;
  for (const [index, gapMs] of gapsMs.entries()) {
    const nextMs = atMs + gapMs;
    for (let look = atMs; lookEveryMs !== undefined && look < nextMs; look += lookEveryMs) {
      news.push(...line.advance(look));
    }
    atMs = nextMs;
    news.push(...line.edge(index % 2 === 0, atMs));
  }
  return [...news, ...line.advance(atMs + 10_000)];
}

describe("any edges", () => {
  test("changes alternate, never go back in time, and end at the level of the line", () => {
    const property = fc.property(anyRules, pauses, (given, gapsMs) => {
      const found = changes(run(given, gapsMs, undefined));
      found.forEach((change, index) => {
        expect(change.active).toBe(index % 2 === 0);
        expect(change.edgeAtMs).toBeGreaterThanOrEqual(found[index - 1]?.edgeAtMs ?? 0);
      });
      expect(found.length % 2).toBe(gapsMs.length % 2);
    });
    fc.assert(property);
  });

  test("it makes no difference how often somebody looks", () => {
    const property = fc.property(
      anyRules,
      pauses,
      fc.integer({ min: 1, max: 400 }),
      (given, gaps, every) => {
        expect(run(given, gaps, every)).toEqual(run(given, gaps, undefined));
      },
    );
    fc.assert(property);
  });

  test("every edge is in a change, a bounce or a chatter", () => {
    const property = fc.property(pauses, (gapsMs) => {
      const news = run({ ...rules, debounceMs: 0, edgesPerSecondMax: 1000 }, gapsMs, undefined);
      expect(changes(news)).toHaveLength(gapsMs.length);
    });
    fc.assert(property);
  });
});
