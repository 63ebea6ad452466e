import { expect, test } from "vitest";
import { BoardLineDecoder } from "../../drivers/load-cell-board/line-decoder.ts";
import { LoadCellBoardSimulator } from "../../simulators/load-cell-board.ts";
import { seededRandom } from "../../simulators/random.ts";

/** Weights of cell 1 over a time, one a sample. */
function weigh(board: LoadCellBoardSimulator, fromMs: number, untilMs: number): number[] {
  const decoder = new BoardLineDecoder("required");
  const grams: number[] = [];
  for (let atMs = fromMs; atMs <= untilMs; atMs += 5) {
    for (const item of board.tick(atMs).flatMap((bytes) => decoder.push(bytes))) {
      if (item.kind === "frame" && item.frame.type === "sample") {
        grams.push(item.frame.cells[0]!.weightGrams);
      }
    }
  }
  return grams;
}

const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
const deviation = (values: number[]) =>
  Math.sqrt(mean(values.map((each) => (each - mean(values)) ** 2)));

test("prints at its rate, with noise of the size it is told, that is slow", () => {
  const board = new LoadCellBoardSimulator(seededRandom(4), { cellCount: 1, noiseGrams: 2 });
  const grams = weigh(board, 0, 600_000);
  expect(grams).toHaveLength(6001);
  expect(mean(grams)).toBeCloseTo(0, 0);
  expect(deviation(grams)).toBeGreaterThan(1.7);
  expect(deviation(grams)).toBeLessThan(2.3);
  const steps = grams.slice(1).map((each, index) => each - grams[index]!);
  // Noise without memory would step by sqrt(2) of its own size.
  expect(deviation(steps)).toBeLessThan(0.9 * deviation(grams));
});

test("a weight comes in with a swing and settles; a bump goes as it came", () => {
  const board = new LoadCellBoardSimulator(seededRandom(4), { cellCount: 1, noiseGrams: 0 });
  weigh(board, 0, 1000);
  board.control({ type: "cells", weightGrams: [500] });
  const loading = weigh(board, 1005, 3000);
  expect(Math.abs(loading[0]! - 500)).toBeGreaterThan(50);
  expect(loading.at(-1)).toBe(500);
  board.control({ type: "bump", cell: 1, weightGrams: -300 });
  const bumped = weigh(board, 3005, 6000);
  expect(bumped[0]).toBeLessThan(450);
  expect(bumped.at(-1)).toBe(500);
});

test("statuses, and an identity when asked", () => {
  const board = new LoadCellBoardSimulator(seededRandom(4), { cellCount: 2 });
  const answers = board.receive(Buffer.from("ID?\nID"));
  expect(answers.map((bytes) => Buffer.from(bytes).toString())).toEqual([
    "GONDOLA-LC 1 cells=2 hz=10\n",
  ]);
  expect(board.receive(Buffer.from("?\r\n"))).toHaveLength(1);
  board.control({ type: "cells", weightGrams: [1, 2], statuses: ["overload", "fault"] });
  expect(Buffer.from(board.tick(0)[0]!).toString()).toMatch(/^#0 OVER FAULT\*/);
});

test("a process that slept does not print what it missed", () => {
  const board = new LoadCellBoardSimulator(seededRandom(4));
  board.tick(0);
  expect(board.tick(3_600_000)).toHaveLength(1);
  expect(board.nextTickMs()).toBe(3_600_100);
});
