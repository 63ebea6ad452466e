// What is readable as a batch at all.

import { expect, test } from "vitest";
import { batchProblem, itemsOf } from "../../../cloud-bridge/ledger/batch-items.ts";
import { coffee, FakeEdge, moved, place } from "./fake-edge.ts";

const receive = () => moved("receiving", coffee, { to: place("s0042/floor") });
const edge = new FakeEdge().append(receive(), receive(), receive(), receive());

test("items continue the chain; evidence is not part of it", () => {
  const withEvidence = new FakeEdge().append({ ...receive(), evidence: { reads: 3 } }, receive());
  const without = new FakeEdge().append(receive(), receive());
  const items = itemsOf(withEvidence.batch(1).batch);
  expect(items.map(({ digest }) => digest)).toEqual(without.rows.map(({ digest }) => digest));
  expect(items.map(({ evidence }) => evidence)).toEqual(['{"reads":3}', null]);
});

test("a gap stands for what it names, and its digest continues the chain", () => {
  const { batch } = new FakeEdge().append(receive(), receive(), receive()).dropRange(1, 2).batch(1);
  expect(batchProblem(batch)).toBeUndefined();
  expect(
    itemsOf(batch).map(({ firstSequence, lastSequence }) => [firstSequence, lastSequence]),
  ).toEqual([
    [1, 2],
    [3, 3],
  ]);
  expect(itemsOf(batch)[1]?.digest).toBe(edge.digestAt(3));
});

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
const gap = { type: "gap", firstSequence: 2, lastSequence: 2, reason: "overflow" };
const cases: [string, unknown[], RegExp | undefined][] = [
  ["an event that is invalid but says its sequence", [{ sequence: 1, type: "?" }], undefined],
  ["an event without a sequence", [{ type: "moved" }], /events\[0\] has no sequence/],
  ["something that is no object", [{ sequence: 1 }, "event"], /events\[1\] has no sequence/],
  ["a sequence that is a text", [{ sequence: "1" }], /no sequence/],
  ["a hole", [{ sequence: 1 }, { sequence: 3 }], /begins at sequence 3, expected 2/],
  ["a repeat", [{ sequence: 1 }, { sequence: 1 }], /begins at sequence 1, expected 2/],
  ["a gap without its digest", [{ sequence: 1 }, gap], /events\[1\] is a gap that does not fit/],
  ["a gap in disguise", [{ sequence: 1 }, { ...gap, sequence: 2 }], /gap that does not fit/],
  ["deep nesting", [{ sequence: 1, evidence: nested(100) }], /nests deeper than 32/],
  [
    "nesting that would exhaust the stack",
    [{ sequence: 1, a: JSON.parse(`${"[".repeat(1e5)}${"]".repeat(1e5)}`) }],
    /nests deeper/,
  ],
];
for (const [name, events, problem] of cases) {
  test(`${name} ${problem === undefined ? "is" : "is not"} readable`, () => {
    const found = batchProblem(edge.batch(1, 4, { events }).batch);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });
}
